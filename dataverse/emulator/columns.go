package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Column is a custom column to add to a table.
type Column struct {
	Table      string // logical name
	SchemaName string // with the publisher's prefix: nord_FollowUpOn
	Label      string
	Type       string // the attribute type: String, Memo, Boolean, Integer, Decimal, Money, DateTime
	Behavior   string // of a DateTime: UserLocal, DateOnly, TimeZoneIndependent
	MaxLength  int    // of a text
}

// AddColumns adds custom columns, as if a customiser with that prefix had made them. A column that is there already is
// left as it is.
func (s *Server) AddColumns(prefix string, columns ...Column) error {
	t := s.store.begin()
	done := false
	defer func() {
		if !done {
			t.rollback()
		}
	}()
	next := *t.schema
	next.tables, next.sets = maps.Clone(next.tables), maps.Clone(next.sets)
	next.version++
	for _, c := range columns {
		old := next.tables[c.Table]
		if old == nil {
			return fmt.Errorf("add column %s: there is no table %s", c.SchemaName, c.Table)
		}
		name := strings.ToLower(c.SchemaName)
		if !strings.HasPrefix(name, prefix+"_") {
			return fmt.Errorf("add column %s: its name does not begin with %s_", c.SchemaName, prefix)
		}
		switch c.Type {
		case "String", "Memo", "Boolean", "Integer", "Decimal", "Money", "DateTime":
		default:
			return fmt.Errorf("add column %s: it cannot be of type %q", c.SchemaName, c.Type)
		}
		if old.column(name) != nil {
			continue
		}
		tab := *old
		made := &column{
			Name: name, SchemaName: c.SchemaName, Label: c.Label, Type: c.Type, Behavior: c.Behavior, MaxLength: c.MaxLength,
			kind: kindNames[c.Type], index: len(tab.Columns), custom: true, audit: true,
		}
		if c.Type == "String" && made.MaxLength == 0 {
			made.MaxLength = 100
		}
		if c.Type == "DateTime" {
			made.Format = "DateAndTime"
			if c.Behavior == "DateOnly" {
				made.Format = "DateOnly"
			}
		}
		if c.Type == "Boolean" {
			made.Options = []option{{Value: 0, Label: "No"}, {Value: 1, Label: "Yes"}}
			made.Default = false
		}
		tab.Columns = append(slices.Clone(tab.Columns), made)
		tab.byName = maps.Clone(tab.byName)
		tab.byName[name] = made
		next.tables[tab.Name], next.sets[tab.Set] = &tab, &tab
	}
	t.schema = &next
	t.commit()
	done = true
	return nil
}

// CompanyColumns are the columns that the company of the sample data and of generated data has of its own.
func CompanyColumns() []Column {
	return []Column{
		{Table: "contact", SchemaName: "nord_FollowUpOn", Label: "Follow up on", Type: "DateTime", Behavior: "DateOnly"},
		{Table: "lead", SchemaName: "nord_FollowUpOn", Label: "Follow up on", Type: "DateTime", Behavior: "DateOnly"},
		{Table: "lead", SchemaName: "nord_LastFollowUpOn", Label: "Last follow-up on", Type: "DateTime", Behavior: "DateOnly"},
		{Table: "lead", SchemaName: "nord_PurchasedList", Label: "From a purchased list", Type: "Boolean"},
	}
}
