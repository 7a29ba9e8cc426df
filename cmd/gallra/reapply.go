package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/cmd/gallra/verb"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/purge"
)

func newReapply(a *app) *cobra.Command {
	var apply bool
	var bypass []string
	c := &cobra.Command{
		Use:   "reapply",
		Short: "After a restore: purge again whoever the ledger says was purged and who is back",
		Long: `Looks up everybody whom the ledger says was purged in this organisation. Whoever is there again, because the environment was
restored from a backup, is purged again, now and with the same care as in a run. A legal hold is respected, and so is a
ground that did not stand in the way before: both are told, and so is a row that stayed, anonymous, and that somebody has
written to since. Run it before administration mode is lifted.

--bypass passes over a guard rail once: too-many, when more are back than limits.purges, or drift. The policy has to allow it as
well, by limits.bypass, and it stands in the ledger. limits.share does not apply: whoever is back was purged before.

EXIT STATUS: 0 nobody is back any more, 1 failed, 2 wrong usage, settings or policy or no ledger (nothing was touched), 3 a
guard rail stopped it (nobody was purged beyond the canary), 4 done, but some are still back and are told.`,
		Example: `  gallra reapply             # shows who is back
  gallra reapply --apply`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runReapply(cmd.Context(), apply, bypass) },
	}
	c.Flags().BoolVar(&apply, "apply", false, "write: without it is only shown who is back")
	c.Flags().StringArrayVar(&bypass, "bypass", nil, "pass over this guard rail ("+joined(purge.ReapplyBypass)+"), which the policy has to allow as well; repeatable")
	return c
}

func (a *app) runReapply(ctx context.Context, apply bool, bypass []string) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	rails, err := bypassed(bypass, purge.ReapplyBypass, checked.Policy)
	if err != nil {
		return err
	}
	if apply {
		if err := provisioned(checked); err != nil {
			return err
		}
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	if !l.Existed() {
		return &usageError{"there is no ledger in " + a.settings.Ledger + ": nothing tells who was purged", "set GALLRA_LEDGER or --ledger to the ledger's folder"}
	}
	if err := a.sighted(ctx, s, checked, apply); err != nil {
		return err
	}
	deps := a.deps("reapply", s, checked, l)
	deps.Bypass = rails
	back, unnamed, err := purge.Back(ctx, deps)
	if err != nil {
		return err
	}
	if err := a.reapplyShown(checked, deps.Today, back, unnamed, apply); err != nil {
		return err
	}
	if !apply || len(back) == 0 {
		return nil
	}
	bar := a.progress("starting")
	deps.Progress = bar.follow
	out := newOutcomeWriter(a.out)
	if a.json {
		deps.Outcome = out.outcome
	}
	done, err := verb.Reapply(ctx, deps)
	bar.done()
	if err == nil {
		err = out.err
	}
	if err = a.tellRun(done.Summary, err); err != nil {
		return err
	}
	if !done.Whole() {
		return &incomplete{fmt.Sprintf("%d of %s who were back were purged again", done.Purged, plural(len(back), "person"))}
	}
	return nil
}

// reapplyShown prints the purged persons who are back.
func (a *streams) reapplyShown(c *compile.Policy, today retention.Date, back []purge.Returned, unnamed []string, apply bool) error {
	if a.json {
		out := newOutcomeWriter(a.out)
		if err := out.head("reapply", c, today); err != nil {
			return err
		}
		e := json.NewEncoder(a.out)
		for i := range back {
			p := &back[i]
			reason, ok := p.Again()
			err := e.Encode(map[string]any{"kind": "back", "table": p.Purged.Table, "id": p.Purged.ID, "purged": p.At, "run": p.Purged.Run, "again": ok, "code": reason})
			if err != nil {
				return err
			}
		}
		return nil
	}
	w := a.lines()
	w.printf("back after their purge: %s\n", plural(len(back), "person"))
	for i := range back {
		p := &back[i]
		fate := "is purged again"
		if reason, ok := p.Again(); !ok {
			fate = "stays: " + reason
			if p.Written && !p.Held {
				fate = "stays: somebody has written to the row since, so that it is judged like everybody; if it is the same person, gallra erase"
			}
			var grounds []string
			for _, h := range p.Forbids(p.Despite) {
				grounds = append(grounds, h.Ground)
			}
			if len(grounds) > 0 {
				fate += " (" + strings.Join(grounds, ", ") + "); gallra erase weighs them"
			}
		}
		w.printf("  %s %s, purged on %s: %s\n", p.Purged.Table, p.Purged.ID, retention.DateOf(p.At, c.Policy.TimeZone).Words(), fate)
	}
	for _, t := range unnamed {
		w.printf("the ledger names persons of %s, which the policy does not judge: they were not looked for\n", t)
	}
	if !apply && len(back) > 0 {
		w.printf("\nnothing was written: add --apply to purge them again\n")
	}
	if apply && len(back) > 0 {
		w.printf("\n")
	}
	return w.err
}
