package query

import (
	"bytes"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/odata"
)

// Where a condition lets the rows be found without a look at all of them: by id, by an indexed lookup, by a text, and of
// the moment of the last change by a lower bound; over lookups from the table where the value stands.

// pathOf is where to look for the rows whose operand stands in a relation to a constant; nil is everywhere.
func (q *Compiler) pathOf(x operand, op odata.Op, c constant) *accessPath {
	switch {
	case op == odata.Eq:
		return q.pathTo(x, []constant{c})
	case op != odata.Ge && op != odata.Gt, x.class != classMoment, x.col == nil, x.col.Name != "modifiedon":
		return nil
	}
	rows := q.rowsOf(x)
	if rows == nil {
		return nil
	}
	some := few(rows)
	rows.Since(x.col.Index, store.Instant(c.num), some.add)
	return q.backTo(x, some)
}

// pathTo is where to look for the rows whose operand equals one of list.
func (q *Compiler) pathTo(x operand, list []constant) *accessPath {
	rows := q.rowsOf(x)
	if rows == nil {
		return nil
	}
	some := few(rows)
	switch {
	case x.class == classText:
		for _, c := range list {
			rows.WithText(x.col.Index, c.text, some.add)
		}
	case x.class != classGUID:
		return nil
	case x.col.Name == x.table.ID:
		for _, c := range list {
			some.add(c.guid)
		}
		some.most = len(some.ids) // named by the query
	case slices.Contains(x.table.Indexed, x.col.Index):
		if len(x.via) == 0 {
			a := &accessPath{probes: make([]probe, 0, len(list))}
			for _, c := range list {
				a.add(rows, x.col.Index, c.guid)
			}
			return a
		}
		for _, c := range list {
			rows.Pointing(x.col.Index, c.guid, func(r *store.Row) bool { return some.add(r.ID) })
		}
	default:
		return nil
	}
	return q.backTo(x, some)
}

// rowsOf is where the values of the operand stand: the table whose rows are to be found, or one that its lookups lead to.
// It is nil where neither can be told.
func (q *Compiler) rowsOf(x operand) *store.Rows {
	if x.col == nil || x.table == nil || x.slot != q.home && len(x.via) == 0 || x.table.Name == schema.ActivityPointer {
		return nil
	}
	switch x.col.Kind {
	case schema.KindMultiSelect, schema.KindFile, schema.KindImage, schema.KindPartyList, schema.KindVirtual:
		return nil
	}
	return q.env.Source(x.table).rows
}

// backTo is where the rows are whose lookups lead to those that were found.
func (q *Compiler) backTo(x operand, some *fewRows) *accessPath {
	if some.tooMany() {
		return nil
	}
	column := -1
	for i := len(x.via) - 1; i >= 0; i-- {
		h := x.via[i]
		if !slices.Contains(h.table.Indexed, h.column.Index) || h.table.Name == schema.ActivityPointer {
			return nil
		}
		if i == 0 {
			column = h.column.Index
			break
		}
		rows := q.env.Source(h.table).rows
		if rows == nil {
			return nil
		}
		before := some
		some = few(rows)
		for _, id := range before.sorted() {
			if !q.env.step(wire.ByIndex) {
				return nil
			}
			rows.Pointing(h.column.Index, id, func(r *store.Row) bool { return some.add(r.ID) })
		}
		if some.tooMany() {
			return nil
		}
	}
	a := &accessPath{}
	rows := q.env.Source(q.homeOf(x)).rows
	for _, id := range some.sorted() {
		a.add(rows, column, id)
	}
	return a
}

// homeOf is the table whose rows are to be found.
func (q *Compiler) homeOf(x operand) *schema.Table {
	if len(x.via) > 0 {
		return x.via[0].table
	}
	return x.table
}

// maxCounted is how many rows of a path are counted, at most: enough to tell a short one from a long one.
const maxCounted = 1000

// add adds a place to look, and counts the rows there.
func (a *accessPath) add(rows *store.Rows, column int, id uuid.UUID) {
	a.probes = append(a.probes, probe{column, id})
	if column < 0 {
		a.rows++
		return
	}
	if a.rows < maxCounted {
		rows.Pointing(column, id, func(*store.Row) bool {
			a.rows++
			return a.rows < maxCounted
		})
	}
}

// fewRows are rows that an index has found. Beyond a part of their table a scan is no dearer than they are.
type fewRows struct {
	ids  []uuid.UUID
	most int
}

func few(of *store.Rows) *fewRows { return &fewRows{most: max(1000, of.Len()/10)} }

func (f *fewRows) add(id uuid.UUID) bool {
	f.ids = append(f.ids, id)
	return len(f.ids) <= f.most
}

func (f *fewRows) tooMany() bool { return len(f.ids) > f.most }

func (f *fewRows) sorted() []uuid.UUID {
	slices.SortFunc(f.ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	f.ids = slices.Compact(f.ids)
	return f.ids
}
