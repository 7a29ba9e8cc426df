package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/odata"
)

// RowKey is what a segment's key says: a row's id, or the values of an alternate key and the row they lead to.
type RowKey struct {
	ID      uuid.UUID    // uuid.Nil: no row has these key values
	Values  store.Values // of an alternate key
	Invalid error        // why no row can have these values, nil if one can: what an upsert is refused with
}

// ReadKey reads the key of a segment: contacts(id), contacts(contactid=id), contacts(key='value',…). Every verb, every bind
// and every $ref reads its keys here, so that none takes what another refuses. Pages: define-alternate-keys-entity,
// use-alternate-key-reference-record, use-upsert-insert-update-record.
func ReadKey(s *store.Snapshot, t *schema.Table, seg Segment) (RowKey, error) {
	if id, ok := seg.ID(); ok {
		return RowKey{ID: id}, nil
	}
	names, texts, err := splitKey(seg.Key)
	if err != nil {
		return RowKey{}, err
	}
	if len(names) == 1 && names[0] == t.ID {
		if id, ok := (Segment{Key: texts[0]}).ID(); ok && !schema.IsPrincipal(t) { // the key of those is ownerid
			return RowKey{ID: id}, nil
		}
		return RowKey{}, badKey(t)
	}
	return alternateKey(s, t, names, texts)
}

// alternateKey reads a key over other columns than the primary one: the properties' names and their values as literals.
func alternateKey(s *store.Snapshot, t *schema.Table, names, texts []string) (RowKey, error) {
	columns := make([]*schema.Column, len(names))
	for i, name := range names {
		if columns[i] = t.PropertyColumn(name); columns[i] == nil {
			return RowKey{}, badKey(t)
		}
	}
	if !hasKey(t, columns) {
		return RowKey{}, badKey(t)
	}
	k := RowKey{Values: store.Values{}}
	for i, c := range columns {
		text, err := keyText(t, texts[i])
		if err != nil {
			return RowKey{}, err
		}
		v, ok := keyMember(c, text)
		if !ok {
			return RowKey{}, badKey(t)
		}
		if id, isID := v.(uuid.UUID); isID && c.Kind == schema.KindLookup {
			if len(c.Targets) == 0 {
				return RowKey{}, badKey(t)
			}
			k.Values[c.Index] = store.Ref{Table: c.Targets[0], ID: id}
			continue
		}
		if k.Values[c.Index], err = ParseValue(t, c, v); err != nil {
			k.Invalid = err
		} else if k.Values[c.Index] == nil { // an empty text, which the platform does not store
			k.Invalid = badKey(t)
		}
	}
	if k.Invalid == nil {
		if r := s.FindByKey(t, k.Values, uuid.Nil); r != nil {
			k.ID = r.ID
		}
	}
	return k, nil
}

// NoRow is the error for a key that leads to no row.
func (k RowKey) NoRow(t *schema.Table) *Error {
	if k.Values != nil && k.ID == uuid.Nil {
		return noKeyedRow(t)
	}
	return NoRow(t.Name, k.ID.String())
}

// unaddressable are the characters that no text in a key may hold, even percent-encoded: GET and PATCH do not work with
// them. The page define-alternate-keys-entity names all but #, define-alternate-keys-portal that too.
const unaddressable = `/<>*%&:\?+#`

// keyText is the text of a literal in a key.
func keyText(t *schema.Table, text string) (string, error) {
	x, err := odata.ParseValue(text)
	if err != nil {
		return "", QueryError(err)
	}
	l, ok := x.(*odata.Literal)
	if !ok || l.Kind == odata.Null {
		return "", badKey(t)
	}
	if l.Kind == odata.String && strings.ContainsAny(l.Text(), unaddressable) {
		return "", BadQuery("Bad Request - Error in query syntax.")
	}
	return l.Text(), nil
}

