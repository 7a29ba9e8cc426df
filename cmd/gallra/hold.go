package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// maxHoldReason leaves room on the row for what gallra says itself.
const maxHoldReason = 300

func newHold(a *app) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "hold TABLE ID --reason TEXT",
		Short: "Set a legal hold: the person is not purged while it stands",
		Long: `Sets the legal hold of one person, at once and also while a run is under way. The reason stands on the row, where the sales
staff see it, and never in the ledger. A hold on one row of a human being holds all of their rows.

EXIT STATUS: 0 done, 1 failed or nobody found, 2 wrong usage, settings or policy (nothing was touched), 3 refused: the day or
the ledger cannot be relied on, or the row holds what is not gallra's.`,
		Example: `  gallra hold contact 465b158c-541c-e511-80d3-3863bb347ba8 --reason "Claim 2026-114"`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runHold(cmd.Context(), "hold", args, reason, purge.Hold)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the sales staff; it stands on the row")
	return c
}

func newRelease(a *app) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "release TABLE ID --reason TEXT",
		Short: "Release a legal hold: the person gets the whole notice again",
		Long: `Takes the legal hold off one person, at once. If nothing justifies them, their purge date is set so that the whole notice
passes from today. The reason stands on the row and never in the ledger.

EXIT STATUS: 0 done, 1 failed or nobody found, 2 wrong usage, settings or policy (nothing was touched), 3 refused: the day or
the ledger cannot be relied on, or the row holds what is not gallra's.`,
		Example: `  gallra release contact 465b158c-541c-e511-80d3-3863bb347ba8 --reason "Claim 2026-114 settled"`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runHold(cmd.Context(), "release", args, reason, purge.Release)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the sales staff; it stands on the row")
	return c
}

type holdFunc func(context.Context, purge.Deps, evaluate.PersonRef, string) (*purge.HoldResult, error)

func (a *app) runHold(ctx context.Context, verb string, args []string, reason string, do holdFunc) error {
	w, err := parseWho(args)
	if err != nil {
		return err
	}
	switch reason = strings.Join(strings.Fields(reason), " "); {
	case reason == "":
		return &usageError{"--reason is missing", "say why in a few words: the sales staff see it on the row"}
	case len([]rune(reason)) > maxHoldReason:
		return &usageError{fmt.Sprintf("--reason is longer than %d letters", maxHoldReason), ""}
	}
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	if _, err := w.find(ctx, s, checked); err != nil {
		return err
	}
	if err := provisioned(checked, w.row.Table); err != nil {
		return err
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	res, err := do(ctx, a.deps(verb, s, checked, l), w.row, reason)
	switch {
	case errors.Is(err, dataverse.ErrNotFound):
		return fmt.Errorf("%s %s: %w", w.row.Table, w.row.ID, err)
	case errors.Is(err, purge.ErrNotHeld), errors.Is(err, purge.ErrAnonymized):
		return fmt.Errorf("%s %s: %w", w.row.Table, w.row.ID, err)
	case err != nil:
		return err
	}
	if a.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": verb, "table": w.row.Table, "id": w.row.ID, "before": res.Before,
			"ledger": res.Ledgered, "purgeOn": dateOrNull(res.PurgeOn)})
	}
	out := a.lines()
	switch {
	case verb == "release" && res.PurgeOn.IsZero():
		out.printf("released: %s %s; a ground justifies them, so no purge date is set\n", w.row.Table, w.row.ID)
	case verb == "release":
		out.printf("released: %s %s; the whole notice begins today, purge scheduled on %s\n", w.row.Table, w.row.ID, res.PurgeOn.Words())
	case res.Before:
		out.printf("held already: %s %s; the reason on the row is the new one\n", w.row.Table, w.row.ID)
	default:
		out.printf("held: %s %s is not purged while the hold stands\n", w.row.Table, w.row.ID)
	}
	if !res.Ledgered {
		fmt.Fprintf(a.errs, "gallra: run %s has been writing to the ledger since %s: the next run writes the hold down\n", res.Holder.Run, res.Holder.Since.Format(time.RFC3339))
	}
	return out.err
}

// provisioned refuses subject tables without the columns that a verb writes; no table means all of them.
func provisioned(c *compile.Policy, tables ...string) error {
	for _, s := range c.Subjects {
		asked := len(tables) == 0
		for _, t := range tables {
			asked = asked || t == s.Table
		}
		if asked && len(s.Unprovisioned) > 0 {
			return &usageError{
				fmt.Sprintf("%s lacks the columns that a run writes: %s", s.Table, strings.Join(s.Unprovisioned, ", ")),
				"gallra provision creates them",
			}
		}
	}
	return nil
}

// deps are what a verb that writes works with.
func (a *app) deps(verb string, s *session, c *compile.Policy, l *ledger.Ledger) purge.Deps {
	return purge.Deps{
		Client: s.client, Ledger: l, Policy: c, Today: s.today(c.Policy), Log: a.log,
		Run: ledger.Run{
			ID: a.runID(), Verb: verb, Organization: s.org.ID, Actor: s.identity.UserID, Version: version, Now: s.client.Now,
		},
	}
}
