package main

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// foreground tells whether the process may read the terminal.
func foreground(*os.File) bool { return true }

// ignoreFileSizeLimit has nothing to do: there are no such limits.
func ignoreFileSizeLimit() {}

// surviveCutPipe has nothing to do: a write to a pipe whose reader has left fails.
func surviveCutPipe() {}

// cutPipe tells whether a write failed because the reader of a pipe has left.
func cutPipe(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}
