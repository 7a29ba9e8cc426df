package query

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// sortKey is one column that rows are sorted by. Nulls come first, descending they come last.
type sortKey struct {
	name string // in the cookie
	x    operand
	desc bool
}

// sortValue is a row's value of a sortKey.
type sortValue struct {
	null bool
	c    constant
}

func (k sortKey) value(e *Env) sortValue {
	var v sortValue
	var ok bool
	switch k.x.class {
	case classText:
		v.c.text, ok = k.x.text(e)
	case classFloat:
		v.c.float, ok = k.x.float(e)
	case classGUID:
		v.c.guid, ok = k.x.guid(e)
	default:
		v.c.num, ok = k.x.num(e)
	}
	v.null = !ok
	return v
}

func (k sortKey) compare(a, b sortValue) int {
	n := 0
	switch {
	case a.null || b.null:
		if a.null != b.null {
			n = store.OrderOf(a.null)
		}
	case k.x.class == classText:
		n = store.CompareText(a.c.text, b.c.text)
	case k.x.class == classFloat:
		n = cmp.Compare(a.c.float, b.c.float)
	case k.x.class == classGUID:
		n = compareGUID(a.c.guid, b.c.guid)
	default:
		n = cmp.Compare(a.c.num, b.c.num)
	}
	if k.desc {
		return -n
	}
	return n
}

// write is a value as it stands in a cookie.
func (k sortKey) write(v sortValue) (string, bool) {
	switch {
	case v.null:
		return "", true
	case k.x.class == classText:
		return v.c.text, false
	case k.x.class == classFloat:
		return strconv.FormatFloat(v.c.float, 'g', -1, 64), false
	case k.x.class == classGUID:
		return braced(v.c.guid), false
	case k.x.class == classMoment:
		return time.Unix(v.c.num, 0).UTC().Format("2006-01-02T15:04:05Z"), false
	case k.x.class == classDay:
		return store.Day(v.c.num).Time().Format(time.DateOnly), false
	}
	return strconv.FormatInt(v.c.num, 10), false
}

func (k sortKey) read(text string, null bool) (sortValue, bool) {
	if null {
		return sortValue{null: true}, true
	}
	c, ok := k.x.constant(text)
	return sortValue{c: c}, ok
}

// hit is a row of the answer: the queried table's, and those of the links.
type hit struct {
	row    *store.Row
	linked []*store.Row // by slot from 1 on; nil where there are none
	keys   []sortValue
}

// compareIDs orders hits whose sort values are the same.
func (h hit) compareIDs(o hit) int {
	if n := compareGUID(h.row.ID, o.row.ID); n != 0 {
		return n
	}
	for i, r := range h.linked {
		a, b := uuid.Nil, uuid.Nil
		if r != nil {
			a = r.ID
		}
		if i < len(o.linked) && o.linked[i] != nil {
			b = o.linked[i].ID
		}
		if n := compareGUID(a, b); n != 0 {
			return n
		}
	}
	return 0
}

// collector keeps the first hits in an order.
type collector struct {
	keys  []sortKey
	limit int  // how many to keep
	slot  int  // of the queried table's row
	slots int  // of links
	after *hit // keep only what comes behind

	hits    []hit
	full    bool // hits[limit-1] is the greatest that can still matter
	scratch []sortValue
}

func (c *collector) compare(a, b hit) int {
	for i, k := range c.keys {
		if n := k.compare(a.keys[i], b.keys[i]); n != 0 {
			return n
		}
	}
	return a.compareIDs(b)
}

// add takes the rows at hand.
func (c *collector) add(e *Env) {
	c.scratch = c.scratch[:0]
	for _, k := range c.keys {
		c.scratch = append(c.scratch, k.value(e))
	}
	h := hit{row: e.Rows[c.slot], keys: c.scratch}
	if c.slots > 0 {
		h.linked = e.Rows[1 : 1+c.slots]
	}
	if c.after != nil && c.compare(h, *c.after) <= 0 || c.full && c.compare(h, c.hits[c.limit-1]) > 0 {
		return
	}
	h.keys, h.linked = slices.Clone(h.keys), slices.Clone(h.linked)
	c.hits = append(c.hits, h)
	if len(c.hits) >= 2*c.limit+1000 {
		c.trim()
		c.full = true
	}
}

// trim sorts, and forgets what is beyond the limit.
func (c *collector) trim() {
	slices.SortFunc(c.hits, c.compare)
	if len(c.hits) > c.limit {
		clear(c.hits[c.limit:])
		c.hits = c.hits[:c.limit]
	}
}

// cookie says where a page ended.
func (c *collector) cookie(page int, key string, first, last hit) fetchxml.Cookie {
	out := fetchxml.Cookie{Page: page}
	for i, k := range c.keys {
		col := fetchxml.CookieColumn{Name: k.name}
		col.First, col.FirstNull = k.write(first.keys[i])
		col.Last, col.LastNull = k.write(last.keys[i])
		out.Columns = append(out.Columns, col)
	}
	out.Columns = append(out.Columns, fetchxml.CookieColumn{Name: key, First: braced(first.row.ID), Last: braced(last.row.ID)})
	for i := range last.linked {
		col := fetchxml.CookieColumn{Name: "link" + strconv.Itoa(i+1)}
		col.First, col.FirstNull = idOf(first.linked[i])
		col.Last, col.LastNull = idOf(last.linked[i])
		out.Columns = append(out.Columns, col)
	}
	return out
}

func idOf(r *store.Row) (string, bool) {
	if r == nil {
		return "", true
	}
	return braced(r.ID), false
}

// braced is an id as cookies have it: in capitals and braces.
func braced(id uuid.UUID) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, 38)
	b = append(b, '{')
	for i, x := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, hex[x>>4], hex[x&15])
	}
	return string(append(b, '}'))
}

// resume begins behind the row that a cookie names.
func (c *collector) resume(cookie fetchxml.Cookie) error {
	if len(cookie.Columns) < len(c.keys)+1 {
		return invalidCookie()
	}
	h := hit{row: &store.Row{}}
	for i, k := range c.keys {
		col := cookie.Columns[i]
		v, ok := k.read(col.Last, col.LastNull)
		if !ok || col.Name != k.name {
			return invalidCookie()
		}
		h.keys = append(h.keys, v)
	}
	for i, col := range cookie.Columns[len(c.keys):] {
		id, err := uuid.Parse(col.Last)
		switch {
		case i == 0 && (err != nil || col.LastNull):
			return invalidCookie()
		case i == 0:
			h.row.ID = id
		case err != nil:
			h.linked = append(h.linked, nil)
		default:
			h.linked = append(h.linked, &store.Row{ID: id})
		}
	}
	if c.slots > 0 && len(h.linked) == 0 {
		h.linked = nil // a cookie without links: behind the row and all that is linked to it
		h.row.ID = after(h.row.ID)
	}
	c.after = &h
	return nil
}

// after is the id that follows id.
func after(id uuid.UUID) uuid.UUID {
	for i := len(id) - 1; i >= 0; i-- {
		id[i]++
		if id[i] != 0 {
			break
		}
	}
	return id
}

func invalidCookie() *wire.Error {
	return wire.NewError(400, "0x8004112a", "Invalid page number in paging cookie.")
}
