package policytest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/policy"
)

// company makes the tables and columns that the company has of its own. What has relationships or options is made over the
// Web API, as a customiser would.
func (w *world) company(ctx context.Context) error {
	c, err := connect(w.own, w.defs)
	if err != nil {
		return err
	}
	defer c.client.Close()
	m := &customiser{file: w.file, client: c.client}
	for _, t := range w.file.Tables {
		if err := m.table(ctx, t); err != nil {
			return err
		}
	}
	for _, column := range w.file.Columns {
		if column.Type == "lookup" || len(column.Options) > 0 || column.Required {
			err = m.column(ctx, column)
		} else if err = w.own.AddColumns(column.Prefix(), plain(column)); err != nil {
			err = policy.Problems{w.file.Problem(column.Pos, err.Error(), "")}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// plain is a column that stands for itself.
func plain(c policy.TestColumn) emulator.Column {
	made := emulator.Column{Table: c.Table, SchemaName: c.Name, Label: c.Name}
	switch c.Type {
	case "text":
		made.Type, made.MaxLength = "String", 4000
	case "yes-no":
		made.Type = "Boolean"
	case "number", "choice": // both are whole numbers to a filter
		made.Type = "Integer"
	case "date":
		made.Type, made.Behavior = "DateTime", "DateOnly"
	case "date-time":
		made.Type, made.Behavior = "DateTime", "UserLocal"
	case "date-time-independent":
		made.Type, made.Behavior = "DateTime", "TimeZoneIndependent"
	}
	return made
}

// customiser makes tables and columns over the Web API.
type customiser struct {
	file   *policy.TestFile
	client *dataverse.Client
	known  []string // prefixes of publishers
}

type body = map[string]any

// post sends a definition. What the service refuses is told at its place in the file, in the service's words: they are of
// definitions, and no row.
func (m *customiser) post(ctx context.Context, at policy.Pos, prefix, path string, b body) error {
	if !slices.Contains(m.known, prefix) {
		m.known = append(m.known, prefix)
		if err := m.post(ctx, at, prefix, "publishers", body{"friendlyname": prefix, "uniquename": prefix, "customizationprefix": prefix,
			"customizationoptionvalueprefix": 20000 + len(m.known)}); err != nil {
			return err
		}
	}
	err := m.client.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: path, Body: b}, nil)
	var refused *dataverse.Error
	if errors.As(err, &refused) && refused.Status < 500 {
		return policy.Problems{m.file.Problem(at, "the emulator refuses it: "+refused.Message, "")}
	}
	return err
}

func label(text string) body {
	return body{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": []body{{
		"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": text, "LanguageCode": 1033}}}
}

func attribute(kind, name string, required bool, more body) body {
	level := "None"
	if required {
		level = "ApplicationRequired"
	}
	b := body{"@odata.type": "Microsoft.Dynamics.CRM." + kind + "AttributeMetadata", "SchemaName": name, "DisplayName": label(name), "RequiredLevel": body{"Value": level}}
	for k, v := range more {
		b[k] = v
	}
	return b
}

func (m *customiser) table(ctx context.Context, t policy.TestTable) error {
	primary := t.Prefix() + "_name"
	if t.Activity {
		primary = "Subject"
	}
	return m.post(ctx, t.Pos, t.Prefix(), "EntityDefinitions", body{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": t.Name,
		"DisplayName": label(t.Name), "DisplayCollectionName": label(t.Name), "OwnershipType": "UserOwned", "IsActivity": t.Activity, "HasActivities": !t.Activity,
		"HasNotes": true, "Attributes": []body{attribute("String", primary, false, body{"IsPrimaryName": true, "MaxLength": 200})}})
}

func (m *customiser) column(ctx context.Context, c policy.TestColumn) error {
	if c.Type == "lookup" {
		return m.lookup(ctx, c)
	}
	kind, more := "", body{}
	switch c.Type {
	case "text":
		kind, more = "String", body{"MaxLength": 4000}
	case "yes-no":
		kind, more = "Boolean", body{"OptionSet": body{"FalseOption": body{"Value": 0, "Label": label("No")}, "TrueOption": body{"Value": 1, "Label": label("Yes")}}}
	case "number":
		kind = "Integer"
	case "choice":
		var options []body
		for _, o := range c.Options {
			options = append(options, body{"Value": o.Value, "Label": label(o.Label)})
		}
		if kind = "Picklist"; len(options) == 0 {
			kind = "Integer"
		} else {
			more = body{"OptionSet": body{"@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", "IsGlobal": false, "OptionSetType": "Picklist", "Options": options}}
		}
	default:
		made := plain(c)
		kind, more = "DateTime", body{"DateTimeBehavior": body{"Value": made.Behavior}}
	}
	return m.post(ctx, c.Pos, c.Prefix(), "EntityDefinitions(LogicalName='"+c.Table+"')/Attributes", attribute(kind, c.Name, c.Required, more))
}

// deletes are the words of a test file for what the delete of a row does with those that point at it.
var deletes = map[string]string{"": "RemoveLink", "remove-link": "RemoveLink", "restrict": "Restrict", "cascade": "Cascade"}

func (m *customiser) lookup(ctx context.Context, c policy.TestColumn) error {
	var relations []body
	for _, to := range c.To {
		relations = append(relations, body{"SchemaName": fmt.Sprintf("%s_%s_%s", c.Name, to, c.Table), "ReferencedEntity": to, "ReferencingEntity": c.Table,
			"CascadeConfiguration": body{"Assign": "NoCascade", "Delete": deletes[c.OnDelete], "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"}})
	}
	if len(relations) == 1 {
		one := relations[0]
		one["@odata.type"], one["Lookup"] = "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", attribute("Lookup", c.Name, c.Required, nil)
		return m.post(ctx, c.Pos, c.Prefix(), "RelationshipDefinitions", one)
	}
	return m.post(ctx, c.Pos, c.Prefix(), "CreatePolymorphicLookupAttribute", body{"OneToManyRelationships": relations,
		"Lookup": attribute("ComplexLookup", c.Name, c.Required, nil)})
}
