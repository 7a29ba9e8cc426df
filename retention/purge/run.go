package purge

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/search"
	"github.com/gallra/gallra/retention/state"
)

// Deps are what a run works with.
type Deps struct {
	Client dataverse.Writer
	// Ledger has been opened and not begun: the run begins and ends it.
	Ledger *ledger.Ledger
	Run    ledger.Run // who runs; Policy, Organization and Today are filled in
	Policy *compile.Policy
	Today  retention.Date

	// Limits, if set, lower those of the policy; they cannot raise them.
	Limits *policy.Limits
	// Former, if set, is the policy that was approved last: a changed one that asks for four eyes runs without an approval
	// while it purges nobody whom this one would not.
	Former *compile.Policy
	// Bypass are guard rails that are passed over, as far as the policy lets them be.
	Bypass []policy.Rail
	// Only, if set, leaves everybody else alone: the decisions of a plan that was reviewed.
	Only func(table string, id uuid.UUID, action retention.Action) bool
	// OnlyRows, if set, tells whether a rule may end so many rows whose own period is over.
	OnlyRows func(rule string, rows int) bool

	Log      *slog.Logger   // nil: nothing is logged
	Progress func(Progress) // nil: nobody watches
	Outcome  func(Outcome)  // called for every person that something was done about; nil: nobody listens
	// Planned is called with what the run is about to do, before it does anything; nil: nobody listens.
	Planned func(*plan.Plan)
	// Chunk is how many persons get their last look together; 100 when zero.
	Chunk int
	// LookAge is how old the last look at a person may be when their change set leaves; two minutes when zero. Where the
	// service has a run wait for longer, the look is taken again.
	LookAge time.Duration
	// Grace is how long writes in flight may take to end after the run was cancelled; 15 seconds when zero.
	Grace time.Duration
	// Poll is the first wait for a job of the service, which doubles; a second when zero.
	Poll time.Duration
	// JobWait is how long the run waits for a job of the service; half an hour when zero.
	JobWait time.Duration

	// State, if set, is where nights keep what they read; Client and whose it is are filled in.
	State *state.Options

	// Operations are the most that the run asks of the service; 0: as many as it takes. What is under way is brought to its end.
	Operations int

	operations int // how many go into one change set; as many as the service takes when zero
	most       int // rows that a search for what is left reads of one query
	readAll    int // from how many purged persons on it reads whole tables for who else has their values
}

// about is what the run says about itself in the ledger.
func (d *Deps) about() ledger.Run {
	run := d.Run
	run.Policy, run.Today, run.Organization = d.Policy.Policy.Hash, d.Today, d.Policy.Organization
	if run.Now == nil {
		run.Now = d.Client.Now
	}
	return run
}

// Run does what a night's job does: it finishes what a cut run began, evaluates everybody, writes purge dates, and purges
// whose day has come.
//
// The error is a [*StopError] when a guard rail stopped the run, a [*ledger.LockedError] when another run is under way,
// and ctx's error when the run was cancelled; in each case what was done until then is consistent and in the summary.
// Persons who failed are no error: they stand in the summary. Before all, the error is a [*compile.BlindError] and the
// summary nil where the signed-in user is not proven to see everything that the policy judges by.
func Run(ctx context.Context, d Deps) (*Summary, error) { return carryOut(ctx, d, (*runner).run) }

