package emulator

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/tidwall/btree"
)

// A change of metadata is a change of the transaction's schema: a copy in which the changed tables are copies too.
// Whoever reads goes on with the schema of his snapshot.

// changeSchema runs fn on a copy of the schema, which becomes the transaction's.
func (t *tx) changeSchema(e *engine, fn func(*schema) error) error {
	next := t.schema.copy()
	next.since = e.clock.now()
	if e.options.MetadataLag > 0 {
		next.previous = t.schema
	}
	if err := fn(next); err != nil {
		return err
	}
	next.noteGone(t.schema)
	next.published = true
	t.schema = next
	return nil
}

// noteGone notes what the schema before had and s has not. A definition keeps its name for as long as it lives.
func (s *schema) noteGone(before *schema) {
	s.gone = slices.Clip(s.gone)
	gone := func(kind string, id uuid.UUID) { s.gone = append(s.gone, goneDefinition{kind, id, s.version}) }
	for _, name := range before.names() {
		old, now := before.tables[name], s.tables[name]
		if old == now {
			continue
		}
		if now == nil {
			gone("Default", old.metaID())
		}
		for _, c := range old.Columns {
			if now == nil || now.byName[c.Name] == nil {
				gone("Attribute", c.metaID(old))
			}
		}
	}
	if len(s.relations) < len(before.relations) || len(s.many) < len(before.many) {
		here := map[string]bool{}
		for _, r := range s.relations {
			here[r.Name] = true
		}
		for _, m := range s.many {
			here[m.Name] = true
		}
		for _, r := range before.relations {
			if !here[r.Name] {
				gone("Relationship", r.metaID())
			}
		}
		for _, m := range before.many {
			if !here[m.Name] {
				gone("Relationship", m.metaID())
			}
		}
	}
	for _, name := range before.optionSetNames() {
		if s.optionSets[name] == nil {
			gone("OptionSet", before.optionSets[name].metaID())
		}
	}
}

// copy shares the tables with s; edit copies one.
func (s *schema) copy() *schema {
	c := *s
	c.tables, c.sets = maps.Clone(s.tables), maps.Clone(s.sets)
	c.relations, c.many = slices.Clone(s.relations), slices.Clone(s.many)
	c.privileges, c.optionSets = maps.Clone(s.privileges), maps.Clone(s.optionSets)
	c.version++
	c.previous, c.published = nil, false
	return &c
}

// edit is a copy of a table that may be changed, in the place of the table.
func (s *schema) edit(name string) *table {
	t := *s.tables[name]
	t.Columns = slices.Clone(t.Columns)
	t.byName, t.toOne = maps.Clone(t.byName), maps.Clone(t.toOne)
	t.toMany, t.across = maps.Clone(t.toMany), maps.Clone(t.across)
	t.parents, t.childs = slices.Clone(t.parents), slices.Clone(t.childs)
	t.indexed, t.keys = slices.Clone(t.indexed), slices.Clone(t.keys)
	t.labels, t.description = maps.Clone(t.labels), maps.Clone(t.description)
	t.changed = s.version
	s.put(&t)
	return &t
}

func (s *schema) put(t *table) {
	t.changed, t.renderings = s.version, new(atomic.Value)
	s.tables[t.Name] = t
	s.sets[t.Set] = t
}

// add appends a column. Rows keep their layout: the new column's index is behind all others.
func (t *table) add(c *column) {
	c.kind, c.index, c.changed = kindNames[c.Type], len(t.Columns), t.changed
	t.Columns = append(t.Columns, c)
	t.byName[c.Name] = c
	if c.kind == kindLookup && !unindexed[c.Name] {
		t.indexed = append(t.indexed, c.index)
	}
}

// replace puts another definition in a column's place.
func (t *table) replace(c *column) {
	c.changed = t.changed
	t.Columns[c.index] = c
	t.byName[c.Name] = c
}

// addRelation makes a relationship between two tables known to both.
func (s *schema) addRelation(r *relationship) {
	s.relations = append(s.relations, r)
	from := s.edit(r.Referencing)
	from.parents = append(from.parents, r)
	from.toOne[r.Nav] = r
	to := s.edit(r.Referenced)
	to.childs = append(to.childs, r)
	to.toMany[r.Collection] = r
}

func (s *schema) dropRelation(r *relationship) {
	is := func(x *relationship) bool { return x == r }
	s.relations = slices.DeleteFunc(s.relations, is)
	if s.tables[r.Referencing] != nil {
		from := s.edit(r.Referencing)
		from.parents = slices.DeleteFunc(from.parents, is)
		delete(from.toOne, r.Nav)
	}
	if s.tables[r.Referenced] != nil {
		to := s.edit(r.Referenced)
		to.childs = slices.DeleteFunc(to.childs, is)
		delete(to.toMany, r.Collection)
	}
}

