package main

import "os"

// foreground tells whether the process may read the terminal.
func foreground(*os.File) bool { return true }
