package retention

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// FoundRow is a row that a ground matched for a person.
type FoundRow struct {
	Table string
	ID    uuid.UUID
	Date  Date // what the retention period counts from; zero where the ground has no date or the row lacks it
	Until Date // what the row gives
}

// Finding is one ground and what it found for a person.
type Finding struct {
	Table  string // the subject table whose ground it is
	Ground *Ground
	Rows   []FoundRow // the latest first
}

// Until is what the ground gives the person, zero if it found nothing.
func (f Finding) Until() Date {
	if len(f.Rows) == 0 {
		return 0
	}
	return f.Rows[0].Until
}

// Explanation is everything that decides about one person.
type Explanation struct {
	Person   PersonRow
	Others   []PersonRow // other rows of the same human being
	Findings []Finding   // every ground, in the order of the policy
	Decision Planned
}

// Explain evaluates one person and keeps what every ground found.
func Explain(ctx context.Context, r dataverse.Reader, c *Checked, table string, id uuid.UUID, o EvaluateOptions) (*Explanation, error) {
	e := newEvaluation(c, o.Today)
	t := &trail{rows: map[int32][]FoundRow{}}
	for _, p := range e.tables {
		p.trail = t
	}
	if _, err := e.some(ctx, r, table, []uuid.UUID{id}, o); err != nil {
		return nil, err
	}
	x := &Explanation{}
	found := false
	for p := range e.Persons(o) {
		if p.Table == table && p.ID == id {
			x.Person, found = p, true
			continue
		}
		x.Others = append(x.Others, p)
	}
	if !found {
		return nil, fmt.Errorf("%s %s: %w, or it is anonymised already", table, id, dataverse.ErrNotFound)
	}
	x.Decision = c.planned(e, x.Person)
	for _, p := range e.tables {
		for i := range p.subject.Grounds {
			f := Finding{Table: p.subject.Table, Ground: p.subject.Grounds[i].Ground, Rows: t.rows[p.base+int32(i)]}
			if f.Table != table && len(f.Rows) == 0 {
				continue // grounds of other tables matter only where another row of the same human being has them
			}
			slices.SortFunc(f.Rows, func(a, b FoundRow) int {
				return cmp.Or(cmp.Compare(b.Until, a.Until), cmp.Compare(b.Date, a.Date), bytes.Compare(a.ID[:], b.ID[:]))
			})
			x.Findings = append(x.Findings, f)
		}
	}
	return x, nil
}

// DecideRow is [Decide] for a row of an evaluation: nothing of a human being is purged while a legal hold stands on
// another row of theirs. Once that stopped a purge, the row waits as held as long as the hold stands; its notice begins
// anew when it is lifted, not with every run before.
func DecideRow(p PersonRow, r Rules, today Date) Decision {
	d := Decide(p.Person, r, today)
	if !p.HeldWith {
		return d
	}
	if d.Action == Purge || p.Trace.Held && (d.Action == Move || d.Action == Wait) {
		d.Action, d.PurgeOn, d.NoticedOn = Hold, p.PurgeOn, p.NoticedOn
	}
	return d
}

// trail is the rows that were found, by the number of the ground.
type trail struct {
	sync.Mutex
	rows map[int32][]FoundRow
}

func (t *trail) add(r FoundRow, ground int32) {
	if t == nil {
		return
	}
	t.Lock()
	defer t.Unlock()
	t.rows[ground] = append(t.rows[ground], r)
}
