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
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/inventory"
	"github.com/gallra/gallra/retention/purge/search"
	"github.com/gallra/gallra/retention/state"
)

// Finding is one thing that was looked at.
type Finding struct {
	Subject  string     `json:"subject"`
	Level    Level      `json:"level"`
	Sentence words.Said `json:"sentence"`
	Remedy   words.Said `json:"remedy,omitzero"`
}

// Level is how bad a finding is.
type Level string

// The levels. A run could not do its work where there is an [Error]; a [Note] is as the policy says and worth a decision: text
// that stays, rows that justify nobody because an optional lookup is empty.
const (
	OK      Level = "ok"
	Note    Level = "note"
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

	// State is the folder in which nights keep what they read, and StateAt where people know it to be; empty: they keep nothing.
	State, StateAt string

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
	d.ok("connection", "doctor.connection", d.User, d.Organization.ID, d.Organization.Version)
	d.environment(p)
	checked, err := compile.Check(ctx, p, d.Client)
	var problems policy.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			d.problem(Error, p)
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

// ok says the text with that key.
func (d *visit) ok(subject, key string, args ...any) {
	d.tell(Finding{subject, OK, words.Say(key, args...), words.Said{}})
}

// note, warn and fail say the text with that key, and what to do about it by the key KEY.do, both filled in with the same.
func (d *visit) note(subject, key string, args ...any) { d.found(subject, Note, key, args) }
func (d *visit) warn(subject, key string, args ...any) { d.found(subject, Warning, key, args) }
func (d *visit) fail(subject, key string, args ...any) { d.found(subject, Error, key, args) }

func (d *visit) found(subject string, level Level, key string, args []any) {
	d.tell(Finding{subject, level, words.Say(key, args...), words.Say(key+".do", args...)})
}

func (d *visit) tell(f Finding) {
	switch f.Level {
	case Error:
		d.result.Errors++
	case Warning:
		d.result.Warnings++
	}
	if d.err == nil {
		d.err = d.Tell(f)
	}
}

func (d *visit) environment(p *policy.Policy) {
	switch {
	case d.Organization.Production && !p.Environment.AllowProduction:
		d.fail("environment", "doctor.production.forbidden", d.Organization.Type)
	case d.Organization.Production:
		d.ok("environment", "doctor.production", d.Organization.Type)
	default:
		d.ok("environment", "doctor.sandbox", d.Organization.Type)
	}
}

// fitting looks at everything that needs a policy that fits.
func (d *visit) fitting(ctx context.Context, c *compile.Policy) error {
	d.ok("policy", "doctor.fits", len(c.Subjects))
	for _, u := range c.Undecided {
		d.problem(Error, u.Problem)
	}
	for _, w := range c.Warnings {
		d.problem(Warning, w)
	}
	for _, subject := range c.Subjects {
		if len(subject.Unprovisioned) > 0 {
			d.fail("columns", "doctor.columns.missing", subject.Table, strings.Join(subject.Unprovisioned, ", "))
		} else {
			d.ok("columns", "doctor.columns", subject.Table)
			if err := d.forms(ctx, subject); err != nil {
				return err
			}
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
	if err := d.forbidden("dates", d.undated(ctx, c)); err != nil {
		return err
	}
	if err := d.forbidden("nights", d.nights(ctx, c)); err != nil {
		return err
	}
	l, err := d.ledger(ctx, c)
	if err := d.forbidden("ledger", err); err != nil {
		return err
	}
	return d.forbidden("data", d.data(ctx, c, l))
}

// problem is one of the policy, which says it in its own words.
func (d *visit) problem(level Level, p policy.Problem) {
	d.tell(Finding{"policy", level, words.Quote(fmt.Sprintf("%s: %s", p.Pos, p.Message)), words.Quote(p.Hint)})
}

// nights tells which queries nights read in full although they keep what they read.
func (d *visit) nights(ctx context.Context, c *compile.Policy) error {
	if d.State == "" {
		return nil
	}
	var off *state.OffError
	if errors.As(state.Off(d.State, cmp.Or(d.StateAt, d.State)), &off) {
		d.warn("nights", "doctor.nights.off", off.Since, off.At)
		return nil
	}
	all, err := evaluate.ReadInFull(ctx, d.Client, c)
	if err != nil {
		return err
	}
	for _, q := range all {
		if len(q.Off) == 0 {
			d.ok("nights", "doctor.nights.full", policy.Sentence(q.What), q.Why)
			continue
		}
		d.warn("nights", "doctor.nights.untracked", policy.Sentence(q.What), strings.Join(q.Off, ", "))
	}
	if len(all) == 0 {
		d.ok("nights", "doctor.nights")
	}
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
				d.warn("places", "doctor.places.undecided", words.Count("rows", p.Rows), p.Table, m.Subject, p.Column)
			case p.Do == personmap.Unlinked:
				d.tell(Finding{"places", Warning, words.Say("doctor.places.unlinked", words.Count("rows", p.Rows), p.Table, p.Via), words.Quote(fmt.Sprintf("{table: %s, link: %s, do: …}", p.Table, p.Link))})
			case p.Kind == personmap.Behind && p.Rule == personmap.NoRule:
				d.warn("places", "doctor.places.behind", p.Column, m.Subject, p.Table)
			}
		}
		if len(empty) > 0 {
			d.ok("places", "doctor.places.empty", words.Some(empty, 5), m.Subject)
		}
		d.ok("places", "doctor.places", len(m.Places), m.Subject, held, treatments(by))
	}
	return nil
}

