package query

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// MaxRows is the most rows of a page, of an expanded collection, and the most that a count tells
// (webapi/query/page-results, count-rows).
const MaxRows = 5000

// setOptions are the options of a collection (webapi/query/overview).
var setOptions = []string{"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$apply", "$skiptoken", "fetchXml", "savedQuery", "userQuery", "sql"}

// Collection is the rows that a path leads to: all of a table, or those related to one row.
type Collection struct {
	Table  *schema.Table
	filter predicate // nil: all
	where  *accessPath
}

// rowQuery is a query of a collection, ready to run.
type rowQuery struct {
	call    *wire.Call
	env     *Env
	options *wire.QueryOptions
	from    Collection
	filter  predicate
	where   *accessPath
	keys    []sortKey
	shape   *Shape
	count   bool
	top     int // -1: none
	page    int // the preferred page size, 0: none
}

// listSet is GET set (webapi/query/overview).
func (s *Service) listSet(c *wire.Call) (*wire.Answer, error) {
	e := NewEnv(c)
	t, err := wire.TableBySet(e.Snap.Schema, c.Path.Segments[0].Name)
	if err != nil {
		return nil, err
	}
	e.Slot()
	if asksForChanges(c) {
		return s.listChanges(c, e, t)
	}
	return s.list(c, e, Collection{Table: t})
}

// list answers a collection, in whichever query language it is asked.
func (s *Service) list(c *wire.Call, e *Env, from Collection) (*wire.Answer, error) {
	o, err := wire.ReadOptions(c, setOptions...)
	if err != nil {
		return nil, err
	}
	if c.Preference("odata.track-changes") != "" {
		return nil, wire.NotEmulated(s.Engine, "Prefer: odata.track-changes on related rows")
	}
	if err := exclusive(o); err != nil {
		return nil, err
	}
	a, err := s.listBy(c, e, o, from)
	if err == nil {
		err = e.Err()
	}
	return a, err
}

func (s *Service) listBy(c *wire.Call, e *Env, o *wire.QueryOptions, from Collection) (*wire.Answer, error) {
	switch {
	case o.Has("fetchXml"):
		if o.Has("$skiptoken") {
			return nil, wire.BadQuery("The query parameter $skiptoken is not supported together with fetchXml.")
		}
		return s.fetch(c, e, o, from, o.Values["fetchXml"], nil)
	case o.Has("savedQuery"), o.Has("userQuery"):
		return s.runSavedQuery(c, e, o, from)
	case o.Has("sql"):
		return s.sql(c, e, o, from)
	case o.Has("$apply"):
		return s.apply(c, e, o, from)
	}
	return s.listRows(c, e, o, from)
}

func (s *Service) listRows(c *wire.Call, e *Env, o *wire.QueryOptions, from Collection) (*wire.Answer, error) {
	q, err := s.newRowQuery(c, e, o, from)
	if err != nil {
		return nil, err
	}
	return q.answer()
}

func (s *Service) newRowQuery(c *wire.Call, e *Env, o *wire.QueryOptions, from Collection) (*rowQuery, error) {
	q := &rowQuery{call: c, env: e, options: o, from: from, where: from.where, page: pageSize(c)}
	var err error
	if q.top, err = o.Top(); err != nil {
		return nil, err
	}
	if q.count, err = o.Flag("$count"); err != nil {
		return nil, err
	}
	if q.top >= 0 && q.page > 0 && !s.Options.TopBeforePageSize {
		q.top = -1 // webapi/query/page-results: $top is ignored
	}
	comp := NewCompiler(e)
	if err := q.compileFilter(comp); err != nil {
		return nil, err
	}
	if q.keys, err = comp.orderBy(o.Values["$orderby"], o.Aliases, rootScope(from.Table, 0)); err != nil {
		return nil, err
	}
	q.shape, err = comp.Shape(o.Values["$select"], o.Values["$expand"], from.Table)
	if err != nil {
		return nil, err
	}
	q.shape.paged(q.page)
	return q, nil
}

