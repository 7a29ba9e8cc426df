package query

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// maxSimplePaging is how far page numbers reach without a cookie (fetchxml/page-results).
const maxSimplePaging = 50000

// choose takes the columns of the answer.
func (q *FetchQuery) choose() error {
	e := &q.Fetch.Entity
	if err := q.take(q.root, &e.Body, len(e.Attributes) == 0 && !e.NoAttributes); err != nil {
		return err
	}
	root := q.root.table
	have := false
	for _, f := range q.fields {
		have = have || f.j == q.root && f.col == root.IDColumn()
	}
	if !have && !q.Fetch.Distinct && !q.bare {
		q.add(q.root, fetchxml.Attribute{Name: root.ID}, root.IDColumn())
	}
	for _, j := range q.list {
		if err := q.take(j, &j.link.Body, false); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, f := range q.fields {
		if seen[f.key] {
			return wire.NewError(400, "0x80041109", "The alias '%s' is used more than once.", f.key)
		}
		seen[f.key] = true
	}
	return nil
}

func (q *FetchQuery) take(j *JoinedTable, b *fetchxml.Body, all bool) error {
	if b.AllAttributes || all {
		for _, c := range j.table.Columns {
			if readable(c) {
				q.add(j, fetchxml.Attribute{Name: c.Name}, c)
			}
		}
		return nil
	}
	chosen := map[string]bool{}
	for _, a := range b.Attributes {
		x, err := j.attribute(q.Env, a.Name)
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
			q.fields = append(q.fields, fetchField{Field: Field{key: q.key(j, a, nil), alias: a.Alias != ""}, j: j, x: x})
			continue
		}
		q.add(j, a, x.col)
		if c := j.table.ByName["transactioncurrencyid"]; x.col.Kind == schema.KindMoney && c != nil && !chosen[c.Name] && j == q.root && !q.bare {
			chosen[c.Name] = true
			q.add(j, fetchxml.Attribute{Name: c.Name}, c)
		}
	}
	return nil
}

func (q *FetchQuery) add(j *JoinedTable, a fetchxml.Attribute, c *schema.Column) {
	f := Field{key: q.key(j, a, c), col: c, alias: a.Alias != "" || j != q.root, slot: j.slot}
	if !f.alias {
		f.navs = navsOf(j.table, c)
	}
	q.fields = append(q.fields, fetchField{Field: f, j: j})
	if j == q.root {
		q.ids = append(q.ids, c.Property())
	}
}

// key is the JSON key of a column: its alias, or alias.column for a link; the columns of a link that matches the first
// row come under their schema name (fetchxml/select-columns, join-tables).
func (q *FetchQuery) key(j *JoinedTable, a fetchxml.Attribute, c *schema.Column) string {
	switch {
	case a.Alias != "":
		return a.Alias
	case j == q.root && c != nil:
		return c.Property()
	case j == q.root:
		return a.Name
	case j.kind == fetchxml.MatchFirstRowUsingCrossApply && c != nil && c.SchemaName != "":
		return c.SchemaName
	}
	return j.name + "." + a.Name
}

// children counts the rows below in a hierarchy (query-hierarchical-data): rowaggregate='CountChildren'.
func (q *FetchQuery) children(j *JoinedTable, a fetchxml.Attribute) error {
	parent := j.table.Above()
	if a.Name != j.table.ID || parent == nil || a.Alias == "" {
		return wire.BadArgument("The attribute '%s' cannot be used with rowaggregate.", a.Name)
	}
	at := atSlot(j.slot)
	q.fields = append(q.fields, fetchField{Field: Field{key: a.Alias, alias: true}, j: j, x: operand{
		class: classNumber, slot: -1, num: func(e *Env) (int64, bool) {
			r := at(e)
			if r == nil {
				return 0, false
			}
			n := int64(0)
			e.Source(j.table).pointing(e, parent.Index, r.ID, func(*store.Row) bool {
				n++
				return true
			})
			return n, true
		},
	}})
	return nil
}

// fetchPage is what to answer with.
type fetchPage struct {
	size, number int
	collector    *collector
	hits         []hit
	more         bool
}

