package compile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention"
)

// model is an environment's metadata as the policy's checks see it. Tables are read when they are first asked for.
type model struct {
	ctx    context.Context
	reader dataverse.Reader
	tables map[string]*table
	all    []string          // logical names of all tables, once they were asked for
	labels map[string]string // the same by what the app calls them, in small letters
	asked  map[string]bool   // which tables get was asked for, while somebody wants to know
	err    error             // the first fault that is no answer; everything found after it is worthless
}

// table is one table's metadata, indexed by the names of the Web API.
type table struct {
	*dataverse.Table
	properties  map[string]*dataverse.Attribute // a lookup is _x_value
	navigations map[string]odata.Navigation
	lookups     map[string]dataverse.Relationship // by single-valued navigation property
}

func newModel(ctx context.Context, r dataverse.Reader) *model {
	return &model{ctx: ctx, reader: r, tables: map[string]*table{}}
}

// get is the table of that logical name, nil if the environment has none.
func (m *model) get(name string) *table {
	if m.asked != nil {
		m.asked[name] = true
	}
	if t, ok := m.tables[name]; ok {
		return t
	}
	if m.err != nil {
		return nil
	}
	meta, err := m.reader.Table(m.ctx, name)
	if err != nil {
		if !errors.Is(err, dataverse.ErrNoTable) {
			m.err = err
			return nil
		}
		m.tables[name] = nil
		return nil
	}
	t := &table{Table: meta, properties: map[string]*dataverse.Attribute{}, navigations: map[string]odata.Navigation{}, lookups: map[string]dataverse.Relationship{}}
	for _, a := range meta.Attributes {
		if name := wireName(a); name != "" {
			t.properties[name] = a
		}
	}
	for _, r := range meta.ManyToOne {
		if r.ReferencingNav != "" {
			t.navigations[r.ReferencingNav] = odata.Navigation{Table: r.Referenced}
			t.lookups[r.ReferencingNav] = r
		}
	}
	for _, r := range meta.OneToMany {
		if r.ReferencedNav != "" {
			t.navigations[r.ReferencedNav] = odata.Navigation{Table: r.Referencing, Collection: true}
		}
	}
	for _, r := range meta.ManyToMany {
		if r.Entity1 == name && r.Entity1Nav != "" {
			t.navigations[r.Entity1Nav] = odata.Navigation{Table: r.Entity2, Collection: true}
		}
		if r.Entity2 == name && r.Entity2Nav != "" {
			t.navigations[r.Entity2Nav] = odata.Navigation{Table: r.Entity1, Collection: true}
		}
	}
	m.tables[name] = t
	return t
}

// Table makes a model an odata.Model.
func (m *model) Table(logical string) (odata.Table, bool) {
	t := m.get(logical)
	return t, t != nil
}

// names are the logical names of all tables.
func (m *model) names() []string {
	if m.all == nil && m.err == nil {
		list, err := m.reader.Tables(m.ctx)
		if err != nil {
			m.err = err
			return nil
		}
		m.labels = make(map[string]string)
		for _, t := range list {
			m.all = append(m.all, t.LogicalName)
			m.labels[strings.ToLower(t.DisplayName)] = t.LogicalName
		}
		slices.Sort(m.all)
	}
	return m.all
}

// Property makes a table an odata.Table.
func (t *table) Property(name string) (odata.Property, bool) {
	a := t.properties[name]
	if a == nil {
		return odata.Property{}, false
	}
	p := odata.Property{Type: edmType(a)}
	if a.Type != "Boolean" {
		for _, o := range a.Options {
			p.Options = append(p.Options, o.Value)
		}
	}
	if a.Type == "MultiSelectPicklist" {
		p.Options = nil // its filters are texts
	}
	return p, true
}

// Navigation makes a table an odata.Table.
func (t *table) Navigation(name string) (odata.Navigation, bool) {
	n, ok := t.navigations[name]
	return n, ok
}

// columns are the names that a policy may call columns of the table by.
func (t *table) columns() []string {
	var out []string
	for name, a := range t.Attributes {
		if wireName(a) != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// column is the column of that logical name (or wire name), nil if the table has none that can be read.
func (t *table) column(name string) *dataverse.Attribute {
	if a := t.properties[name]; a != nil {
		return a
	}
	if a := t.Attributes[name]; a != nil && wireName(a) != "" {
		return a
	}
	return nil
}

// lookupsOf are the relationships of a lookup column, one a target, in the order of the targets' names.
func (t *table) lookupsOf(column string) []dataverse.Relationship {
	var out []dataverse.Relationship
	for _, nav := range slices.Sorted(maps.Keys(t.lookups)) {
		if r := t.lookups[nav]; r.ReferencingAttribute == column {
			out = append(out, r)
		}
	}
	return out
}

func isLookup(a *dataverse.Attribute) bool {
	return a.Type == "Lookup" || a.Type == "Customer" || a.Type == "Owner"
}

// wireName is the name of a column's values in requests and answers, "" if it has none of its own.
func wireName(a *dataverse.Attribute) string {
	switch {
	case isLookup(a):
		return "_" + a.LogicalName + "_value"
	case a.AttributeOf != "" && a.Type != "Image", a.Type == "PartyList", a.Type == "Virtual", a.Type == "CalendarRules":
		return ""
	}
	return a.LogicalName
}

func edmType(a *dataverse.Attribute) odata.Type {
	switch a.Type {
	case "Lookup", "Customer", "Owner", "Uniqueidentifier":
		return odata.TypeGUID
	case "String", "Memo", "MultiSelectPicklist", "EntityName":
		return odata.TypeString
	case "Boolean":
		return odata.TypeBoolean
	case "Picklist", "State", "Status", "Integer":
		return odata.TypeInt32
	case "BigInt":
		return odata.TypeInt64
	case "Decimal", "Money":
		return odata.TypeDecimal
	case "Double":
		return odata.TypeDouble
	case "DateTime":
		if a.DateTimeBehavior == "DateOnly" {
			return odata.TypeDate
		}
		return odata.TypeDateTimeOffset
	case "Image", "File":
		return odata.TypeBinary
	}
	return odata.TypeUnknown
}

func DateBehavior(a *dataverse.Attribute) retention.DateBehavior {
	switch a.DateTimeBehavior {
	case "DateOnly":
		return retention.DateOnly
	case "TimeZoneIndependent":
		return retention.TimeZoneIndependent
	}
	return retention.UserLocal
}

// typeWords names a column's type for an author.
func typeWords(a *dataverse.Attribute) string {
	switch a.Type {
	case "String", "Memo":
		return "text"
	case "Lookup", "Customer", "Owner":
		return "a lookup"
	case "Boolean":
		return "yes/no"
	case "Picklist", "State", "Status", "MultiSelectPicklist":
		return "a choice"
	case "DateTime":
		return "a date"
	case "Integer", "BigInt", "Decimal", "Double", "Money":
		return "a number"
	case "Uniqueidentifier":
		return "an id"
	}
	return "of the type " + strings.ToLower(a.Type)
}
