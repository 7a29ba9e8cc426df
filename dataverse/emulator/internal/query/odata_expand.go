package query

import (
	"strconv"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// expansion is one $expand: related rows written inside a row (webapi/query/join-tables).
type expansion struct {
	nav     *schema.Navigation
	ref     bool   // only the link
	shape   *Shape // of the related rows
	owners  map[string]*Shape
	foreign *Field // of a collection: the lookup that points back
	related func(e *Env, id [16]byte, fn func(*Env, *store.Row) bool)
	slot    int
	filter  predicate
	keys    []sortKey
	top     int // -1: none
	options string
	nested  bool // any $expand within
	page    int  // related rows of a page, 0: not paged
}

func (q *Compiler) expansion(item *odata.ExpandItem, t *schema.Table, siblings int) (*expansion, error) {
	n := t.Navigation(q.env.Snap.Schema, item.Path.Segments[0])
	if n == nil {
		return nil, wire.NoProperty(item.Path.Segments[0], t.Name)
	}
	x := &expansion{nav: n, ref: item.Ref, top: -1, nested: len(item.Expand) > 0, slot: q.env.Slot()}
	if x.ref {
		return x, nil
	}
	if n.Many != nil && x.nested {
		return nil, wire.BadQuery("The navigation property '%s' cannot be expanded. Only many-to-one relationships are supported for nested expansion.", n.Name)
	}
	var err error
	if n.Owner {
		return x, q.owners(x, item)
	}
	if x.shape, err = q.newShape(item.Select, item.Expand, n.Target); err != nil {
		return nil, err
	}
	if !n.Collection {
		return x, nil
	}
	return x, q.collection(x, item)
}

// owners expands ownerid: its row is a user or a team, of which principal shows only the key unless all is asked for.
func (q *Compiler) owners(x *expansion, item *odata.ExpandItem) error {
	x.owners = map[string]*Shape{}
	for _, name := range []string{"systemuser", "team"} {
		t := q.env.Snap.Schema.Tables[name]
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
		return wire.BadQuery("The navigation property 'ownerid' cannot be expanded with options of its own.")
	}
	return nil
}

func (q *Compiler) collection(x *expansion, item *odata.ExpandItem) error {
	n := x.nav
	x.related = func(e *Env, id [16]byte, fn func(*Env, *store.Row) bool) { q.related(n)(e, id, fn) }
	x.options = item.String()
	if i := len(n.Name); len(x.options) > i {
		x.options = x.options[i+1 : len(x.options)-1]
	} else {
		x.options = ""
	}
	root := rootScope(n.Target, x.slot)
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
	if n.Many == nil {
		f := FieldsOf(n.Target, []*schema.Column{n.Target.Columns[n.Column]})[0]
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
func (s *Shape) paged(size int) {
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

func (s *Shape) setPage(size int) {
	for _, x := range s.expands {
		x.page = size
		if x.shape != nil {
			x.shape.setPage(size)
		}
	}
}

// expanded writes the related rows of a row.
func (w *Encoder) expanded(s *Shape, r *store.Row, p Placing) {
	for _, x := range s.expands {
		if x.nav.Collection {
			w.collection(s, x, r, p)
		} else {
			w.one(s, x, r, p)
		}
	}
}

// one writes the row that a lookup points at, null if there is none.
func (w *Encoder) one(s *Shape, x *expansion, r *store.Row, p Placing) {
	lookup := s.table.Columns[x.nav.Column]
	to, ok := r.Get(x.nav.Column).(store.Ref)
	sh, target := x.shape, x.nav.Target
	if x.owners != nil && ok {
		sh = x.owners[to.Table]
		target = w.Env.Snap.Schema.Tables[to.Table]
	}
	if ok && target != nil && (to.Table == target.Name || target.Name == schema.ActivityPointer || to.Table == schema.ActivityPointer) {
		if x.ref {
			w.reference(s, lookup, x, target, r, to)
			return
		}
		if found := w.Env.Source(target).Get(w.Env, to.ID); found != nil && sh != nil {
			w.Key(x.nav.Name)
			w.Text("{")
			if p == single {
				w.etag(found)
			}
			w.members(sh, found)
			w.expanded(sh, found, p)
			w.Text("}")
			w.Env.Call.CountRead(1)
			return
		}
	}
	w.Key(x.nav.Name)
	w.Text("null")
}

// reference writes only the link, and the lookup beside it.
func (w *Encoder) reference(s *Shape, lookup *schema.Column, x *expansion, target *schema.Table, r *store.Row, to store.Ref) {
	property := lookup.Property()
	have := false
	for _, f := range s.fields {
		have = have || f.key == property
	}
	if !have {
		f := FieldsOf(s.table, []*schema.Column{lookup})[0]
		w.Field(s.table, r, &f)
	}
	w.Key(x.nav.Name)
	w.Text(`{"@odata.id":`)
	w.Buf = AppendJSON(w.Buf, w.Base+"/"+target.Set+"("+to.ID.String()+")")
	w.Text("}")
}

// collection writes the related rows of a collection-valued navigation property, and where to read them again.
func (w *Encoder) collection(s *Shape, x *expansion, r *store.Row, p Placing) {
	limit := MaxRows
	if x.page > 0 {
		limit = x.page
	}
	if x.top >= 0 {
		limit = min(limit, x.top)
	}
	col := &collector{keys: x.keys, limit: limit + 1, slot: x.slot}
	x.related(w.Env, r.ID, func(e *Env, found *store.Row) bool {
		e.Rows[x.slot] = found
		if x.filter == nil || x.filter(e) == yes {
			col.add(e)
		}
		return len(x.keys) > 0 || x.nav.Many != nil || len(col.hits) <= limit
	})
	col.trim()
	more := len(col.hits) > limit
	if more {
		col.hits = col.hits[:limit]
	}
	w.Key(x.nav.Name)
	w.Text("[")
	for i, h := range col.hits {
		if i > 0 {
			w.Text(",")
		}
		w.Text("{")
		if x.page == 0 {
			w.etag(h.row)
		}
		w.members(x.shape, h.row)
		if x.page == 0 && p == Listed && x.foreign != nil {
			w.Field(x.nav.Target, h.row, x.foreign)
		}
		w.expanded(x.shape, h.row, p)
		w.Text("}")
	}
	w.Text("]")
	w.Env.Call.CountRead(len(col.hits))
	if p == single && x.page == 0 || x.page > 0 && !more {
		return
	}
	w.annotation(x.nav.Name, "odata.nextLink")
	w.Buf = AppendJSON(w.Buf, w.relatedLink(s, x, r, col, more))
}

// relatedLink is where the related rows are read. Without pages it leads to the same rows again, all of them.
func (w *Encoder) relatedLink(s *Shape, x *expansion, r *store.Row, col *collector, more bool) string {
	link := w.Base + "/" + s.table.Set + "(" + r.ID.String() + ")/" + x.nav.Name
	sep := "?"
	if x.options != "" {
		link += sep + linkOptions(x.options)
		sep = "&"
	}
	if x.page > 0 && more {
		cookie := col.cookie(1, x.nav.Target.ID, col.hits[0], col.hits[len(col.hits)-1])
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
	flush := func(i int) { b = append(b, wire.EscapeOption(s[start:i])...) }
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
