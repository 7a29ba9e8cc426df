package main

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// The exit codes, as --help and docs tell them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // wrong usage, settings or policy: nothing was touched
	exitGuard       = 3 // a guard rail stopped the run: nobody was purged beyond the canary
	exitIncomplete  = 4 // done, but some persons failed and stay scheduled
	exitInterrupted = 128
)

// usageError is a mistake in how the command was called.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }
func (e *usageError) Hint() string  { return e.hint }
func (e *usageError) ExitCode() int { return exitUsage }

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return "stopped by " + i.signal.String() }

func (i interrupted) ExitCode() int {
	if i.signal == syscall.SIGTERM {
		return exitInterrupted + int(syscall.SIGTERM)
	}
	return exitInterrupted + int(syscall.SIGINT)
}

// guardStop is a guard rail of a verb itself. Those of a run are a *purge.StopError.
type guardStop struct{ message string }

func (g *guardStop) Error() string { return g.message }
func (g *guardStop) ExitCode() int { return exitGuard }

// incomplete ends a verb of which a part failed. What failed has been told by then.
type incomplete struct{ message string }

func (e *incomplete) Error() string { return e.message }
func (e *incomplete) ExitCode() int { return exitIncomplete }

// exitCode is the code that an error gives itself, by a method ExitCode, and that of a failure for one without. Being
// interrupted wins over what else was in the way.
func exitCode(err error) int {
	var stopped interrupted
	var told interface{ ExitCode() int }
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &stopped):
		return stopped.ExitCode()
	case errors.Is(err, context.Canceled):
		return exitInterrupted + int(syscall.SIGINT)
	case errors.As(err, &told):
		return told.ExitCode()
	}
	return exitFailed
}
