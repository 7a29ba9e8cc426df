package dataverse

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Row is a row as the service printed it: numbers are json.Number, lookups stand under _name_value.
type Row map[string]any

// ETag is the version of the row, for If-Match.
func (r Row) ETag() string { return r.Text("@odata.etag") }

// Text is the column's text, empty when it is null, absent or no text.
func (r Row) Text(col string) string {
	s, _ := r[col].(string)
	return s
}

// ID is the column's id, zero when it is null or absent. A lookup may be named by its logical name or as
// _name_value.
func (r Row) ID(col string) uuid.UUID {
	s, ok := r[col].(string)
	if !ok {
		s, ok = r["_"+col+"_value"].(string)
	}
	if !ok {
		return uuid.UUID{}
	}
	id, err := uuid.Parse(strings.TrimSpace(s))
	if err != nil {
		return uuid.UUID{}
	}
	return id
}

// Int is the column's whole number; ok is false when it is null, absent or something else.
func (r Row) Int(col string) (n int64, ok bool) {
	num, ok := r[col].(json.Number)
	if !ok {
		return 0, false
	}
	n, err := num.Int64()
	return n, err == nil
}

// Bool is the column's truth, false when it is null or absent.
func (r Row) Bool(col string) bool {
	b, _ := r[col].(bool)
	return b
}

// Time is the column's time or, at midnight UTC, its date.
func (r Row) Time(col string) (t time.Time, ok bool) {
	return parseTime([]byte(r.Text(col)))
}

// Null tells that the column is null or absent (FetchXML leaves nulls out).
func (r Row) Null(col string) bool { return r[col] == nil }

// Formatted is the text that the service shows to people for the column, when annotations were asked for.
func (r Row) Formatted(col string) string {
	return r.Text(col + "@OData.Community.Display.V1.FormattedValue")
}

// Target is the logical name of the table that a lookup points at, when annotations were asked for.
func (r Row) Target(lookup string) string {
	if !strings.HasPrefix(lookup, "_") {
		lookup = "_" + lookup + "_value"
	}
	return r.Text(lookup + "@Microsoft.Dynamics.CRM.lookuplogicalname")
}

// Expanded is the row of an expanded single-valued navigation property, nil when there is none.
func (r Row) Expanded(nav string) Row {
	m, _ := r[nav].(map[string]any)
	return m
}

// Children are the rows of an expanded collection.
func (r Row) Children(nav string) []Row {
	list, _ := r[nav].([]any)
	rows := make([]Row, 0, len(list))
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			rows = append(rows, m)
		}
	}
	return rows
}
