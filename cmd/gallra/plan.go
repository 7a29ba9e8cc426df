package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/doctor"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// planOptions are the flags of gallra plan.
type planOptions struct {
	asOf  string
	all   bool
	table string
	// ground is the id of the ground that gave the persons their date, manual-extension, or none.
	ground string
	out    string
	// reviewed leaves only what a reviewed plan says and what is still true of it.
	reviewed *plan.Reviewed
}

func newPlan(a *app) *cobra.Command {
	o := planOptions{}
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show what a run would do and why; nothing is written",
		Long: `Evaluates everybody as a run does and shows what the run would write, with the reason for each person. --as-of looks
ahead: who would be scheduled or purged on that day if nothing changed until then. --out keeps the plan in a file, as
--json prints it, for gallra run --plan.

EXIT STATUS: 0 done, 1 failed, 2 wrong usage, settings or policy.`,
		Example: `  gallra plan
  gallra plan --as-of 2027-02-01 --table contact
  gallra plan --ground closed-opportunity
  gallra plan --out plan.jsonl       # review it, then: gallra run --plan plan.jsonl --apply`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runPlan(cmd.Context(), o) },
	}
	c.Flags().StringVar(&o.asOf, "as-of", "", "plan for this day instead of today (2027-02-01)")
	c.Flags().BoolVar(&o.all, "all", false, "list persons who are kept as well")
	c.Flags().StringVar(&o.table, "table", "", "list the persons of this subject table only")
	c.Flags().StringVar(&o.ground, "ground", "", "list only persons to whom this ground gave their date; none: whom nothing ever justified")
	c.Flags().StringVar(&o.out, "out", "", "keep the plan in this file; it must not be there yet")
	return c
}

// day is the day to plan for: the one that was asked for, or the service's today.
func (o planOptions) day(s *session, p *policy.Policy) (retention.Date, error) {
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
	s, checked, err := a.openBy(ctx, compile.Compile) // whoever mends an unsafe policy sees what it does
	if err != nil {
		return a.tellProblems(err)
	}
	if o.table != "" && checked.Subject(o.table) == nil {
		return &usageError{fmt.Sprintf("the policy has no subject table %q", o.table), "its subjects are " + subjectNames(checked)}
	}
	if err := o.checkGround(checked); err != nil {
		return err
	}
	day, err := o.day(s, checked.Policy)
	if err != nil {
		return err
	}
	if o.reviewed != nil {
		if err := o.reviewed.Fits(checked, day); err != nil {
			return err
		}
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	if err := a.warnBlind(ctx, s, checked); err != nil {
		return err
	}
	planned, evaluation, err := a.evaluateAll(ctx, s, checked, day, l, o.all)
	if err != nil {
		return err
	}
	rowRails, err := a.dueRows(ctx, s, checked, l, planned, evaluation)
	if err != nil {
		return err
	}
	if o.reviewed != nil {
		planned = planned.Only(func(d *plan.Planned) bool { return o.reviewed.Still(d.Person.Table, d.Person.ID, d.Action) })
	}
	drift, err := purge.Drift(ctx, s.client, checked, l.Facts())
	if err != nil {
		return err
	}
	stuck, places, err := purge.MarkStuck(ctx, s.client, checked, planned)
	if err != nil {
		return err
	}
	waiting, err := a.markUnapproved(ctx, s, checked, planned, l)
	if err != nil {
		return err
	}
	foreign, err := purge.ForeignColumns(ctx, s.client, checked, l)
	if err != nil {
		return err
	}
	rails := slices.Concat(planned.Able().GuardRails(checked.Policy.Limits, purge.Matched(l, checked)), purge.Undecided(checked), purge.DriftRails(drift))
	rails = append(append(rails, foreign...), rowRails...)
	planned.Decisions = slices.DeleteFunc(planned.Decisions, func(d plan.Planned) bool { return !o.shows(&d) })
	if o.out != "" {
		if err := keepPlan(o.out, planned); err != nil {
			return err
		}
	}
	if a.json {
		a.warnDrift(drift)
		if err := planned.WriteJSON(a.out); err != nil {
			return err
		}
		e := json.NewEncoder(a.out)
		for _, t := range places {
			if err := e.Encode(tallyLine(t)); err != nil {
				return err
			}
		}
		return nil
	}
	a.warnNoLedger(l.Existed())
	if err := a.planWords(planned, checked, rails, l); err != nil {
		return err
	}
	a.tellPlaces(places)
	a.tellStuck(stuck)
	if waiting > 0 {
		fmt.Fprintf(a.out, "\nof these %s wait for somebody else's approval: gallra plan --out FILE, and gallra approve FILE; limits do not count them\n", plural(waiting, "person"))
	}
	for _, c := range drift {
		if !c.Stops {
			fmt.Fprintf(a.out, "\nchanged since the last run: %s\n", c.Sentence)
		}
	}
	closed, err := inventory.ClosedRows(ctx, s.client, checked)
	if err != nil {
		return err
	}
	for _, t := range closed {
		fmt.Fprintf(a.out, "\n%s\n  remedy: %s\n", doctor.ClosedRows(t), inventory.ClosedRemedy)
	}
	if o.reviewed != nil {
		return a.tellReviewed(o.reviewed)
	}
	if o.out != "" {
		then := "gallra run --plan " + o.out + " --apply"
		if checked.Policy.Approval == policy.ByList {
			then = "gallra approve " + o.out + ", by somebody else than who runs the policy"
		}
		fmt.Fprintf(a.out, "\nkept in %s: review it, then %s\n", o.out, then)
	}
	return nil
}

// tellPlaces says what would become of the rows of who is purged now, by place of the person map.
func (a *app) tellPlaces(places []purge.TableTally) {
	var rows [][]string
	for _, t := range places {
		row := []string{t.Table}
		for _, n := range []int{t.Deleted, t.Anonymized, t.Kept, t.Freed, t.Shared} {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		fmt.Fprintf(a.out, "\nrows of the purged, by place (gallra map says what leads there)\n%s\n", a.table([]string{"place", "deleted", "anonymised", "kept", "freed", "taken off"}, rows))
	}
}

// markUnapproved marks who is due and waits for an approval by somebody else than who runs the policy. It answers how many
// they are.
func (a *app) markUnapproved(ctx context.Context, s *session, c *compile.Policy, planned *plan.Plan, l *ledger.Ledger) (int, error) {
	runs := s.identity.UserID
	if last := lastRun(l); last != nil { // whoever looks may be the one to approve
		runs = last.Actor
	}
	list, err := purge.ReadListed(ctx, s.client, l, c.Policy, runs, planned.AsOf)
	if err != nil {
		return 0, err
	}
	return planned.MarkUnapproved(list.Has), nil
}

// tellStuck counts who cannot be purged, by table and reason.
func (a *app) tellStuck(stuck []purge.Forecast) {
	type of struct{ table, code string }
	counts := make(map[of]int)
	for _, f := range stuck {
		counts[of{f.Table, f.Code}]++
	}
	for _, k := range slices.SortedFunc(maps.Keys(counts), func(a, b of) int { return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.code, b.code)) }) {
		fmt.Fprintf(a.out, "\nof these %s in `%s` cannot be purged and stay as they are: %s; limits do not count them\n", plural(counts[k], "person"), k.table, k.code)
	}
}

