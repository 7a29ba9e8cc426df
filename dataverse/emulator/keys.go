package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// alternateKey finds a row by the values of another key than the primary one. Pages: define-alternate-keys-entity,
// use-upsert-insert-update-record.
func (s *snapshot) alternateKey(t *table, names, texts []string) (rowKey, error) {
	for _, k := range t.keys {
		if k.failed || !sameNames(k.Columns, names) {
			continue
		}
		out := rowKey{values: values{}}
		for i, name := range names {
			c := t.column(strings.TrimSuffix(strings.TrimPrefix(name, "_"), "_value"))
			if c == nil {
				c = t.column(name)
			}
			v, err := keyValue(t, c, texts[i])
			if err != nil {
				return rowKey{}, err
			}
			out.values[c.index] = v
		}
		if r := s.keyed(t, out.values, uuid.Nil); r != nil {
			out.id = r.id
		}
		return out, nil
	}
	return rowKey{}, newFault(http.StatusBadRequest, "0x80060890", "The specified key attributes are not a defined key for the %s entity", t.Name)
}

// sameNames compares a key's columns with the names in a URL, where a lookup stands as _x_value.
func sameNames(columns, names []string) bool {
	if len(columns) != len(names) {
		return false
	}
	for _, n := range names {
		if !slices.Contains(columns, n) && !slices.Contains(columns, strings.TrimSuffix(strings.TrimPrefix(n, "_"), "_value")) {
			return false
		}
	}
	return true
}

// keyValue reads a value in a URL as the column's.
func keyValue(t *table, c *column, text string) (any, error) {
	if strings.HasPrefix(text, "'") {
		s, err := textArgument(text)
		if err != nil {
			return nil, err
		}
		if c.kind == kindLookup {
			return nil, badQuery("Bad Request - Error in query syntax.")
		}
		return parseValue(t, c, s)
	}
	switch c.kind {
	case kindLookup:
		id, err := uuid.Parse(text)
		if err != nil || len(c.Targets) == 0 {
			return nil, badQuery("Bad Request - Error in query syntax.")
		}
		return ref{c.Targets[0], id}, nil
	case kindGUID, kindDateTime:
		return parseValue(t, c, text)
	case kindString, kindMemo:
		return nil, badQuery("Bad Request - Error in query syntax.")
	}
	return parseValue(t, c, json.Number(text))
}

// keyed is the row, other than one, whose columns hold the values; texts compare without case. nil if there is none.
func (s *snapshot) keyed(t *table, v values, except uuid.UUID) *row {
	var found *row
	in := s.data[t.Name]
	if x := in.keyed(func(i int) bool { return v[i] != nil }, len(v)); x != nil {
		if key, ok := x.key(func(i int) any { return v[i] }); ok {
			x.rows(key, func(id uuid.UUID) bool {
				if id != except {
					found = in.get(id)
				}
				return found == nil
			})
			return found
		}
	}
	in.scan(uuid.Nil, func(r *row) bool {
		if r.id == except {
			return true
		}
		for i, want := range v {
			if !sameKeyValue(r.get(i), want) {
				return true
			}
		}
		found = r
		return false
	})
	return found
}

func sameKeyValue(a, b any) bool {
	x, isText := a.(string)
	y, alsoText := b.(string)
	if isText && alsoText {
		return strings.EqualFold(x, y)
	}
	if m, ok := a.(ref); ok {
		n, ok := b.(ref)
		return ok && m.ID == n.ID
	}
	return a == b
}

// checkKeys refuses a row whose alternate key another row has. A key of which a column is null holds nothing.
func (w *writer) checkKeys(t *table, r *row) error {
	for _, k := range t.keys {
		if k.failed {
			continue
		}
		v := values{}
		for _, name := range k.Columns {
			c := t.column(name)
			if c == nil || r.get(c.index) == nil {
				v = nil
				break
			}
			v[c.index] = r.get(c.index)
		}
		if v != nil && w.keyed(t, v, r.id) != nil {
			return newFault(http.StatusPreconditionFailed, "0x80060892", "Entity Key %s violated. A record with the same value for %s already exists. A duplicate record cannot be created. Select one or more unique values and try again.", k.Label, strings.Join(k.Columns, ", "))
		}
	}
	return nil
}
