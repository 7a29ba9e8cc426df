// Package doctor finds out whether a CRM is ready for a run, with a remedy for each thing that is not. [Examine] is all
// there is: it holds the policy against the environment, looks at columns, the places where persons stand, rights, settings, the ledger and the
// data, and tells each [Finding] as it comes.
//
// # Promises
//
// Nothing is written. A read that a missing right ends is a finding of its own, and the examination goes on. A finding names tables,
// columns, rights and row ids, and nothing else of a person.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/inventory"
	"github.com/gallra/gallra/retention/purge/search"
)

// Finding is one thing that was looked at.
type Finding struct {
	Subject  string `json:"subject"`
	Level    Level  `json:"level"`
	Sentence string `json:"sentence"`
	Remedy   string `json:"remedy,omitempty"`
}

// Level is how bad a finding is.
type Level string

// The levels. A run could not do its work where there is an [Error].
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Error   Level = "error"
)

// Deps are what an examination works with.
type Deps struct {
	Client       *dataverse.Client
	User         uuid.UUID // who is signed in
	Organization dataverse.Organization
	Ledger       func(context.Context) (*ledger.Ledger, error) // reads it, and refuses that of another organisation
	LedgerAt     string                                        // where it is looked for, as people name it
	Tell         func(Finding) error                           // an error of it is that of the examination

	// Plan evaluates everybody and plans for today.
	Plan func(context.Context, *compile.Policy, *ledger.Ledger) (*plan.Plan, error)
}

// Result is how many findings there were of what a run could fail on.
type Result struct{ Errors, Warnings int }

// Ready tells whether a run could do its work.
func (r Result) Ready() bool { return r.Errors == 0 }

// Examine looks at the environment by a policy that was read, but need not fit.
func Examine(ctx context.Context, p *policy.Policy, deps Deps) (Result, error) {
	d := &visit{Deps: deps}
	d.ok("connection", "signed in as user %s of organisation %s, version %s", d.User, d.Organization.ID, d.Organization.Version)
	d.environment(p)
	checked, err := compile.Check(ctx, p, d.Client)
	var problems policy.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			d.fail("policy", p.Hint, "%s: %s", p.Pos, p.Message)
		}
	case err != nil:
		return d.result, err
	default:
		if err := d.fitting(ctx, checked); err != nil {
			return d.result, err
		}
	}
	return d.result, d.err
}

// visit is an examination under way.
type visit struct {
	Deps
	result Result
	err    error          // of telling
	known  *ledger.Ledger // nil where there is none to be read
}

func (d *visit) ok(subject, format string, args ...any) {
	d.add(subject, OK, "", format, args...)
}

func (d *visit) warn(subject, remedy, format string, args ...any) {
	d.result.Warnings++
	d.add(subject, Warning, remedy, format, args...)
}

func (d *visit) fail(subject, remedy, format string, args ...any) {
	d.result.Errors++
	d.add(subject, Error, remedy, format, args...)
}

func (d *visit) add(subject string, level Level, remedy, format string, args ...any) {
	if d.err == nil {
		d.err = d.Tell(Finding{subject, level, fmt.Sprintf(format, args...), remedy})
	}
}

func (d *visit) environment(p *policy.Policy) {
	switch {
	case d.Organization.Production && !p.Environment.AllowProduction:
		d.fail("environment", "say allowProduction: true in the policy once it was tried on a sandbox", "a production environment (%s), which the policy does not allow", d.Organization.Type)
	case d.Organization.Production:
		d.ok("environment", "a production environment (%s), allowed by the policy", d.Organization.Type)
	default:
		d.ok("environment", "no production environment (%s)", d.Organization.Type)
	}
}

