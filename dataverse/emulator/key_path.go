package emulator

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

	"github.com/gallra/gallra/dataverse/odata"
	"github.com/google/uuid"
)

// rowKey is what a segment's key says: a row's id, or the values of an alternate key and the row they lead to.
type rowKey struct {
	id     uuid.UUID // uuid.Nil: no row has these key values
	values values    // of an alternate key
	unfit  error     // why no row can have these values, nil if one can: what an upsert is refused with
}

// key reads the key of a segment: contacts(id), contacts(contactid=id), contacts(key='value',…). Every verb, every bind
// and every $ref reads its keys here, so that none takes what another refuses. Pages: define-alternate-keys-entity,
// use-alternate-key-reference-record, use-upsert-insert-update-record.
func (s *snapshot) key(t *table, seg segment) (rowKey, error) {
	if id, ok := seg.id(); ok {
		return rowKey{id: id}, nil
	}
	names, texts, err := splitKey(seg.key)
	if err != nil {
		return rowKey{}, err
	}
	if len(names) == 1 && names[0] == t.ID {
		if id, ok := (segment{key: texts[0]}).id(); ok && !inheritsPrincipal(t) { // the key of those is ownerid
			return rowKey{id: id}, nil
		}
		return rowKey{}, badKey(t)
	}
	return s.alternateKey(t, names, texts)
}

// alternateKey reads a key over other columns than the primary one: the properties' names and their values as literals.
func (s *snapshot) alternateKey(t *table, names, texts []string) (rowKey, error) {
	columns := make([]*column, len(names))
	for i, name := range names {
		if columns[i] = t.propertyColumn(name); columns[i] == nil {
			return rowKey{}, badKey(t)
		}
	}
	if !t.hasKey(columns) {
		return rowKey{}, badKey(t)
	}
	k := rowKey{values: values{}}
	for i, c := range columns {
		text, err := keyText(t, texts[i])
		if err != nil {
			return rowKey{}, err
		}
		v, ok := keyMember(c, text)
		if !ok {
			return rowKey{}, badKey(t)
		}
		if id, isID := v.(uuid.UUID); isID && c.kind == kindLookup {
			if len(c.Targets) == 0 {
				return rowKey{}, badKey(t)
			}
			k.values[c.index] = ref{c.Targets[0], id}
			continue
		}
		if k.values[c.index], err = parseValue(t, c, v); err != nil {
			k.unfit = err
		} else if k.values[c.index] == nil { // an empty text, which the platform does not store
			k.unfit = badKey(t)
		}
	}
	if k.unfit == nil {
		if r := s.keyed(t, k.values, uuid.Nil); r != nil {
			k.id = r.id
		}
	}
	return k, nil
}

// noRow is the fault of a key that leads to no row.
func (k rowKey) noRow(t *table) *fault {
	if k.values != nil && k.id == uuid.Nil {
		return noKeyedRow(t)
	}
	return noRow(t.Name, k.id.String())
}

// unaddressable are the characters that no text in a key may hold, even percent-encoded: GET and PATCH do not work with
// them. The page define-alternate-keys-entity names all but #, define-alternate-keys-portal that too.
const unaddressable = `/<>*%&:\?+#`

// keyText is the text of a literal in a key.
func keyText(t *table, text string) (string, error) {
	x, err := odata.ParseValue(text)
	if err != nil {
		return "", queryFault(err)
	}
	l, ok := x.(*odata.Literal)
	if !ok || l.Kind == odata.Null {
		return "", badKey(t)
	}
	if l.Kind == odata.String && strings.ContainsAny(l.Text(), unaddressable) {
		return "", badQuery("Bad Request - Error in query syntax.")
	}
	return l.Text(), nil
}

// keyMember is a text as a JSON body would hold it in the column, an id where the column is a lookup; false if it is no
// value of that type. A value is read as the column holds it, so that what an upsert wrote is found again.
func keyMember(c *column, text string) (any, bool) {
	switch c.kind {
	case kindLookup:
		id, err := uuid.Parse(strings.Trim(text, "{}"))
		return id, err == nil
	case kindGUID:
		id, err := uuid.Parse(strings.Trim(text, "{}"))
		return id.String(), err == nil
	case kindDateTime:
		at, ok := parseMoment(text)
		if c.dateOnly() {
			return at.Format(time.DateOnly), ok
		}
		return at.Format(time.RFC3339), ok
	case kindBoolean:
		b, err := strconv.ParseBool(strings.ToLower(text))
		return b, err == nil
	case kindPicklist, kindState, kindStatus, kindInteger, kindBigInt:
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(text), true
		}
		f, err := strconv.ParseFloat(text, 64)
		if err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			text = strconv.FormatInt(int64(f), 10)
		}
		return json.Number(text), err == nil
	case kindDecimal, kindDouble, kindMoney:
		_, err := strconv.ParseFloat(text, 64)
		return json.Number(text), err == nil
	}
	return text, true
}

func badKey(t *table) *fault {
	return badQuery("The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.%s'. Ensure that the names and number of key properties match the declared or alternate key properties for the resource 'Microsoft.Dynamics.CRM.%s'.", t.Name, t.Name)
}

func noKeyedRow(t *table) *fault {
	return newFault(http.StatusNotFound, "0x80060891", "A record with the specified key values does not exist in %s entity", t.Name)
}

// hasKey tells whether the columns are those of an alternate key.
func (t *table) hasKey(columns []*column) bool {
	for _, k := range t.keys {
		if !k.failed && len(k.Columns) == len(columns) && !slices.ContainsFunc(columns, func(c *column) bool { return !slices.Contains(k.Columns, c.Name) }) {
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
			return nil, nil, badQuery("Bad Request - Error in query syntax.")
		}
		names, texts = append(names, name), append(texts, text)
	}
	return names, texts, nil
}

// address is the row that a URL names, whether it exists or not.
func (s *snapshot) address(text string) (ref, error) {
	bad := payloadFault("", fmt.Sprintf("The URI '%s' is not a valid reference to a record.", text))
	rest := text
	if i := strings.Index(rest, "://"); i >= 0 {
		u, err := url.Parse(text)
		if err != nil {
			return ref{}, bad
		}
		_, rest, _ = strings.Cut(u.EscapedPath(), apiRoot)
		_, rest, _ = strings.Cut(rest, "/")
	} else if after, found := strings.CutPrefix(rest, apiRoot); found {
		_, rest, _ = strings.Cut(after, "/")
	}
	p, err := parsePath(rest)
	if err != nil || len(p.segments) != 1 || !p.segments[0].hasKey {
		return ref{}, bad
	}
	t, err := s.schema.set(p.segments[0].name)
	if err != nil {
		return ref{}, err
	}
	k, err := s.key(t, p.segments[0])
	if err != nil {
		return ref{}, err
	}
	if k.id == uuid.Nil {
		return ref{}, k.noRow(t)
	}
	return ref{t.Name, k.id}, nil
}

// set is the table behind an entity set's name.
func (s *schema) set(name string) (*table, error) {
	if t := s.sets[name]; t != nil {
		return t, nil
	}
	return nil, noSegment(name)
}
