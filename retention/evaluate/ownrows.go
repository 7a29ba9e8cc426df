package evaluate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
)

// ownGround is a ground about the person's own row, which is read anyway: see [compile.OwnRow]. What the rows say waits until
// the persons have their places.
type ownGround struct {
	folding
	is      *compile.OwnRow
	columns []int // of the filter, in the row of a person
	values  []dataverse.Value
	rows    list[ownRow]
}

// ownRow is what a person's row says: 12 bytes.
type ownRow struct {
	person int32
	read   reading
}

// ownGrounds are the table's grounds that need no query.
func (t *personTable) ownGrounds(zone *time.Location, today retention.Date) {
	for i := range t.subject.Grounds {
		g := &t.subject.Grounds[i]
		if is := g.OwnRow(); is != nil {
			t.own = append(t.own, &ownGround{is: is, values: make([]dataverse.Value, len(is.Columns)),
				folding: folding{t: t, g: g, zone: zone, far: today.Add(retention.FarAhead), date: -1, instead: -1, bound: -1, known: true, table: rowsOf(g, t.subject.Table, t.subject.Table)}})
		}
	}
}

// reads adds the columns that the table's own grounds look at to those that are read of a person.
func (t *personTable) reads(fields []compile.Field) []compile.Field {
	column := func(field compile.Field) int {
		if i := slices.Index(fields, field); i >= 0 {
			return i
		}
		fields = append(fields, field)
		return len(fields) - 1
	}
	for _, o := range t.own {
		o.columns = o.columns[:0]
		for _, c := range o.is.Columns {
			o.columns = append(o.columns, column(c))
		}
		if o.g.Date != nil {
			o.date = column(o.g.Date.Field)
		}
		if o.g.Instead != nil {
			o.instead = column(o.g.Instead.Field)
		}
		if o.g.Bound != nil {
			o.bound = column(o.g.Bound.Field)
		}
	}
	return fields
}

// take looks at the row of a person.
func (o *ownGround) take(at int32, row []dataverse.Value) error {
	for i, c := range o.columns {
		o.values[i] = row[c]
	}
	holds, sound := o.is.Holds(o.values)
	if !sound {
		return fmt.Errorf("%w: ground %s: a column is of another kind than its definition says", dataverse.ErrAnswer, o.g.ID)
	}
	if !holds {
		return nil
	}
	r := reading{latest: retention.Open}
	if o.date >= 0 {
		none := false
		if r, none = o.dates(row); none {
			return nil
		}
	}
	o.rows.add(ownRow{at, r})
	return nil
}

// move follows the persons to their new places.
func (o *ownGround) move(place []int32) {
	kept := 0
	for i := range o.rows.len() {
		r := *o.rows.at(i)
		if r.person = place[r.person]; r.person != gone {
			*o.rows.at(kept) = r
			kept++
		}
	}
	o.rows.cut(kept)
}

// fold gives the persons what their rows say, once they are known.
func (o *ownGround) fold(ctx context.Context) error {
	select {
	case <-o.t.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	for i := range o.rows.len() {
		r := o.rows.at(i)
		o.hits = append(o.hits[:0], r.person)
		o.give(r.read)
		if o.t.trail != nil && !o.ignores(r.read.trigger) {
			o.note(o.t.entries.at(int(r.person)).id, r.read)
		}
	}
	o.rows = list[ownRow]{}
	o.tell()
	return nil
}