func rootScope(t *schema.Table, slot int) scope {
	return scope{table: t, at: atSlot(slot), slot: slot}
}

func (q *rowQuery) compileFilter(comp *Compiler) error {
	q.filter = q.from.filter
	text, ok := q.options.Values["$filter"]
	if !ok {
		return nil
	}
	if q.env.Engine.Options.DatesNeedZone && zoneless.MatchString(text) {
		return wire.BadQuery("A date and time in the $filter has no time zone.")
	}
	x, err := odata.ParseFilter(text)
	if err != nil {
		return wire.QueryError(err)
	}
	if strings.Contains(text, "@") { // otherwise there is nothing to put in
		x = odata.Resolve(x, q.options.Aliases)
	}
	p, where, err := comp.filter(x, rootScope(q.from.Table, 0))
	if err != nil {
		return err
	}
	if q.filter != nil {
		p = allOf([]predicate{q.filter, p})
	}
	q.filter, q.where = p, q.where.both(where)
	return nil
}

// zoneless finds a date and time without a zone, outside of texts.
var zoneless = regexp.MustCompile(`^(?:[^']|'[^']*')*?\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[ ),]|$)`)

// pageSize is the preference odata.maxpagesize, 0 if there is none; no page is larger than 5,000 rows.
func pageSize(c *wire.Call) int {
	n, err := strconv.Atoi(c.Preference("odata.maxpagesize"))
	if err != nil || n < 1 {
		return 0
	}
	return min(n, MaxRows)
}

// orderBy compiles a $orderby. A lookup sorts by the primary name of what it points at (webapi/query/order-rows).
func (q *Compiler) orderBy(text string, aliases map[string]odata.Expr, s scope) ([]sortKey, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	list, err := odata.ParseOrderBy(text)
	if err != nil {
		return nil, wire.QueryError(err)
	}
	for i, o := range list {
		list[i].By = odata.Resolve(o.By, aliases)
	}
	return q.sortKeys(list, s)
}

