//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// foreground tells whether the process may read the terminal: one in the background that tries is stopped by its shell.
func foreground(tty *os.File) bool {
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// ignoreFileSizeLimit lets a write beyond a limit on file sizes (ulimit -f) fail as one on a full disk does, instead of
// ending the process.
func ignoreFileSizeLimit() { signal.Ignore(syscall.SIGXFSZ) }
