package metadata

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/tidwall/btree"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// A change of metadata is a change of the transaction's schema: a copy in which the changed tables are copies too.
// A reader goes on with the schema of its snapshot.

// changeSchema runs fn on a copy of the schema, which becomes the transaction's.
func changeSchema(t *store.Tx, e *store.Engine, fn func(*schema.Schema) error) error {
	next := CopySchema(t.Schema)
	next.Since = e.Clock.Now()
	if e.Options.MetadataLag > 0 {
		next.Previous = t.Schema
	}
	if err := fn(next); err != nil {
		return err
	}
	noteGone(next, t.Schema)
	next.Published = true
	t.Schema = next
	return nil
}

// noteGone records the definitions that the schema before had and s has not. A definition keeps its name for as long as it lives.
func noteGone(s *schema.Schema, before *schema.Schema) {
	s.Deleted = slices.Clip(s.Deleted)
	gone := func(kind string, id uuid.UUID) {
		s.Deleted = append(s.Deleted, schema.DeletedDefinition{Kind: kind, ID: id, Version: s.Version})
	}
	for _, name := range before.TableNames() {
		old, now := before.Tables[name], s.Tables[name]
		if old == now {
			continue
		}
		if now == nil {
			gone("Default", TableID(old))
		}
		for _, c := range old.Columns {
			if now == nil || now.ByName[c.Name] == nil {
				gone("Attribute", columnID(c, old))
			}
		}
	}
	if len(s.Relations) < len(before.Relations) || len(s.ManyToMany) < len(before.ManyToMany) {
		here := map[string]bool{}
		for _, r := range s.Relations {
			here[r.Name] = true
		}
		for _, m := range s.ManyToMany {
			here[m.Name] = true
		}
		for _, r := range before.Relations {
			if !here[r.Name] {
				gone("Relationship", relationshipID(r))
			}
		}
		for _, m := range before.ManyToMany {
			if !here[m.Name] {
				gone("Relationship", manyToManyID(m))
			}
		}
	}
	for _, name := range before.OptionSetNames() {
		if s.OptionSets[name] == nil {
			gone("OptionSet", optionSetID(before.OptionSets[name]))
		}
	}
}

// CopySchema is a schema that shares its tables with s; editTable copies one of them.
func CopySchema(s *schema.Schema) *schema.Schema {
	c := *s
	c.Tables, c.Sets = maps.Clone(s.Tables), maps.Clone(s.Sets)
	c.Relations, c.ManyToMany = slices.Clone(s.Relations), slices.Clone(s.ManyToMany)
	c.Privileges, c.OptionSets = maps.Clone(s.Privileges), maps.Clone(s.OptionSets)
	c.Version++
	c.Previous, c.Published = nil, false
	return &c
}

// editTable is a copy of a table that may be changed, in the place of the table.
func editTable(s *schema.Schema, name string) *schema.Table {
	t := *s.Tables[name]
	t.Columns = slices.Clone(t.Columns)
	t.ByName, t.ToOne = maps.Clone(t.ByName), maps.Clone(t.ToOne)
	t.ToMany, t.Across = maps.Clone(t.ToMany), maps.Clone(t.Across)
	t.Outgoing, t.Incoming = slices.Clone(t.Outgoing), slices.Clone(t.Incoming)
	t.Indexed, t.Keys = slices.Clone(t.Indexed), slices.Clone(t.Keys)
	t.Labels, t.Description = maps.Clone(t.Labels), maps.Clone(t.Description)
	t.ChangedVersion = s.Version
	putTable(s, &t)
	return &t
}

func putTable(s *schema.Schema, t *schema.Table) {
	before := t.Renderings
	t.ChangedVersion, t.Renderings = s.Version, new(atomic.Value)
	if before != nil {
		if r, _ := before.Load().(*Rendered); r != nil {
			t.Renderings.Store(r.columnsOf())
		}
	}
	s.Tables[t.Name] = t
	s.Sets[t.Set] = t
}

// addColumn appends a column. Rows keep their layout: the new column's index is behind all others.
func addColumn(t *schema.Table, c *schema.Column) {
	c.Kind, c.Index, c.ChangedVersion = schema.KindNames[c.Type], len(t.Columns), t.ChangedVersion
	t.Columns = append(t.Columns, c)
	t.ByName[c.Name] = c
	if c.Kind == schema.KindLookup && !schema.Unindexed[c.Name] {
		t.Indexed = append(t.Indexed, c.Index)
	}
}

// replaceInTable puts another definition in a column's place.
func replaceInTable(t *schema.Table, c *schema.Column) {
	c.ChangedVersion = t.ChangedVersion
	t.Columns[c.Index] = c
	t.ByName[c.Name] = c
}

// addRelation makes a relationship between two tables known to both.
func addRelation(s *schema.Schema, r *schema.Relationship) {
	s.Relations = append(s.Relations, r)
	from := editTable(s, r.Referencing)
	from.Outgoing = append(from.Outgoing, r)
	from.ToOne[r.Nav] = r
	to := editTable(s, r.Referenced)
	to.Incoming = append(to.Incoming, r)
	to.ToMany[r.Collection] = r
}

