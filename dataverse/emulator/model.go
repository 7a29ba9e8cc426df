package emulator

import "github.com/gallra/gallra/dataverse/odata"

// model shows a schema to package odata as the Web API does: lookups are _x_value, and a navigation property leads on.
type model struct{ schema *schema }

type modelTable struct {
	schema *schema
	table  *table
}

// principal is what systemuser and team have in common: the type of ownerid. It has no columns but its key.
const principal = "principal"

type modelPrincipal struct{}

func (modelPrincipal) Property(name string) (odata.Property, bool) {
	return odata.Property{Type: odata.TypeGUID}, name == "ownerid"
}

func (modelPrincipal) Navigation(string) (odata.Navigation, bool) { return odata.Navigation{}, false }

// Table implements odata.Model.
func (m model) Table(name string) (odata.Table, bool) {
	if name == principal {
		return modelPrincipal{}, true
	}
	t := m.schema.tables[name]
	return modelTable{m.schema, t}, t != nil
}

var propertyTypes = map[kind]odata.Type{
	kindString: odata.TypeString, kindMemo: odata.TypeString, kindEntityName: odata.TypeString,
	kindMultiSelect: odata.TypeString, kindLookup: odata.TypeGUID, kindGUID: odata.TypeGUID,
	kindPicklist: odata.TypeInt32, kindState: odata.TypeInt32, kindStatus: odata.TypeInt32,
	kindInteger: odata.TypeInt32, kindBigInt: odata.TypeInt64, kindBoolean: odata.TypeBoolean,
	kindDecimal: odata.TypeDecimal, kindMoney: odata.TypeDecimal, kindDouble: odata.TypeDouble,
	kindDateTime: odata.TypeDateTimeOffset, kindImage: odata.TypeBinary, kindFile: odata.TypeGUID,
}

// Property implements odata.Table.
func (m modelTable) Property(name string) (odata.Property, bool) {
	if name == "ownerid" && inheritsPrincipal(m.table) {
		return odata.Property{Type: odata.TypeGUID}, true
	}
	c := m.table.propertyColumn(name)
	if c == nil {
		return odata.Property{}, false
	}
	t := propertyTypes[c.kind]
	if c.dateOnly() {
		t = odata.TypeDate
	}
	return odata.Property{Type: t}, true
}

// inheritsPrincipal tells whether the table's rows are principals too: these have their id a second time, as ownerid.
func inheritsPrincipal(t *table) bool { return t.Name == "systemuser" || t.Name == "team" }

// propertyColumn is the column behind a property of the Web API, nil if there is none.
func (t *table) propertyColumn(name string) *column {
	c := t.byName[name]
	if c == nil && len(name) > len("__value") && name[0] == '_' && name[len(name)-len("_value"):] == "_value" {
		c = t.byName[name[1:len(name)-len("_value")]]
		if c == nil || c.kind != kindLookup {
			return nil
		}
		return c
	}
	if c == nil || c.kind == kindLookup || !c.visible() {
		return nil
	}
	return c
}

// visible tells whether the column is a property of the Web API: party lists, and what only mirrors another column, are
// not.
func (c *column) visible() bool {
	return c.kind != kindPartyList && c.kind != kindVirtual && (c.AttributeOf == "" || c.kind == kindImage || c.kind == kindString && isImagePart(c.Name) || c.kind == kindBigInt)
}

func isImagePart(name string) bool {
	return len(name) > 4 && name[len(name)-4:] == "_url"
}

// Navigation implements odata.Table.
func (m modelTable) Navigation(name string) (odata.Navigation, bool) {
	n := m.table.navigation(m.schema, name)
	if n == nil {
		return odata.Navigation{}, false
	}
	target := n.target.Name
	if n.owner {
		target = principal
	}
	return odata.Navigation{Table: target, Collection: n.collection}, true
}

// navigation is a navigation property: what it leads to, and how.
type navigation struct {
	name       string
	target     *table
	collection bool
	owner      bool        // to a user or a team
	column     int         // of the lookup: here if single-valued, on the target if a collection
	many       *manyToMany // over an intersect table, otherwise nil
	here       int         // the column of the intersect table that holds this table's id
	there      int
}

// navigation is the navigation property of that name, nil if there is none. An activity has those of activitypointer
// too, from which it derives: regardingobjectid_contact beside regardingobjectid_contact_email.
func (t *table) navigation(s *schema, name string) *navigation {
	n := t.ownNavigation(s, name)
	if n != nil || !t.Activity || t.Name == activityPointer || s.tables[activityPointer] == nil {
		return n
	}
	base := s.tables[activityPointer]
	if n = base.ownNavigation(s, name); n == nil || n.collection {
		return n
	}
	c := t.byName[base.Columns[n.column].Name]
	if c == nil {
		return nil
	}
	n.column = c.index
	return n
}

func (t *table) ownNavigation(s *schema, name string) *navigation {
	if c := t.byName[name]; c != nil && c.Type == "Owner" { // to a user or a team, also where no relationship says so
		return &navigation{name: name, target: s.tables["systemuser"], column: c.index, owner: true}
	}
	if r := t.toOne[name]; r != nil {
		c := t.byName[r.Attribute]
		return &navigation{name: name, target: s.tables[r.Referenced], column: c.index}
	}
	if r := t.toMany[name]; r != nil {
		from := s.tables[r.Referencing]
		return &navigation{name: name, target: from, collection: true, column: from.byName[r.Attribute].index}
	}
	if m := t.across[name]; m != nil {
		mid := s.tables[m.Intersect]
		n := &navigation{name: name, collection: true, many: m}
		a, b := mid.byName[m.Attribute1].index, mid.byName[m.Attribute2].index
		if m.Table1 == t.Name && (m.Nav1 == name || m.Table2 != t.Name) {
			n.target, n.here, n.there = s.tables[m.Table2], a, b
		} else {
			n.target, n.here, n.there = s.tables[m.Table1], b, a
		}
		return n
	}
	return nil
}