// keyMember is a text as a JSON body would hold it in the column, an id where the column is a lookup; false if it is no
// value of that type. A value is read as the column holds it, so that what an upsert wrote is found again.
func keyMember(c *schema.Column, text string) (any, bool) {
	switch c.Kind {
	case schema.KindLookup:
		id, err := uuid.Parse(strings.Trim(text, "{}"))
		return id, err == nil
	case schema.KindGUID:
		id, err := uuid.Parse(strings.Trim(text, "{}"))
		return id.String(), err == nil
	case schema.KindDateTime:
		at, ok := ParseMoment(text)
		if c.DateOnly() {
			return at.Format(time.DateOnly), ok
		}
		return at.Format(time.RFC3339), ok
	case schema.KindBoolean:
		b, err := strconv.ParseBool(strings.ToLower(text))
		return b, err == nil
	case schema.KindPicklist, schema.KindState, schema.KindStatus, schema.KindInteger, schema.KindBigInt:
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(text), true
		}
		f, err := strconv.ParseFloat(text, 64)
		if err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			text = strconv.FormatInt(int64(f), 10)
		}
		return json.Number(text), err == nil
	case schema.KindDecimal, schema.KindDouble, schema.KindMoney:
		_, err := strconv.ParseFloat(text, 64)
		return json.Number(text), err == nil
	}
	return text, true
}

func badKey(t *schema.Table) *Error {
	return BadQuery("The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.%s'. Ensure that the names and number of key properties match the declared or alternate key properties for the resource 'Microsoft.Dynamics.CRM.%s'.", t.Name, t.Name)
}

func noKeyedRow(t *schema.Table) *Error {
	return NewError(http.StatusNotFound, "0x80060891", "A record with the specified key values does not exist in %s entity", t.Name)
}

// hasKey tells whether the columns are those of an alternate key.
func hasKey(t *schema.Table, columns []*schema.Column) bool {
	for _, k := range t.Keys {
		if !k.Failed && len(k.Columns) == len(columns) && !slices.ContainsFunc(columns, func(c *schema.Column) bool { return !slices.Contains(k.Columns, c.Name) }) {
			return true
		}
	}
	return false
}

// splitKey takes a named key apart: a='x',b=2.
func splitKey(key string) (names, texts []string, err error) {
	quoted, start := false, 0
	var parts []string
	for i := range len(key) {
		switch {
		case key[i] == '\'':
			quoted = !quoted
		case key[i] == ',' && !quoted:
			parts = append(parts, key[start:i])
			start = i + 1
		}
	}
	parts = append(parts, key[start:])
	for _, p := range parts {
		name, text, found := strings.Cut(p, "=")
		name, text = strings.TrimSpace(name), strings.TrimSpace(text)
		if !found || name == "" || text == "" || quoted || slices.Contains(names, name) {
			return nil, nil, BadQuery("Bad Request - Error in query syntax.")
		}
		names, texts = append(names, name), append(texts, text)
	}
	return names, texts, nil
}

// ReadAddress is the row that a URL names, whether it exists or not.
func ReadAddress(s *store.Snapshot, text string) (store.Ref, error) {
	bad := BadPayload("", fmt.Sprintf("The URI '%s' is not a valid reference to a record.", text))
	rest := text
	if i := strings.Index(rest, "://"); i >= 0 {
		u, err := url.Parse(text)
		if err != nil {
			return store.Ref{}, bad
		}
		_, rest, _ = strings.Cut(u.EscapedPath(), APIRoot)
		_, rest, _ = strings.Cut(rest, "/")
	} else if after, found := strings.CutPrefix(rest, APIRoot); found {
		_, rest, _ = strings.Cut(after, "/")
	}
	p, err := ParsePath(rest)
	if err != nil || len(p.Segments) != 1 || !p.Segments[0].HasKey {
		return store.Ref{}, bad
	}
	t, err := TableBySet(s.Schema, p.Segments[0].Name)
	if err != nil {
		bad.set = p.Segments[0].Name
		return store.Ref{}, bad // a mistake in what was sent, not in where it was sent to
	}
	k, err := ReadKey(s, t, p.Segments[0])
	if err != nil {
		return store.Ref{}, err
	}
	if k.ID == uuid.Nil {
		return store.Ref{}, k.NoRow(t)
	}
	return store.Ref{Table: t.Name, ID: k.ID}, nil
}

// TableBySet is the table behind an entity set's name.
func TableBySet(s *schema.Schema, name string) (*schema.Table, error) {
	if t := s.Sets[name]; t != nil {
		return t, nil
	}
	return nil, NoSegment(name)
}
