package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/inventory"
	"github.com/gallra/gallra/retention/purge/search"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Find out whether this CRM is ready for a run, with a remedy for each finding",
		Long: `Checks the connection and the sign-in, the kind of environment, the columns, the policy against the living schema, what
a delete would cascade to, the rights, audit and recycle-bin settings, the ledger, and the data itself: how many persons
each ground justifies, and which dates that the rules need are not registered. Nothing is written.

EXIT STATUS: 0 a run could do its work, 1 it could not, 2 wrong usage or settings.`,
		Example: `  gallra doctor
  gallra doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runDoctor(cmd.Context()) },
	}
}

// finding is one thing that the doctor looked at.
type finding struct {
	Kind     string `json:"kind"`
	Subject  string `json:"subject"`
	Level    string `json:"level"` // ok, warning, error
	Sentence string `json:"sentence"`
	Remedy   string `json:"remedy,omitempty"`
}

// diagnosis collects findings and prints them as they come.
type diagnosis struct {
	app    *app
	errors int
	warned int
	err    error
}

func (d *diagnosis) ok(subject, format string, args ...any) {
	d.add(subject, "ok", "", format, args...)
}

func (d *diagnosis) warn(subject, remedy, format string, args ...any) {
	d.warned++
	d.add(subject, "warning", remedy, format, args...)
}

func (d *diagnosis) fail(subject, remedy, format string, args ...any) {
	d.errors++
	d.add(subject, "error", remedy, format, args...)
}

func (d *diagnosis) add(subject, level, remedy, format string, args ...any) {
	f := finding{"finding", subject, level, fmt.Sprintf(format, args...), remedy}
	if d.err != nil {
		return
	}
	if d.app.json {
		d.err = json.NewEncoder(d.app.out).Encode(f)
		return
	}
	_, d.err = fmt.Fprintf(d.app.out, "%-8s %-12s %s\n", level, subject, f.Sentence)
	if remedy != "" && d.err == nil {
		_, d.err = fmt.Fprintf(d.app.out, "%-8s %-12s remedy: %s\n", "", "", remedy)
	}
}

// errNotReady ends a doctor's visit that found something that a run would fail on.
var errNotReady = errors.New("a run could not do its work here yet")

func (a *app) runDoctor(ctx context.Context) error {
	d := &diagnosis{app: a}
	pol, err := a.loadPolicy()
	if err != nil {
		return a.tellProblems(err)
	}
	s, err := a.connect(ctx)
	if err != nil {
		return err
	}
	d.ok("connection", "signed in as user %s of organisation %s, version %s", s.identity.UserID, s.org.ID, s.org.Version)
	d.environment(s, pol)
	checked, err := compile.Check(ctx, pol, s.client)
	var problems policy.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			d.fail("policy", p.Hint, "%s: %s", p.Pos, p.Message)
		}
	case err != nil:
		return err
	default:
		if err := d.visit(ctx, s, checked); err != nil {
			return err
		}
	}
	return d.end()
}

func (d *diagnosis) environment(s *session, p *policy.Policy) {
	switch {
	case s.org.Production && !p.Environment.AllowProduction:
		d.fail("environment", "say allowProduction: true in the policy once it was tried on a sandbox", "a production environment (%s), which the policy does not allow", s.org.Type)
	case s.org.Production:
		d.ok("environment", "a production environment (%s), allowed by the policy", s.org.Type)
	default:
		d.ok("environment", "no production environment (%s)", s.org.Type)
	}
}

// visit looks at everything that needs a policy that fits.
func (d *diagnosis) visit(ctx context.Context, s *session, c *compile.Policy) error {
	d.ok("policy", "fits the environment: %d subject tables", len(c.Subjects))
	for _, w := range c.Warnings {
		d.warn("policy", w.Hint, "%s: %s", w.Pos, w.Message)
	}
	for _, subject := range c.Subjects {
		if len(subject.Unprovisioned) > 0 {
			d.fail("columns", "gallra provision creates them", "%s lacks %s", subject.Table, strings.Join(subject.Unprovisioned, ", "))
		} else {
			d.ok("columns", "%s has all columns", subject.Table)
		}
		d.cascades(subject)
		if err := d.copies(ctx, s, subject); err != nil {
			return err
		}
	}
	if err := d.rights(ctx, s, c); err != nil {
		return err
	}
	if err := d.forbidden("closed rows", d.closed(ctx, s, c)); err != nil {
		return err
	}
	if err := d.forbidden("anonymised", d.refilled(ctx, s, c)); err != nil {
		return err
	}
	if err := d.forbidden("settings", d.settings(ctx, s)); err != nil {
		return err
	}
	return d.forbidden("data", d.data(ctx, s, c, d.ledger(ctx, s)))
}

// forbidden makes a finding of a read that a missing right has ended: the visit goes on.
func (d *diagnosis) forbidden(what string, err error) error {
	if !errors.Is(err, dataverse.ErrForbidden) {
		return err
	}
	d.fail(what, dataverse.Hint(err), "could not be looked at: %v", err)
	return nil
}

func (d *diagnosis) cascades(s compile.Subject) {
	taken, bound := map[string]bool{}, map[string]bool{}
	for _, r := range s.Cascades {
		switch {
		case r.Business:
			bound[r.Table] = true
		case r.Behavior == "Cascade":
			taken[r.Table] = true
		}
	}
	if s.Purge == policy.Delete {
		d.ok("cascades", "a delete of %s reaches %d tables, each named by a rule; %d tables of business would bind the person instead", s.Table, len(taken), len(bound))
	}
}

// closed counts the rows that are locked for everybody but an administrator.
func (d *diagnosis) closed(ctx context.Context, s *session, c *compile.Policy) error {
	tables, err := inventory.ClosedRows(ctx, s.client, c)
	for _, t := range tables {
		d.warn("closed rows", inventory.ClosedRemedy, "%s", closedRows(t))
	}
	return err
}

// refilled names the rows that were anonymised and hold something again.
func (d *diagnosis) refilled(ctx context.Context, s *session, c *compile.Policy) error {
	for _, subject := range c.Subjects {
		found, err := search.Refilled(ctx, s.client, c, subject.Table)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			continue
		}
		var ids []string
		for _, f := range found[:min(len(found), 20)] {
			ids = append(ids, f.ID.String())
		}
		n := len(found) + found[len(found)-1].More
		more := ""
		if n > len(ids) {
			more = fmt.Sprintf(" and %d more", n-len(ids))
		}
		d.warn("anonymised", search.RefilledRemedy, "%s of %s were anonymised and hold something again, which nobody judges: %s%s", plural(n, "row"), subject.Table, strings.Join(ids, ", "), more)
	}
	return nil
}

func closedRows(t inventory.ClosedTable) string {
	return fmt.Sprintf("%d rows of %s are closed, and only a system administrator may anonymise them: whose they are is left alone (row-closed)", t.Rows, t.Table)
}

func (d *diagnosis) settings(ctx context.Context, s *session) error {
	settings, err := s.client.Settings(ctx)
	if err != nil {
		return fmt.Errorf("read the organisation's settings: %w", err)
	}
	if settings.Audited {
		d.ok("audit", "auditing is on: gallra deletes the history of what it purges")
	} else {
		d.ok("audit", "auditing is off")
	}
	if settings.RecycleBin {
		d.ok("recycle bin", "on, %d days: rows are emptied before they are deleted, so that it holds placeholders", settings.RecycleBinDays)
	} else {
		d.ok("recycle bin", "off")
	}
	return nil
}

// ledger is what the ledger proves, nil where there is none to be read.
func (d *diagnosis) ledger(ctx context.Context, s *session) func(string, uuid.UUID) retention.Trace {
	l, err := d.app.ledgerOf(ctx, s)
	var foreign *ledger.ForeignError
	switch {
	case errors.As(err, &foreign):
		d.fail("ledger", foreign.Hint(), "%v: a run would be refused", err)
		return nil
	case err != nil:
		d.fail("ledger", "gallra ledger verify tells which line", "%v", err)
		return nil
	case !l.Existed():
		d.warn("ledger", "if there was one, bring it back: GALLRA_LEDGER", "there is none in %s: purge dates on the rows get the whole notice again", d.app.settings.Ledger)
		return nil
	}
	d.ok("ledger", "%d entries", l.Seq())
	return l.Traces()
}

// data counts whom the grounds justify and what they lack.
func (d *diagnosis) data(ctx context.Context, s *session, c *compile.Policy, traces func(string, uuid.UUID) retention.Trace) error {
	plan, err := d.app.evaluate(ctx, s, c, s.today(c.Policy), traces, false)
	if err != nil {
		return err
	}
	for _, t := range plan.Tables {
		kept := t.Actions[retention.Keep] + t.Actions[retention.Clear]
		d.ok("persons", "%s: %d persons, %d kept, %d not justified beyond the notice", t.Table, t.Persons, kept, t.Persons-kept)
	}
	for _, g := range plan.Grounds {
		total := 0
		for _, t := range plan.Tables {
			if t.Table == g.Table {
				total = t.Persons
			}
		}
		switch {
		case g.Rows == 0 && !g.MayBeEmpty:
			d.warn("ground", "look whether an option, a column or a view was renamed; or say mayBeEmpty: true", "%s of %s matches nothing", g.Ground, g.Table)
		case total > 20 && g.Persons*100 > total*95:
			d.warn("ground", "is it meant to keep nearly everybody?", "%s of %s keeps %d of %d persons", g.Ground, g.Table, g.Persons, total)
		}
		switch {
		case g.Gaps == 0:
		case missingIgnored(c, g):
			d.warn("data", "register the date, if the rows are to count", "%s of %s: %d rows lack the date that the period counts from, and justify nobody", g.Ground, g.Table, g.Gaps)
		default:
			d.warn("data", "register the date, or say missingDate: ignore on the ground", "%s of %s: %d rows lack the date that the period counts from, and keep their persons", g.Ground, g.Table, g.Gaps)
		}
	}
	return d.unlinked(ctx, s, c)
}

// unlinked counts rows that would justify somebody if they said whom.
func (d *diagnosis) unlinked(ctx context.Context, s *session, c *compile.Policy) error {
	for _, subject := range c.Subjects {
		for i := range subject.Grounds {
			g := &subject.Grounds[i]
			q, ok := g.Unlinked()
			if !ok {
				continue
			}
			n, err := s.client.Count(ctx, q)
			if err != nil {
				return fmt.Errorf("count the rows of ground %s that name nobody: %w", g.ID, err)
			}
			if n > 0 {
				d.warn("data", fmt.Sprintf("register the person on them (%s of %s)", g.Link, g.Ground.Table), "%s of %s: %d rows of %s name no person, and justify nobody", g.ID, subject.Table, n, g.Ground.Table)
			}
		}
	}
	return nil
}

func missingIgnored(c *compile.Policy, g plan.GroundTotals) bool {
	for _, x := range c.Subject(g.Table).Grounds {
		if x.ID == g.Ground {
			return x.MissingDate == policy.MissingIgnored
		}
	}
	return false
}

func (d *diagnosis) end() error {
	if d.err != nil {
		return d.err
	}
	if d.app.json {
		d.err = json.NewEncoder(d.app.out).Encode(map[string]any{"kind": "totals", "errors": d.errors, "warnings": d.warned, "ready": d.errors == 0})
	} else {
		_, d.err = fmt.Fprintf(d.app.out, "%d errors, %d warnings\n", d.errors, d.warned)
	}
	if d.err == nil && d.errors > 0 {
		return errNotReady
	}
	return d.err
}
