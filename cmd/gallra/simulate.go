package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/cmd/gallra/rehearsal"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// simulateOptions are the flags of gallra simulate.
type simulateOptions struct {
	with     string // the other policy's file
	asOf     string
	backCast string
}

func newSimulate(a *app) *cobra.Command {
	o := simulateOptions{}
	c := &cobra.Command{
		Use:   "simulate [NEW.yaml]",
		Short: "Show what another policy would change, or whom today's would have purged in the past",
		Long: `With a file: the policy in force (--policy) and the other one over the same data on the same day. Tells who would be
purged earlier, later, newly (kept without an end until now) and no more, who would be asked before that and when, and how many
rows would go whose own period is over.

With --back-cast: whom the policy (NEW.yaml if it is given, else the one in force) would have purged by a day in the past,
and who of them became active again since: the regret rate. It goes by what the rows tell of that day: when they were
created, when deals and activities were closed, when events took place. What it cannot know is listed with the result.

Nothing is written.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage, settings or policy.`,
		Example: `  gallra simulate stricter.yaml
  gallra simulate stricter.yaml --json > changes.jsonl
  gallra simulate --back-cast "24 months"`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.take(args); err != nil {
				return err
			}
			if o.backCast != "" {
				return a.runBackCast(cmd.Context(), o)
			}
			return a.runSimulate(cmd.Context(), o)
		},
	}
	c.Flags().StringVar(&o.asOf, "as-of", "", "compare on this day instead of today (2027-02-01)")
	c.Flags().StringVar(&o.backCast, "back-cast", "", "go back by this period, such as \"24 months\"")
	return c
}

// take reads the arguments. A period needs no quotes: --back-cast 24 months leaves its unit among them.
func (o *simulateOptions) take(args []string) error {
	if o.backCast != "" && len(args) > 0 {
		if _, err := retention.ParsePeriod(o.backCast + " " + args[0]); err == nil {
			o.backCast, args = o.backCast+" "+args[0], args[1:]
		}
	}
	if len(args) > 1 {
		return &usageError{"simulate takes one policy", "gallra simulate --help tells what it takes"}
	}
	if len(args) == 1 {
		o.with = args[0]
	}
	switch {
	case o.backCast == "" && o.with == "":
		return &usageError{"simulate needs another policy or --back-cast", "gallra simulate --help tells what it takes"}
	case o.backCast != "" && o.asOf != "":
		return &usageError{"--as-of and --back-cast exclude each other", ""}
	}
	return nil
}

func (a *app) runSimulate(ctx context.Context, o simulateOptions) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	policy, err := readPolicy(o.with)
	if err != nil {
		return a.tellProblems(err)
	}
	with, err := compile.Check(ctx, policy, s.client)
	if err != nil {
		return a.tellProblems(err)
	}
	for _, c := range []*compile.Policy{checked, with} {
		if _, err := a.warnBlind(ctx, s, c); err != nil {
			return err
		}
	}
	day, err := planOptions{asOf: o.asOf}.day(s, checked.Policy)
	if err != nil {
		return err
	}
	bar := a.progress("reading")
	l, err := a.ledgerOf(ctx, s)
	var foreign *ledger.ForeignError
	if errors.As(err, &foreign) { // that of another environment knows none of these
		fmt.Fprintf(a.errs, "gallra: the simulation knows nothing of grounds that were lost, of words to persons and of rows whose own period is over: %v\n", foreign)
		l, err = nil, nil
	}
	if err != nil {
		return err
	}
	options := evaluate.EvaluateOptions{Today: day, Progress: func(what string, rows int) { bar.add("reading "+what, rows) }}
	if l != nil { // both policies have the same past
		options.Held, options.Changes = l.Held, l.Changes
	}
	var now, then *evaluate.Evaluation
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { now, err = evaluate.Evaluate(groupCtx, s.client, checked, options); return err })
	group.Go(func() (err error) { then, err = evaluate.Evaluate(groupCtx, s.client, with, options); return err })
	err = group.Wait()
	bar.done()
	if err != nil {
		return err
	}
	result := plan.Simulate(checked, now, with, then)
	if l != nil {
		if err := a.simulateRows(ctx, s, l, result, checked, now, with, then); err != nil {
			return err
		}
		result.CompareAsks(checked, now, with, then, l)
	}
	if a.json {
		return result.WriteJSON(a.out)
	}
	return a.simulationWords(result, a.settings.Policy, o.with)
}

