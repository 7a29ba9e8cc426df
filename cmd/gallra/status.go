package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Whether, when and as whom the next run acts; what the last one did; who is past their date",
		Long: `Holds the policy against the environment, reads the ledger, and counts the persons whose purge date has come and who are
still there: the retention debt. Nothing is written. When the next run is due is told by the rhythm of the runs before it:
what starts them is not gallra's.

EXIT STATUS: 0 told, 1 failed, 2 wrong usage, settings or policy: a run would be refused.`,
		Example: `  gallra status
  gallra status --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runStatus(cmd.Context()) },
	}
}

// status is what gallra status tells.
type status struct {
	now      time.Time
	zone     *time.Location
	actor    uuid.UUID
	app      uuid.UUID // the application of the user, if they are one
	policy   string
	acts     bool
	obstacle []string // why the next run would do nothing, or not what is expected
	ledger   bool
	last     *ledger.RunInfo
	stopped  []string  // the guard rails that stopped it
	next     time.Time // zero: the rhythm is not known
	debts    []debt
	trend    []ledger.Debt // the oldest first
	begun    int           // purges that a cut run left under way
	sweeps   int           // persons whose audit history is looked for again
	rows     int           // rows whose own period is over and that a cut run had begun to end
}

// debt is what a subject table owes: persons whose date has come.
type debt struct {
	table         string
	past          int
	held          int // of them, under a legal hold
	oldest        retention.Date
	unprovisioned bool
}

func (a *app) runStatus(ctx context.Context) error {
	s, checked, err := a.open(ctx)
	if err != nil {
		return a.tellProblems(err)
	}
	l, err := a.ledgerOf(ctx, s)
	if err != nil {
		return err
	}
	st := &status{now: s.client.Now(), zone: checked.Policy.TimeZone, actor: s.identity.UserID, policy: checked.Policy.Hash, ledger: l.Existed()}
	obstacles, err := st.ask(ctx, s, checked, l)
	if err != nil {
		return err
	}
	st.read(l)
	st.judge(checked)
	st.obstacle = append(st.obstacle, obstacles...)
	if a.json {
		err = a.statusJSON(st)
	} else {
		a.warnNoLedger(st.ledger)
		err = a.statusWords(st)
	}
	if err == nil && !st.acts {
		return &usageError{"a run would be refused", "gallra doctor says what is missing"}
	}
	return err
}

// ask asks the environment, side by side, who acts, what is owed, and what keeps the next run from acting.
func (st *status) ask(ctx context.Context, s *session, c *compile.Policy, l *ledger.Ledger) (obstacles []string, err error) {
	today := s.today(c.Policy)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		st.app, err = applicationOf(ctx, s)
		return err
	})
	st.debts = make([]debt, len(c.Subjects))
	for i := range c.Subjects {
		group.Go(func() (err error) {
			st.debts[i], err = debtOf(ctx, s.client, &c.Subjects[i], today)
			return err
		})
	}
	rails := func(found ...*plan.GuardRail) (told []string) {
		for _, rail := range found {
			if rail != nil {
				told = append(told, rail.Sentence.String()+"; "+rail.Remedy.String())
			}
		}
		return told
	}
	questions := []func() ([]string, error){
		func() ([]string, error) {
			var blind *compile.BlindError
			if _, err := c.Prove(ctx, s.client); errors.As(err, &blind) {
				return []string{blind.Error() + "; " + blind.Hint()}, nil
			} else if err != nil {
				return nil, err
			}
			return nil, nil
		},
		func() ([]string, error) {
			rail, err := purge.Unapproved(ctx, s.client, l, c.Policy, s.identity.UserID, today)
			return rails(rail), err
		},
		func() ([]string, error) { // whether the ledger is the newest
			behind, unproven, err := purge.Fresh(ctx, s.client, l, c.Organization, len(l.Runs()))
			return rails(behind, unproven), err
		},
		func() (told []string, err error) {
			foreign, err := purge.ForeignColumns(ctx, s.client, c, l)
			for i := range foreign {
				told = append(told, rails(&foreign[i])...)
			}
			return told, err
		},
		func() (told []string, err error) { // of which purges the ledger knows nothing
			unknown, err := purge.Unknown(ctx, s.client, c, l)
			for _, s := range c.Subjects {
				if n := len(unknown[s.Table]); n > 0 {
					told = append(told, fmt.Sprintf("%d rows of %s are marked as anonymised, and the ledger knows nothing of it: a run finishes or names them", n, s.Table))
				}
			}
			return told, err
		},
	}
	answers := make([][]string, len(questions))
	for i, question := range questions {
		group.Go(func() (err error) {
			answers[i], err = question()
			return err
		})
	}
	err = group.Wait()
	return slices.Concat(answers...), err
}

// applicationOf tells which application signs in; zero for a person. Whoever may not read that is told as a user.
func applicationOf(ctx context.Context, s *session) (uuid.UUID, error) {
	row, err := s.client.Get(ctx, "systemuser", s.identity.UserID, dataverse.Query{Select: []string{"systemuserid", "applicationid"}})
	switch {
	case err == nil:
		return row.ID("applicationid"), nil
	case ctx.Err() != nil:
		return uuid.Nil, ctx.Err()
	}
	return uuid.Nil, nil
}

// debtOf counts the persons of a table whose purge date has come and who are still there.
func debtOf(ctx context.Context, client dataverse.Reader, s *compile.Subject, today retention.Date) (debt, error) {
	d := debt{table: s.Table, unprovisioned: len(s.Unprovisioned) > 0}
	if d.unprovisioned {
		return d, nil
	}
	filter := compile.And(fmt.Sprintf("%s le %s", s.Own.PurgeScheduledOn, today), s.Persons.Filter)
	var err error
	if d.past, err = client.Count(ctx, dataverse.Query{Table: s.Table, Filter: filter}); err != nil || d.past == 0 {
		return d, err
	}
	if d.held, err = client.Count(ctx, dataverse.Query{Table: s.Table, Filter: filter + " and " + s.Own.LegalHold + " eq true"}); err != nil {
		return d, err
	}
	oldest := dataverse.Query{Table: s.Table, Select: []string{s.PrimaryID, s.Own.PurgeScheduledOn}, Filter: filter, OrderBy: s.Own.PurgeScheduledOn + " asc", Top: 1}
	for row, err := range client.Rows(ctx, oldest) {
		if err != nil {
			return d, err
		}
		d.oldest, _ = retention.DateOnly.Date(row.Text(s.Own.PurgeScheduledOn), nil)
	}
	return d, nil
}

// read takes from the ledger what the last run did and what is left of it.
func (st *status) read(l *ledger.Ledger) {
	var began []time.Time
	runs := l.Runs()
	for i := range runs {
		if runs[i].Verb == "run" {
			st.last = &runs[i]
			began = append(began, runs[i].Began)
		}
	}
	st.next = nextAfter(began)
	st.trend = ledger.DebtTrend(runs, st.zone)
	for _, p := range l.Unfinished() {
		if p.Concluded {
			st.sweeps++
		} else {
			st.begun++
		}
	}
	for _, e := range l.EndedRows() {
		if !e.Concluded {
			st.rows++
		}
	}
	if st.last != nil && st.last.Status == ledger.Halted {
		st.stopped = st.last.Stopped
	}
}

// rhythm is how many runs it takes to know how often they come.
const rhythm = 3

// nextAfter is when the next run is due by the rhythm of those before: the median of the last intervals.
func nextAfter(began []time.Time) time.Time {
	if len(began) < rhythm {
		return time.Time{}
	}
	began = began[max(0, len(began)-8):]
	var gaps []time.Duration
	for i := 1; i < len(began); i++ {
		gaps = append(gaps, began[i].Sub(began[i-1]))
	}
	slices.Sort(gaps)
	return began[len(began)-1].Add(gaps[len(gaps)/2])
}

// judge tells whether the next run acts.
func (st *status) judge(c *compile.Policy) {
	st.acts = true
	past := 0
	for _, d := range st.debts {
		past += d.past - d.held
		if d.unprovisioned {
			st.acts = false
			st.obstacle = append(st.obstacle, fmt.Sprintf("%s lacks the columns that a run writes: gallra provision creates them", d.table))
		}
	}
	if limit := c.Policy.Limits.Purges; past > limit {
		st.obstacle = append(st.obstacle, fmt.Sprintf("the date of %s has come, and the limit of one run is %d: unless enough of them are rescued, nobody is purged", plural(past, "person"), limit))
	}
	if !st.ledger {
		st.obstacle = append(st.obstacle, "the ledger is missing: every purge date on the rows gets the whole notice again")
	}
	if st.last == nil {
		return
	}
	if n := st.last.Unapproved(); n > 0 {
		st.obstacle = append(st.obstacle, fmt.Sprintf("%s who were due in the last run waited for approval: gallra plan --out FILE, and gallra approve FILE by somebody else", plural(n, "person")))
	}
	if n := st.last.Unasked(); n > 0 {
		st.obstacle = append(st.obstacle, fmt.Sprintf("%s who were due in the last run waited, since they were not asked in time: they go once the policy's time has passed since they were asked", plural(n, "person")))
	}
	if st.last.Policy != c.Policy.Hash {
		st.obstacle = append(st.obstacle, "the policy is another one than in the last run: gallra plan and gallra simulate show what it changes")
	}
	if st.last.Status == "" {
		st.obstacle = append(st.obstacle, fmt.Sprintf("run %s has no end: it is under way, or was cut, and then the next run finishes what it began", st.last.ID))
	}
	for _, g := range st.stopped {
		st.obstacle = append(st.obstacle, fmt.Sprintf("a guard rail stopped the last run (%s): unless its cause is gone, it stops the next one", g))
	}
	if !st.next.IsZero() && st.now.Sub(st.next) > st.next.Sub(st.last.Began) {
		st.obstacle = append(st.obstacle, "no run came when it was due: see whether the job is still scheduled")
	}
}
