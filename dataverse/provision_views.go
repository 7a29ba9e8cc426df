package dataverse

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// View is a system view that provisioning makes.
type View struct {
	// Name may hold %s for the table's plural: "%s to be purged within 2 months".
	Name, Description string
	Columns           []ViewColumn // after the primary name; those that the table lacks are left out
	OrderBy           string
	Filter            string // the FetchXML filter element
}

// ViewColumn is a column of a view.
type ViewColumn struct {
	Name  string
	Width int
}

func (r *provisioner) view(ctx context.Context, tableName string, v View) error {
	table, err := r.c.Table(ctx, tableName)
	if err != nil {
		return err
	}
	plural := table.DisplayCollectionName
	if plural == "" {
		plural = table.DisplayName
	}
	name := strings.Replace(v.Name, "%s", plural, 1)
	there := func(ctx context.Context) (bool, error) {
		row, err := r.c.one(ctx, Query{
			Set: "savedqueries", Select: []string{"savedqueryid"}, Strong: true,
			Filter: "(name eq " + quote(name) + ") and (returnedtypecode eq " + quote(tableName) + ")",
		})
		return row != nil, err
	}
	step, err := r.ensure(ctx, fmt.Sprintf("view %q of %s", name, tableName), there, func(ctx context.Context) error {
		return r.c.Do(ctx, Operation{Method: http.MethodPost, Path: "savedqueries", Header: r.inSolution(), Body: map[string]any{
			"name": name, "description": v.Description, "returnedtypecode": tableName, "querytype": 0,
			"fetchxml": v.fetch(table), "layoutxml": v.layout(table),
		}}, nil)
	})
	if err == nil && step.Done && !step.Present {
		r.publish = append(r.publish, tableName)
	}
	return err
}

// fetch and layout go together: each cell must be a fetched column, and the key must be fetched.
func (v View) fetch(t *Table) string {
	var b strings.Builder
	b.WriteString(`<fetch version="1.0" output-format="xml-platform" mapping="logical" distinct="false"><entity name="` + t.LogicalName + `">`)
	b.WriteString(`<attribute name="` + t.PrimaryID + `"/>`)
	for _, col := range v.columns(t) {
		b.WriteString(`<attribute name="` + col.Name + `"/>`)
	}
	if v.OrderBy != "" {
		b.WriteString(`<order attribute="` + v.OrderBy + `" descending="false"/>`)
	}
	b.WriteString(v.Filter + `</entity></fetch>`)
	return b.String()
}

func (v View) layout(t *Table) string {
	var b strings.Builder
	b.WriteString(`<grid name="resultset" object="` + strconv.Itoa(t.ObjectTypeCode) + `" jump="` + t.PrimaryName +
		`" select="1" preview="1" icon="1"><row name="result" id="` + t.PrimaryID + `">`)
	for _, col := range v.columns(t) {
		b.WriteString(`<cell name="` + col.Name + `" width="` + strconv.Itoa(col.Width) + `"/>`)
	}
	b.WriteString(`</row></grid>`)
	return b.String()
}

func (v View) columns(t *Table) []ViewColumn {
	list := []ViewColumn{{Name: t.PrimaryName, Width: 200}}
	for _, col := range v.Columns {
		if t.Attributes[col.Name] != nil {
			list = append(list, col)
		}
	}
	return list
}

// condition is a FetchXML condition.
func condition(column, operator, value string) string {
	s := `<condition attribute="` + column + `" operator="` + operator + `"`
	if value != "" {
		var b strings.Builder
		xml.EscapeText(&b, []byte(value)) // cannot fail on a Builder
		s += ` value="` + b.String() + `"`
	}
	return s + `/>`
}
