package verb

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/state"
)

// Look is what verbs look at.
type Look struct {
	Client  dataverse.Writer
	Checked *compile.Policy
	Ledger  *ledger.Ledger
	// Today is the service's calendar date in the policy's time zone.
	Today retention.Date
}

// PlanOptions are what planning takes.
type PlanOptions struct {
	Day   retention.Date // to plan for; zero: today
	Runs  uuid.UUID      // who would carry it out: of them an approval does not count
	All   bool           // with persons who are kept
	AllOf int            // the same where there are no more persons than this
	Night *state.Night   // what nights have kept; nil: everything is read
	Only  func(*plan.Planned) bool
	// Progress is called with what is being read and how many more rows of it; nil: nobody watches.
	Progress func(what string, rows int)
}

// Planned is a plan with all that stands in its way.
type Planned struct {
	*plan.Plan
	Evaluation *evaluate.Evaluation
	Rails      []plan.GuardRail   // that a run would stop at
	Drift      []purge.Change     // in the environment since the last run
	Stuck      []purge.Forecast   // who cannot be purged
	Places     []purge.TableTally // what becomes of the rows of who is purged, by place of the person map
	Unapproved int                // who are due and wait for somebody else's approval
	Listed     *purge.Listed      // who is approved; nil where nobody has to be
}

// Evaluate evaluates everybody for a day by what the ledger knows, and decides.
func (l Look) Evaluate(ctx context.Context, o PlanOptions) (*plan.Plan, *evaluate.Evaluation, error) {
	if o.Day.IsZero() {
		o.Day = l.Today
	}
	x := evaluate.EvaluateOptions{Today: o.Day, Night: o.Night, Progress: o.Progress}
	if l.Ledger != nil { // otherwise nothing is proven
		x.Traces, x.Held, x.Changes, x.Stages, x.Asked = l.Ledger.Trace, l.Ledger.Held, l.Ledger.Changes, l.Ledger.Stage, l.Ledger.Asked
	}
	e, err := evaluate.Evaluate(ctx, l.Client, l.Checked, x)
	if err != nil {
		return nil, nil, err
	}
	persons := 0
	for i := range l.Checked.Subjects {
		persons += e.Count(l.Checked.Subjects[i].Table)
	}
	return plan.NewPlan(l.Checked, e, plan.PlanOptions{Traces: x.Traces, Stages: x.Stages, Asked: x.Asked, All: o.All || persons <= o.AllOf}), e, nil
}

// Plan is what a run would do on a day, and what would stop it. Nothing is written.
func Plan(ctx context.Context, l Look, o PlanOptions) (*Planned, error) {
	planned, evaluation, err := l.Evaluate(ctx, o)
	if err != nil {
		return nil, err
	}
	out := &Planned{Plan: planned, Evaluation: evaluation}
	var rows []plan.GuardRail
	if out.Rows, rows, err = purge.DueRows(ctx, l.Client, l.Checked, l.Ledger, evaluation); err != nil {
		return nil, err
	}
	if o.Only != nil {
		out.Plan = out.Plan.Only(o.Only)
	}
	if out.Drift, err = purge.Drift(ctx, l.Client, l.Checked, l.Ledger.Facts()); err != nil {
		return nil, err
	}
	due, err := purge.MarkStuck(ctx, l.Client, l.Checked, out.Plan, evaluate.Known(l.Ledger, out.AsOf))
	if err != nil {
		return nil, err
	}
	out.Stuck, out.Places = due.Stuck, due.Places
	if out.Listed, err = purge.ReadListed(ctx, l.Client, l.Ledger, l.Checked.Policy, o.Runs, out.AsOf); err != nil {
		return nil, err
	}
	out.Unapproved = out.MarkUnapproved(out.Listed.Has)
	foreign, err := purge.ForeignColumns(ctx, l.Client, l.Checked, l.Ledger)
	if err != nil {
		return nil, err
	}
	out.Rails = slices.Concat(out.Able().GuardRails(l.Checked.Policy.Limits, purge.Matched(l.Ledger, l.Checked)), purge.Undecided(l.Checked), purge.DriftRails(out.Drift), foreign, rows)
	return out, nil
}
