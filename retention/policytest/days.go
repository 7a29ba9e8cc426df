package policytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// A case of several days is one CRM with one ledger, and goes through the nights as a living one does: on each of its days there is a
// run, and between them on those days on which something falls due about a person. What is decided on a day is held against the plan
// before that night, and what becomes of a row against what stood after the day before.

// mostNights is how many nights a case may take.
const mostNights = 1000

// story is such a case under way.
type story struct {
	*world
	c       *policy.TestCase
	crm     crm
	client  pinned
	checked *compile.Policy
	storage *memory
	nights  int
	look    lookout
	after   *aftermath // of the day
}

// days runs a case of several days.
func (w *world) days(ctx context.Context, c *policy.TestCase) (Result, error) {
	result := Result{Name: c.Name, Pos: c.Pos}
	w.server.SetClock(w.noon(c.Today))
	records, expect, err := compile.Records(ctx, w.client, w.file, c)
	if err != nil {
		return result, err
	}
	days := []policy.TestDay{{Today: c.Today, Expect: expect}}
	later := make(map[string]int) // rows that come on a later day
	for i, d := range c.Later {
		on := *c
		on.Expect = d.Expect
		if _, d.Expect, err = compile.Records(ctx, w.client, w.file, &on); err != nil {
			return result, err
		}
		for _, label := range d.New {
			later[label] = i + 1
		}
		days = append(days, d)
	}
	of := func(day int) []policy.TestRecord {
		return slices.DeleteFunc(slices.Clone(records), func(r policy.TestRecord) bool { return later[r.Label] != day })
	}
	s := &story{world: w, c: c, storage: &memory{}}
	if s.crm, s.client, s.checked, err = w.living(ctx, c, of(0)); err != nil {
		return result, err
	}
	defer s.crm.client.Close()
	if err := w.losses(c, s.checked); err != nil {
		return result, err
	}
	s.look = lookout{client: s.client, ours: ourColumns(s.checked)}
	deps, err := s.deps(ctx, c.Today)
	if err == nil {
		err = prove(ctx, deps, c, traces(c, s.checked, of(0)), of(0))
	}
	if err != nil {
		return result, err
	}
	s.after = &aftermath{rows: map[string]change{}, outcomes: map[uuid.UUID]purge.Outcome{}}
	for i, d := range days {
		if i > 0 {
			if err := s.until(ctx, days[i-1].Today, d.Today); err != nil {
				return result, err
			}
			if err := s.at(ctx, d.Today); err != nil {
				return result, err
			}
			if err := w.load(s.crm.server, of(i)); err != nil {
				return result, err
			}
		}
		for _, x := range d.Expect {
			if _, seen := s.after.rows[x.Label]; !seen {
				if err := s.note(ctx, recordOf(records, x.Label)); err != nil {
					return result, err
				}
			}
		}
		p, err := s.plan(ctx, d.Today)
		if err == nil {
			err = s.night(ctx, d.Today)
		}
		if err != nil {
			return result, err
		}
		v := verdict{world: w, records: records, plan: p, after: s.after}
		for _, x := range d.Expect {
			row := s.after.rows[x.Label]
			if row.was == nil && x.OfPurge(w.policy.Subject(row.Table) != nil) {
				result.Failures = append(result.Failures, v.failure(x, "action", "the row is not there any more on "+d.Today.String(), "it went before that day"))
				continue
			}
			if row.was != nil {
				if s.after.rows[x.Label], err = s.look.after(ctx, row); err != nil {
					return result, err
				}
			}
			result.Failures = append(result.Failures, v.judge(x)...)
		}
		s.after = &aftermath{rows: map[string]change{}, outcomes: map[uuid.UUID]purge.Outcome{}}
		if i+1 < len(days) {
			for _, x := range days[i+1].Expect {
				if later[x.Label] <= i {
					if err := s.note(ctx, recordOf(records, x.Label)); err != nil {
						return result, err
					}
				}
			}
		}
	}
	return result, nil
}

