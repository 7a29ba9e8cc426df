//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignoreFileSizeLimit lets a write beyond a limit on file sizes (ulimit -f) fail as one on a full disk does, instead of
// ending the process.
func ignoreFileSizeLimit() { signal.Ignore(syscall.SIGXFSZ) }
