package policytest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// Result is what became of a case.
type Result struct {
	Name     string
	Pos      policy.Pos
	Failures policy.Problems // empty: it passed
}

// Run runs the cases of a file against a policy. The error is [retention.Problems] where the file or the policy does not
// fit what the emulator knows; cases that fail are no error.
//
// Each case runs twice: in a CRM whose negative conditions are true of empty columns and in one whose are not. Which of them
// Dataverse is nobody knows for certain, so a case passes only where it does in both.
func Run(ctx context.Context, f *policy.TestFile, p *policy.Policy) ([]Result, error) {
	w, err := start(ctx, f, p, emulator.NullMatchesNegation)
	if err != nil {
		return nil, err
	}
	results, err := w.runAll(ctx)
	if err != nil {
		return nil, err
	}
	if w, err = w.with(emulator.NullMatchesNothing); err != nil {
		return nil, err
	}
	others, err := w.runAll(ctx)
	if err != nil {
		return nil, err
	}
	for i := range results {
		results[i].Failures = agreeing(f, results[i], others[i])
	}
	return results, nil
}

// agreeing are the failures of a case in both CRMs.
func agreeing(f *policy.TestFile, one, other Result) policy.Problems {
	if slices.Equal(one.Failures, other.Failures) {
		return one.Failures
	}
	failures := slices.Clone(one.Failures)
	for _, p := range other.Failures {
		if !slices.Contains(failures, p) {
			failures = append(failures, p)
		}
	}
	return append(failures, f.Problem(one.Pos, "the verdict turns on whether the service counts rows in which a column is empty", "say in the rule what becomes of them: or … eq null, and … ne null"))
}