// treatments counts places by what becomes of their rows.
func treatments(by map[personmap.Treatment]int) words.Said {
	var parts []words.Said
	for _, do := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, words.Say("doctor.treatment", by[do], words.Say("treatment."+string(do))))
	}
	if len(parts) == 0 {
		return words.Say("doctor.treatment.none")
	}
	return words.List(parts, ", ")
}

// closed counts the rows that are locked for everybody but an administrator.
func (d *visit) closed(ctx context.Context, c *compile.Policy) error {
	tables, err := inventory.ClosedRows(ctx, d.Client, c)
	for _, t := range tables {
		d.tell(Finding{"closed rows", Warning, ClosedRows(t), words.Say("doctor.closed.do")})
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
		d.warn("anonymised", "doctor.refilled", words.Count("rows", n), subject.Table, named(ids, n))
	}
	return nil
}

// ClosedRows says what closed rows of a table mean for a run.
func ClosedRows(t inventory.ClosedTable) words.Said {
	return words.Say("doctor.closed", words.Count("rows", t.Rows), t.Table)
}

func (d *visit) settings(ctx context.Context) error {
	settings, err := d.Client.Settings(ctx)
	if err != nil {
		return fmt.Errorf("read the organisation's settings: %w", err)
	}
	if settings.Audited {
		d.ok("audit", "doctor.audit.on")
	} else {
		d.ok("audit", "doctor.audit.off")
	}
	if settings.RecycleBin {
		d.ok("recycle bin", "doctor.bin.on", words.Length(0, 0, 0, settings.RecycleBinDays))
	} else {
		d.ok("recycle bin", "doctor.bin.off")
	}
	return nil
}

