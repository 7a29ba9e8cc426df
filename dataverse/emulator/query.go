package emulator

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/google/uuid"
)

// maxRows is the most rows of a page, of an expanded collection, and the most that a count tells
// (webapi/query/page-results, count-rows).
const maxRows = 5000

// setOptions are the options of a collection (webapi/query/overview).
var setOptions = []string{"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$apply", "$skiptoken", "fetchXml", "savedQuery", "userQuery"}

// collection is the rows that a path leads to: all of a table, or those related to one row.
type collection struct {
	table  *table
	filter predicate // nil: all
	where  *access
}

// rowQuery is a query of a collection, ready to run.
type rowQuery struct {
	call    *call
	env     *env
	options *queryOptions
	from    collection
	filter  predicate
	where   *access
	keys    []sortKey
	shape   *shape
	count   bool
	top     int // -1: none
	page    int // the preferred page size, 0: none
}

// listSet is GET set (webapi/query/overview).
func (s *queryService) listSet(c *call) (*answer, error) {
	e := newEnv(c)
	t, err := e.snap.schema.set(c.path.segments[0].name)
	if err != nil {
		return nil, err
	}
	e.slot()
	if c.tracking() {
		return s.listChanges(c, e, t)
	}
	return s.list(c, e, collection{table: t})
}

// list answers a collection, in whichever query language it is asked.
func (s *queryService) list(c *call, e *env, from collection) (*answer, error) {
	o, err := readOptions(c, setOptions...)
	if err != nil {
		return nil, err
	}
	if c.prefer("odata.track-changes") != "" {
		return nil, s.notEmulated("Prefer: odata.track-changes on related rows")
	}
	if err := exclusive(o); err != nil {
		return nil, err
	}
	a, err := s.listBy(c, e, o, from)
	if err == nil {
		err = e.finished()
	}
	return a, err
}

func (s *queryService) listBy(c *call, e *env, o *queryOptions, from collection) (*answer, error) {
	switch {
	case o.has("fetchXml"):
		if o.has("$skiptoken") {
			return nil, badQuery("The query parameter $skiptoken is not supported together with fetchXml.")
		}
		return s.fetch(c, e, o, from, o.values["fetchXml"], nil)
	case o.has("savedQuery"), o.has("userQuery"):
		return s.predefined(c, e, o, from)
	case o.has("$apply"):
		return s.apply(c, e, o, from)
	}
	return s.listRows(c, e, o, from)
}

func (s *queryService) listRows(c *call, e *env, o *queryOptions, from collection) (*answer, error) {
	q, err := s.newRowQuery(c, e, o, from)
	if err != nil {
		return nil, err
	}
	return q.answer()
}

func (s *queryService) newRowQuery(c *call, e *env, o *queryOptions, from collection) (*rowQuery, error) {
	q := &rowQuery{call: c, env: e, options: o, from: from, where: from.where, page: c.pageSize()}
	var err error
	if q.top, err = o.top(); err != nil {
		return nil, err
	}
	if q.count, err = o.flag("$count"); err != nil {
		return nil, err
	}
	if q.top >= 0 && q.page > 0 && !s.options.TopBeforePageSize {
		q.top = -1 // webapi/query/page-results: $top is ignored
	}
	comp := newCompiler(e)
	if err := q.compileFilter(comp); err != nil {
		return nil, err
	}
	if q.keys, err = comp.orderBy(o.values["$orderby"], o.aliases, rootScope(from.table, 0)); err != nil {
		return nil, err
	}
	q.shape, err = comp.shape(o.values["$select"], o.values["$expand"], from.table)
	if err != nil {
		return nil, err
	}
	q.shape.paged(q.page)
	return q, nil
}

func rootScope(t *table, slot int) scope {
	return scope{table: t, at: atSlot(slot), slot: slot}
}

func (q *rowQuery) compileFilter(comp *compiler) error {
	q.filter = q.from.filter
	text, ok := q.options.values["$filter"]
	if !ok {
		return nil
	}
	x, err := odata.ParseFilter(text)
	if err != nil {
		return queryFault(err)
	}
	p, where, err := comp.filter(odata.Resolve(x, q.options.aliases), rootScope(q.from.table, 0))
	if err != nil {
		return err
	}
	if q.filter != nil {
		p = allOf([]predicate{q.filter, p})
	}
	q.filter, q.where = p, q.where.both(where)
	return nil
}

// pageSize is the preference odata.maxpagesize, 0 if there is none; no page is larger than 5,000 rows.
func (c *call) pageSize() int {
	n, err := strconv.Atoi(c.prefer("odata.maxpagesize"))
	if err != nil || n < 1 {
		return 0
	}
	return min(n, maxRows)
}

// orderBy compiles a $orderby. A lookup sorts by the primary name of what it points at (webapi/query/order-rows).
func (q *compiler) orderBy(text string, aliases map[string]odata.Expr, s scope) ([]sortKey, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	list, err := odata.ParseOrderBy(text)
	if err != nil {
		return nil, queryFault(err)
	}
	for i, o := range list {
		list[i].By = odata.Resolve(o.By, aliases)
	}
	return q.sortKeys(list, s)
}

