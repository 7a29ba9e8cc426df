package rehearse

import (
	"context"
	"regexp"
	"slices"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// In a rehearsal nothing changes but by the runs, and by time. After a run that found nothing to do the next one finds something
// only on a day on which something falls due about a person or a row; the nights before it are those of the quiet one again.

// quiet is a night that found nothing to do.
type quiet struct {
	summary  *purge.Summary
	requests int
	checked  *compile.Policy
}

// lived runs a night, and finds out until when nothing falls due if it was quiet.
func (l *life) lived(ctx context.Context, on, last retention.Date) error {
	l.quiet, l.until = nil, 0
	if err := l.night(ctx, on); err != nil || l.quiet == nil {
		return err
	}
	if l.Lived || !timeless(l.quiet.checked) {
		l.quiet = nil
		return nil
	}
	var err error
	l.until, err = l.due(ctx, on, last)
	return err
}

// nothing tells whether a run has done nothing and left nothing for the next one.
func nothing(s *purge.Summary) bool {
	for i := range s.Subjects {
		t := &s.Subjects[i]
		if t.Written+t.Past+t.Deleted+t.Anonymized+t.Bound+t.Skipped+t.Unapproved+t.Unasked+t.Failed > 0 {
			return false
		}
	}
	for i := range s.Rows {
		if s.Rows[i].Ended > 0 || s.Rows[i].Failures() > 0 {
			return false
		}
	}
	return s.Status == ledger.Done && s.Stop == nil && len(s.Failures)+len(s.Residue)+len(s.Mentions)+len(s.Stages)+s.Swept+s.Unswept+s.Asked+s.TakenBack+s.Unmarked+s.Due+s.Finished+s.ScheduleLeft == 0 &&
		s.Resumed == purge.Resumed{}
}

// moving finds what a filter asks by today, or by who asks.
var moving = regexp.MustCompile(`Microsoft\.Dynamics\.CRM\.`)

// timeless tells whether it is only by the dates of persons and rows that a night differs from the one before. Filters that ask by
// today, queries and views, grounds that count from when runs saw a change, words to persons and nights that do only a part of their
// work depend on each night; such a policy is lived night by night.
func timeless(c *compile.Policy) bool {
	if c.Policy.Asks() || c.Policy.Limits.Operations > 0 {
		return false
	}
	for i := range c.Policy.Subjects {
		s := &c.Policy.Subjects[i]
		for j, rules := range s.Judged() {
			if len(s.Classes) > 0 && moving.MatchString(s.Classes[j].For) {
				return false
			}
			if slices.ContainsFunc(rules.Grounds, func(g policy.Ground) bool {
				return g.View != "" || g.FetchXML != "" || g.WhenLost() || g.Changed() != "" || moving.MatchString(g.Where)
			}) {
				return false
			}
			if slices.ContainsFunc(rules.Related, func(r policy.RelatedRule) bool { return r.End != nil && moving.MatchString(r.Where) }) {
				return false
			}
		}
	}
	return !slices.ContainsFunc(c.Policy.Rows, func(r policy.RowRule) bool { return moving.MatchString(r.Where) })
}

// due is the first day after one on which something falls due about a person or a row, and none later than the day after the last.
func (l *life) due(ctx context.Context, day, last retention.Date) (retention.Date, error) {
	next := last + 1
	earlier := func(on retention.Date) {
		if on > day {
			next = min(next, on)
		}
	}
	book, err := l.opened(ctx)
	if err != nil {
		return 0, err
	}
	c := l.quiet.checked
	e, err := evaluate.Evaluate(ctx, l.client, c, evaluate.EvaluateOptions{Today: day, Traces: book.Trace, Held: book.Held, Stages: book.Stage})
	if err != nil {
		return 0, err
	}
	p := plan.NewPlan(c, e, plan.PlanOptions{Traces: book.Trace, Stages: book.Stage, All: true})
	for i := range p.Decisions {
		d := &p.Decisions[i]
		rules := c.RulesFor(d.Person.Table, d.Person.Class)
		earlier(d.PurgeOn)
		earlier(reaching(d.Person.ExtendedUntil, rules.ManualExtension)) // from then on it counts
		for _, until := range []retention.Date{d.Until, d.Person.Until, d.Person.Ended, d.Person.ExtendedUntil} {
			earlier(until)
			earlier(reaching(until, rules.Notice))
			earlier(reaching(until, rules.Ahead))
		}
	}
	for i := range c.Rows {
		on, err := l.rowsDue(ctx, &c.Rows[i], day)
		if err != nil {
			return 0, err
		}
		earlier(on)
	}
	return next, nil
}

// reaching is the first day from which the period reaches that date; zero where the date is open.
func reaching(until retention.Date, period retention.Period) retention.Date {
	if until == retention.Open || until.IsZero() {
		return 0
	}
	day := until.Sub(period) - 10 // months of unequal length
	for day.Add(period) < until {
		day++
	}
	return day
}

// rowsDue is the first day after one on which the period of a row is over.
func (l *life) rowsDue(ctx context.Context, rule *compile.RowRule, day retention.Date) (retention.Date, error) {
	q, sorted := rule.Later(day)
	if !sorted {
		return day + 1, nil
	}
	for row, err := range l.client.Rows(ctx, q) {
		if err != nil {
			return 0, err
		}
		if on, ends := rule.EndsOn(row.Text(string(rule.Date.Field)), l.zone); ends && on > day {
			return on, nil
		}
	}
	return 0, nil
}