// fitting looks at everything that needs a policy that fits.
func (d *visit) fitting(ctx context.Context, c *compile.Policy) error {
	d.ok("policy", "fits the environment: %d subject tables", len(c.Subjects))
	for _, u := range c.Undecided {
		d.fail("policy", u.Problem.Hint, "%s: %s", u.Problem.Pos, u.Problem.Message)
	}
	for _, w := range c.Warnings {
		d.warn("policy", w.Hint, "%s: %s", w.Pos, w.Message)
	}
	for _, subject := range c.Subjects {
		if len(subject.Unprovisioned) > 0 {
			d.fail("columns", "gallra provision creates them", "%s lacks %s", subject.Table, strings.Join(subject.Unprovisioned, ", "))
		} else {
			d.ok("columns", "%s has all columns", subject.Table)
		}
		if err := d.copies(ctx, subject); err != nil {
			return err
		}
	}
	if err := d.forbidden("places", d.places(ctx, c)); err != nil {
		return err
	}
	if err := d.rights(ctx, c); err != nil {
		return err
	}
	if err := d.forbidden("closed rows", d.closed(ctx, c)); err != nil {
		return err
	}
	if err := d.forbidden("anonymised", d.refilled(ctx, c)); err != nil {
		return err
	}
	if err := d.forbidden("settings", d.settings(ctx)); err != nil {
		return err
	}
	l, err := d.ledger(ctx, c)
	if err := d.forbidden("ledger", err); err != nil {
		return err
	}
	return d.forbidden("data", d.data(ctx, c, l))
}

// forbidden makes a finding of a read that a missing right has ended: the visit goes on.
func (d *visit) forbidden(what string, err error) error {
	if !errors.Is(err, dataverse.ErrForbidden) {
		return err
	}
	d.fail(what, dataverse.Hint(err), "could not be looked at: %v", err)
	return nil
}

// places tells how many places lead to persons, and names those whose rows stay with their text.
func (d *visit) places(ctx context.Context, c *compile.Policy) error {
	drawn, err := c.Maps(ctx, d.Client)
	if err != nil {
		return err
	}
	for _, m := range drawn {
		held, by := 0, map[personmap.Treatment]int{}
		var empty []string
		for _, p := range m.Places {
			if p.Rows == 0 && p.Do == personmap.Undecided {
				empty = append(empty, p.Key())
			}
			if p.Rows <= 0 {
				continue
			}
			held++
			by[p.Do]++
			switch {
			case p.Do == personmap.Undecided:
				d.warn("places", "say by a rule what becomes of them; gallra map shows every place", "%s of %s lead to a %s by %s, and no rule names them", policy.Count(p.Rows, "row"), p.Table, m.Subject, p.Column)
			case p.Do == personmap.Unlinked:
				d.warn("places", fmt.Sprintf("{table: %s, link: %s, do: …}", p.Table, p.Link), "%s of %s hang on rows of %s that go, and stay without their link", policy.Count(p.Rows, "row"), p.Table, p.Via)
			case p.Kind == personmap.Behind && p.Rule == personmap.NoRule:
				d.warn("places", fmt.Sprintf("{table: %s, behind: %s, do: delete}, or do: leave with a reason", p.Table, p.Column), "%s of a %s leads to rows of %s, which stay when the person goes", p.Column, m.Subject, p.Table)
			}
		}
		if len(empty) > 0 {
			d.ok("places", "no rule names %s: they lead to a %s and hold no rows today", some(empty, 5), m.Subject)
		}
		d.ok("places", "%d places can lead to a %s, %d of them hold rows: %s", len(m.Places), m.Subject, held, treatments(by))
	}
	return nil
}

// treatments counts places by what becomes of their rows.
func treatments(by map[personmap.Treatment]int) string {
	var parts []string
	for _, do := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%d %s", by[do], do))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// closed counts the rows that are locked for everybody but an administrator.
func (d *visit) closed(ctx context.Context, c *compile.Policy) error {
	tables, err := inventory.ClosedRows(ctx, d.Client, c)
	for _, t := range tables {
		d.warn("closed rows", inventory.ClosedRemedy, "%s", ClosedRows(t))
	}
	return err
}

// refilled names the rows that were anonymised and hold something again.
func (d *visit) refilled(ctx context.Context, c *compile.Policy) error {
	for _, subject := range c.Subjects {
		found, err := search.Refilled(ctx, d.Client, c, subject.Table)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			continue
		}
		ids := make([]uuid.UUID, len(found))
		for i, f := range found {
			ids[i] = f.ID
		}
		n := len(found) + found[len(found)-1].More
		d.warn("anonymised", search.RefilledRemedy, "%s of %s were anonymised and hold something again, which nobody judges unless it is a name, an address or a number: %s", rows(n), subject.Table, named(ids, n))
	}
	return nil
}

// ClosedRows says what closed rows of a table mean for a run.
func ClosedRows(t inventory.ClosedTable) string {
	return fmt.Sprintf("%d rows of %s are closed, and only a system administrator may anonymise them: whose they are is left alone (row-closed)", t.Rows, t.Table)
}

