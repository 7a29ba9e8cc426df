package emulator

import (
	"net/http"
	"strconv"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/google/uuid"
)

// maxSimplePaging is how far page numbers reach without a cookie (fetchxml/page-results).
const maxSimplePaging = 50000

// choose takes the columns of the answer.
func (q *fetchQuery) choose() error {
	e := &q.f.Entity
	if err := q.take(q.root, &e.Body, len(e.Attributes) == 0 && !e.NoAttributes); err != nil {
		return err
	}
	root := q.root.table
	have := false
	for _, f := range q.fields {
		have = have || f.j == q.root && f.col == root.idColumn()
	}
	if !have && !q.f.Distinct {
		q.add(q.root, fetchxml.Attribute{Name: root.ID}, root.idColumn())
	}
	for _, j := range q.list {
		if err := q.take(j, &j.link.Body, false); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, f := range q.fields {
		if seen[f.key] {
			return newFault(400, "0x80041109", "The alias '%s' is used more than once.", f.key)
		}
		seen[f.key] = true
	}
	return nil
}

func (q *fetchQuery) take(j *joined, b *fetchxml.Body, all bool) error {
	if b.AllAttributes || all {
		for _, c := range j.table.Columns {
			if c.readable() {
				q.add(j, fetchxml.Attribute{Name: c.Name}, c)
			}
		}
		return nil
	}
	chosen := map[string]bool{}
	for _, a := range b.Attributes {
		x, err := j.attribute(q.env, a.Name)
		if err != nil {
			return err
		}
		if a.Alias == "" && chosen[a.Name] {
			continue
		}
		chosen[a.Name] = chosen[a.Name] || a.Alias == ""
		if a.RowAggregate != "" {
			if err := q.children(j, a); err != nil {
				return err
			}
			continue
		}
		if x.col == nil {
			q.fields = append(q.fields, fetchField{field: field{key: q.key(j, a, nil), alias: a.Alias != ""}, j: j, x: x})
			continue
		}
		q.add(j, a, x.col)
		if c := j.table.byName["transactioncurrencyid"]; x.col.kind == kindMoney && c != nil && !chosen[c.Name] && j == q.root {
			chosen[c.Name] = true
			q.add(j, fetchxml.Attribute{Name: c.Name}, c)
		}
	}
	return nil
}

func (q *fetchQuery) add(j *joined, a fetchxml.Attribute, c *column) {
	f := field{key: q.key(j, a, c), col: c, alias: a.Alias != "" || j != q.root, slot: j.slot}
	if !f.alias {
		f.navs = j.table.navsOf(c)
	}
	q.fields = append(q.fields, fetchField{field: f, j: j})
	if j == q.root {
		q.ids = append(q.ids, c.property())
	}
}

// key is the JSON key of a column: its alias, or alias.column for a link; the columns of a link that matches the first
// row come under their schema name (fetchxml/select-columns, join-tables).
func (q *fetchQuery) key(j *joined, a fetchxml.Attribute, c *column) string {
	switch {
	case a.Alias != "":
		return a.Alias
	case j == q.root && c != nil:
		return c.property()
	case j == q.root:
		return a.Name
	case j.kind == fetchxml.MatchFirstRowUsingCrossApply && c != nil && c.SchemaName != "":
		return c.SchemaName
	}
	return j.name + "." + a.Name
}

// children counts the rows below in a hierarchy (query-hierarchical-data): rowaggregate='CountChildren'.
func (q *fetchQuery) children(j *joined, a fetchxml.Attribute) error {
	parent := j.table.byName[hierarchies[j.table.Name]]
	if a.Name != j.table.ID || parent == nil || a.Alias == "" {
		return badArgument("The attribute '%s' cannot be used with rowaggregate.", a.Name)
	}
	at := atSlot(j.slot)
	q.fields = append(q.fields, fetchField{field: field{key: a.Alias, alias: true}, j: j, x: operand{
		class: classNumber, slot: -1, num: func(e *env) (int64, bool) {
			r := at(e)
			if r == nil {
				return 0, false
			}
			n := int64(0)
			e.source(j.table).pointing(e, parent.index, r.id, func(*row) bool {
				n++
				return true
			})
			return n, true
		},
	}})
	return nil
}

// page is what to answer with.
type fetchPage struct {
	size, number int
	collector    *collector
	hits         []hit
	more         bool
}

// run finds the rows of the page.
func (q *fetchQuery) run() (*fetchPage, error) {
	p := &fetchPage{size: maxRows, number: max(q.f.Page, 1)}
	if q.f.Count > 0 {
		p.size = min(q.f.Count, maxRows)
	}
	if q.f.Top > 0 {
		p.size = min(q.f.Top, maxRows)
	}
	skip := (p.number - 1) * p.size
	col := &collector{keys: q.keys, slots: len(q.list)}
	if q.f.PagingCookie != "" && !q.f.Distinct && !q.linked {
		cookie, err := fetchxml.ParseCookie(q.f.PagingCookie)
		if err != nil {
			return nil, fetchFault(err)
		}
		if err := col.resume(cookie); err != nil {
			return nil, err
		}
		skip = 0
	} else if p.number > 1 && p.number*p.size > maxSimplePaging && !q.f.Distinct {
		return nil, newFault(http.StatusBadRequest, "0x8004430a", "Number of records requested exceeded maximum limit without a paging cookie.")
	}
	col.limit = skip + p.size + 1
	p.collector = col
	if q.f.Distinct {
		q.distinct(col)
	} else {
		q.collect(col)
	}
	if len(col.hits) > skip {
		p.hits = col.hits[skip:]
	}
	if p.more = len(p.hits) > p.size; p.more {
		p.hits = p.hits[:p.size]
	}
	return p, nil
}

func (q *fetchQuery) collect(col *collector) {
	if len(q.keys) > 0 {
		q.each(uuid.Nil, func() bool {
			col.add(q.env)
			return true
		})
		col.trim()
		return
	}
	from := uuid.Nil
	if col.after != nil {
		from = before(col.after.row.id) // rows linked to that one may be left
	}
	// Rows come in the order of the root's ids; those joined to one root row are sorted among themselves.
	last := uuid.Nil
	q.each(from, func() bool {
		id := q.env.rows[0].id
		if id != last && len(col.hits) >= col.limit {
			return false
		}
		last = id
		col.add(q.env)
		return true
	})
	col.trim()
}

// before is the id that precedes id.
func before(id uuid.UUID) uuid.UUID {
	if id == uuid.Nil {
		return id
	}
	for i := len(id) - 1; i >= 0; i-- {
		id[i]--
		if id[i] != 0xff {
			break
		}
	}
	return id
}

// distinct keeps the first of the rows that look the same in the answer.
func (q *fetchQuery) distinct(col *collector) {
	seen := map[string]bool{}
	w := &encoder{e: q.env, omitNulls: true}
	q.each(uuid.Nil, func() bool {
		w.b = append(w.b[:0], '{')
		q.members(w)
		if !seen[string(w.b)] {
			seen[string(w.b)] = true
			col.add(q.env)
		}
		return true
	})
	col.trim()
}

// members writes the columns of the rows at hand.
func (q *fetchQuery) members(w *encoder) {
	for i := range q.fields {
		f := &q.fields[i]
		r := w.e.rows[f.j.slot]
		if f.col == nil {
			w.computed(f)
			continue
		}
		w.member(&f.field, r, f.j.table, f.j.table.value(r, f.col))
	}
}

func (w *encoder) computed(f *fetchField) {
	switch f.x.class {
	case classText:
		if s, ok := f.x.text(w.e); ok {
			w.key(f.key)
			w.b = appendJSON(w.b, s)
		}
	default:
		if n, ok := f.x.num(w.e); ok {
			if w.formatted {
				w.annotation(f.key, formattedValue)
				w.b = append(groupDigits(append(w.b, '"'), strconv.FormatInt(n, 10)), '"')
			}
			w.key(f.key)
			w.b = strconv.AppendInt(w.b, n, 10)
		}
	}
}

// answer runs the query and writes its page.
func (q *fetchQuery) answer() (*answer, error) {
	p, err := q.run()
	if err != nil {
		return nil, err
	}
	w := newEncoder(q.call, q.env)
	w.omitNulls = true
	w.b = make([]byte, 0, 512+256*len(p.hits))
	q.head(w, p)
	w.key("value")
	w.text("[")
	for i, h := range p.hits {
		if i > 0 {
			w.text(",")
		}
		q.env.rows[0] = h.row
		copy(q.env.rows[1:], h.linked)
		w.text("{")
		if !q.f.Distinct {
			w.etag(h.row)
		}
		q.members(w)
		w.text("}")
	}
	w.text("]")
	if p.more && q.pageLink != nil {
		w.key("@odata.nextLink")
		w.b = appendJSON(w.b, q.pageLink(q.next(p)))
	}
	w.text("}")
	q.call.readRows(len(p.hits))
	a := &answer{status: http.StatusOK, body: w.b}
	if v := q.call.applied(); v != "" && (p.more || q.f.Count == 0 && q.f.Page == 0) {
		a.set("Preference-Applied", v) // absent on the last page (fetchxml/page-results)
	}
	return a, nil
}

func (q *fetchQuery) next(p *fetchPage) fetchxml.NextPage {
	return fetchxml.NextPage{
		Number: p.number + 1,
		Cookie: p.collector.cookie(p.number, q.root.table.ID, p.hits[0], p.hits[len(p.hits)-1]),
	}
}

// head writes the context and the annotations of the whole.
func (q *fetchQuery) head(w *encoder, p *fetchPage) {
	w.text("{")
	w.key("@odata.context")
	w.b = appendJSON(w.b, q.call.base+"/$metadata#"+q.root.table.Set+q.context())
	n, exceeded := -1, false
	if q.count {
		n = 0
		q.each(uuid.Nil, func() bool {
			n++
			return n <= maxRows
		})
		exceeded = n > maxRows
		n = min(n, maxRows)
		w.key("@odata.count")
		w.b = strconv.AppendInt(w.b, int64(n), 10)
	}
	q.call.collectionAnnotations(w, n, exceeded)
	if !p.more || q.f.Top > 0 {
		return
	}
	if q.call.annotations("Microsoft.Dynamics.CRM.fetchxmlpagingcookie") && !q.linked && !q.f.Distinct {
		w.key("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie")
		w.b = appendJSON(w.b, q.next(p).Annotation())
	}
	if q.call.annotations("Microsoft.Dynamics.CRM.morerecords") {
		w.key("@Microsoft.Dynamics.CRM.morerecords")
		w.text("true")
	}
}

// context lists the fetched columns; a lookup is listed as its property, as its navigation property, and once more with
// parentheses (fetchxml/page-results).
func (q *fetchQuery) context() string {
	if len(q.f.Entity.Attributes) == 0 && len(q.ids) > 0 {
		return ""
	}
	names, navs := "", ""
	for i, name := range q.ids {
		if i > 0 {
			names += ","
		}
		names += name
		c := q.root.table.propertyColumn(name)
		if c != nil && c.kind == kindLookup {
			for _, r := range q.root.table.parents {
				if r.Attribute == c.Name && len(c.Targets) == 1 {
					names += "," + r.Nav
					navs += "," + r.Nav + "()"
					break
				}
			}
		}
	}
	return "(" + names + navs + ")"
}