// ledger is what the ledger proves, nil where there is none to be read.
func (d *visit) ledger(ctx context.Context, c *compile.Policy) (*ledger.Ledger, error) {
	l, err := d.Ledger(ctx)
	var foreign *ledger.ForeignError
	switch {
	case errors.As(err, &foreign):
		d.fail("ledger", "doctor.ledger.foreign", foreign.Ledger, foreign.Environment)
		return nil, nil
	case err != nil:
		d.tell(Finding{"ledger", Error, words.Quote(err.Error()), words.Say("doctor.ledger.broken.do")})
		return nil, nil
	}
	taken, err := purge.ForeignColumns(ctx, d.Client, c, l)
	if err != nil {
		return nil, err
	}
	for _, rail := range taken {
		d.tell(Finding{"columns", Error, words.Say("doctor.stopped", rail.Rail, rail.Sentence), rail.Remedy})
	}
	if !l.Existed() {
		d.warn("ledger", "doctor.ledger.none", d.LedgerAt)
		return nil, nil
	}
	d.ok("ledger", "doctor.ledger", int(l.Seq()))
	d.known = l
	if days := ledger.Leap(l.Runs(), retention.DateOf(d.Client.Now(), c.Policy.TimeZone)); days > 0 {
		d.warn("clock", "doctor.clock", words.Length(0, 0, 0, days))
	}
	behind, unproven, err := purge.Fresh(ctx, d.Client, l, d.Organization.ID, len(l.Runs()))
	switch {
	case err != nil:
		return nil, err
	case behind != nil:
		d.tell(Finding{"ledger", Error, behind.Sentence, behind.Remedy})
	case unproven != nil:
		d.tell(Finding{"ledger", Warning, unproven.Sentence, unproven.Remedy})
	}
	unknown, err := purge.Unknown(ctx, d.Client, c, l)
	if err != nil {
		return nil, err
	}
	for _, s := range c.Subjects {
		if n := len(unknown[s.Table]); n > 0 {
			d.warn("anonymised", "doctor.anonymised.unknown", words.Count("rows", n), s.Table)
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
		d.ok("persons", "doctor.persons", t.Table, t.Persons, kept, t.Persons-kept)
	}
	d.putOff(c, plan)
	d.odd(c, plan)
	if d.known != nil {
		for _, g := range plan.GuardRails(c.Policy.Limits, purge.Matched(d.known, c)) {
			if g.Rail == policy.GroundEmpty || g.Rail == policy.GroundShrunk {
				d.tell(Finding{"ground", Warning, words.Say("doctor.stopped", g.Rail, g.Sentence), g.Remedy})
			}
		}
	}
	for _, g := range plan.Grounds {
		total := total(plan, g.Table)
		switch {
		case g.Rows == 0 && !g.MayBeEmpty:
			d.warn("ground", "doctor.ground.empty", g.Ground, g.Table)
		case total > 20 && g.Persons*100 > total*95:
			d.warn("ground", "doctor.ground.all", g.Ground, g.Table, g.Persons, total)
		}
		switch {
		case g.Gaps == 0:
		case missingIgnored(c, g):
			d.warn("data", "doctor.gaps.ignored", g.Ground, g.Table, words.Count("rows", g.Gaps))
		default:
			d.warn("data", "doctor.gaps", g.Ground, g.Table, words.Count("rows", g.Gaps))
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
		var optional []words.Said
		for i := range subject.Grounds {
			g, n := &subject.Grounds[i], counts[k][i]
			if n == 0 {
				continue
			}
			required, err := d.required(ctx, g)
			if err != nil {
				return err
			}
			if required {
				d.warn("data", "doctor.nameless", g.ID, subject.Table, words.Count("rows", n), g.Ground.Table, g.Link)
			} else {
				optional = append(optional, words.Say("doctor.nameless.rows", words.Count("rows", n), g.Ground.Table, g.ID))
			}
		}
		if len(optional) > 0 {
			d.note("data", "doctor.nameless.optional", subject.Table, words.List(optional, ", "))
		}
	}
	return nil
}

// required tells whether staff are asked to fill in the lookup by which a ground finds its persons: an empty one is a gap
// then, and ordinary otherwise. Of a path the last lookup counts.
func (d *visit) required(ctx context.Context, g *compile.Ground) (bool, error) {
	tables := []string{g.Ground.Table}
	steps := strings.Split(g.Link, "/")
	for i, step := range steps {
		var next []string
		for _, name := range tables {
			t, err := d.Client.Table(ctx, name)
			if errors.Is(err, dataverse.ErrNoTable) {
				continue
			}
			if err != nil {
				return false, err
			}
			a := t.Attributes[step]
			if a == nil {
				continue // the other kind of customer
			}
			if i == len(steps)-1 && a.Required != "None" && a.Required != "" {
				return true, nil
			}
			next = append(next, a.Targets...)
		}
		tables = next
	}
	return false, nil
}

func missingIgnored(c *compile.Policy, g plan.GroundTotals) bool {
	for _, x := range c.Subject(g.Table).Grounds {
		if x.ID == g.Ground {
			return x.MissingDate == policy.MissingIgnored
		}
	}
	return false
}