// note reads what stands in a row before the nights that lead to a day.
func (s *story) note(ctx context.Context, r policy.TestRecord) error {
	row, err := s.look.before(ctx, r)
	if errors.Is(err, dataverse.ErrNotFound) {
		row, err = change{TestRecord: r}, nil
	}
	s.after.rows[r.Label] = row
	return err
}

// at is noon of a day, everywhere.
func (s *story) at(ctx context.Context, day retention.Date) error {
	s.crm.server.SetClock(s.noon(day))
	_, err := s.crm.client.WhoAmI(ctx) // a client knows the time of the last answer
	return err
}

func (s *story) deps(ctx context.Context, day retention.Date) (purge.Deps, error) {
	l, err := ledger.OpenStorage(ctx, s.storage)
	return purge.Deps{Client: s.client, Ledger: l, Policy: s.checked, Today: day, Run: ledger.Run{ID: fmt.Sprintf("case-%d", s.nights), Verb: "run", Version: "test"}, Poll: time.Millisecond,
		Outcome: func(o purge.Outcome) {
			if o.Action == retention.Purge {
				s.after.outcomes[o.ID] = o
			}
		}}, err
}

// night is a run.
func (s *story) night(ctx context.Context, day retention.Date) error {
	if s.nights++; s.nights > mostNights {
		return policy.Problems{s.file.Problem(s.c.Pos, fmt.Sprintf("the case takes more than %d nights", mostNights), "let its days be nearer to each other")}
	}
	deps, err := s.deps(ctx, day)
	if err != nil {
		return err
	}
	summary, err := purge.Run(ctx, deps)
	if err != nil && !errors.As(err, &s.after.stop) {
		return fmt.Errorf("case %q, %s: %w", s.c.Name, day, err)
	}
	for _, t := range summary.Rows {
		s.after.ended += t.Ended
	}
	return nil
}

// plan is what a run of that day would do.
func (s *story) plan(ctx context.Context, day retention.Date) (*plan.Plan, error) {
	l, err := ledger.OpenStorage(ctx, s.storage)
	if err != nil {
		return nil, err
	}
	e, err := evaluate.Evaluate(ctx, s.client, s.checked, evaluate.Known(l, day))
	if err != nil {
		return nil, fmt.Errorf("case %q, %s: %w", s.c.Name, day, err)
	}
	return plan.NewPlan(s.checked, e, plan.PlanOptions{Traces: l.Trace, Stages: l.Stage, Asked: l.Asked, All: true}), nil
}

// until goes through the nights between two days on which something falls due about a person: a purge, a stage, a word to them, or its notice.
func (s *story) until(ctx context.Context, day, last retention.Date) error {
	for {
		p, err := s.plan(ctx, day)
		if err != nil {
			return err
		}
		next := last
		for i := range p.Decisions {
			for _, due := range s.falls(&p.Decisions[i]) {
				if due > day {
					next = min(next, due)
				}
			}
		}
		if next == last {
			return nil
		}
		day = next
		if err := s.at(ctx, day); err != nil {
			return err
		}
		if err := s.night(ctx, day); err != nil {
			return err
		}
	}
}

// falls are the days on which another decision about a person may be due, if nothing changes until then.
func (s *story) falls(d *plan.Planned) []retention.Date {
	days := []retention.Date{d.PurgeOn}
	if asking := d.Asking(s.checked); asking != nil {
		days = append(days, asking.On(d.AnnouncedOn()))
		if !d.Asked.On.IsZero() { // whoever was asked late goes so long after
			days = append(days, d.Asked.On.Add(asking.Required))
		}
	}
	if d.Until == retention.Open || d.Until.IsZero() {
		return days
	}
	rules := s.checked.RulesFor(d.Person.Table, d.Person.Class)
	for _, notice := range []retention.Period{rules.Notice, rules.Ahead} {
		day := d.Until.Sub(notice) - 10 // months of unequal length
		for day.Add(notice) < d.Until {
			day++
		}
		days = append(days, day)
	}
	return append(days, d.Until)
}
