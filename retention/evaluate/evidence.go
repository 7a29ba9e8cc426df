package evaluate

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// FoundRow is a row that a ground matched for a person.
type FoundRow struct {
	Table string
	ID    uuid.UUID
	Date  retention.Date // what the retention period counts from; zero where the ground has no date or the row lacks it
	Until retention.Date // what the row gives
	// Unreadable tells that the row has a date that cannot be read.
	Unreadable bool
	// ByHistory tells that the audit history has the date, which is the day of a change.
	ByHistory bool
}

// Finding is one ground and what it found for a person.
type Finding struct {
	Table  string // the subject table whose ground it is
	Ground *compile.Ground
	Rows   []FoundRow // the latest first
}

// Arithmetic is how a row's date became an end, in words: Event ended 3 May 2026 + 3 months = 3 August 2026.
func (f Finding) Arithmetic(r FoundRow) string {
	g := f.Ground
	switch {
	case r.Unreadable:
		return "has a date that cannot be read (" + g.DateName() + "): nothing is done about the person until it is mended"
	case r.Until == retention.Open && (g.Date != nil || g.SinceChanged()):
		return "lacks the date that the period is counted from (" + g.DateName() + "), which keeps the person until it is entered"
	case r.Until == retention.Open:
		return "for as long as it stays so"
	}
	trigger := g.Trigger
	if trigger == "" {
		trigger = policy.Sentence(g.DateName()) + ":"
	}
	text := trigger + " " + r.Date.Words()
	if g.SinceChanged() && !r.ByHistory && r.Date != 0 && g.InsteadOf == "" {
		text += " (the first run that found it)"
	}
	switch {
	case g.WhenLost():
		return policy.Sentence(g.Why) + " until " + r.Date.Words() + ", as the " + map[bool]string{true: "audit history", false: "ledger"}[r.ByHistory] + " has it, kept " + g.Terms(r.Date, r.Until) + " = " + r.Until.Words()
	case r.Date.IsZero():
		return "lacks the date that the period is counted from (" + g.DateName() + "); kept " + g.Terms(r.Date, r.Until) + " = " + r.Until.Words()
	case g.Bounded(r.Date, r.Until), g.Keep.From != retention.TheDate:
		text += ", kept " + g.Terms(r.Date, r.Until) + " = " + r.Until.Words()
	case !g.Keep.IsZero():
		text += " + " + g.Keep.String() + " = " + r.Until.Words()
	}
	return text
}

// Rescue is what would have to be registered for the ground to keep a person beyond that day.
func (f Finding) Rescue(day retention.Date) string {
	g := f.Ground
	if g.Date == nil {
		return policy.Sentence(g.Why)
	}
	from := g.Keep.FirstThatLasts(day)
	name := g.DateName()
	if g.Trigger != "" {
		name = g.Trigger
	}
	return fmt.Sprintf("%s: %s %s or later", policy.Sentence(g.Why), name, from.Words())
}

// Until is what the ground gives the person, zero if it found nothing.
func (f Finding) Until() retention.Date {
	if len(f.Rows) == 0 {
		return 0
	}
	return f.Rows[0].Until
}

// PersonRef names a row of a subject table.
type PersonRef struct {
	Table string
	ID    uuid.UUID
}

// Evidence is what the grounds found for one row and for the other rows of the same human being.
type Evidence struct {
	Person   PersonRow
	Others   []PersonRow // other rows of the same human being
	Findings []Finding   // every ground, in the order of the policy
}

// Gather evaluates several rows together and keeps what every ground found: each ground is asked once, for all of them.
func Gather(ctx context.Context, r dataverse.Reader, c *compile.Policy, who []PersonRef, o EvaluateOptions) ([]Evidence, *Evaluation, error) {
	e := newEvaluation(c, o.Today)
	found := &trail{rows: map[trailKey][]FoundRow{}}
	for _, t := range e.tables {
		t.trail = found
	}
	ids := map[string][]uuid.UUID{}
	for _, p := range who {
		ids[p.Table] = append(ids[p.Table], p.ID)
	}
	if err := e.some(ctx, r, ids, o); err != nil {
		return nil, nil, err
	}
	groups := map[member][]member{}
	for _, g := range e.humanBeings() {
		for _, m := range g {
			groups[m] = g
		}
	}
	var out []Evidence
	for _, p := range who {
		m, ok := e.member(p)
		if !ok {
			return nil, nil, fmt.Errorf("%s %s: %w, or it is anonymised already", p.Table, p.ID, dataverse.ErrNotFound)
		}
		group := groups[m]
		if group == nil {
			group = []member{m}
		}
		out = append(out, e.evidence(found, m, group, o))
	}
	return out, e, nil
}

// member is where a row stands in the evaluation.
func (e *Evaluation) member(p PersonRef) (member, bool) {
	for i, t := range e.tables {
		if t.subject.Table == p.Table {
			at, ok := t.find(p.ID)
			return member{int32(i), at}, ok
		}
	}
	return member{}, false
}

// evidence is what was found for one row and the other rows of the same human being.
func (e *Evaluation) evidence(found *trail, who member, group []member, o EvaluateOptions) Evidence {
	x := Evidence{Person: e.tables[who.table].person(who.at, o)}
	for _, m := range group {
		if m != who {
			x.Others = append(x.Others, e.tables[m.table].person(m.at, o))
		}
	}
	for i, t := range e.tables {
		for j := range t.subject.Grounds {
			f := Finding{Table: t.subject.Table, Ground: &t.subject.Grounds[j]}
			for _, m := range group {
				if int(m.table) == i {
					f.Rows = append(f.Rows, found.rows[trailKey{m.table, m.at, int32(j)}]...)
				}
			}
			if len(f.Rows) == 0 && (int32(i) != who.table || !t.subject.Counts(int32(j), t.class(who.at))) {
				continue // grounds of other tables and classes matter only where another row of the same human being has them
			}
			slices.SortFunc(f.Rows, func(a, b FoundRow) int {
				return cmp.Or(cmp.Compare(b.Until, a.Until), cmp.Compare(b.Date, a.Date), bytes.Compare(a.ID[:], b.ID[:]))
			})
			f.Rows = slices.Compact(f.Rows) // a row that leads to the person by two columns, or to two of their rows
			x.Findings = append(x.Findings, f)
		}
	}
	return x
}

// trail is the rows that were found, by person and ground.
type trail struct {
	sync.Mutex
	rows map[trailKey][]FoundRow
}

type trailKey struct{ table, person, ground int32 }

func (t *trail) add(k trailKey, r FoundRow) {
	t.Lock()
	defer t.Unlock()
	t.rows[k] = append(t.rows[k], r)
}