func (d *visit) settings(ctx context.Context) error {
	settings, err := d.Client.Settings(ctx)
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
func (d *visit) ledger(ctx context.Context, c *compile.Policy) (*ledger.Ledger, error) {
	l, err := d.Ledger(ctx)
	var foreign *ledger.ForeignError
	switch {
	case errors.As(err, &foreign):
		d.fail("ledger", foreign.Hint(), "%v: a run would be refused", err)
		return nil, nil
	case err != nil:
		d.fail("ledger", "gallra ledger verify tells which line", "%v", err)
		return nil, nil
	}
	taken, err := purge.ForeignColumns(ctx, d.Client, c, l)
	if err != nil {
		return nil, err
	}
	for _, rail := range taken {
		d.fail("columns", rail.Remedy, "a run would be stopped (%s): %s", rail.Rail, rail.Sentence)
	}
	if !l.Existed() {
		d.warn("ledger", "if there was one, bring it back: GALLRA_LEDGER", "there is none in %s: purge dates on the rows get the whole notice again", d.LedgerAt)
		return nil, nil
	}
	d.ok("ledger", "%d entries", l.Seq())
	d.known = l
	if days := ledger.Leap(l.Runs(), retention.DateOf(d.Client.Now(), c.Policy.TimeZone)); days > 0 {
		d.warn("clock", "if the job did not rest for so long, something on the way changes the Date header: let nothing run until it is right",
			"the last run was %d days ago, against the rhythm of those before", days)
	}
	behind, unproven, err := purge.Fresh(ctx, d.Client, l, d.Organization.ID, len(l.Runs()))
	switch {
	case err != nil:
		return nil, err
	case behind != nil:
		d.fail("ledger", behind.Remedy, "%s", behind.Sentence)
	case unproven != nil:
		d.warn("ledger", unproven.Remedy, "%s", unproven.Sentence)
	}
	unknown, err := purge.Unknown(ctx, d.Client, c, l)
	if err != nil {
		return nil, err
	}
	for _, s := range c.Subjects {
		if n := len(unknown[s.Table]); n > 0 {
			d.warn("anonymised", "a run finishes those that hold nothing any more and deletes their audit history; what still holds something it names",
				"%s of %s are marked as anonymised, and the ledger knows nothing of it: it was lost or put back, or somebody set the mark", rows(n), s.Table)
		}
	}
	return l, nil
}

// data counts whom the grounds justify and what they lack.
func (d *visit) data(ctx context.Context, c *compile.Policy, l *ledger.Ledger) error {
	plan, err := d.Plan(ctx, c, l)
	if err != nil {
		return err
	}
	for _, t := range plan.Tables {
		kept := t.Actions[retention.Keep] + t.Actions[retention.Clear]
		d.ok("persons", "%s: %d persons, %d kept, %d not justified beyond the notice", t.Table, t.Persons, kept, t.Persons-kept)
	}
	d.putOff(c, plan)
	d.odd(c, plan)
	if d.known != nil {
		for _, g := range plan.GuardRails(c.Policy.Limits, purge.Matched(d.known, c)) {
			if g.Rail == policy.GroundEmpty || g.Rail == policy.GroundShrunk {
				d.warn("ground", g.Remedy, "a run would be stopped (%s): %s", g.Rail, g.Sentence)
			}
		}
	}
	for _, g := range plan.Grounds {
		total := total(plan, g.Table)
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
	return d.unlinked(ctx, c)
}

// unlinked counts rows that would justify somebody if they said whom.
func (d *visit) unlinked(ctx context.Context, c *compile.Policy) error {
	counts := make([][]int, len(c.Subjects))
	group, side := errgroup.WithContext(ctx)
	for k, subject := range c.Subjects {
		counts[k] = make([]int, len(subject.Grounds))
		for i := range subject.Grounds {
			g := &subject.Grounds[i]
			q, ok := g.Unlinked()
			if !ok {
				continue
			}
			group.Go(func() (err error) {
				if counts[k][i], err = d.Client.Count(side, q); err != nil {
					return fmt.Errorf("count the rows of ground %s that name nobody: %w", g.ID, err)
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for k, subject := range c.Subjects {
		for i := range subject.Grounds {
			if g, n := &subject.Grounds[i], counts[k][i]; n > 0 {
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

func rows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}