// simulateRows adds what both policies do to rows whose own period is over.
func (a *app) simulateRows(ctx context.Context, s *session, l *ledger.Ledger, result *plan.Simulation, checked *compile.Policy, now *evaluate.Evaluation, with *compile.Policy, then *evaluate.Evaluation) error {
	if len(checked.Rows)+len(with.Rows) == 0 {
		return nil
	}
	bar := a.progress("reading rows")
	defer bar.done()
	before, _, err := purge.DueRows(ctx, s.client, checked, l, now)
	if err != nil {
		return err
	}
	after, _, err := purge.DueRows(ctx, s.client, with, l, then)
	if err != nil {
		return err
	}
	result.CompareRows(before, after)
	return nil
}

func (a *app) runBackCast(ctx context.Context, o simulateOptions) error {
	period, err := retention.ParsePeriod(o.backCast)
	if err != nil || period.IsZero() {
		if err == nil {
			err = fmt.Errorf("%q leads nowhere", o.backCast)
		}
		return &usageError{"--back-cast: " + err.Error(), "such as --back-cast \"24 months\""}
	}
	if o.with != "" {
		a.settings.Policy = o.with
	}
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	if _, err := a.warnBlind(ctx, s, checked); err != nil {
		return err
	}
	today := s.today(checked.Policy)
	bar := a.progress("reading")
	result, err := plan.NewBackCast(ctx, s.client, checked, today.Sub(period), evaluate.EvaluateOptions{
		Today: today, Progress: func(what string, rows int) { bar.add("reading "+what, rows) },
	})
	bar.done()
	if err != nil {
		return err
	}
	if a.json {
		return result.WriteJSON(a.out)
	}
	return a.backCastWords(result)
}

// rehearsals are the verbs that take an environment into a file and live on there.
func rehearsals(a *app) []*cobra.Command {
	return rehearsal.Verbs(&rehearsal.Host{
		Out: a.out, Errs: a.errs, Version: version, JSON: func() bool { return a.json },
		Connect: func(ctx context.Context) (*dataverse.Client, *compile.Policy, error) {
			if a.settings.Policy == "" {
				s, err := a.connect(ctx)
				if err != nil {
					return nil, nil, err
				}
				return s.client, nil, nil
			}
			s, checked, err := a.openBy(ctx, compile.Compile)
			if err != nil {
				return nil, nil, err
			}
			_, err = a.warnBlind(ctx, s, checked) // what is hidden would be missing from the file
			return s.client, checked, err
		},
		Policy: a.loadPolicy, PolicyOf: func(file string) (*policy.Policy, error) {
			other := *a
			other.settings.Policy = file
			return other.loadPolicy()
		},
		PolicyFile: func() string { return a.settings.Policy },
		Ledger: func(ctx context.Context, at string) (*ledger.Ledger, error) {
			other := *a
			other.settings.Ledger = at
			return other.readLedger(ctx)
		},
		Folded:   func(text string) string { return folded(neutral(text), a.screen().width, 0) },
		Table:    func(head []string, rows [][]string) string { return string(a.table(head, rows)) },
		Usage:    func(message, hint string) error { return &usageError{message, hint} },
		Problems: a.tellProblems,
		Progress: func(what string) rehearsal.Progress {
			bar, end := a.progress(what), sync.Once{}
			return rehearsal.Progress{Add: bar.add, Set: func(what string, done, of int) { bar.set(what, done, of, false) }, Done: func() { end.Do(bar.done) }}
		},
	})
}
