package query

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/odata"
)

// apply answers $apply: filters, then groups and aggregates (webapi/query/aggregate-data).
func (s *Service) apply(c *wire.Call, e *Env, o *wire.QueryOptions, from Collection) (*wire.Answer, error) {
	for _, name := range []string{"$select", "$expand", "$top", "$count", "$skiptoken"} {
		if o.Has(name) {
			return nil, wire.BadQuery("The query parameter %s is not supported together with $apply.", name)
		}
	}
	steps, err := odata.ParseApply(o.Values["$apply"])
	if err != nil {
		return nil, wire.QueryError(err)
	}
	if err := steps.Check(from.Table.Name, schema.Model{Schema: e.Snap.Schema}); err != nil {
		return nil, wire.QueryError(err)
	}
	comp := NewCompiler(e)
	q := &rowQuery{call: c, env: e, options: o, from: from, where: from.where}
	if err := q.compileFilter(comp); err != nil { // $filter works before the aggregation (FetchXMLBuilder issue 252)
		return nil, err
	}
	a := &aggregation{env: e, limit: maxAggregated, scale: 9, byKey: map[string]*bucket{}}
	for _, step := range steps {
		switch x := step.(type) {
		case *odata.FilterStep:
			p, where, err := comp.filter(odata.Resolve(x.Filter, o.Aliases), rootScope(from.Table, 0))
			if err != nil {
				return nil, err
			}
			if q.filter != nil {
				p = allOf([]predicate{q.filter, p})
			}
			q.filter, q.where = p, q.where.both(where)
		case *odata.GroupStep:
			if err := comp.applyGroups(a, x.By, from.Table); err != nil {
				return nil, err
			}
			err = comp.applyValues(a, x.Aggregates, from.Table)
		case *odata.AggregateStep:
			err = comp.applyValues(a, x.Aggregates, from.Table)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(a.groups)+len(a.values) == 0 {
		return s.listRows(c, e, o, Collection{Table: from.Table, filter: q.filter, where: q.where})
	}
	return q.applied(a)
}

func (q *Compiler) applyGroups(a *aggregation, by []*odata.Path, t *schema.Table) error {
	for _, p := range by {
		s := rootScope(t, 0)
		x, err := q.propertyPath(p.Segments, &s)
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
func (q *Compiler) reader(p *odata.Path, t *schema.Table) func(*Env) any {
	at, on := atSlot(0), t
	for _, name := range p.Segments[:len(p.Segments)-1] {
		n := on.Navigation(q.env.Snap.Schema, name)
		if n == nil {
			return func(*Env) any { return nil }
		}
		at, on = at.over(n.Column, q.env.Source(n.Target)), n.Target
	}
	c := on.PropertyColumn(p.Segments[len(p.Segments)-1])
	return func(e *Env) any { return store.ColumnValue(on, at(e), c) }
}

var methodFunctions = map[odata.Method]string{odata.Count: "count", odata.Sum: "sum", odata.Average: "avg", odata.Min: "min", odata.Max: "max"}

func (q *Compiler) applyValues(a *aggregation, list []odata.Aggregate, t *schema.Table) error {
	for _, g := range list {
		v := valueColumn{name: g.As, function: methodFunctions[g.Method], table: t}
		if g.Path != nil {
			s := rootScope(t, 0)
			x, err := q.propertyPath(g.Path.Segments, &s)
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
func (q *rowQuery) applied(a *aggregation) (*wire.Answer, error) {
	orders, err := q.applyOrders(a)
	if err != nil {
		return nil, err
	}
	q.env.Source(q.from.Table).walk(q.env, q.where, uuid.Nil, func(r *store.Row) bool { return !q.matches(r) || a.add() })
	if a.rows > a.limit {
		return nil, tooMany()
	}
	if len(a.groups) == 0 && len(a.order) == 0 {
		a.order = []*bucket{{sums: make([]sum, len(a.values))}}
	}
	a.sort(orders, true)
	if q.call.Engine.Options.ApplyAllProperties && len(a.groups) == 0 {
		for _, c := range q.from.Table.Columns {
			if readable(c) {
				a.nulls = append(a.nulls, c.Property())
			}
		}
	}
	if len(a.order) > MaxRows {
		a.order = a.order[:MaxRows]
	}
	w := NewEncoder(q.call, q.env)
	w.OmitNulls = true
	w.Text("{")
	w.Key("@odata.context")
	w.Buf = AppendJSON(w.Buf, q.call.Base+"/$metadata#"+q.from.Table.Set)
	collectionAnnotations(q.call, w, -1, false)
	w.Key("value")
	w.Text("[")
	for i, b := range a.order {
		if i > 0 {
			w.Text(",")
		}
		a.write(w, b)
	}
	w.Text("]}")
	q.call.CountRead(len(a.order))
	ans := &wire.Answer{Status: http.StatusOK, Body: w.Buf}
	if v := applied(q.call); v != "" {
		ans.SetHeader("Preference-Applied", v)
	}
	return ans, nil
}

// applyOrders reads $orderby: groups can be sorted by, values cannot (webapi/query/aggregate-data).
func (q *rowQuery) applyOrders(a *aggregation) ([]aggregateOrder, error) {
	text := strings.TrimSpace(q.options.Values["$orderby"])
	if text == "" {
		return nil, nil
	}
	list, err := odata.ParseOrderBy(text)
	if err != nil {
		return nil, wire.QueryError(err)
	}
	var out []aggregateOrder
	for _, o := range list {
		found := aggregateOrder{group: -1, value: -1, desc: o.Desc}
		if p, ok := odata.Resolve(o.By, q.options.Aliases).(*odata.Path); ok && len(p.Segments) == 1 {
			for i, g := range a.groups {
				if g.name == p.Segments[0] {
					found.group = i
				}
			}
		}
		if found.group < 0 {
			return nil, wire.BadQuery("The query node SingleValueOpenPropertyAccess is not supported")
		}
		out = append(out, found)
	}
	return out, nil
}
