package console

import (
	"context"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/report"
)

// load reads the policy, the ledger and everybody, and makes a reading of it.
func (c *Console) load(ctx context.Context, j *job) error {
	j.phase("check", 0)
	if _, err := c.o.Client.WhoAmI(ctx); err != nil { // tells the service's day as well, which moves on while the console stands open
		return err
	}
	checked, err := c.o.Policy(ctx)
	if err != nil {
		return err
	}
	j.phase("ledger", 0)
	l, err := c.o.Ledger()
	if err != nil {
		return err
	}
	var before *evidence
	if b := c.reading(); b != nil {
		before = b.evidence
	}
	found, err := readEvidence(ctx, l, before)
	if err != nil {
		return err
	}
	j.phase("evaluate", 0)
	today := retention.DateOf(c.o.Client.Now(), checked.Policy.TimeZone)
	e, err := evaluate.Evaluate(ctx, c.o.Client, checked, evaluate.EvaluateOptions{Today: today, Traces: l.Trace, Held: l.Held, Stages: l.Stage, Progress: j.rows})
	if err != nil {
		return err
	}
	plan := plan.NewPlan(checked, e, plan.PlanOptions{Traces: l.Trace, Stages: l.Stage})
	if _, _, err := purge.MarkStuck(ctx, c.o.Client, checked, plan); err != nil {
		return err
	}
	runs := c.o.Deps("run", checked, l).Run.Actor
	list, err := purge.ReadListed(ctx, c.o.Client, l, checked.Policy, runs, today)
	if err != nil {
		return err
	}
	waiting := plan.MarkUnapproved(list.Has)
	matched := purge.Matched(l, checked)
	b := &reading{
		Coming: report.New(plan), checked: checked, evaluation: e, traces: l.Trace, held: l.Held, stages: l.Stage, read: c.o.Client.Now(), id: secret()[:16], totals: plan.Grounds,
		rails: append(plan.Able().GuardRails(checked.Policy.Limits, matched), purge.Undecided(checked)...), changes: plan.SinceLastRun(matched), evidence: found, unapproved: waiting,
	}
	rail, err := purge.Unapproved(ctx, c.o.Client, l, checked.Policy, runs, today)
	if err != nil {
		return err
	}
	if rail != nil {
		b.rails = append(b.rails, *rail)
	}
	foreign, err := purge.ForeignColumns(ctx, c.o.Client, checked, l)
	if err != nil {
		return err
	}
	b.rails = append(b.rails, foreign...)
	j.phase("names", len(b.Persons))
	if err := b.ReadNames(ctx, c.o.Client, checked, report.NamesOptions{Progress: j.rows}); err != nil {
		return err
	}
	j.phase("sort", 0)
	b.sort()
	c.keep(b)
	return nil
}
