package emulator

import (
	"bytes"
	"sort"

	"github.com/google/uuid"
	"github.com/tidwall/btree"
)

// unionPart is one activity table as part of activitypointer.
type unionPart struct {
	tab     *table
	rows    *rows
	columns []unionColumn // ascending by the column of activitypointer
	typeAt  int           // activitytypecode in activitypointer
}

type unionColumn struct{ to, from int }

// activityUnion is the activity tables that have rows in data.
func activityUnion(s *schema, data map[string]*rows, pointer *table) []unionPart {
	parts := []unionPart{}
	for name, r := range data {
		t := s.tables[name]
		if t == nil || !t.Activity || t == pointer || r.len() == 0 {
			continue
		}
		p := unionPart{tab: t, rows: r, typeAt: pointer.byName["activitytypecode"].index}
		for _, c := range pointer.Columns {
			if from := t.byName[c.Name]; from != nil && from.kind == c.kind {
				p.columns = append(p.columns, unionColumn{c.index, from.index})
			}
		}
		parts = append(parts, p)
	}
	sort.Slice(parts, func(i, k int) bool { return parts[i].tab.Name < parts[k].tab.Name })
	return parts
}

// convert is a row of the part as a row of activitypointer.
func (p unionPart) convert(r *row) *row {
	b := rowBuilder{make([]uint16, 0, len(p.columns)), make([]any, 0, len(p.columns))}
	for _, c := range p.columns {
		v := r.get(c.from)
		if c.to == p.typeAt {
			v = p.tab.Name
		}
		if v != nil {
			b.add(c.to, v)
		}
	}
	return b.row(r.id, r.version)
}

// scanUnion merges the parts in the order of ids.
func scanUnion(parts []unionPart, after uuid.UUID, fn func(*row) bool) {
	type cursor struct {
		part unionPart
		it   btree.IterG[*row]
	}
	var open []*cursor
	for _, p := range parts {
		c := &cursor{p, p.rows.byID.Iter()}
		defer c.it.Release()
		more := c.it.Seek(&row{id: after})
		if more && after != uuid.Nil && c.it.Item().id == after {
			more = c.it.Next()
		}
		if more {
			open = append(open, c)
		}
	}
	for len(open) > 0 {
		least := 0
		for i, c := range open {
			if a, b := c.it.Item(), open[least].it.Item(); bytes.Compare(a.id[:], b.id[:]) < 0 {
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
func (s *source) pointingUnion(e *env, column int, target uuid.UUID, fn func(*row) bool) {
	var found []*row
	for _, p := range s.union {
		for _, c := range p.columns {
			if c.to != column {
				continue
			}
			part := &source{tab: p.tab, rows: p.rows, reverse: e.source(p.tab).reverse}
			part.pointing(e, c.from, target, func(r *row) bool {
				found = append(found, p.convert(r))
				return true
			})
		}
	}
	sort.Slice(found, func(i, k int) bool { return bytes.Compare(found[i].id[:], found[k].id[:]) < 0 })
	for _, r := range found {
		if !fn(r) {
			return
		}
	}
}