// carryOut does its work as a run: it begins the ledger before and ends it after.
func carryOut(ctx context.Context, d Deps, do func(*runner, context.Context) error) (*Summary, error) {
	r := &runner{session: session{Deps: d, sight: newSight(), witness: newWitness(), stalled: new(atomic.Bool), searched: search.NewMemory()}, summary: &Summary{Run: d.Run.ID, Today: d.Today, LedgerNew: !d.Ledger.Existed()}}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.Chunk <= 0 {
		r.Chunk = 100
	}
	if r.LookAge <= 0 {
		r.LookAge = 2 * time.Minute
	}
	if r.Grace <= 0 {
		r.Grace = 15 * time.Second
	}
	if r.Poll <= 0 {
		r.Poll = time.Second
	}
	if r.JobWait <= 0 {
		r.JobWait = 30 * time.Minute
	}
	if r.operations <= 0 {
		r.operations = maxOperations
	}
	if r.most <= 0 {
		r.most = search.MaxFound
	}
	if r.readAll > 0 {
		r.searched.ReadAllFrom(r.readAll)
	}
	r.oneAtATime()
	ctx, end := r.limited(ctx)
	defer end()
	summary, err := r.carryOut(ctx, do)
	return summary, spent(ctx, err)
}

func (r *runner) carryOut(ctx context.Context, do func(*runner, context.Context) error) (*Summary, error) {
	if err := r.sight.begin(ctx, &r.Deps); err != nil {
		return nil, err
	}
	r.Run = r.about()
	if stop := clock(&r.Deps); stop != nil {
		r.finish(ctx, stop)
		return r.summary, stop
	}
	if days := ledger.Leap(r.Ledger.Runs(), r.Today); days > 0 {
		r.Log.Warn("the last run was long ago, against the rhythm of those before", "days", days)
	}
	if err := r.witness.confirm(ctx, &r.Deps); err != nil {
		r.finish(ctx, err)
		return r.summary, err
	}
	earlier := len(r.Ledger.Runs())
	if err := r.Ledger.Begin(ctx, r.Run); err != nil {
		r.finish(ctx, err)
		return r.summary, err
	}
	var done context.CancelFunc
	r.writing, done = r.grace(ctx)
	defer done()

	err := r.fresh(ctx, max(earlier, len(r.Ledger.Runs())-1))
	current := err == nil
	if current {
		err = do(r, ctx)
		err = r.afterwards(ctx, err)
	}
	r.finish(ctx, err)
	if endErr := r.Ledger.End(r.summary.Status, r.summary.counts()); err == nil && endErr != nil {
		err = endErr
		r.finish(ctx, err) // what was done is done; that it was cannot be proven to its end
	} else if current && endErr == nil {
		if err := leaveCheckpoint(r.writing, &r.Deps); err != nil { // that of before holds as well
			r.Log.Warn("how far the ledger goes was not left in the environment", "code", environment.Code(err))
		}
	}
	return r.summary, err
}

// finish says in the summary how the run ended. A request that got no answer in time is no end of ctx.
func (r *runner) finish(ctx context.Context, err error) {
	s := r.summary
	s.Operations = r.sent()
	slices.SortFunc(s.Related, func(a, b TableTally) int { return strings.Compare(a.Table, b.Table) })
	slices.SortFunc(s.Places, func(a, b TableTally) int { return strings.Compare(a.Table, b.Table) })
	s.Aside = nil // an ending may be told twice
	for _, t := range s.Subjects {
		if subject := r.Policy.Subject(t.Table); subject != nil && t.Deleted+t.Anonymized+t.Bound > 0 {
			for _, class := range subject.Judged() {
				s.aside(class.Map)
			}
		}
	}
	switch {
	case errors.As(err, &s.Stop):
		s.Status = ledger.Halted
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		s.Status = ledger.Interrupted
	case err != nil:
		s.Status = ledger.Failed
	case len(s.Failures) > 0 || len(s.Residue) > 0 || s.Unswept > 0 || s.RowsFailed() > 0:
		s.Status = ledger.Partial
	default:
		s.Status = ledger.Done
	}
}

// told passes an outcome on and counts it.
func (r *runner) told(o Outcome) {
	s := r.summary.subject(o.Table)
	switch {
	case o.Status == ledger.Failed:
		s.Failed++
		r.summary.Failures = append(r.summary.Failures, o)
		r.Log.Warn("person failed", "table", o.Table, "id", o.ID, "code", o.Code)
	case o.Status == ledger.Skipped && o.Action == retention.Purge:
		s.Skipped++
	}
	if r.Outcome != nil {
		r.Outcome(o)
	}
}

