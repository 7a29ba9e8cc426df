//go:build unix

package main

import (
	"errors"
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

// surviveCutPipe lets a write to a pipe whose reader has left fail, instead of ending the process in the middle of a purge.
// The signal is taken and not ignored, so that programs that are started (az) have it as usual.
func surviveCutPipe() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// cutPipe tells whether a write failed because the reader of a pipe has left.
func cutPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