// shows tells whether the decision is one that was asked for.
func (o planOptions) shows(d *plan.Planned) bool {
	if o.table != "" && d.Person.Table != o.table {
		return false
	}
	switch o.ground {
	case "":
		return true
	case noGround:
		return d.GroundID() == ""
	}
	return d.GroundID() == o.ground
}

// noGround is what --ground calls persons whom nothing ever justified.
const noGround = "none"

func (o planOptions) checkGround(c *compile.Policy) error {
	if o.ground == "" || o.ground == noGround || o.ground == retention.ManualExtension {
		return nil
	}
	var known []string
	for _, s := range c.Subjects {
		for _, g := range s.Grounds {
			if g.ID == o.ground {
				return nil
			}
			if !slices.Contains(known, g.ID) {
				known = append(known, g.ID)
			}
		}
	}
	known = append(known, retention.ManualExtension, noGround)
	return &usageError{fmt.Sprintf("the policy has no ground %q", o.ground), "there are " + strings.Join(known, ", ")}
}

// keepPlan writes the plan to a new file, whole or not at all.
func keepPlan(path string, plan *plan.Plan) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return &usageError{path + " is there already", "name another file: a plan that was reviewed is not written over"}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".plan-*")
	if err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("keep the plan: %w", err)
		}
	}()
	w := bufio.NewWriter(f)
	if err := errors.Join(plan.WriteJSON(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// evaluate reads everybody and plans, with progress where somebody watches.
func (a *app) evaluate(ctx context.Context, s *session, c *compile.Policy, day retention.Date, l *ledger.Ledger, all bool) (*plan.Plan, error) {
	planned, _, err := a.evaluateAll(ctx, s, c, day, l, all)
	return planned, err
}

// evaluateAll is evaluate for whoever wants to know what was read.
func (a *app) evaluateAll(ctx context.Context, s *session, c *compile.Policy, day retention.Date, l *ledger.Ledger, all bool) (*plan.Plan, *evaluate.Evaluation, error) {
	bar := a.progress("reading")
	defer bar.done()
	o := evaluate.EvaluateOptions{Today: day, Progress: func(what string, rows int) { bar.add("reading "+what, rows) }}
	if l != nil { // otherwise nothing is proven
		o.Traces, o.Held, o.Stages = l.Trace, l.Held, l.Stage
	}
	e, err := evaluate.Evaluate(ctx, s.client, c, o)
	if err != nil {
		return nil, nil, err
	}
	return plan.NewPlan(c, e, plan.PlanOptions{Traces: o.Traces, Stages: o.Stages, All: all}), e, nil
}

// warnDrift says beside the lines for a machine what has changed in the environment since the last run.
func (a *streams) warnDrift(drift []purge.Change) {
	for _, c := range drift {
		what := "changed since the last run"
		if c.Stops {
			what = "gallra run --apply would purge nobody"
		}
		fmt.Fprintf(a.errs, "gallra: %s: %s\n", what, c.Sentence)
	}
}

// warnNoLedger says what a missing ledger means: it delays purges and never hastens them.
func (a *app) warnNoLedger(existed bool) {
	if existed {
		return
	}
	fmt.Fprintf(a.errs, "gallra: there is no ledger in %s: purge dates on the rows that it cannot prove get the whole notice again\n", a.settings.Ledger)
}

func subjectNames(c *compile.Policy) string {
	var names string
	for i, s := range c.Subjects {
		if i > 0 {
			names += ", "
		}
		names += s.Table
	}
	return names
}