// runner is a run under way.
type runner struct {
	session
	summary *Summary
	before  int64     // operations that the client had sent when the run began
	began   time.Time // by the service's clock: what was made since may be made of the run's own writes

	due    []due
	taken  map[environment.Ref]bool // persons whose turn was
	claims *claims                  // while several chunks are under way
	alone  []due                    // set aside by such a chunk: who has too many rows to go beside others
	// finished counts the persons who were purged, and unfinished are those who were begun and could not be: for the canary.
	finished   int
	deleted    int // of the finished, those whose row went
	unfinished []Outcome
	refusal    error             // what the service said to the first of them
	again      []Outcome         // begun by a run before, and refused again
	retired    []retiree         // whom this run has purged, or the one before: for the search in long-term retention
	marked     []string          // tables with rows of whose purge the ledger knows nothing
	staged     []due             // for whom a stage comes before the purge
	restored   []due             // who were archived, and are justified again
	unproven   *plan.GuardRail   // why nobody may be purged by their dates
	found      uint64            // how far the ledger went by what stood in the environment when the run began; 0: nothing did
	left       uint64            // how far it goes by what the run has left there; 0: nothing could be
	known      map[string]string // of the environment, and not in the ledger yet
}

// due is a person whose day has come by the plan.
type due struct {
	environment.Ref
	depth int // how many rows this one was merged into, one into the other
	class int // the number of their class
	// stage is how many stages are done, of somebody for whom another comes before the purge, and base the day that they count from.
	stage int
	base  retention.Date
	rows  int // that belong to whoever has too many for a chunk
}

// ready reads what every purge needs to know of the environment and finishes what was begun before.
func (r *runner) ready(ctx context.Context) error {
	err := r.open(ctx)
	if r.tables != nil {
		r.summary.Unreachable = Unreachable(r.tables.Settings, r.Policy)
	}
	if err != nil {
		return err
	}
	if err := r.foreign(ctx); err != nil {
		return err
	}
	r.taken = make(map[environment.Ref]bool)
	r.began = r.Client.Now()
	if err := r.resumeSteps(ctx); err != nil {
		return err
	}
	if err := r.asker().Resume(ctx); err != nil {
		return err
	}
	if r.Policy.Policy.Asks() && (r.summary.LedgerNew || r.Run.Verb == "reapply") {
		if err := r.asker().Adopt(ctx); err != nil {
			return err
		}
		if r.Run.Verb == "reapply" {
			if err := r.asker().Forget(ctx); err != nil {
				return err
			}
		}
	}
	err = r.resume(ctx)
	r.again = slices.DeleteFunc(slices.Clone(r.unfinished), func(o Outcome) bool {
		return o.Code == string(errHeld) || r.Ledger.Passed(ledger.Key{Table: o.Table, ID: o.ID})
	})
	if err != nil {
		return err
	}
	return r.adopt(ctx)
}

// Kept is the guard rail for what nights keep: it gave another plan than a full read.
const Kept policy.Rail = "kept-differs"

