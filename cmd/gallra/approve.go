package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

func newApprove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "approve",
		Short: "Approve a policy as the second pair of eyes: before that it purges nobody",
		Long: `A policy that says approval: four-eyes purges nobody before somebody else than the identity that runs it has approved it,
after every change of it. This shows what a run would do under the policy today, and writes the approval into the ledger
at once: the policy's hash, who approved it and the day. It lapses when no run has used it within 7 days. Dates are
written and people are told all the while; only the purge waits.

A policy that drops the line needs an approval for that too.

EXIT STATUS: 0 approved, 1 failed, 2 wrong usage, settings or policy, or there is nothing to approve, 3 it takes somebody else.`,
		Example: `  gallra approve --policy sales.yaml`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runApprove(cmd.Context()) },
	}
}

func (a *app) runApprove(ctx context.Context) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	inForce := l.Adopted()
	if !checked.Policy.FourEyes && !inForce.FourEyes {
		return &usageError{"this policy does not ask for four eyes, and neither does the one in force: there is nothing to approve",
			"approval: " + policy.FourEyes + " in the policy asks for it"}
	}
	runs := lastRun(l)
	if runs != nil {
		same, err := purge.SameIdentity(ctx, s.client, s.identity.UserID, runs.Actor)
		switch {
		case err != nil:
			return fmt.Errorf("see who runs the policy: %w", err)
		case runs.Actor == s.identity.UserID:
			return &guardStop{fmt.Sprintf("user %s is the one that runs the policy: it takes somebody else to approve it", s.identity.UserID)}
		case same:
			return &guardStop{fmt.Sprintf("user %s is the same identity in the directory as user %s, which runs the policy: it takes somebody else to approve it", s.identity.UserID, runs.Actor)}
		}
	}
	day := s.today(checked.Policy)
	plan, err := a.evaluate(ctx, s, checked, day, l, false)
	if err != nil {
		return err
	}
	if _, _, err := purge.MarkStuck(ctx, s.client, checked, plan); err != nil {
		return err
	}
	plan = plan.Able()
	if err := purge.Approve(ctx, a.deps("approve", s, checked, l)); err != nil {
		return err
	}
	lapses := day.Add(purge.ApprovalLasts)
	if a.json {
		var former any
		if inForce.Policy != "" {
			former = inForce.Policy
		}
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "approval", "policy": checked.Policy.Hash, "approver": s.identity.UserID, "on": day,
			"lapses": lapses, "former": former, "purges": plan.Count(retention.Purge), "schedules": plan.Count(retention.Schedule)})
	}
	w := &lines{w: a.out}
	w.printf("approved: policy %s, by user %s on %s\n", checked.Policy.Hash, s.identity.UserID, day.Words())
	w.printf("  a run has to use it until %s, and by another identity\n", lapses.Words())
	if inForce.Policy != "" {
		w.printf("  in force until now: %s, since %s\n", inForce.Policy, inForce.On.Words())
	}
	for _, t := range plan.Tables {
		w.printf("  today it would purge %d of %s of %s, and give %d a purge date\n", t.Actions[retention.Purge], plural(t.Persons, "person"), t.Table, t.Actions[retention.Schedule])
	}
	return w.err
}

// lastRun is the last night's run that the ledger tells of, nil if there is none.
func lastRun(l *ledger.Ledger) *ledger.RunInfo {
	runs := l.Runs()
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].Verb == "run" {
			return &runs[i]
		}
	}
	return nil
}

// formerPolicy reads the policy that was approved last. One that is not it, or that does not fit the environment any more,
// proves nothing: then the changed policy needs an approval, and the log says why.
func (a *app) formerPolicy(ctx context.Context, s *session, l *ledger.Ledger, path string) (*compile.Policy, error) {
	if path == "" {
		return nil, nil
	}
	policy, err := readPolicy(path)
	if err != nil {
		return nil, &usageError{"--approved-policy: " + err.Error(), ""}
	}
	if policy.Hash != l.Adopted().Policy {
		a.log.Warn("the file of --approved-policy is not the policy that was approved last", "file", policy.Hash, "approved", l.Adopted().Policy)
		return nil, nil
	}
	former, err := compile.Check(ctx, policy, s.client)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		a.log.Warn("the policy that was approved last does not fit this environment any more", "policy", policy.Hash)
		return nil, nil
	}
	return former, nil
}