// run finds the rows of the page.
func (q *FetchQuery) run() (*fetchPage, error) {
	p := &fetchPage{size: MaxRows, number: max(q.Fetch.Page, 1)}
	if q.Fetch.Count > 0 {
		p.size = min(q.Fetch.Count, MaxRows)
	}
	if q.Fetch.Top > 0 {
		p.size = min(q.Fetch.Top, MaxRows)
	}
	skip := (p.number-1)*p.size + q.skip
	col := &collector{keys: q.keys, slots: len(q.list)}
	if q.Fetch.PagingCookie != "" && !q.Fetch.Distinct && !q.linked {
		cookie, err := fetchxml.ParseCookie(q.Fetch.PagingCookie)
		if err != nil {
			return nil, FetchError(err)
		}
		if err := col.resume(cookie); err != nil {
			return nil, err
		}
		skip = 0
	} else if p.number > 1 && p.number*p.size > maxSimplePaging && !q.Fetch.Distinct {
		return nil, wire.NewError(http.StatusBadRequest, "0x8004430a", "Number of records requested exceeded maximum limit without a paging cookie.")
	}
	col.limit = skip + p.size + 1
	p.collector = col
	if q.Fetch.Distinct {
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

func (q *FetchQuery) collect(col *collector) {
	if len(q.keys) > 0 {
		q.EachMatch(uuid.Nil, func() bool {
			col.add(q.Env)
			return true
		})
		col.trim()
		return
	}
	from := uuid.Nil
	if col.after != nil {
		from = before(col.after.row.ID) // rows linked to that one may be left
	}
	// Rows come in the order of the root's ids; those joined to one root row are sorted among themselves.
	last := uuid.Nil
	q.EachMatch(from, func() bool {
		id := q.Env.Rows[0].ID
		if id != last && len(col.hits) >= col.limit {
			return false
		}
		last = id
		col.add(q.Env)
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
func (q *FetchQuery) distinct(col *collector) {
	seen := map[string]bool{}
	w := &Encoder{Env: q.Env, OmitNulls: true}
	q.EachMatch(uuid.Nil, func() bool {
		w.Buf = append(w.Buf[:0], '{')
		q.members(w)
		if !seen[string(w.Buf)] {
			seen[string(w.Buf)] = true
			col.add(q.Env)
		}
		return true
	})
	col.trim()
}

// members writes the columns of the rows at hand.
func (q *FetchQuery) members(w *Encoder) {
	for i := range q.fields {
		f := &q.fields[i]
		r := w.Env.Rows[f.j.slot]
		if f.col == nil {
			w.computed(f)
			continue
		}
		w.member(&f.Field, r, f.j.table, store.ColumnValue(f.j.table, r, f.col))
	}
}

func (w *Encoder) computed(f *fetchField) {
	switch f.x.class {
	case classText:
		if s, ok := f.x.text(w.Env); ok {
			w.Key(f.key)
			w.Buf = AppendJSON(w.Buf, s)
		}
	default:
		if n, ok := f.x.num(w.Env); ok {
			if w.Formatted {
				w.annotation(f.key, formattedValue)
				w.Buf = append(groupDigits(append(w.Buf, '"'), strconv.FormatInt(n, 10)), '"')
			}
			w.Key(f.key)
			w.Buf = strconv.AppendInt(w.Buf, n, 10)
		}
	}
}

// answer runs the query and writes its page.
func (q *FetchQuery) answer() (*wire.Answer, error) {
	p, err := q.run()
	if err != nil {
		return nil, err
	}
	w := NewEncoder(q.Call, q.Env)
	w.OmitNulls = true
	w.Buf = make([]byte, 0, 512+256*len(p.hits))
	q.head(w, p)
	w.Key("value")
	w.Text("[")
	for i, h := range p.hits {
		if i > 0 {
			w.Text(",")
		}
		q.Env.Rows[0] = h.row
		copy(q.Env.Rows[1:], h.linked)
		w.Text("{")
		if !q.Fetch.Distinct {
			w.etag(h.row)
		}
		q.members(w)
		w.Text("}")
	}
	w.Text("]")
	if p.more && q.pageLink != nil {
		w.Key("@odata.nextLink")
		w.Buf = AppendJSON(w.Buf, q.pageLink(q.next(p)))
	}
	w.Text("}")
	q.Call.CountRead(len(p.hits))
	a := &wire.Answer{Status: http.StatusOK, Body: w.Buf}
	if v := applied(q.Call); v != "" && (p.more || q.Fetch.Count == 0 && q.Fetch.Page == 0) {
		a.SetHeader("Preference-Applied", v) // absent on the last page (fetchxml/page-results)
	}
	return a, nil
}

func (q *FetchQuery) next(p *fetchPage) fetchxml.NextPage {
	return fetchxml.NextPage{
		Number: p.number + 1,
		Cookie: p.collector.cookie(p.number, q.root.table.ID, p.hits[0], p.hits[len(p.hits)-1]),
	}
}

// head writes the context and the annotations of the whole.
func (q *FetchQuery) head(w *Encoder, p *fetchPage) {
	w.Text("{")
	w.Key("@odata.context")
	w.Buf = AppendJSON(w.Buf, q.Call.Base+"/$metadata#"+q.root.table.Set+q.context())
	n, exceeded := -1, false
	if q.count {
		n = 0
		q.EachMatch(uuid.Nil, func() bool {
			n++
			return n <= MaxRows
		})
		exceeded = n > MaxRows
		n = min(n, MaxRows)
		w.Key("@odata.count")
		w.Buf = strconv.AppendInt(w.Buf, int64(n), 10)
	}
	collectionAnnotations(q.Call, w, n, exceeded)
	if !p.more || q.Fetch.Top > 0 {
		return
	}
	if q.Call.WantsAnnotation("Microsoft.Dynamics.CRM.fetchxmlpagingcookie") && !q.linked && !q.Fetch.Distinct {
		w.Key("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie")
		w.Buf = AppendJSON(w.Buf, q.next(p).Annotation())
	}
	if q.Call.WantsAnnotation("Microsoft.Dynamics.CRM.morerecords") {
		w.Key("@Microsoft.Dynamics.CRM.morerecords")
		w.Text("true")
	}
}

// context lists the fetched columns; a lookup is listed as its property, as its navigation property, and once more with
// parentheses (fetchxml/page-results).
func (q *FetchQuery) context() string {
	if len(q.Fetch.Entity.Attributes) == 0 && len(q.ids) > 0 {
		return ""
	}
	names, navs := "", ""
	for i, name := range q.ids {
		if i > 0 {
			names += ","
		}
		names += name
		c := q.root.table.PropertyColumn(name)
		if c != nil && c.Kind == schema.KindLookup {
			for _, r := range q.root.table.Outgoing {
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
