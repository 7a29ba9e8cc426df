package schema

import (
	"maps"
	"slices"
)

// Assemble is the schema of an environment of which some tables are known: these, and of the tables that every environment has
// those that exist says are there too. What a relationship leads to that is in neither is left out of it. Tables and columns
// are taken over: nobody else may use them.
func Assemble(known []*Table, relations []*Relationship, many []*ManyToMany, exists func(table string) bool) (*Schema, error) {
	base := BaseSchema()
	s := &Schema{Privileges: maps.Clone(base.Privileges), OptionSets: map[string]*OptionSet{}}
	own := map[string]bool{}
	for _, t := range known {
		own[t.Name] = true
	}
	tables := slices.Clone(known)
	for _, name := range base.TableNames() {
		if !own[name] && exists(name) {
			tables = append(tables, base.Tables[name].copy())
			for _, c := range base.Tables[name].Columns {
				if c.OptionSet != "" {
					s.OptionSets[c.OptionSet] = base.OptionSets[c.OptionSet]
				}
			}
		}
	}
	there := map[string]*Table{}
	for _, t := range tables {
		t.ByName = map[string]*Column{}
		for _, c := range t.Columns {
			t.ByName[c.Name] = c
		}
		there[t.Name] = t
	}
	named := map[string]bool{}
	addOne := func(r *Relationship) {
		from, to := there[r.Referencing], there[r.Referenced]
		if from == nil || to == nil || from.ByName[r.Attribute] == nil || named[r.Name] {
			return
		}
		named[r.Name] = true
		s.Relations = append(s.Relations, r)
	}
	addMany := func(m *ManyToMany) {
		if there[m.Table1] == nil || there[m.Table2] == nil || there[m.Intersect] == nil || named[m.Name] {
			return
		}
		named[m.Name] = true
		s.ManyToMany = append(s.ManyToMany, m)
	}
	for _, r := range relations {
		addOne(r)
	}
	for _, m := range many {
		addMany(m)
	}
	for _, r := range base.Relations { // between tables of which nothing else is known
		if !own[r.Referencing] && !own[r.Referenced] {
			again := *r
			addOne(&again)
		}
	}
	for _, m := range base.ManyToMany {
		if !own[m.Table1] && !own[m.Table2] {
			again := *m
			addMany(&again)
		}
	}
	custom, audit := map[*Column]bool{}, map[*Column]bool{}
	audited := map[*Table]bool{}
	for _, t := range known {
		audited[t] = t.Audited
		for _, c := range t.Columns {
			custom[c], audit[c] = c.Custom, c.Audit
		}
	}
	if err := s.link(tables); err != nil {
		return nil, err
	}
	for t, is := range audited { // link knows no more than what every environment has
		t.Audited = is
	}
	for c, is := range custom {
		c.Custom, c.Audit = is, audit[c]
	}
	for name := range s.Privileges {
		if there[name] == nil {
			delete(s.Privileges, name)
		}
	}
	s.Published = true
	return s, nil
}

// copy is the table with columns of its own, as the files have it.
func (t *Table) copy() *Table {
	c := *t
	c.Columns = make([]*Column, len(t.Columns))
	for i := range t.Columns {
		own := *t.Columns[i]
		c.Columns[i] = &own
	}
	return &c
}
