package emulator

import (
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/odata"
	"github.com/google/uuid"
)

// apply answers $apply: filters, then groups and aggregates (webapi/query/aggregate-data).
func (s *queryService) apply(c *call, e *env, o *queryOptions, from collection) (*answer, error) {
	for _, name := range []string{"$select", "$expand", "$top", "$count", "$skiptoken"} {
		if o.has(name) {
			return nil, badQuery("The query parameter %s is not supported together with $apply.", name)
		}
	}
	steps, err := odata.ParseApply(o.values["$apply"])
	if err != nil {
		return nil, queryFault(err)
	}
	if err := steps.Check(from.table.Name, model{e.snap.schema}); err != nil {
		return nil, queryFault(err)
	}
	comp := newCompiler(e)
	q := &rowQuery{call: c, env: e, options: o, from: from, where: from.where}
	if err := q.compileFilter(comp); err != nil { // $filter works before the aggregation (FetchXMLBuilder issue 252)
		return nil, err
	}
	a := &aggregation{env: e, limit: maxAggregated, scale: 9, byKey: map[string]*bucket{}}
	for _, step := range steps {
		switch x := step.(type) {
		case *odata.FilterStep:
			p, where, err := comp.filter(odata.Resolve(x.Filter, o.aliases), rootScope(from.table, 0))
			if err != nil {
				return nil, err
			}
			if q.filter != nil {
				p = allOf([]predicate{q.filter, p})
			}
			q.filter, q.where = p, q.where.both(where)
		case *odata.GroupStep:
			if err := comp.applyGroups(a, x.By, from.table); err != nil {
				return nil, err
			}
			err = comp.applyValues(a, x.Aggregates, from.table)
		case *odata.AggregateStep:
			err = comp.applyValues(a, x.Aggregates, from.table)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(a.groups)+len(a.values) == 0 {
		return s.listRows(c, e, o, collection{table: from.table, filter: q.filter, where: q.where})
	}
	return q.applied(a)
}

func (q *compiler) applyGroups(a *aggregation, by []*odata.Path, t *table) error {
	for _, p := range by {
		s := rootScope(t, 0)
		x, err := q.path(p.Segments, &s)
		if err != nil {
			return err
		}
		g := groupColumn{name: p.Segments[len(p.Segments)-1], table: x.table, col: x.col, read: q.reader(p, t)}
		if len(p.Segments) > 1 { // contact_fullname, not primarycontactid_fullname
			g.name = x.table.Name + "_" + g.name
		}
		a.groups = append(a.groups, g)
	}
	return nil
}

// reader reads the value of a path as a column holds it.
func (q *compiler) reader(p *odata.Path, t *table) func(*env) any {
	at, on := atSlot(0), t
	for _, name := range p.Segments[:len(p.Segments)-1] {
		n := on.navigation(q.env.snap.schema, name)
		if n == nil {
			return func(*env) any { return nil }
		}
		at, on = at.over(n.column, q.env.source(n.target)), n.target
	}
	c := on.propertyColumn(p.Segments[len(p.Segments)-1])
	return func(e *env) any { return on.value(at(e), c) }
}

var methodFunctions = map[odata.Method]string{odata.Count: "count", odata.Sum: "sum", odata.Average: "avg", odata.Min: "min", odata.Max: "max"}

func (q *compiler) applyValues(a *aggregation, list []odata.Aggregate, t *table) error {
	for _, g := range list {
		v := valueColumn{name: g.As, function: methodFunctions[g.Method], table: t}
		if g.Path != nil {
			s := rootScope(t, 0)
			x, err := q.path(g.Path.Segments, &s)
			if err != nil {
				return err
			}
			if !aggregable(v.function, x) {
				return badAggregate(v.function, strings.Join(g.Path.Segments, "/"))
			}
			v.x, v.col, v.table = x, x.col, x.table
		}
		a.values = append(a.values, v)
	}
	return nil
}

// applied runs the aggregation and writes its groups.
func (q *rowQuery) applied(a *aggregation) (*answer, error) {
	orders, err := q.applyOrders(a)
	if err != nil {
		return nil, err
	}
	q.env.source(q.from.table).walk(q.env, q.where, uuid.Nil, func(r *row) bool { return !q.matches(r) || a.add() })
	if a.rows > a.limit {
		return nil, tooMany()
	}
	if len(a.groups) == 0 && len(a.order) == 0 {
		a.order = []*bucket{{sums: make([]sum, len(a.values))}}
	}
	a.sort(orders, true)
	if q.call.engine.options.ApplyAllProperties && len(a.groups) == 0 {
		for _, c := range q.from.table.Columns {
			if c.readable() {
				a.nulls = append(a.nulls, c.property())
			}
		}
	}
	if len(a.order) > maxRows {
		a.order = a.order[:maxRows]
	}
	w := newEncoder(q.call, q.env)
	w.omitNulls = true
	w.text("{")
	w.key("@odata.context")
	w.b = appendJSON(w.b, q.call.base+"/$metadata#"+q.from.table.Set)
	q.call.collectionAnnotations(w, -1, false)
	w.key("value")
	w.text("[")
	for i, b := range a.order {
		if i > 0 {
			w.text(",")
		}
		a.write(w, b)
	}
	w.text("]}")
	q.call.readRows(len(a.order))
	ans := &answer{status: http.StatusOK, body: w.b}
	if v := q.call.applied(); v != "" {
		ans.set("Preference-Applied", v)
	}
	return ans, nil
}

// applyOrders reads $orderby: groups can be sorted by, values cannot (webapi/query/aggregate-data).
func (q *rowQuery) applyOrders(a *aggregation) ([]aggregateOrder, error) {
	text := strings.TrimSpace(q.options.values["$orderby"])
	if text == "" {
		return nil, nil
	}
	list, err := odata.ParseOrderBy(text)
	if err != nil {
		return nil, queryFault(err)
	}
	var out []aggregateOrder
	for _, o := range list {
		found := aggregateOrder{group: -1, value: -1, desc: o.Desc}
		if p, ok := odata.Resolve(o.By, q.options.aliases).(*odata.Path); ok && len(p.Segments) == 1 {
			for i, g := range a.groups {
				if g.name == p.Segments[0] {
					found.group = i
				}
			}
		}
		if found.group < 0 {
			return nil, badQuery("The query node SingleValueOpenPropertyAccess is not supported")
		}
		out = append(out, found)
	}
	return out, nil
}
