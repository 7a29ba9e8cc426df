package query

import (
	"bytes"
	"sort"

	"github.com/google/uuid"
	"github.com/tidwall/btree"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// unionPart is one activity table as part of activitypointer.
type unionPart struct {
	tab     *schema.Table
	rows    *store.Rows
	columns []unionColumn // ascending by the column of activitypointer
	typeAt  int           // activitytypecode in activitypointer
}

type unionColumn struct{ to, from int }

// activityUnion is the activity tables that have rows in data.
func activityUnion(s *schema.Schema, data map[string]*store.Rows, pointer *schema.Table) []unionPart {
	parts := []unionPart{}
	for name, r := range data {
		t := s.Tables[name]
		if t == nil || !t.Activity || t == pointer || r.Len() == 0 {
			continue
		}
		p := unionPart{tab: t, rows: r, typeAt: pointer.ByName["activitytypecode"].Index}
		for _, c := range pointer.Columns {
			if from := t.ByName[c.Name]; from != nil && from.Kind == c.Kind {
				p.columns = append(p.columns, unionColumn{c.Index, from.Index})
			}
		}
		parts = append(parts, p)
	}
	sort.Slice(parts, func(i, k int) bool { return parts[i].tab.Name < parts[k].tab.Name })
	return parts
}

// convert is a row of the part as a row of activitypointer.
func (p unionPart) convert(r *store.Row) *store.Row {
	b := store.NewRowBuilder(len(p.columns))
	for _, c := range p.columns {
		v := r.Get(c.from)
		if c.to == p.typeAt {
			v = p.tab.Name
		}
		if v != nil {
			b.Add(c.to, v)
		}
	}
	return b.Row(r.ID, r.Version)
}

// scanUnion merges the parts in the order of ids.
func scanUnion(parts []unionPart, after uuid.UUID, fn func(*store.Row) bool) {
	type cursor struct {
		part unionPart
		it   btree.IterG[*store.Row]
	}
	var open []*cursor
	for _, p := range parts {
		c := &cursor{p, p.rows.ByID.Iter()}
		defer c.it.Release()
		more := c.it.Seek(&store.Row{ID: after})
		if more && after != uuid.Nil && c.it.Item().ID == after {
			more = c.it.Next()
		}
		if more {
			open = append(open, c)
		}
	}
	for len(open) > 0 {
		least := 0
		for i, c := range open {
			if a, b := c.it.Item(), open[least].it.Item(); bytes.Compare(a.ID[:], b.ID[:]) < 0 {
				least = i
			}
		}
		c := open[least]
		if !fn(c.part.convert(c.it.Item())) {
			return
		}
		if !c.it.Next() {
			open = append(open[:least], open[least+1:]...)
		}
	}
}

// pointingUnion is pointing over all parts, in the order of ids.
func (s *Source) pointingUnion(e *Env, column int, target uuid.UUID, fn func(*store.Row) bool) {
	var found []*store.Row
	for _, p := range s.union {
		for _, c := range p.columns {
			if c.to != column {
				continue
			}
			part := &Source{tab: p.tab, rows: p.rows, reverse: e.Source(p.tab).reverse}
			part.pointing(e, c.from, target, func(r *store.Row) bool {
				found = append(found, p.convert(r))
				return true
			})
		}
	}
	sort.Slice(found, func(i, k int) bool { return bytes.Compare(found[i].ID[:], found[k].ID[:]) < 0 })
	for _, r := range found {
		if !fn(r) {
			return
		}
	}
}
