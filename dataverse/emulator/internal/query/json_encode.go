package query

import (
	"bytes"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Encoder writes rows as JSON into a buffer. An annotation stands before the value that it is about.
type Encoder struct {
	Buf        []byte
	Env        *Env
	Base       string
	Formatted  bool // OData.Community.Display.V1.FormattedValue
	Logical    bool // Microsoft.Dynamics.CRM.lookuplogicalname
	Navigation bool // Microsoft.Dynamics.CRM.associatednavigationproperty
	attribute  bool // OData.Community.Display.V1.AttributeName
	OmitNulls  bool // FetchXML leaves nulls out, OData does not
}

const (
	formattedValue = "OData.Community.Display.V1.FormattedValue"
	attributeName  = "OData.Community.Display.V1.AttributeName"
	lookupLogical  = "Microsoft.Dynamics.CRM.lookuplogicalname"
	lookupNav      = "Microsoft.Dynamics.CRM.associatednavigationproperty"
)

// NewEncoder is an encoder with the annotations that the call asks for.
func NewEncoder(c *wire.Call, e *Env) *Encoder {
	return &Encoder{
		Env: e, Base: c.Base, Formatted: c.WantsAnnotation(formattedValue), Logical: c.WantsAnnotation(lookupLogical),
		Navigation: c.WantsAnnotation(lookupNav), attribute: c.WantsAnnotation(attributeName),
	}
}

// Field is a column as it is written: under which key, and with what.
type Field struct {
	key   string // of the JSON member
	col   *schema.Column
	alias bool              // the key is an alias of FetchXML
	navs  map[string]string // of a lookup: the navigation property by target
	slot  int               // of the row it is read from
	blank bool              // null, whatever the row holds: a picture that nobody asked for
}

// FieldsOf are the columns as fields of the Web API.
func FieldsOf(t *schema.Table, cols []*schema.Column) []Field {
	out := make([]Field, len(cols))
	for i, c := range cols {
		out[i] = Field{key: c.Property(), col: c, navs: navsOf(t, c)}
	}
	return out
}

// navsOf are the navigation properties of a lookup by the table they lead to.
func navsOf(t *schema.Table, c *schema.Column) map[string]string {
	if c.Kind != schema.KindLookup {
		return nil
	}
	m := map[string]string{}
	if c.Type == "Owner" {
		m["systemuser"], m["team"] = c.Name, c.Name
	}
	for _, r := range t.Outgoing {
		if r.Attribute == c.Name {
			m[r.Referenced] = r.Nav
		}
	}
	return m
}

// texts are buffers that answers are put together in.
var texts = sync.Pool{New: func() any { return new([]byte) }}

// begin takes a buffer that others have used.
func (w *Encoder) begin() *[]byte {
	b := texts.Get().(*[]byte)
	w.Buf = (*b)[:0]
	return b
}

// end is a copy of what was written, of its own size. The buffer goes back, unless it is one that few answers need.
func (w *Encoder) end(b *[]byte) []byte {
	body := bytes.Clone(w.Buf)
	if cap(w.Buf) <= 4<<20 {
		*b = w.Buf
		texts.Put(b)
	}
	w.Buf = nil
	return body
}

// Text writes s as it is.
func (w *Encoder) Text(s string) { w.Buf = append(w.Buf, s...) }

// Key begins a member.
func (w *Encoder) Key(name string) {
	if n := len(w.Buf); n > 0 && w.Buf[n-1] != '{' && w.Buf[n-1] != '[' {
		w.Buf = append(w.Buf, ',')
	}
	w.Buf = append(AppendJSON(w.Buf, name), ':')
}

func (w *Encoder) annotation(property, name string) {
	if n := len(w.Buf); n > 0 && w.Buf[n-1] != '{' {
		w.Buf = append(w.Buf, ',')
	}
	w.Buf = append(w.Buf, '"')
	w.Buf = append(append(append(w.Buf, property...), '@'), name...)
	w.Buf = append(w.Buf, '"', ':')
}

// etag writes the weak ETag of a row.
func (w *Encoder) etag(r *store.Row) {
	w.Key("@odata.etag")
	w.Text(`"W/\"`)
	w.Buf = strconv.AppendInt(w.Buf, r.Version, 10)
	w.Text(`\""`)
}

// Field writes a column of a row with its annotations.
func (w *Encoder) Field(t *schema.Table, r *store.Row, f *Field) {
	if f.col == nil {
		return
	}
	w.member(f, r, t, store.ColumnValue(t, r, f.col))
}

// member writes a value under the field's key.
func (w *Encoder) member(f *Field, r *store.Row, t *schema.Table, v any) {
	if f.col.NoRead || f.blank {
		v = nil // reading such a column gives null (facts of metadata: IsValidForRead)
	}
	if v == nil {
		if !w.OmitNulls {
			w.Key(f.key)
			w.Text("null")
		}
		return
	}
	if w.attribute && f.alias {
		w.annotation(f.key, attributeName)
		w.Buf = AppendJSON(w.Buf, f.col.Name)
	}
	if to, ok := v.(store.Ref); ok {
		w.lookup(f, r, to)
		return
	}
	if w.Formatted {
		w.formattedMember(f, r, t, v)
	}
	w.Key(f.key)
	w.Buf = appendValue(w.Buf, f.col, v)
}

func (w *Encoder) formattedMember(f *Field, r *store.Row, t *schema.Table, v any) {
	mark := len(w.Buf)
	w.annotation(f.key, formattedValue)
	w.Buf = append(w.Buf, '"')
	start := len(w.Buf)
	w.Buf = w.Env.AppendFormatted(w.Buf, t, r, f.col, v)
	if len(w.Buf) == start {
		w.Buf = w.Buf[:mark]
		return
	}
	w.Buf = append(w.Buf, '"')
}

func (w *Encoder) lookup(f *Field, r *store.Row, to store.Ref) {
	if w.Formatted {
		if name, ok := w.Env.lookupName(r, f.col, to); ok {
			w.annotation(f.key, formattedValue)
			w.Buf = AppendJSON(w.Buf, name)
		}
	}
	if nav := f.navs[to.Table]; w.Navigation && nav != "" && !f.alias {
		w.annotation(f.key, lookupNav)
		w.Buf = AppendJSON(w.Buf, nav)
	}
	if w.Logical {
		w.annotation(f.key, lookupLogical)
		w.Buf = AppendJSON(w.Buf, to.Table)
	}
	w.Key(f.key)
	w.Buf = appendGUID(w.Buf, to.ID)
}

func appendGUID(b []byte, id uuid.UUID) []byte {
	text, _ := id.MarshalText() // never fails, and unlike String allocates nothing
	return append(append(append(b, '"'), text...), '"')
}

// appendValue writes a value that is not null and no lookup.
func appendValue(b []byte, c *schema.Column, v any) []byte {
	switch v := v.(type) {
	case string:
		return AppendJSON(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case bool:
		if c != nil && c.Kind == schema.KindManaged {
			b = strconv.AppendBool(append(b, `{"Value":`...), v)
			return append(b, `,"CanBeChanged":true,"ManagedPropertyLogicalName":"iscustomizableanddeletable"}`...)
		}
		return strconv.AppendBool(b, v)
	case uuid.UUID:
		return appendGUID(b, v)
	case store.Ref:
		return appendGUID(b, v.ID)
	case store.Instant:
		return append(v.Time().AppendFormat(append(b, '"'), "2006-01-02T15:04:05Z"), '"')
	case store.Day:
		return append(v.Time().AppendFormat(append(b, '"'), time.DateOnly), '"')
	case float64:
		return strconv.AppendFloat(b, v, 'f', scale(c), 64)
	}
	return append(b, "null"...)
}

// scale is how many decimals a number shows on the wire: four of money, a decimal's precision.
func scale(c *schema.Column) int {
	switch {
	case c == nil:
		return -1
	case c.Kind == schema.KindMoney:
		return 4
	case c.Kind == schema.KindDecimal && c.Precision != nil:
		return *c.Precision
	}
	return -1
}

// AppendJSON writes a string, with invalid UTF-8 replaced.
func AppendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if ch := s[i]; ch < ' ' || ch >= 0x7f || ch == '"' || ch == '\\' {
			return appendQuoted(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func appendQuoted(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // which says that it replaced some
	return b
}