func (q *Compiler) sortKeys(list odata.OrderBy, s scope) ([]sortKey, error) {
	if err := list.Check(s.table.Name, schema.Model{Schema: q.env.Snap.Schema}); err != nil {
		return nil, wire.QueryError(err)
	}
	var keys []sortKey
	for _, o := range list {
		p, ok := o.By.(*odata.Path)
		if !ok {
			continue // an alias without a value sorts nothing
		}
		x, err := q.propertyPath(p.Segments, &s)
		if err != nil {
			return nil, err
		}
		k := sortKey{name: x.col.Name, x: x, desc: o.Desc}
		if x.col.Kind == schema.KindLookup && x.slot >= 0 {
			k.x = s.at.name(x.col)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// matches tells whether the row passes the query's filter.
func (q *rowQuery) matches(r *store.Row) bool {
	q.env.Rows[0] = r
	return q.filter == nil || q.filter(q.env) == yes
}

// run finds the rows of one page, and whether there are more.
func (q *rowQuery) run(limit int) (*collector, bool, error) {
	col := &collector{keys: q.keys, limit: limit + 1}
	if token, ok := q.options.Values["$skiptoken"]; ok {
		next, err := fetchxml.ParseNextPage(token)
		if err != nil {
			return nil, false, invalidCookie()
		}
		if err := col.resume(next.Cookie); err != nil {
			return nil, false, err
		}
	}
	src := q.env.Source(q.from.Table)
	if len(q.keys) > 0 {
		src.walk(q.env, q.where, uuid.Nil, func(r *store.Row) bool {
			if q.matches(r) {
				col.add(q.env)
			}
			return true
		})
		col.trim()
	} else {
		from := uuid.Nil
		if col.after != nil {
			from = col.after.row.ID
		}
		src.walk(q.env, q.where, from, func(r *store.Row) bool {
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
	q.env.Source(q.from.Table).walk(q.env, q.where, uuid.Nil, func(r *store.Row) bool {
		if q.matches(r) {
			n++
		}
		return n <= MaxRows
	})
	return n
}

// answer runs the query and writes its page.
func (q *rowQuery) answer() (*wire.Answer, error) {
	limit := MaxRows
	if q.page > 0 {
		limit = q.page
	}
	if q.top >= 0 {
		limit = min(limit, q.top)
		if q.page > 0 {
			limit = min(q.top, MaxRows) // $top wins where the page size is ignored
		}
	}
	w := NewEncoder(q.call, q.env)
	col, more, err := q.run(limit)
	if err != nil {
		return nil, err
	}
	buf := w.begin()
	w.Text("{")
	w.Key("@odata.context")
	w.Buf = AppendJSON(w.Buf, q.call.Base+"/$metadata#"+q.from.Table.Set+q.shape.context())
	q.writeCounts(w)
	w.Key("value")
	w.Text("[")
	for i, h := range col.hits {
		if i > 0 {
			w.Text(",")
		}
		w.Row(q.shape, h.row, Listed)
	}
	w.Text("]")
	if more && q.top < 0 {
		w.Key("@odata.nextLink")
		w.Buf = AppendJSON(w.Buf, q.nextLink(col))
	}
	w.Text("}")
	q.call.CountRead(len(col.hits))
	a := &wire.Answer{Status: http.StatusOK, Body: w.end(buf)}
	if q.page > 0 && q.top < 0 {
		a.SetHeader("Preference-Applied", applied(q.call, "odata.maxpagesize="+strconv.Itoa(q.page)))
	} else if v := applied(q.call); v != "" {
		a.SetHeader("Preference-Applied", v)
	}
	return a, nil
}

// applied is the value of Preference-Applied: the annotations that were asked for, and more.
func applied(c *wire.Call, more ...string) string {
	if v := c.Preference("odata.include-annotations"); v != "" {
		more = append([]string{`odata.include-annotations="` + v + `"`}, more...)
	}
	return strings.Join(more, "; ")
}

// writeCounts writes what stands between the context and the rows (webapi/query/count-rows).
func (q *rowQuery) writeCounts(w *Encoder) {
	n := -1
	exceeded := false
	if q.count {
		n = q.total()
		exceeded = n > MaxRows
		n = min(n, MaxRows)
		w.Key("@odata.count")
		w.Buf = strconv.AppendInt(w.Buf, int64(n), 10)
	}
	collectionAnnotations(q.call, w, n, exceeded)
}

// collectionAnnotations are those of a whole answer.
func collectionAnnotations(c *wire.Call, w *Encoder, total int, exceeded bool) {
	if c.WantsAnnotation("Microsoft.Dynamics.CRM.totalrecordcount") {
		w.Key("@Microsoft.Dynamics.CRM.totalrecordcount")
		w.Buf = strconv.AppendInt(w.Buf, int64(total), 10)
	}
	if c.WantsAnnotation("Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded") {
		w.Key("@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded")
		w.Buf = strconv.AppendBool(w.Buf, exceeded)
	}
	if c.WantsAnnotation("Microsoft.Dynamics.CRM.globalmetadataversion") {
		w.Key("@Microsoft.Dynamics.CRM.globalmetadataversion")
		w.Buf = AppendJSON(w.Buf, strconv.FormatInt(w.Env.Engine.Definitions+w.Env.Snap.Schema.Version, 10))
	}
}

// nextLink is where the next page is (webapi/query/page-results): the request again, with a cookie.
func (q *rowQuery) nextLink(col *collector) string {
	number := 1
	if token, ok := q.options.Values["$skiptoken"]; ok {
		if p, err := fetchxml.ParseNextPage(token); err == nil {
			number = p.Number
		}
	}
	cookie := col.cookie(number, q.from.Table.ID, col.hits[0], col.hits[len(col.hits)-1])
	token := fetchxml.NextPage{Number: number + 1, Cookie: cookie}.SkipToken()
	link := q.call.Base + "/" + q.call.Address() + "?"
	if rest := q.options.Link("$skiptoken"); rest != "" {
		link += rest + "&"
	}
	return link + "$skiptoken=" + token
}
