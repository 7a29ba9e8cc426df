package metadata

import (
	"fmt"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
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
func (s *Service) AddColumns(prefix string, columns ...Column) error {
	t := s.Store.Begin()
	done := false
	defer func() {
		if !done {
			t.Rollback()
		}
	}()
	err := changeSchema(t, s.Engine, func(next *schema.Schema) error {
		for _, c := range columns {
			if err := addCustom(next, prefix, c); err != nil {
				return fmt.Errorf("add column %s: %w", c.SchemaName, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.Commit()
	done = true
	return nil
}

// addCustom adds a custom column unless the table has it.
func addCustom(s *schema.Schema, prefix string, c Column) error {
	name := strings.ToLower(c.SchemaName)
	switch c.Type {
	case "String", "Memo", "Boolean", "Integer", "Decimal", "Money", "DateTime":
	default:
		return fmt.Errorf("it cannot be of type %q", c.Type)
	}
	switch {
	case s.Tables[c.Table] == nil:
		return fmt.Errorf("there is no table %s", c.Table)
	case !strings.HasPrefix(name, prefix+"_"):
		return fmt.Errorf("its name does not begin with %s_", prefix)
	case s.Tables[c.Table].Column(name) != nil:
		return nil
	}
	made := &schema.Column{
		Name: name, SchemaName: c.SchemaName, Label: c.Label, Type: c.Type, Behavior: c.Behavior, MaxLength: c.MaxLength,
		Custom: true, Audit: true,
	}
	switch c.Type {
	case "String":
		if made.MaxLength == 0 {
			made.MaxLength = 100
		}
	case "DateTime":
		made.Format = "DateAndTime"
		if c.Behavior == "DateOnly" {
			made.Format = "DateOnly"
		}
	case "Boolean":
		made.Options = []schema.Option{{Value: 0, Label: "No"}, {Value: 1, Label: "Yes"}}
		made.Default = false
	}
	addColumn(editTable(s, c.Table), made)
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