func (s *schema) addManyToMany(m *manyToMany) {
	s.many = append(s.many, m)
	s.edit(m.Table1).across[m.Nav1] = m
	s.edit(m.Table2).across[m.Nav2] = m
	x := s.edit(m.Intersect)
	x.index(m.Attribute1)
	x.index(m.Attribute2)
}

func (s *schema) dropManyToMany(m *manyToMany) {
	s.many = slices.DeleteFunc(s.many, func(x *manyToMany) bool { return x == m })
	if s.tables[m.Table1] != nil {
		delete(s.edit(m.Table1).across, m.Nav1)
	}
	if s.tables[m.Table2] != nil {
		delete(s.edit(m.Table2).across, m.Nav2)
	}
	s.dropTable(m.Intersect)
}

func (s *schema) dropTable(name string) {
	t := s.tables[name]
	delete(s.tables, name)
	delete(s.sets, t.Set)
	delete(s.privileges, name)
}

// reindex gives the rows of a table the indexes of its new lookup columns and keys. The columns are new: no row has a
// value.
func (t *tx) reindex(name string) {
	tab := t.schema.tables[name]
	for _, content := range []map[string]*rows{t.data, t.bin, t.retained} {
		if content[name] == nil {
			continue
		}
		r := t.writable(content, tab)
		for _, i := range tab.indexed {
			if r.links[i] == nil {
				r.links[i] = btree.NewBTreeGOptions(lessLink, treeOptions)
			}
		}
		for _, k := range tab.keys {
			if r.keys[k.Name] == nil {
				x := newKeyIndex(tab, k)
				r.byID.Scan(func(old *row) bool {
					x.change(nil, old)
					return true
				})
				r.keys[k.Name] = x
			}
		}
		maps.DeleteFunc(r.keys, func(name string, _ *keyIndex) bool {
			return !slices.ContainsFunc(tab.keys, func(k *alternateKey) bool { return k.Name == name })
		})
	}
}

// dropColumn takes a column out of a table and its values out of every row. The columns behind it move up by one.
func (t *tx) dropColumn(s *schema, tab *table, c *column) {
	gone := c.index
	tab.Columns = slices.Delete(tab.Columns, gone, gone+1)
	delete(tab.byName, c.Name)
	for i := gone; i < len(tab.Columns); i++ {
		moved := *tab.Columns[i]
		moved.index = i
		tab.Columns[i], tab.byName[moved.Name] = &moved, &moved
	}
	indexed := tab.indexed[:0]
	for _, i := range tab.indexed {
		switch {
		case i > gone:
			indexed = append(indexed, i-1)
		case i < gone:
			indexed = append(indexed, i)
		}
	}
	tab.indexed = indexed
	for _, content := range []map[string]*rows{t.data, t.bin, t.retained} {
		old := content[tab.Name]
		if old == nil {
			continue
		}
		fresh, layouts := newRows(tab), map[*layout]*layout{}
		old.scan(uuid.Nil, func(r *row) bool {
			t.store.put(fresh, r.without(gone, len(tab.Columns), layouts))
			return true
		})
		if old.gone != nil {
			fresh.gone = old.gone.Copy()
		}
		content[tab.Name] = fresh
		t.owned[fresh] = true
	}
}

// without is r with the column at index gone taken out and the columns behind it, of which columns are left, moved up.
// The rows of one layout share one layout again.
func (r *row) without(gone, columns int, layouts map[*layout]*layout) *row {
	out := &row{id: r.id, version: r.version, vals: r.vals}
	if r.layout == nil {
		return out
	}
	if i, own := slices.BinarySearch(r.layout.cols, uint16(gone)); own {
		out.vals = slices.Delete(slices.Clone(r.vals), i, i+1)
	}
	if out.layout = layouts[r.layout]; out.layout == nil {
		out.layout = r.layout.without(gone, columns)
		layouts[r.layout] = out.layout
	}
	return out
}

func (f *layout) without(gone, columns int) *layout {
	out := &layout{cols: make([]uint16, 0, len(f.cols)), base: f.base}
	if gone < len(f.base) {
		out.base = slices.Delete(slices.Clone(f.base), gone, gone+1)
	}
	for _, c := range f.cols {
		switch {
		case int(c) == gone:
			continue
		case int(c) > gone && int(c) <= columns: // beyond stand the values of an audit row, which have fixed places
			c--
		}
		out.cols = append(out.cols, c)
	}
	out.index()
	return out
}

// madeNow marks a component as made by a customiser at this moment.
func madeNow(now time.Time) defined { return defined{metadataID: uuid.New(), on: now} }
