package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/doctor"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Find out whether this CRM is ready for a run, with a remedy for each finding",
		Long: `Checks the connection and the sign-in, the kind of environment, the columns, the policy against the living schema, what
a delete would cascade to, the rights, audit and recycle-bin settings, the ledger, and the data itself: how many persons
each ground justifies, and which dates that the rules need are not registered. Nothing is written.

EXIT STATUS: 0 a run could do its work, 1 it could not, 2 wrong usage or settings.`,
		Example: `  gallra doctor
  gallra doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runDoctor(cmd.Context()) },
	}
}

// errNotReady ends an examination that found something that a run would fail on.
var errNotReady = errors.New("a run could not do its work here yet")

func (a *app) runDoctor(ctx context.Context) error {
	result, err := a.examine(ctx, a.tellFinding)
	if err != nil {
		return a.tellProblems(err)
	}
	if a.json {
		err = json.NewEncoder(a.out).Encode(map[string]any{"kind": "totals", "errors": result.Errors, "warnings": result.Warnings, "ready": result.Ready()})
	} else {
		_, err = fmt.Fprintf(a.out, "%d errors, %d warnings\n", result.Errors, result.Warnings)
	}
	if err == nil && !result.Ready() {
		return errNotReady
	}
	return err
}

// examine looks at the environment that the settings name.
func (a *app) examine(ctx context.Context, tell func(doctor.Finding) error) (doctor.Result, error) {
	policy, err := a.loadPolicy()
	if err != nil {
		return doctor.Result{}, err
	}
	s, err := a.connect(ctx)
	if err != nil {
		return doctor.Result{}, err
	}
	kept, err := a.openState(ctx)
	if err != nil {
		return doctor.Result{}, err
	}
	return doctor.Examine(ctx, policy, doctor.Deps{
		Client: s.client, User: s.identity.UserID, Organization: s.org, LedgerAt: a.settings.Ledger, Tell: tell, State: kept.at(), StateAt: a.settings.State,
		Ledger: func(ctx context.Context) (*ledger.Ledger, error) { return a.ledgerOf(ctx, s) },
		Plan: func(ctx context.Context, c *compile.Policy, l *ledger.Ledger) (*plan.Plan, error) {
			return a.evaluate(ctx, s, c, s.today(c.Policy), l, false)
		},
	})
}

func (a *streams) tellFinding(f doctor.Finding) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(struct {
			Kind string `json:"kind"`
			doctor.Finding
		}{"finding", f})
	}
	head := fmt.Sprintf("%-8s %-12s ", f.Level, f.Subject)
	text := head + neutral(f.Sentence.String()) + "\n"
	if !f.Remedy.IsZero() {
		text += strings.Repeat(" ", len(head)) + "remedy: " + neutral(f.Remedy.String()) + "\n"
	}
	_, err := io.WriteString(a.out, folded(text, a.screen().width, len(head)))
	return err
}
