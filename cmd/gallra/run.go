package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// runOptions are the flags of gallra run.
type runOptions struct {
	apply     bool
	maxPurges int  // -1: what the policy says
	limited   bool // --max-purges was given
	maxRows   int
	fewRows   bool          // --max-rows was given; otherwise the limit is what the policy says
	stopAfter time.Duration // 0: it takes as long as it takes
	maxAsked  int           // operations; 0: what the policy says
	bypass    []string
	plan      string
	former    string
	full      bool           // read everything beside what nights keep
	reviewed  *plan.Reviewed // what the file holds; nil without --plan
}

func (o runOptions) check() error {
	if o.limited && o.maxPurges < 0 { // whoever mistypes a limit must not purge without one
		return &usageError{"--max-purges must not be negative", ""}
	}
	if o.maxAsked < 0 {
		return &usageError{"--max-operations must not be negative", ""}
	}
	if o.fewRows && o.maxRows < 0 {
		return &usageError{"--max-rows must not be negative", ""}
	}
	if o.stopAfter < 0 {
		return &usageError{"--stop-after must not be negative", ""}
	}
	return nil
}

// bypassed checks the guard rails that are to be passed over: a flag and a line of the policy have to say so, and the verb
// has to be one that they stop.
func bypassed(names []string, stopping []policy.Rail, p *policy.Policy) ([]policy.Rail, error) {
	var rails []policy.Rail
	for _, name := range names {
		rail := policy.Rail(name)
		switch {
		case !slices.Contains(policy.Bypassable, rail):
			return nil, &usageError{fmt.Sprintf("no guard rail %q can be bypassed", name), "these can: " + joined(stopping)}
		case !slices.Contains(stopping, rail):
			return nil, &usageError{fmt.Sprintf("the guard rail %s does not stop this verb", name), fmt.Sprintf("what can be bypassed here is %s", joined(stopping))}
		}
		if !slices.Contains(p.Bypass, rail) {
			return nil, &usageError{fmt.Sprintf("the policy does not let the guard rail %s be bypassed", name),
				fmt.Sprintf("limits: {bypass: [%s]} in the policy does; a flag alone does not", name)}
		}
		rails = append(rails, rail)
	}
	return rails, nil
}

