package emulator

import (
	"strconv"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// expansion is one $expand: related rows written inside a row (webapi/query/join-tables).
type expansion struct {
	nav     *navigation
	ref     bool   // only the link
	shape   *shape // of the related rows
	owners  map[string]*shape
	foreign *field // of a collection: the lookup that points back
	related func(e *env, id [16]byte, fn func(*env, *row) bool)
	slot    int
	filter  predicate
	keys    []sortKey
	top     int // -1: none
	options string
	nested  bool // any $expand within
	page    int  // related rows of a page, 0: not paged
}

func (q *compiler) expansion(item *odata.ExpandItem, t *table, siblings int) (*expansion, error) {
	n := t.navigation(q.env.snap.schema, item.Path.Segments[0])
	if n == nil {
		return nil, noProperty(item.Path.Segments[0], t.Name)
	}
	x := &expansion{nav: n, ref: item.Ref, top: -1, nested: len(item.Expand) > 0, slot: q.env.slot()}
	if x.ref {
		return x, nil
	}
	if n.many != nil && x.nested {
		return nil, badQuery("The navigation property '%s' cannot be expanded. Only many-to-one relationships are supported for nested expansion.", n.name)
	}
	var err error
	if n.owner {
		return x, q.owners(x, item)
	}
	if x.shape, err = q.newShape(item.Select, item.Expand, n.target); err != nil {
		return nil, err
	}
	if !n.collection {
		return x, nil
	}
	return x, q.collection(x, item)
}

// owners expands ownerid: its row is a user or a team, of which principal shows only the key unless all is asked for.
func (q *compiler) owners(x *expansion, item *odata.ExpandItem) error {
	x.owners = map[string]*shape{}
	for _, name := range []string{"systemuser", "team"} {
		t := q.env.snap.schema.tables[name]
		if t == nil {
			continue
		}
		s, err := q.newShape(item.Select, nil, t)
		if err != nil {
			return err
		}
		x.owners[name] = s
		x.shape = s
	}
	if len(item.Expand) > 0 {
		return badQuery("The navigation property 'ownerid' cannot be expanded with options of its own.")
	}
	return nil
}

func (q *compiler) collection(x *expansion, item *odata.ExpandItem) error {
	n := x.nav
	x.related = func(e *env, id [16]byte, fn func(*env, *row) bool) { q.related(n)(e, id, fn) }
	x.options = item.String()
	if i := len(n.name); len(x.options) > i {
		x.options = x.options[i+1 : len(x.options)-1]
	} else {
		x.options = ""
	}
	root := rootScope(n.target, x.slot)
	var err error
	if item.Filter != nil {
		home := q.home
		q.home = x.slot
		x.filter, _, err = q.filter(item.Filter, root)
		q.home = home
		if err != nil {
			return err
		}
	}
	if x.keys, err = q.sortKeys(item.OrderBy, root); err != nil {
		return err
	}
	if item.Top != nil {
		x.top = *item.Top
	}
	if n.many == nil {
		f := n.target.fieldsOf([]*column{n.target.Columns[n.column]})[0]
		x.foreign = &f
		for _, have := range x.shape.fields {
			if have.key == f.key {
				x.foreign = nil
			}
		}
	}
	return nil
}

// paged makes every expanded collection come in pages, as it does once any $expand is nested and a page size preferred.
func (s *shape) paged(size int) {
	if size == 0 {
		return
	}
	nested := false
	for _, x := range s.expands {
		nested = nested || x.nested
	}
	if nested {
		s.setPage(size)
	}
}

func (s *shape) setPage(size int) {
	for _, x := range s.expands {
		x.page = size
		if x.shape != nil {
			x.shape.setPage(size)
		}
	}
}

// expanded writes the related rows of a row.
func (w *encoder) expanded(s *shape, r *row, p placing) {
	for _, x := range s.expands {
		if x.nav.collection {
			w.collection(s, x, r, p)
		} else {
			w.one(s, x, r, p)
		}
	}
}

// one writes the row that a lookup points at, null if there is none.
func (w *encoder) one(s *shape, x *expansion, r *row, p placing) {
	lookup := s.table.Columns[x.nav.column]
	to, ok := r.get(x.nav.column).(ref)
	sh, target := x.shape, x.nav.target
	if x.owners != nil && ok {
		sh = x.owners[to.Table]
		target = w.e.snap.schema.tables[to.Table]
	}
	if ok && target != nil && (to.Table == target.Name || target.Name == activityPointer || to.Table == activityPointer) {
		if x.ref {
			w.reference(s, lookup, x, target, r, to)
			return
		}
		if found := w.e.source(target).get(w.e, to.ID); found != nil && sh != nil {
			w.key(x.nav.name)
			w.text("{")
			if p == single {
				w.etag(found)
			}
			w.members(sh, found)
			w.expanded(sh, found, p)
			w.text("}")
			w.e.call.readRows(1)
			return
		}
	}
	w.key(x.nav.name)
	w.text("null")
}

// reference writes only the link, and the lookup beside it.
func (w *encoder) reference(s *shape, lookup *column, x *expansion, target *table, r *row, to ref) {
	property := lookup.property()
	have := false
	for _, f := range s.fields {
		have = have || f.key == property
	}
	if !have {
		f := s.table.fieldsOf([]*column{lookup})[0]
		w.field(s.table, r, &f)
	}
	w.key(x.nav.name)
	w.text(`{"@odata.id":`)
	w.b = appendJSON(w.b, w.base+"/"+target.Set+"("+to.ID.String()+")")
	w.text("}")
}

// collection writes the related rows of a collection-valued navigation property, and where to read them again.
func (w *encoder) collection(s *shape, x *expansion, r *row, p placing) {
	limit := maxRows
	if x.page > 0 {
		limit = x.page
	}
	if x.top >= 0 {
		limit = min(limit, x.top)
	}
	col := &collector{keys: x.keys, limit: limit + 1, slot: x.slot}
	x.related(w.e, r.id, func(e *env, found *row) bool {
		e.rows[x.slot] = found
		if x.filter == nil || x.filter(e) == yes {
			col.add(e)
		}
		return len(x.keys) > 0 || x.nav.many != nil || len(col.hits) <= limit
	})
	col.trim()
	more := len(col.hits) > limit
	if more {
		col.hits = col.hits[:limit]
	}
	w.key(x.nav.name)
	w.text("[")
	for i, h := range col.hits {
		if i > 0 {
			w.text(",")
		}
		w.text("{")
		if x.page == 0 {
			w.etag(h.row)
		}
		w.members(x.shape, h.row)
		if x.page == 0 && p == listed && x.foreign != nil {
			w.field(x.nav.target, h.row, x.foreign)
		}
		w.expanded(x.shape, h.row, p)
		w.text("}")
	}
	w.text("]")
	w.e.call.readRows(len(col.hits))
	if p == single && x.page == 0 || x.page > 0 && !more {
		return
	}
	w.annotation(x.nav.name, "odata.nextLink")
	w.b = appendJSON(w.b, w.relatedLink(s, x, r, col, more))
}

// relatedLink is where the related rows are read. Without pages it leads to the same rows again, all of them.
func (w *encoder) relatedLink(s *shape, x *expansion, r *row, col *collector, more bool) string {
	link := w.base + "/" + s.table.Set + "(" + r.id.String() + ")/" + x.nav.name
	sep := "?"
	if x.options != "" {
		link += sep + linkOptions(x.options)
		sep = "&"
	}
	if x.page > 0 && more {
		cookie := col.cookie(1, x.nav.target.ID, col.hits[0], col.hits[len(col.hits)-1])
		cookie.CountOfRecords = len(col.hits)
		link += sep + "$skiptoken=" + fetchxml.NextPage{Number: 2, Cookie: cookie}.SkipToken()
	}
	return link
}

// linkOptions turns the options inside an $expand into those of a query: ; becomes &.
func linkOptions(s string) string {
	b := []byte{}
	depth, quoted := 0, false
	start := 0
	flush := func(i int) { b = append(b, escapeOption(s[start:i])...) }
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ';' && depth == 0:
			flush(i)
			b = append(b, '&')
			start = i + 1
		}
	}
	flush(len(s))
	return string(b)
}

// countText is n as the body of a $count.
func countText(n int) []byte { return []byte(strconv.Itoa(n)) }
