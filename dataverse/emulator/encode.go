package emulator

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// encoder writes rows as JSON into a buffer. An annotation stands before the value that it is about.
type encoder struct {
	b         []byte
	e         *env
	base      string
	formatted bool // OData.Community.Display.V1.FormattedValue
	logical   bool // Microsoft.Dynamics.CRM.lookuplogicalname
	navName   bool // Microsoft.Dynamics.CRM.associatednavigationproperty
	attribute bool // OData.Community.Display.V1.AttributeName
	omitNulls bool // FetchXML leaves nulls out, OData does not
}

const (
	formattedValue = "OData.Community.Display.V1.FormattedValue"
	attributeName  = "OData.Community.Display.V1.AttributeName"
	lookupLogical  = "Microsoft.Dynamics.CRM.lookuplogicalname"
	lookupNav      = "Microsoft.Dynamics.CRM.associatednavigationproperty"
)

func newEncoder(c *call, e *env) *encoder {
	return &encoder{
		e: e, base: c.base, formatted: c.annotations(formattedValue), logical: c.annotations(lookupLogical),
		navName: c.annotations(lookupNav), attribute: c.annotations(attributeName),
	}
}

// field is a column as it is written: under which key, and with what.
type field struct {
	key   string // of the JSON member
	col   *column
	alias bool              // the key is an alias of FetchXML
	navs  map[string]string // of a lookup: the navigation property by target
	slot  int               // of the row it is read from
}

// fieldsOf are the columns as fields of the Web API.
func (t *table) fieldsOf(cols []*column) []field {
	out := make([]field, len(cols))
	for i, c := range cols {
		out[i] = field{key: c.property(), col: c, navs: t.navsOf(c)}
	}
	return out
}

// navsOf are the navigation properties of a lookup by the table they lead to.
func (t *table) navsOf(c *column) map[string]string {
	if c.kind != kindLookup {
		return nil
	}
	m := map[string]string{}
	if c.Type == "Owner" {
		m["systemuser"], m["team"] = c.Name, c.Name
	}
	for _, r := range t.parents {
		if r.Attribute == c.Name {
			m[r.Referenced] = r.Nav
		}
	}
	return m
}

func (w *encoder) text(s string) { w.b = append(w.b, s...) }

// key begins a member.
func (w *encoder) key(name string) {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
	w.b = appendJSON(w.b, name)
	w.b = append(w.b, ':')
}

func (w *encoder) annotation(property, name string) {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, '"')
	w.b = append(append(append(w.b, property...), '@'), name...)
	w.b = append(w.b, '"', ':')
}

// etag writes the weak ETag of a row.
func (w *encoder) etag(r *row) {
	w.key("@odata.etag")
	w.text(`"W/\"`)
	w.b = strconv.AppendInt(w.b, r.version, 10)
	w.text(`\""`)
}

// field writes a column of a row with its annotations.
func (w *encoder) field(t *table, r *row, f *field) {
	if f.col == nil {
		return
	}
	w.member(f, r, t, t.value(r, f.col))
}

// member writes a value under the field's key.
func (w *encoder) member(f *field, r *row, t *table, v any) {
	if f.col.NoRead {
		v = nil // reading such a column gives null (facts of metadata: IsValidForRead)
	}
	if v == nil {
		if !w.omitNulls {
			w.key(f.key)
			w.text("null")
		}
		return
	}
	if w.attribute && f.alias {
		w.annotation(f.key, attributeName)
		w.b = appendJSON(w.b, f.col.Name)
	}
	if to, ok := v.(ref); ok {
		w.lookup(f, r, to)
		return
	}
	if w.formatted {
		w.formattedMember(f, r, t, v)
	}
	w.key(f.key)
	w.b = appendValue(w.b, f.col, v)
}

func (w *encoder) formattedMember(f *field, r *row, t *table, v any) {
	mark := len(w.b)
	w.annotation(f.key, formattedValue)
	w.b = append(w.b, '"')
	start := len(w.b)
	w.b = w.e.appendFormatted(w.b, t, r, f.col, v)
	if len(w.b) == start {
		w.b = w.b[:mark]
		return
	}
	w.b = append(w.b, '"')
}

func (w *encoder) lookup(f *field, r *row, to ref) {
	if w.formatted {
		if name, ok := w.e.lookupName(r, f.col, to); ok {
			w.annotation(f.key, formattedValue)
			w.b = appendJSON(w.b, name)
		}
	}
	if nav := f.navs[to.Table]; w.navName && nav != "" && !f.alias {
		w.annotation(f.key, lookupNav)
		w.b = appendJSON(w.b, nav)
	}
	if w.logical {
		w.annotation(f.key, lookupLogical)
		w.b = appendJSON(w.b, to.Table)
	}
	w.key(f.key)
	w.b = appendGUID(w.b, to.ID)
}

func appendGUID(b []byte, id uuid.UUID) []byte {
	text, _ := id.MarshalText() // never fails, and unlike String allocates nothing
	return append(append(append(b, '"'), text...), '"')
}

// appendValue writes a value that is not null and no lookup.
func appendValue(b []byte, c *column, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendJSON(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case bool:
		return strconv.AppendBool(b, v)
	case uuid.UUID:
		return appendGUID(b, v)
	case ref:
		return appendGUID(b, v.ID)
	case instant:
		return append(v.time().AppendFormat(append(b, '"'), "2006-01-02T15:04:05Z"), '"')
	case day:
		return append(v.time().AppendFormat(append(b, '"'), time.DateOnly), '"')
	case float64:
		return strconv.AppendFloat(b, v, 'f', c.scale(), 64)
	}
	return append(b, "null"...)
}

// scale is how many decimals a number shows on the wire: four of money, a decimal's precision.
func (c *column) scale() int {
	switch {
	case c == nil:
		return -1
	case c.kind == kindMoney:
		return 4
	case c.kind == kindDecimal && c.Precision != nil:
		return *c.Precision
	}
	return -1
}

// appendJSON writes a string, with invalid UTF-8 replaced.
func appendJSON(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // which says that it replaced some
	return b
}