func joined(rails []policy.Rail) string {
	names := make([]string, len(rails))
	for i, r := range rails {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

func newRun(a *app) *cobra.Command {
	o := runOptions{}
	c := &cobra.Command{
		Use:   "run",
		Short: "The job: write purge dates, and with the day come and nothing justifying a person, purge them",
		Long: `Evaluates everybody, writes the purge dates, and purges whose day has come and whom nothing justifies at a last look.
Without --apply nothing is written and the plan is shown. What a run that was cut had begun is finished first.

With --plan only the decisions of a plan that was kept (gallra plan --out) and reviewed are carried out, and of those only
what is still true: everybody is evaluated afresh. Lines may be taken out of the file. A plan that was made with another
policy, for another organisation, in an earlier month or for a day to come is refused.

A run is refused unless the signed-in user is proven to see every row and every secured column that the policy judges by:
what Dataverse hides looks as if it were not there.

While another run holds the lock on the ledger, a run ends at once and says who that is since when. It has failed then,
unless GALLRA_SKIP_IF_LOCKED=true says that it may: for a job whose ticks can overlap.

Rows whose own period is over (rows, and the ends of related rules) go after the persons, under limits of their own.

--bypass passes over a guard rail once: too-many, too-large, ground-empty, ground-shrunk, drift, rows-too-many or
rows-too-large. The policy has to allow
it as well, by limits.bypass, and it stands in the ledger. Where a guard rail stops the run, it is told what it would take to go on.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage, settings or policy (nothing was touched), 3 a guard rail stopped the run
(nobody was purged beyond the canary), 4 done but some persons failed and stay scheduled, 130 or 143 interrupted, consistent.`,
		Example: `  gallra run                 # shows what it would do
  gallra run --apply
  gallra run --apply --json > outcomes.jsonl
  gallra run --plan plan.jsonl --apply`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.limited, o.fewRows = cmd.Flags().Changed("max-purges"), cmd.Flags().Changed("max-rows")
			if err := o.check(); err != nil {
				return err
			}
			if o.plan != "" {
				var err error
				if o.reviewed, err = readPlan("--plan: ", o.plan); err != nil {
					return err
				}
			}
			if !o.apply {
				return a.runPlanned(cmd.Context(), o)
			}
			return a.runUntil(cmd.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.apply, "apply", false, "write: without it the run is only shown")
	c.Flags().StringVar(&o.plan, "plan", "", "carry out this reviewed plan, and only what is still true of it")
	c.Flags().DurationVar(&o.stopAfter, "stop-after", 0, "begin nothing new after this time, such as 5h30m, and leave the rest to the next run (exit 4)")
	c.Flags().IntVar(&o.maxAsked, "max-operations", 0, "begin nothing new once so many operations were asked of the service, reads included, and leave the rest to the next run (exit 4); only lowers the policy's limit")
	c.Flags().BoolVar(&o.full, "full", false, "read everything, and hold against it what nights have kept; without it that is done once a week")
	c.Flags().StringVar(&o.former, "approved-policy", "", "the policy that was approved last: while the changed one purges nobody more, it needs no approval")
	c.Flags().IntVar(&o.maxPurges, "max-purges", -1, "stop if more than this many would be purged; only lowers the policy's limit")
	c.Flags().Lookup("max-purges").DefValue = "0" // not shown: it is what the policy says
	c.Flags().IntVar(&o.maxRows, "max-rows", 0, "stop if the own period of more rows than this is over; only lowers the policy's limit")
	c.Flags().StringArrayVar(&o.bypass, "bypass", nil, "pass over this guard rail, which the policy has to allow as well; repeatable")
	return c
}

// runPlanned is a run without --apply.
func (a *app) runPlanned(ctx context.Context, o runOptions) error {
	if err := a.runPlan(ctx, planOptions{reviewed: o.reviewed, full: o.full}); err != nil {
		return err
	}
	if !a.json {
		fmt.Fprintln(a.out, "\nnothing was written: add --apply to do this")
	}
	return nil
}

// runUntil is a run that ends before the platform would kill it.
func (a *app) runUntil(ctx context.Context, o runOptions) error {
	a.began("run")
	if o.stopAfter > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.stopAfter)
		defer cancel()
	}
	err := a.runApply(ctx, o)
	var used *purge.SpentError
	if errors.As(err, &used) {
		a.job.outcome = stopped(used.Error(), a.job.summary)
		return &incomplete{a.job.outcome + ": the next run goes on where this one ended"}
	}
	var failed *incomplete // some had been sent and got no answer in time
	if o.stopAfter > 0 && errors.Is(ctx.Err(), context.DeadlineExceeded) && (errors.Is(err, context.DeadlineExceeded) || errors.As(err, &failed)) {
		a.job.outcome = stopped(fmt.Sprintf("stopped after %s, as asked", o.stopAfter), a.job.summary)
		return &incomplete{a.job.outcome + ": the next run goes on where this one ended"}
	}
	return err
}

// stopped says of a run that was cut by its own time, or by what it may ask of the service, how far it came.
func stopped(told string, s *purge.Summary) string {
	if s == nil || s.Due == 0 {
		return told
	}
	return fmt.Sprintf("%s: %d of %d due were purged", told, s.DuePurged(), s.Due)
}

func (a *app) runApply(ctx context.Context, o runOptions) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	if _, err := bypassed(o.bypass, purge.RunBypass, checked.Policy); err != nil {
		return err
	}
	if err := provisioned(checked); err != nil {
		return err
	}
	if o.reviewed != nil {
		if err := o.reviewed.Fits(checked, s.today(checked.Policy)); err != nil {
			return err
		}
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	a.warnNoLedger(l.Existed())
	summary, err := a.purge(ctx, s, checked, l, o)
	if a.job != nil {
		a.job.summary = summary
	}
	var locked *ledger.LockedError
	if summary != nil && !errors.As(err, &locked) { // of a run that did not begin there is nothing to tell
		err = a.tellRun(summary, err)
	}
	if err != nil {
		return a.skipIfLocked(err)
	}
	if o.reviewed != nil {
		if err := a.tellReviewed(o.reviewed); err != nil {
			return err
		}
	}
	if summary.Failed() > 0 {
		return &incomplete{"some persons failed and stay scheduled"}
	}
	if summary.RowsFailed() > 0 {
		return &incomplete{"some rows whose own period is over could not be ended"}
	}
	return nil
}

// purge carries a run out.
func (a *app) purge(ctx context.Context, s *session, checked *compile.Policy, l *ledger.Ledger, o runOptions) (_ *purge.Summary, err error) {
	bar := a.progress("starting")
	defer bar.done()
	deps := a.deps("run", s, checked, l)
	deps.Progress = bar.follow
	deps.Operations = checked.Policy.Limits.Operations
	kept, err := a.openState(ctx)
	if err != nil {
		return nil, err
	}
	if kept != nil {
		deps.State = kept.options(s)
		deps.State.Full = o.full
		defer kept.store(ctx)
	}
	if o.maxAsked > 0 && (deps.Operations == 0 || o.maxAsked < deps.Operations) {
		deps.Operations = o.maxAsked
	}
	if deps.Former, err = a.formerPolicy(ctx, s, l, o.former); err != nil {
		return nil, err
	}
	if o.maxPurges >= 0 {
		limits := checked.Policy.Limits
		limits.Purges = min(limits.Purges, o.maxPurges)
		deps.Limits = &limits
	}
	if o.fewRows {
		limits := checked.Policy.Limits
		if deps.Limits != nil {
			limits = *deps.Limits
		}
		limits.Rows = min(limits.Rows, o.maxRows)
		deps.Limits = &limits
	}
	if deps.Bypass, err = bypassed(o.bypass, purge.RunBypass, checked.Policy); err != nil {
		return nil, err
	}
	if o.reviewed != nil {
		deps.Only, deps.OnlyRows = o.reviewed.Still, o.reviewed.Rows
	}
	if a.json {
		out := newOutcomeWriter(a.out)
		if err := out.header(checked, deps.Today); err != nil {
			return nil, err
		}
		deps.Outcome = out.outcome
		summary, err := purge.Run(ctx, deps)
		return summary, errors.Join(err, out.err)
	}
	return purge.Run(ctx, deps)
}

// readPlan reads the plan that was reviewed; flag is what names its file.
func readPlan(flag, path string) (*plan.Reviewed, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &usageError{flag + err.Error(), "gallra plan --out FILE makes one"}
	}
	defer func() { _ = f.Close() }()
	return plan.ReadPlan(f)
}

// tellReviewed says how much of a reviewed plan was still true.
func (a *streams) tellReviewed(p *plan.Reviewed) error {
	all, still := p.Count(), p.Confirmed()
	if a.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "reviewed", "decisions": all, "true": still, "stale": all - still})
	}
	_, err := fmt.Fprintf(a.out, "\nof %s in the plan %d were still true; %d were not any more\n", plural(all, "decision"), still, all-still)
	return err
}

// runID names a run: the job's execution where the platform gives it a name, else the time and something random.
func (a *streams) runID() string {
	if id := strings.ToLower(a.env("CONTAINER_APP_JOB_EXECUTION_NAME")); id != "" {
		return id
	}
	return time.Now().UTC().Format("20060102-150405") + "-" + uuid.NewString()[:8]
}
