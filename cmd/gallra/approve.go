package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

func newApprove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "approve [PLAN]",
		Short: "Approve a policy, or a plan's persons, as the second pair of eyes: before that nobody is purged",
		Long: `A policy that says approval: four-eyes purges nobody before somebody else than the identity that runs it has approved it,
after every change of it. This shows what a run would do under the policy today, and writes the approval into the ledger
at once: the policy's hash, who approved it and the day. It lapses when no run has used it within 7 days. Dates are
written and people are told all the while; only the purge waits.

Under approval: list a person goes only when named in a plan that somebody else has approved. PLAN is a file that gallra plan
--out wrote; lines may have been taken out. Approved is whoever is due, or will be within 7 days, by the date that the plan says, as
far as that is still true. It approves the policy as well. Whoever is not purged within 7 days, gets another date, or is due under a
changed policy needs a new approval.

A policy that drops the line needs an approval for that too.

EXIT STATUS: 0 approved, 1 failed, 2 wrong usage, settings, policy or plan, or there is nothing to approve, 3 it takes somebody else.`,
		Example: `  gallra approve --policy sales.yaml
  gallra plan --out plan.jsonl && gallra approve plan.jsonl`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.runApprove(cmd.Context(), nil)
			}
			reviewed, err := readPlan("", args[0])
			if err != nil {
				return err
			}
			return a.runApprove(cmd.Context(), reviewed)
		},
	}
}

func (a *app) runApprove(ctx context.Context, reviewed *plan.Reviewed) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	inForce := l.Adopted()
	day := s.today(checked.Policy)
	switch {
	case reviewed != nil && checked.Policy.Approval != policy.ByList:
		return &usageError{"this policy does not ask for an approved list: there is no plan to approve", "approval: " + string(policy.ByList) + " in the policy asks for it"}
	case reviewed != nil:
		if err := reviewed.Fits(checked, day); err != nil {
			return err
		}
	case checked.Policy.Approval == policy.NoApproval && inForce.Asks == policy.NoApproval:
		return &usageError{"this policy does not ask for four eyes, and neither does the one in force: there is nothing to approve",
			"approval: " + string(policy.FourEyes) + " in the policy asks for it"}
	}
	runs := purge.LastRun(l)
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
	planned, err := a.evaluate(ctx, s, checked, day, l, false)
	if err != nil {
		return err
	}
	if _, err := purge.MarkStuck(ctx, s.client, checked, planned, evaluate.Known(l, planned.AsOf)); err != nil {
		return err
	}
	lapses := day.Add(purge.ApprovalLasts)
	list, gone, err := approvedOf(planned, reviewed, lapses)
	if err != nil {
		return err
	}
	if err := purge.Approve(ctx, a.deps("approve", s, checked, l), list...); err != nil {
		return err
	}
	if _, err := a.markUnapproved(ctx, s, checked, planned, l); err != nil {
		return err
	}
	planned = planned.Able()
	if a.json {
		var former any
		if inForce.Policy != "" {
			former = inForce.Policy
		}
		line := map[string]any{"kind": "approval", "policy": checked.Policy.Hash, "approver": s.identity.UserID, "on": day,
			"lapses": lapses, "former": former, "purges": planned.Count(retention.Purge), "schedules": planned.Count(retention.Schedule)}
		if reviewed != nil {
			line["persons"], line["stale"] = len(list), gone
		}
		return json.NewEncoder(a.out).Encode(line)
	}
	w := a.lines()
	w.printf("approved: policy %s, by user %s on %s\n", checked.Policy.Hash, s.identity.UserID, day.Words())
	w.printf("  a run has to use it until %s, and by another identity\n", lapses.Words())
	if inForce.Policy != "" {
		w.printf("  in force until now: %s, since %s\n", inForce.Policy, inForce.On.Words())
	}
	if reviewed != nil {
		w.printf("  the purge of %s is approved, each by the date that the plan says; a new date needs a new approval\n", plural(len(list), "person"))
		if gone > 0 {
			w.printf("  of %s in the plan it is not true any more: they are not approved\n", plural(gone, "person"))
		}
	} else if checked.Policy.Approval == policy.ByList {
		w.printf("  the policy is approved and nobody's purge: gallra plan --out FILE, and gallra approve FILE\n")
	}
	for _, t := range planned.Tables {
		w.printf("  today it would purge %d of %s of %s, and give %d a purge date\n", t.Actions[retention.Purge], plural(t.Persons, "person"), t.Table, t.Actions[retention.Schedule])
	}
	return w.err
}

// approvedOf are the persons of a plan who go by the date that it says, now or before the approval lapses, and how many are named
// of whom that is not true any more.
func approvedOf(planned *plan.Plan, reviewed *plan.Reviewed, lapses retention.Date) (list []purge.Named, gone int, err error) {
	if reviewed == nil {
		return nil, 0, nil
	}
	for i := range planned.Decisions {
		d := &planned.Decisions[i]
		if purge.Approvable(d, lapses) && reviewed.Names(d.Person.Table, d.Person.ID, d.PurgeOn) {
			list = append(list, purge.Named{Table: d.Person.Table, ID: d.Person.ID, PurgeOn: d.PurgeOn})
		}
	}
	if len(list) == 0 {
		return nil, 0, &usageError{fmt.Sprintf("the plan names nobody who is due until %s: there is nothing to approve", lapses.Words()),
			"gallra approve without a plan approves the policy alone"}
	}
	return list, reviewed.Named(lapses) - len(list), nil
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
