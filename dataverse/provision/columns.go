package provision

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse"
)

// ColumnKind is what a provisioned column holds.
type ColumnKind int

// The kinds.
const (
	DateColumn ColumnKind = iota // a date, the same in every time zone
	TextColumn
	YesNoColumn
)

// Column is a column that provisioning makes.
type Column struct {
	SchemaName               string // with the publisher's prefix
	DisplayName, Description Text
	Kind                     ColumnKind
	MaxLength                int // of a text
	// Mapped is somebody else's column used in place of one: it must exist.
	Mapped bool
	// Last is made after everything else: whoever finds it knows that provisioning came to its end.
	Last bool
}

// LogicalName is the name that queries use.
func (c Column) LogicalName() string { return strings.ToLower(c.SchemaName) }

// columns makes those of a table that come before everything else, or those that come last.
func (r *provisioner) columns(ctx context.Context, t TableProvision, last bool) error {
	table, err := r.c.Table(ctx, t.Table)
	if err != nil {
		return err
	}
	for _, col := range t.Columns {
		if col.Last != last {
			continue
		}
		what := "column " + t.Table + "." + col.LogicalName()
		if col.Mapped {
			what += ", mapped"
		}
		there := func(ctx context.Context) (bool, error) {
			a := table.Attributes[col.LogicalName()]
			switch {
			case a == nil && col.Mapped:
				return false, fmt.Errorf("there is no such column, and columns that are mapped are not created: %w", dataverse.ErrNotFound)
			case a == nil:
				return false, nil
			}
			return true, col.fits(a)
		}
		step, err := r.ensure(ctx, what, there, func(ctx context.Context) error {
			err := r.c.Do(ctx, dataverse.Operation{
				Method: http.MethodPost, Path: "EntityDefinitions(LogicalName='" + t.Table + "')/Attributes",
				Body: r.definition(col), Header: r.inSolution(),
			}, nil)
			if err != nil {
				// The look that may follow must see what has happened by now.
				r.c.Schema.Forget()
				if fresh, readErr := r.c.Table(ctx, t.Table); readErr == nil {
					table = fresh
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		if step.Done && !step.Present {
			r.c.Schema.Forget()
		}
	}
	return nil
}

// fits refuses a column of the same name that holds something else: dates written into it would be wrong dates.
func (c Column) fits(a *dataverse.Attribute) error {
	var want, got string
	switch c.Kind {
	case DateColumn:
		want, got = "DateTime with the behaviour DateOnly", a.Type
		if a.Type == "DateTime" {
			got += " with the behaviour " + a.DateTimeBehavior
		}
	case TextColumn:
		want, got = fmt.Sprintf("String of %d or more", c.MaxLength), a.Type
		if (a.Type == "String" || a.Type == "Memo") && a.MaxLength >= c.MaxLength {
			got = want
		} else if a.Type == "String" {
			got += fmt.Sprintf(" of %d", a.MaxLength)
		}
	case YesNoColumn:
		want, got = "Boolean", a.Type
	}
	switch {
	case want != got:
		return fmt.Errorf("exists as %s, and must be %s", got, want)
	case !a.ForRead || !a.ForUpdate:
		return errors.New("exists, and cannot be read and written")
	case a.Secured:
		return errors.New("exists with column security: whoever may not read it would take it for empty")
	}
	return nil
}

// definition is the body that creates the column.
func (r *provisioner) definition(c Column) map[string]any {
	d := map[string]any{
		"SchemaName":  c.SchemaName,
		"DisplayName": r.labelJSON(c.DisplayName),
		"Description": r.labelJSON(c.Description),
		"RequiredLevel": map[string]any{
			"Value": "None", "CanBeChanged": true, "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
		},
	}
	kind := func(name string) {
		d["@odata.type"] = "Microsoft.Dynamics.CRM." + name + "AttributeMetadata"
		d["AttributeType"] = name
		d["AttributeTypeName"] = map[string]string{"Value": name + "Type"}
	}
	switch c.Kind {
	case DateColumn:
		kind("DateTime")
		// Format is about display only. It is the behaviour that keeps the date from moving with the time zone.
		d["Format"] = "DateOnly"
		d["DateTimeBehavior"] = map[string]string{"Value": "DateOnly"}
		d["ImeMode"] = "Disabled"
	case TextColumn:
		kind("String")
		d["FormatName"] = map[string]string{"Value": "Text"}
		d["MaxLength"] = c.MaxLength
	case YesNoColumn:
		kind("Boolean")
		d["DefaultValue"] = false
		d["OptionSet"] = map[string]any{
			"TrueOption":    map[string]any{"Value": 1, "Label": r.labelJSON(said("yes"))},
			"FalseOption":   map[string]any{"Value": 0, "Label": r.labelJSON(said("no"))},
			"OptionSetType": "Boolean",
		}
	}
	return d
}