// runAll runs every case, and ends the connection.
func (w *world) runAll(ctx context.Context) ([]Result, error) {
	defer w.client.Close()
	var results []Result
	for i := range w.file.Cases {
		r, err := w.run(ctx, &w.file.Cases[i])
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

func (w *world) run(ctx context.Context, c *policy.TestCase) (Result, error) {
	if len(c.Later) > 0 {
		return w.days(ctx, c)
	}
	result := Result{Name: c.Name, Pos: c.Pos}
	if err := w.server.Restore(w.empty); err != nil {
		return result, err
	}
	w.server.SetClock(w.noon(c.Today))
	records, expect, err := compile.Records(ctx, w.client, w.file, c)
	if err != nil {
		return result, err
	}
	if err := w.load(w.server, records); err != nil {
		return result, err
	}
	reader, err := w.pinned(w.client)
	if err != nil {
		return result, err
	}
	lone := *w.policy
	lone.Limits.Spread = retention.Period{} // a case is smaller than any backlog
	checked, err := compile.Check(ctx, &lone, reader)
	if err != nil {
		return result, err
	}
	if err := w.losses(c, checked); err != nil {
		return result, err
	}
	proven := traces(c, checked, records)
	evaluation, err := evaluate.Evaluate(ctx, reader, checked, evaluate.EvaluateOptions{Today: c.Today, Traces: proven, Held: held(c), Changes: changes(c)})
	if err != nil {
		return result, fmt.Errorf("case %q: %w", c.Name, err)
	}
	v := verdict{world: w, records: records, plan: plan.NewPlan(checked, evaluation, plan.PlanOptions{Traces: proven, Asked: asked(c, proven), All: true})}
	subject := func(x policy.TestExpect) bool { return w.policy.Subject(recordOf(records, x.Label).Table) != nil }
	if slices.ContainsFunc(expect, func(x policy.TestExpect) bool { return x.OfPurge(subject(x)) }) {
		if v.after, err = w.purge(ctx, c, records, expect); err != nil {
			return result, err
		}
		due := slices.ContainsFunc(v.plan.Decisions, func(d plan.Planned) bool { return d.Action == retention.Purge }) // or a stage before it
		v.idle = !due && len(v.after.outcomes) == 0 && v.after.ended == 0 && !slices.ContainsFunc(expect, func(x policy.TestExpect) bool { return !ofFate(x, subject(x)) })
	}
	for _, x := range expect {
		result.Failures = append(result.Failures, v.judge(x)...)
	}
	return result, nil
}

// traces is a ledger that proves what stands on the rows.
func traces(c *policy.TestCase, checked *compile.Policy, records []policy.TestRecord) func(string, uuid.UUID) retention.Trace {
	if c.LedgerLost {
		return nil
	}
	proven := map[uuid.UUID]retention.Trace{}
	for _, r := range records {
		s := checked.Subject(r.Table)
		if s == nil {
			continue
		}
		date := func(column string) retention.Date {
			text, _ := r.Values[column].(string)
			d, _ := retention.ParseDate(text)
			return d
		}
		proven[r.ID] = retention.Trace{PurgeOn: date(s.Own.PurgeScheduledOn), NoticedOn: date(s.Own.PurgeNoticedOn)}
	}
	return func(_ string, id uuid.UUID) retention.Trace { return proven[id] }
}

// asked is a ledger that knows who was asked before the date that stands on their row.
func asked(c *policy.TestCase, proven func(string, uuid.UUID) retention.Trace) plan.Asked {
	if c.LedgerLost {
		return nil
	}
	return func(table string, id uuid.UUID) retention.Asked {
		for _, a := range c.Asked {
			if policy.TestID(a.Label) == id {
				return retention.Asked{PurgeOn: proven(table, id).PurgeOn, On: a.On}
			}
		}
		return retention.Asked{}
	}
}

// changes is a ledger that remembers when rows changed.
func changes(c *policy.TestCase) func(subject, ground string) retention.History {
	return func(_, ground string) retention.History {
		id, _, _ := strings.Cut(ground, ".")
		return retention.History{Read: c.Today, On: func(_ string, row uuid.UUID) (on retention.Date) {
			for _, x := range c.Changed {
				if policy.TestID(x.Label) == row && x.Ground == id && !c.LedgerLost {
					on = max(on, x.On)
				}
			}
			return on
		}}
	}
}

// held is a ledger that saw rows lose grounds.
func held(c *policy.TestCase) func(string, uuid.UUID, string) retention.Held {
	if c.LedgerLost {
		return nil
	}
	return func(_ string, id uuid.UUID, ground string) retention.Held {
		for _, l := range c.Lost {
			if policy.TestID(l.Label) == id && l.Ground == ground {
				return retention.Held{LostOn: l.On}
			}
		}
		return retention.Held{}
	}
}

// losses checks that what a case says was lost are grounds that go on after that.
func (w *world) losses(c *policy.TestCase, checked *compile.Policy) error {
	var problems policy.Problems
	for _, l := range c.Lost {
		table := c.Rows[l.Label].Table
		var ids []string
		if s := checked.Subject(table); s != nil {
			for i := range s.Grounds {
				if s.Grounds[i].WhenLost() {
					ids = append(ids, s.Grounds[i].ID)
				}
			}
		}
		if !slices.Contains(ids, l.Ground) {
			problems = append(problems, w.file.Problem(l.Pos, fmt.Sprintf("`%s` is no ground of `%s` that goes on after it was lost", l.Ground, table), policy.DidYouMean(l.Ground, ids)))
		}
	}
	for _, x := range c.Changed {
		var ids []string
		for i := range checked.Subjects {
			for j := range checked.Subjects[i].Grounds {
				g := &checked.Subjects[i].Grounds[j]
				if g.Change != nil && c.Rows[x.Label].Table == map[bool]string{true: checked.Subjects[i].Table, false: g.Change.Table}[g.WhenLost()] {
					ids = append(ids, g.ID)
				}
			}
		}
		if !slices.Contains(ids, x.Ground) {
			problems = append(problems, w.file.Problem(x.Pos, fmt.Sprintf("`%s` is no ground that counts from a change of `%s`", x.Ground, c.Rows[x.Label].Table), policy.DidYouMean(x.Ground, ids)))
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}
