package emulator

import (
	"math"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/odata"
	"github.com/google/uuid"
)

// keyed finds a row by an alternate key: the properties' names and their values as literals. The id is uuid.Nil where no
// row has these values (define-alternate-keys-entity, use-alternate-key-reference-record).
func (e *env) keyed(t *table, names, texts []string) (uuid.UUID, error) {
	columns := make([]*column, len(names))
	for i, name := range names {
		if columns[i] = t.propertyColumn(name); columns[i] == nil {
			return uuid.Nil, badKey(t)
		}
	}
	if !t.hasKey(columns) {
		return uuid.Nil, badKey(t)
	}
	slot := e.slot()
	defer func() { e.rows = e.rows[:slot] }()
	q := newCompiler(e)
	q.home = slot
	var terms []predicate
	var where *access
	wanted := values{}
	for i, c := range columns {
		x, err := odata.ParseValue(texts[i])
		if err != nil {
			return uuid.Nil, queryFault(err)
		}
		l, ok := x.(*odata.Literal)
		if !ok || l.Kind == odata.Null {
			return uuid.Nil, badKey(t)
		}
		// A key with such a character cannot be addressed, even percent-encoded.
		if l.Kind == odata.String && strings.ContainsAny(l.Text(), `/<>*%&:\?+`) {
			return uuid.Nil, badQuery("Bad Request - Error in query syntax.")
		}
		v := atSlot(slot).column(t, c)
		v.slot = slot
		k, ok := v.constant(l.Text())
		if !ok {
			return uuid.Nil, badKey(t)
		}
		terms = append(terms, v.compare(odata.Eq, k, q.nulls))
		where = where.both(q.access(v, []constant{k}))
		wanted[c.index] = k.value(v.class)
	}
	match, src := allOf(terms), e.source(t)
	if x := src.rows.keyed(func(i int) bool { return wanted[i] != nil }, len(wanted)); x != nil {
		where = &access{}
		if key, ok := x.key(func(i int) any { return wanted[i] }); ok {
			x.rows(key, func(id uuid.UUID) bool {
				where.probes = append(where.probes, probe{-1, id})
				return true
			})
		}
	}
	found := uuid.Nil
	src.walk(e, where, uuid.Nil, func(r *row) bool {
		e.rows[slot] = r
		if match(e) == yes {
			found = r.id
		}
		return found == uuid.Nil
	})
	return found, nil
}

// value is the constant as rows hold it.
func (c constant) value(as class) any {
	switch {
	case as == classText:
		return c.text
	case as == classGUID:
		return c.guid
	case as == classFloat:
		return c.float
	case c.isFloat && c.float != math.Trunc(c.float): // a moment or whole number that no row has
		return c.float
	case c.isFloat:
		return int64(c.float)
	}
	return c.num
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
