package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/gallra/gallra/retention/ledger"
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

// incomplete ends a verb when a part of it failed and that has been printed.
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

// skipIfLocked lets a run end as done that found another one under way, if the settings say so. A job's platform can let
// two ticks overlap, and takes every exit code but 0 for a failure that it repeats.
func (a *app) skipIfLocked(err error) error {
	var locked *ledger.LockedError
	if !errors.As(err, &locked) || !a.settings.SkipIfLocked {
		return err
	}
	h := locked.Holder
	if h.Run == "" {
		a.log.Warn("skipped: another run is under way; the lock does not say which")
	} else {
		a.log.Warn("skipped: another run is under way", "run", h.Run, "actor", h.Actor, "since", h.Since.UTC().Format(time.RFC3339))
	}
	if a.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "skipped", "reason": "locked", "run": h.Run, "actor": h.Actor, "since": h.Since.UTC().Format(time.RFC3339)})
	}
	return nil
}
