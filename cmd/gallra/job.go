package main

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/cmd/gallra/telemetry"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/retention/purge"
)

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
