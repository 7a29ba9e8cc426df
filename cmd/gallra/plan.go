package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention"
)

// planOptions are the flags of gallra plan.
type planOptions struct {
	asOf  string
	all   bool
	table string
}

func newPlan(a *app) *cobra.Command {
	o := planOptions{}
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show what a run would do and why; nothing is written",
		Long: `Evaluates everybody as a run does and shows what the run would write, with the reason for each person. --as-of looks
ahead: who would be scheduled or purged on that day if nothing changed until then.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage, settings or policy.`,
		Example: `  gallra plan
  gallra plan --as-of 2027-02-01 --table contact
  gallra plan --json > plan.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runPlan(cmd.Context(), o) },
	}
	c.Flags().StringVar(&o.asOf, "as-of", "", "plan for this day instead of today (2027-02-01)")
	c.Flags().BoolVar(&o.all, "all", false, "list persons who are kept as well")
	c.Flags().StringVar(&o.table, "table", "", "list the persons of this subject table only")
	return c
}

// day is the day to plan for: the one that was asked for, or the service's today.
func (o planOptions) day(s *session, p *retention.Policy) (retention.Date, error) {
	today := s.today(p)
	if o.asOf == "" {
		return today, nil
	}
	d, err := retention.ParseDate(o.asOf)
	if err != nil {
		return 0, &usageError{"--as-of: " + err.Error(), ""}
	}
	return d, nil
}

func (a *app) runPlan(ctx context.Context, o planOptions) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	if o.table != "" && checked.Subject(o.table) == nil {
		return &usageError{fmt.Sprintf("the policy has no subject table %q", o.table), "its subjects are " + subjectNames(checked)}
	}
	day, err := o.day(s, checked.Policy)
	if err != nil {
		return err
	}
	l, err := a.readLedger()
	if err != nil {
		return err
	}
	plan, err := a.evaluate(ctx, s, checked, day, l.Traces(), o.all)
	if err != nil {
		return err
	}
	if o.table != "" {
		plan.Decisions = slices.DeleteFunc(plan.Decisions, func(d retention.Planned) bool { return d.Person.Table != o.table })
	}
	if a.json {
		return plan.WriteJSON(a.out)
	}
	a.warnNoLedger(l.Existed())
	rails := plan.GuardRails(checked.Policy.Limits, l.GroundRows)
	return a.planWords(plan, checked, rails)
}

// evaluate reads everybody and plans, with progress where somebody watches.
func (a *app) evaluate(ctx context.Context, s *session, c *retention.Checked, day retention.Date, traces func(string, uuid.UUID) retention.Trace, all bool) (*retention.Plan, error) {
	bar := a.progress("reading")
	defer bar.done()
	e, err := retention.Evaluate(ctx, s.client, c, retention.EvaluateOptions{
		Today: day, Traces: traces, Progress: func(what string, rows int) { bar.add("reading "+what, rows) },
	})
	if err != nil {
		return nil, err
	}
	return retention.NewPlan(c, e, retention.PlanOptions{Traces: traces, All: all}), nil
}

// warnNoLedger says what a missing ledger means: it delays purges and never hastens them.
func (a *app) warnNoLedger(existed bool) {
	if existed {
		return
	}
	fmt.Fprintf(a.errs, "gallra: there is no ledger in %s: purge dates on the rows that it cannot prove get the whole notice again\n", a.settings.Ledger)
}

func subjectNames(c *retention.Checked) string {
	var names string
	for i, s := range c.Subjects {
		if i > 0 {
			names += ", "
		}
		names += s.Table
	}
	return names
}
