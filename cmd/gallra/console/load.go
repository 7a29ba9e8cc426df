package console

import (
	"context"

	"github.com/gallra/gallra/cmd/gallra/verb"
	"github.com/gallra/gallra/retention"
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
	look := verb.Look{Client: c.o.Client, Checked: checked, Ledger: l, Today: today}
	runs := c.o.Deps("run", checked, l).Run.Actor // whoever is signed in would run it from here
	planned, err := verb.Plan(ctx, look, verb.PlanOptions{Runs: runs, AllOf: listedKept, Progress: j.rows})
	if err != nil {
		return err
	}
	b := newReading(look, planned)
	b.read, b.evidence, b.kept = c.o.Client.Now(), found, b.Everybody() <= listedKept
	if b.waiting, err = c.awaits(ctx, checked, l, planned.Plan, today); err != nil {
		return err
	}
	rail, err := purge.Unapproved(ctx, c.o.Client, l, checked.Policy, runs, today)
	if err != nil {
		return err
	}
	if rail != nil {
		b.rails = append(b.rails, *rail)
	}
	j.phase("names", len(b.Persons))
	if err := b.ReadNames(ctx, c.o.Client, checked, report.NamesOptions{Companies: true, Progress: j.rows}); err != nil {
		return err
	}
	j.phase("sort", 0)
	b.sort()
	c.keep(b)
	return nil
}

// listedKept is up to how many persons the lists hold those who are kept as well. Of more, those are looked for in the CRM.
const listedKept = 100_000

// newReading is a reading of a plan, without names.
func newReading(look verb.Look, p *verb.Planned) *reading {
	l := look.Ledger
	b := &reading{
		Coming: report.NewAll(p.Plan), checked: look.Checked, evaluation: p.Evaluation, traces: l.Trace, held: l.Held, histories: l.Changes, stages: l.Stage, asked: l.Asked, id: secret()[:16],
		totals: p.Grounds, rails: p.Rails, changes: p.SinceLastRun(purge.Matched(l, look.Checked)), ended: p.Rows, unapproved: p.Unapproved,
	}
	for i := range p.Decisions {
		if d := &p.Decisions[i]; d.Unasked && !d.Unapproved {
			b.unasked++
		}
	}
	return b
}
