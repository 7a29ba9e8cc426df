package main

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
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

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return "stopped by " + i.signal.String() }

// guardStop is a guard rail that stopped a run.
type guardStop struct{ err error }

func (g *guardStop) Error() string { return g.err.Error() }
func (g *guardStop) Unwrap() error { return g.err }

// errIncomplete ends a run in which some persons failed. What failed has been told by then.
var errIncomplete = errors.New("some persons failed and stay scheduled")

// incomplete is errIncomplete with its own sentence.
type incomplete struct{ message string }

func (e *incomplete) Error() string        { return e.message }
func (e *incomplete) Is(target error) bool { return target == errIncomplete }

// exitCode is the only place that turns an error into a code.
func exitCode(err error) int {
	var (
		usage    *usageError
		settings *config.Error
		policy   policy.Problems
		guard    *guardStop
		stopped  interrupted
		file     *plan.PlanFileError
		stale    *plan.StalePlanError
		foreign  *ledger.ForeignError
		blind    *compile.BlindError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &stopped):
		if stopped.signal == syscall.SIGTERM {
			return exitInterrupted + int(syscall.SIGTERM)
		}
		return exitInterrupted + int(syscall.SIGINT)
	case errors.Is(err, context.Canceled):
		return exitInterrupted + int(syscall.SIGINT)
	case errors.As(err, &usage), errors.As(err, &settings), errors.As(err, &policy),
		errors.As(err, &file), errors.As(err, &stale), errors.As(err, &foreign), errors.As(err, &blind):
		return exitUsage
	case errors.As(err, &guard):
		return exitGuard
	case errors.Is(err, errIncomplete):
		return exitIncomplete
	}
	return exitFailed
}