func dropRelation(s *schema.Schema, r *schema.Relationship) {
	is := func(x *schema.Relationship) bool { return x == r }
	s.Relations = slices.DeleteFunc(s.Relations, is)
	if s.Tables[r.Referencing] != nil {
		from := editTable(s, r.Referencing)
		from.Outgoing = slices.DeleteFunc(from.Outgoing, is)
		delete(from.ToOne, r.Nav)
	}
	if s.Tables[r.Referenced] != nil {
		to := editTable(s, r.Referenced)
		to.Incoming = slices.DeleteFunc(to.Incoming, is)
		delete(to.ToMany, r.Collection)
	}
}

func addManyToMany(s *schema.Schema, m *schema.ManyToMany) {
	s.ManyToMany = append(s.ManyToMany, m)
	editTable(s, m.Table1).Across[m.Nav1] = m
	editTable(s, m.Table2).Across[m.Nav2] = m
	x := editTable(s, m.Intersect)
	x.IndexColumn(m.Attribute1)
	x.IndexColumn(m.Attribute2)
}

func dropManyToMany(s *schema.Schema, m *schema.ManyToMany) {
	s.ManyToMany = slices.DeleteFunc(s.ManyToMany, func(x *schema.ManyToMany) bool { return x == m })
	if s.Tables[m.Table1] != nil {
		delete(editTable(s, m.Table1).Across, m.Nav1)
	}
	if s.Tables[m.Table2] != nil {
		delete(editTable(s, m.Table2).Across, m.Nav2)
	}
	dropTable(s, m.Intersect)
}

func dropTable(s *schema.Schema, name string) {
	t := s.Tables[name]
	delete(s.Tables, name)
	delete(s.Sets, t.Set)
	delete(s.Privileges, name)
}

// reindex gives the rows of a table the indexes of its new lookup columns and keys. The columns are new: no row has a
// value.
func reindex(t *store.Tx, name string) {
	tab := t.Schema.Tables[name]
	for _, content := range store.Contents {
		if t.In(content)[name] == nil {
			continue
		}
		r := t.Apart(content, tab)
		for _, i := range tab.Indexed {
			if r.Links[i] == nil {
				r.Links[i] = btree.NewBTreeGOptions(store.LessLink, store.TreeOptions)
			}
		}
		for _, k := range tab.Keys {
			if r.Keys[k.Name] == nil {
				x := store.NewKeyIndex(tab, k)
				r.ByID.Scan(func(old *store.Row) bool {
					x.Change(nil, old)
					return true
				})
				r.Keys[k.Name] = x
			}
		}
		maps.DeleteFunc(r.Keys, func(name string, _ *store.KeyIndex) bool {
			return !slices.ContainsFunc(tab.Keys, func(k *schema.AlternateKey) bool { return k.Name == name })
		})
	}
}

// dropColumn takes a column out of a table and its values out of every row. The columns behind it move up by one.
func dropColumn(t *store.Tx, s *schema.Schema, tab *schema.Table, c *schema.Column) {
	gone := c.Index
	tab.Columns = slices.Delete(tab.Columns, gone, gone+1)
	delete(tab.ByName, c.Name)
	for i := gone; i < len(tab.Columns); i++ {
		moved := *tab.Columns[i]
		moved.Index = i
		tab.Columns[i], tab.ByName[moved.Name] = &moved, &moved
	}
	indexed := tab.Indexed[:0]
	for _, i := range tab.Indexed {
		switch {
		case i > gone:
			indexed = append(indexed, i-1)
		case i < gone:
			indexed = append(indexed, i)
		}
	}
	tab.Indexed = indexed
	for _, content := range store.Contents {
		old := t.In(content)[tab.Name]
		if old == nil {
			continue
		}
		fresh, layouts := store.NewRows(tab), map[*store.Layout]*store.Layout{}
		old.Scan(uuid.Nil, func(r *store.Row) bool {
			t.Store.Put(fresh, RowWithoutColumn(r, gone, len(tab.Columns), layouts))
			return true
		})
		if old.Deleted != nil {
			fresh.Deleted = old.Deleted.Copy()
		}
		t.Replace(content, tab.Name, fresh)
	}
}

// RowWithoutColumn is r with the column at index gone taken out and the columns behind it, of which columns are left,
// moved up. The rows of one layout share one layout again.
func RowWithoutColumn(r *store.Row, gone, columns int, layouts map[*store.Layout]*store.Layout) *store.Row {
	out := &store.Row{ID: r.ID, Version: r.Version, Vals: r.Vals}
	if r.Layout == nil {
		return out
	}
	if i, own := slices.BinarySearch(r.Layout.Cols, uint16(gone)); own {
		out.Vals = slices.Delete(slices.Clone(r.Vals), i, i+1)
	}
	if out.Layout = layouts[r.Layout]; out.Layout == nil {
		out.Layout = layoutWithoutColumn(r.Layout, gone, columns)
		layouts[r.Layout] = out.Layout
	}
	return out
}

func layoutWithoutColumn(f *store.Layout, gone, columns int) *store.Layout {
	out := &store.Layout{Cols: make([]uint16, 0, len(f.Cols)), Base: f.Base}
	if gone < len(f.Base) {
		out.Base = slices.Delete(slices.Clone(f.Base), gone, gone+1)
	}
	for _, c := range f.Cols {
		switch {
		case int(c) == gone:
			continue
		case int(c) > gone && int(c) <= columns: // beyond stand the values of an audit row, which have fixed places
			c--
		}
		out.Cols = append(out.Cols, c)
	}
	out.Index()
	return out
}

// madeNow marks a component as made by a customiser at this moment.
func madeNow(now time.Time) schema.Defined {
	return schema.Defined{MetadataID: uuid.New(), CreatedOn: now}
}