func (q *compiler) sortKeys(list odata.OrderBy, s scope) ([]sortKey, error) {
	if err := list.Check(s.table.Name, model{q.env.snap.schema}); err != nil {
		return nil, queryFault(err)
	}
	var keys []sortKey
	for _, o := range list {
		p, ok := o.By.(*odata.Path)
		if !ok {
			continue // an alias without a value sorts nothing
		}
		x, err := q.path(p.Segments, &s)
		if err != nil {
			return nil, err
		}
		k := sortKey{name: x.col.Name, x: x, desc: o.Desc}
		if x.col.kind == kindLookup && x.slot >= 0 {
			k.x = s.at.name(x.col)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// matches tells whether the row passes the query's filter.
func (q *rowQuery) matches(r *row) bool {
	q.env.rows[0] = r
	return q.filter == nil || q.filter(q.env) == yes
}

// run finds the rows of one page, and whether there are more.
func (q *rowQuery) run(limit int) (*collector, bool, error) {
	col := &collector{keys: q.keys, limit: limit + 1}
	if token, ok := q.options.values["$skiptoken"]; ok {
		next, err := fetchxml.ParseNextPage(token)
		if err != nil {
			return nil, false, invalidCookie()
		}
		if err := col.resume(next.Cookie); err != nil {
			return nil, false, err
		}
	}
	src := q.env.source(q.from.table)
	if len(q.keys) > 0 {
		src.walk(q.env, q.where, uuid.Nil, func(r *row) bool {
			if q.matches(r) {
				col.add(q.env)
			}
			return true
		})
		col.trim()
	} else {
		from := uuid.Nil
		if col.after != nil {
			from = col.after.row.id
		}
		src.walk(q.env, q.where, from, func(r *row) bool {
			if q.matches(r) {
				col.hits = append(col.hits, hit{row: r})
			}
			return len(col.hits) <= limit
		})
	}
	more := len(col.hits) > limit
	if more {
		col.hits = col.hits[:limit]
	}
	return col, more, nil
}

// total counts the matches, up to one more than a count tells.
func (q *rowQuery) total() int {
	n := 0
	q.env.source(q.from.table).walk(q.env, q.where, uuid.Nil, func(r *row) bool {
		if q.matches(r) {
			n++
		}
		return n <= maxRows
	})
	return n
}

// answer runs the query and writes its page.
func (q *rowQuery) answer() (*answer, error) {
	limit := maxRows
	if q.page > 0 {
		limit = q.page
	}
	if q.top >= 0 {
		limit = min(limit, q.top)
		if q.page > 0 {
			limit = min(q.top, maxRows) // $top wins where the page size is ignored
		}
	}
	w := newEncoder(q.call, q.env)
	col, more, err := q.run(limit)
	if err != nil {
		return nil, err
	}
	w.b = make([]byte, 0, 512+256*len(col.hits))
	w.text("{")
	w.key("@odata.context")
	w.b = appendJSON(w.b, q.call.base+"/$metadata#"+q.from.table.Set+q.shape.context())
	q.writeCounts(w)
	w.key("value")
	w.text("[")
	for i, h := range col.hits {
		if i > 0 {
			w.text(",")
		}
		w.row(q.shape, h.row, listed)
	}
	w.text("]")
	if more && q.top < 0 {
		w.key("@odata.nextLink")
		w.b = appendJSON(w.b, q.nextLink(col))
	}
	w.text("}")
	q.call.readRows(len(col.hits))
	a := &answer{status: http.StatusOK, body: w.b}
	if q.page > 0 && q.top < 0 {
		a.set("Preference-Applied", q.call.applied("odata.maxpagesize="+strconv.Itoa(q.page)))
	} else if v := q.call.applied(); v != "" {
		a.set("Preference-Applied", v)
	}
	return a, nil
}

// applied is the value of Preference-Applied: the annotations that were asked for, and more.
func (c *call) applied(more ...string) string {
	if v := c.prefer("odata.include-annotations"); v != "" {
		more = append([]string{`odata.include-annotations="` + v + `"`}, more...)
	}
	return strings.Join(more, "; ")
}

// writeCounts writes what stands between the context and the rows (webapi/query/count-rows).
func (q *rowQuery) writeCounts(w *encoder) {
	n := -1
	exceeded := false
	if q.count {
		n = q.total()
		exceeded = n > maxRows
		n = min(n, maxRows)
		w.key("@odata.count")
		w.b = strconv.AppendInt(w.b, int64(n), 10)
	}
	q.call.collectionAnnotations(w, n, exceeded)
}

// collectionAnnotations are those of a whole answer.
func (c *call) collectionAnnotations(w *encoder, total int, exceeded bool) {
	if c.annotations("Microsoft.Dynamics.CRM.totalrecordcount") {
		w.key("@Microsoft.Dynamics.CRM.totalrecordcount")
		w.b = strconv.AppendInt(w.b, int64(total), 10)
	}
	if c.annotations("Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded") {
		w.key("@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded")
		w.b = strconv.AppendBool(w.b, exceeded)
	}
	if c.annotations("Microsoft.Dynamics.CRM.globalmetadataversion") {
		w.key("@Microsoft.Dynamics.CRM.globalmetadataversion")
		w.b = appendJSON(w.b, strconv.FormatInt(w.e.snap.schema.version, 10))
	}
}

// nextLink is where the next page is (webapi/query/page-results): the request again, with a cookie.
func (q *rowQuery) nextLink(col *collector) string {
	number := 1
	if token, ok := q.options.values["$skiptoken"]; ok {
		if p, err := fetchxml.ParseNextPage(token); err == nil {
			number = p.Number
		}
	}
	cookie := col.cookie(number, q.from.table.ID, col.hits[0], col.hits[len(col.hits)-1])
	token := fetchxml.NextPage{Number: number + 1, Cookie: cookie}.SkipToken()
	link := q.call.base + "/" + q.call.address() + "?"
	if rest := q.options.link("$skiptoken"); rest != "" {
		link += rest + "&"
	}
	return link + "$skiptoken=" + token
}