// evaluate reads everybody and plans: by what the night before has kept, where nights keep anything.
func (r *runner) evaluate(ctx context.Context) (*evaluate.Evaluation, *plan.Plan, error) {
	var evaluation *evaluate.Evaluation
	var planned *plan.Plan
	judge := func(ctx context.Context, night *state.Night) (err error) {
		evaluation, planned = nil, nil // what was read before is not needed beside it
		evaluation, err = evaluate.Evaluate(ctx, r.Client, r.Policy, evaluate.EvaluateOptions{
			Today: r.Today, Traces: r.Ledger.Trace, Held: r.Ledger.Held, Changes: r.Ledger.Changes, Stages: r.Ledger.Stage, Night: night,
			Progress: func(what string, rows int) { r.progress(Progress{Phase: "evaluate", What: what, Done: rows}) },
		})
		if err == nil {
			planned = plan.NewPlan(r.Policy, evaluation, plan.PlanOptions{Traces: r.Ledger.Trace, Stages: r.Ledger.Stage, Asked: r.Ledger.Asked})
		}
		return err
	}
	client, tells := r.Client.(state.Client)
	if r.State == nil || !tells {
		err := judge(ctx, nil)
		return evaluation, planned, err
	}
	o := *r.State
	o.Client, o.Organization, o.User, o.Policy, o.Writes, o.Log = client, r.Policy.Organization, r.Run.Actor, r.Policy.Policy.Hash, r.left > 0, r.Log
	o.Before, o.After = r.found, r.left
	compared, count, err := state.Judge(ctx, o, judge, func() (string, error) { return planned.Digest() })
	var off *state.OffError
	if errors.As(err, &off) {
		r.Log.Warn(off.Error(), "remedy", off.Hint())
		err = judge(ctx, nil)
	}
	if err != nil {
		return nil, nil, err
	}
	r.Log.Info("what nights keep was read", "queries", count.Queries, "kept", count.Kept, "rows", count.Rows)
	for _, what := range slices.Sorted(maps.Keys(count.Whole)) {
		r.Log.Info("read in full", "what", what, "why", count.Whole[what])
	}
	if compared == nil {
		return evaluation, planned, nil
	}
	entry := ledger.Entry{Kind: ledger.Compared, Status: ledger.Done, Facts: map[string]string{"plan kept": compared.Kept, "plan full": compared.Full}}
	if compared.Differ() {
		entry.Status = ledger.Failed
	}
	if err := r.Ledger.Append(entry); err != nil || !compared.Differ() {
		return evaluation, planned, err
	}
	return nil, nil, r.stop(plan.NewRail(Kept, "kept"))
}

// run is a night's job from top to end.
func (r *runner) run(ctx context.Context) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	evaluation, plan, err := r.evaluate(ctx)
	if err != nil {
		return err
	}
	if err := r.sees(ctx, true); err != nil { // until the last page was read
		return err
	}
	if r.Planned != nil {
		r.Planned(plan)
	}
	for _, t := range plan.Tables {
		s := r.summary.subject(t.Table)
		s.Persons, s.Decisions = t.Persons, t.Actions
	}
	for _, p := range plan.Unreadable {
		r.told(Outcome{Table: p.Table, ID: p.ID, Action: retention.Keep, Status: ledger.Failed, Code: string(errUnreadable)})
	}
	for i := range plan.Decisions {
		if p := &plan.Decisions[i].Person; !p.PurgeOn.IsZero() && p.PurgeOn <= r.Today {
			r.summary.subject(p.Table).Past++
		}
	}
	if err := r.guard(plan, policy.GroundEmpty, policy.GroundShrunk); err != nil {
		return err
	}
	if err := r.clock(ctx); err != nil {
		return err
	}
	if err := r.matched(plan); err != nil {
		return err
	}
	drift, err := r.drift(ctx)
	if err != nil {
		return err
	}
	if err := r.schedule(ctx, plan); err != nil {
		return err
	}
	if err := r.words(ctx, plan, evaluation); err != nil {
		return err
	}
	if err := r.halt(drift); err != nil {
		return err
	}
	if err := r.remember(); err != nil {
		return err
	}
	if err := r.follow(ctx); err != nil {
		return err
	}
	can, err := r.able(ctx, plan)
	if err != nil {
		return err
	}
	stopping := []policy.Rail{policy.TooMany, policy.TooLarge}
	if can.Count(retention.Purge) > 0 {
		stopping = append(stopping, policy.UndecidedPlace) // whoever is due would leave rows that nobody has thought of
	}
	if err := r.guard(can, stopping...); err != nil {
		return err
	}
	if err := r.purge(ctx); err != nil {
		return err
	}
	if err := r.endRows(ctx, evaluation); err != nil {
		return err
	}
	return r.refilled(ctx)
}
