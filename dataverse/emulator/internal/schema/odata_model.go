package schema

import "github.com/gallra/gallra/dataverse/odata"

// Model shows a schema to package odata as the Web API does: lookups are _x_value, and a navigation property leads on.
type Model struct{ Schema *Schema }

type modelTable struct {
	schema *Schema
	table  *Table
}

// Principal is what systemuser and team have in common: the type of ownerid. It has no columns but its key.
const Principal = "principal"

type modelPrincipal struct{}

func (modelPrincipal) Property(name string) (odata.Property, bool) {
	return odata.Property{Type: odata.TypeGUID}, name == "ownerid"
}

func (modelPrincipal) Navigation(string) (odata.Navigation, bool) { return odata.Navigation{}, false }

// Table implements odata.Model.
func (m Model) Table(name string) (odata.Table, bool) {
	if name == Principal {
		return modelPrincipal{}, true
	}
	t := m.Schema.Tables[name]
	return modelTable{m.Schema, t}, t != nil
}

// PropertyTypes are the types of the Web API by kind of column.
var PropertyTypes = map[Kind]odata.Type{
	KindString: odata.TypeString, KindMemo: odata.TypeString, KindEntityName: odata.TypeString,
	KindMultiSelect: odata.TypeString, KindLookup: odata.TypeGUID, KindGUID: odata.TypeGUID,
	KindPicklist: odata.TypeInt32, KindState: odata.TypeInt32, KindStatus: odata.TypeInt32,
	KindInteger: odata.TypeInt32, KindBigInt: odata.TypeInt64, KindBoolean: odata.TypeBoolean,
	KindDecimal: odata.TypeDecimal, KindMoney: odata.TypeDecimal, KindDouble: odata.TypeDouble,
	KindDateTime: odata.TypeDateTimeOffset, KindImage: odata.TypeBinary, KindFile: odata.TypeGUID,
}

// Property implements odata.Table.
func (m modelTable) Property(name string) (odata.Property, bool) {
	if name == "ownerid" && IsPrincipal(m.table) {
		return odata.Property{Type: odata.TypeGUID}, true
	}
	c := m.table.PropertyColumn(name)
	if c == nil {
		return odata.Property{}, false
	}
	if c.Kind == KindManaged { // an object: it can be selected, and compares with nothing
		return odata.Property{Type: odata.TypeBinary}, true
	}
	t := PropertyTypes[c.Kind]
	if c.DateOnly() {
		t = odata.TypeDate
	}
	return odata.Property{Type: t}, true
}

// IsPrincipal tells whether the table's rows are principals too: these have their id a second time, as ownerid.
func IsPrincipal(t *Table) bool { return t.Name == "systemuser" || t.Name == "team" }

// PropertyColumn is the column behind a property of the Web API, nil if there is none.
func (t *Table) PropertyColumn(name string) *Column {
	c := t.ByName[name]
	if c == nil && len(name) > len("__value") && name[0] == '_' && name[len(name)-len("_value"):] == "_value" {
		c = t.ByName[name[1:len(name)-len("_value")]]
		if c == nil || c.Kind != KindLookup {
			return nil
		}
		return c
	}
	if c == nil || c.Kind == KindLookup || !c.Visible() {
		return nil
	}
	return c
}

// Visible tells whether the column is a property of the Web API: party lists, and what only mirrors another column, are
// not.
func (c *Column) Visible() bool {
	return c.Kind != KindPartyList && c.Kind != KindVirtual && (c.AttributeOf == "" || c.Kind == KindImage || c.Kind == KindString && isImagePart(c.Name) || c.Kind == KindBigInt)
}

func isImagePart(name string) bool {
	return len(name) > 4 && name[len(name)-4:] == "_url"
}

// Navigation implements odata.Table.
func (m modelTable) Navigation(name string) (odata.Navigation, bool) {
	n := m.table.Navigation(m.schema, name)
	if n == nil {
		return odata.Navigation{}, false
	}
	target := n.Target.Name
	if n.Owner {
		target = Principal
	}
	return odata.Navigation{Table: target, Collection: n.Collection}, true
}

// Navigation is a navigation property: what it leads to, and how.
type Navigation struct {
	Name       string
	Target     *Table
	Collection bool
	Owner      bool        // to a user or a team
	Column     int         // of the lookup: here if single-valued, on the target if a collection
	Many       *ManyToMany // over an intersect table, otherwise nil
	Here       int         // the column of the intersect table that holds this table's id
	There      int
}

// Navigation is the navigation property of that name, nil if there is none. An activity has those of activitypointer
// too, from which it derives: regardingobjectid_contact beside regardingobjectid_contact_email.
func (t *Table) Navigation(s *Schema, name string) *Navigation {
	n := t.OwnNavigation(s, name)
	if n != nil || !t.Activity || t.Name == ActivityPointer || s.Tables[ActivityPointer] == nil {
		return n
	}
	base := s.Tables[ActivityPointer]
	if n = base.OwnNavigation(s, name); n == nil || n.Collection {
		return n
	}
	c := t.ByName[base.Columns[n.Column].Name]
	if c == nil {
		return nil
	}
	n.Column = c.Index
	return n
}

// OwnNavigation is [Table.Navigation] without what an activity has from activitypointer.
func (t *Table) OwnNavigation(s *Schema, name string) *Navigation {
	if c := t.ByName[name]; c != nil && c.Type == "Owner" { // to a user or a team, also where no relationship says so
		return &Navigation{Name: name, Target: s.Tables["systemuser"], Column: c.Index, Owner: true}
	}
	if r := t.ToOne[name]; r != nil {
		c := t.ByName[r.Attribute]
		return &Navigation{Name: name, Target: s.Tables[r.Referenced], Column: c.Index}
	}
	if r := t.ToMany[name]; r != nil {
		from := s.Tables[r.Referencing]
		return &Navigation{Name: name, Target: from, Collection: true, Column: from.ByName[r.Attribute].Index}
	}
	if m := t.Across[name]; m != nil {
		mid := s.Tables[m.Intersect]
		n := &Navigation{Name: name, Collection: true, Many: m}
		a, b := mid.ByName[m.Attribute1].Index, mid.ByName[m.Attribute2].Index
		if m.Table1 == t.Name && (m.Nav1 == name || m.Table2 != t.Name) {
			n.Target, n.Here, n.There = s.Tables[m.Table2], a, b
		} else {
			n.Target, n.Here, n.There = s.Tables[m.Table1], b, a
		}
		return n
	}
	return nil
}
