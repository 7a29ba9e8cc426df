package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/cmd/gallra/telemetry"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
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

// reasonsTold is a stop whose guard rails stand, each with what it would take to go on, in what the verb printed: the error
// names them and does not say it all again.
type reasonsTold struct{ *purge.StopError }

func (e *reasonsTold) Error() string {
	var rails []string
	for _, r := range e.Rails {
		if !slices.Contains(rails, string(r.Rail)) {
			rails = append(rails, string(r.Rail))
		}
	}
	return "stopped (" + strings.Join(rails, ", ") + "): the reasons, and what it takes to go on, are printed above"
}

func (e *reasonsTold) Unwrap() error { return e.StopError }
func (e *reasonsTold) ExitCode() int { return exitGuard }

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

// job is a verb that a platform runs by the clock, whose end somebody waits for.
type job struct {
	verb  string
	began time.Time // of the machine's clock: how long it took is told, not when it was
	// summary is what a run did, nil before it is known; outcome says how it ended where its exit code says too little.
	summary *purge.Summary
	outcome string
}

func (a *app) began(verb string) { a.job = &job{verb: verb, began: time.Now()} }

// ended writes the one line by which alerts tell a job that ended well from one that did not, or that was never heard of.
// deploy/azure/main.bicep asks for its message and its exit code.
func (a *app) ended(code int) {
	if a.finished != nil {
		a.finished(code)
		a.told.Close()
	}
	if a.job == nil || a.log == nil {
		return
	}
	level := slog.LevelInfo
	if code != exitDone {
		level = slog.LevelError
	}
	a.log.Log(context.Background(), level, "job ended", "verb", a.job.verb, "exit", code, "outcome", cmp.Or(a.job.outcome, outcomes[code]), "seconds", int(time.Since(a.job.began).Seconds()))
}

// outcomes are the exit codes in words.
var outcomes = map[int]string{
	exitDone:             "done",
	exitFailed:           "failed",
	exitUsage:            "wrong usage, settings or policy: nothing was touched",
	exitGuard:            "stopped by a guard rail: nobody was purged beyond the canary",
	exitIncomplete:       "done, but some persons failed and stay scheduled",
	exitInterrupted + 2:  "interrupted, consistent",
	exitInterrupted + 15: "interrupted, consistent",
}

// observe lets a collector hear of the verb, if one is configured. A configuration that is wrong is a wrong setting.
func (a *app) observe(cmd *cobra.Command) error {
	t, err := telemetry.Start(cmd.Context(), version, a.env, a.log)
	if err != nil {
		return &config.Error{Message: "telemetry: " + err.Error(), Remedy: "OTEL_SDK_DISABLED=true does without it"}
	}
	if t == nil {
		return nil
	}
	ctx, end := t.Job(cmd.Context(), strings.TrimPrefix(cmd.CommandPath(), "gallra "))
	cmd.SetContext(ctx)
	a.told, a.finished = t, end
	return nil
}
