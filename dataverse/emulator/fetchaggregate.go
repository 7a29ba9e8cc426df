package emulator

import (
	"net/http"
	"time"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/google/uuid"
)

// aggregate answers a fetch with aggregate='true' (fetchxml/aggregate-data).
func (q *fetchQuery) aggregate() (*answer, error) {
	a := &aggregation{env: q.env, limit: maxAggregated, scale: 4, byKey: map[string]*bucket{}}
	if q.f.AggregateLimit > 0 {
		a.limit = min(a.limit, q.f.AggregateLimit)
	}
	if err := q.aggregateColumns(a, q.root, &q.f.Entity.Body); err != nil {
		return nil, err
	}
	for _, j := range q.list {
		if err := q.aggregateColumns(a, j, &j.link.Body); err != nil {
			return nil, err
		}
	}
	orders, err := q.aggregateOrders(a)
	if err != nil {
		return nil, err
	}
	q.each(uuid.Nil, a.add)
	if a.rows > a.limit {
		return nil, tooMany()
	}
	if len(a.groups) == 0 && len(a.order) == 0 {
		a.order = []*bucket{{sums: make([]sum, len(a.values))}}
	}
	a.sort(orders, q.f.RawOrderBy)
	return q.aggregatePage(a)
}

func (q *fetchQuery) aggregateColumns(a *aggregation, j *joined, b *fetchxml.Body) error {
	for _, at := range b.Attributes {
		x, err := j.attribute(q.env, at.Name)
		if err != nil {
			return err
		}
		if at.GroupBy {
			g, err := q.groupColumn(j, at, x)
			if err != nil {
				return err
			}
			g.name = at.Alias
			a.groups = append(a.groups, g)
			continue
		}
		if !aggregable(at.Aggregate, x) {
			return badAggregate(at.Aggregate, at.Name)
		}
		a.values = append(a.values, valueColumn{
			name: at.Alias, function: at.Aggregate, distinct: at.Distinct, table: j.table, col: x.col, x: x,
		})
	}
	return nil
}

func (q *fetchQuery) groupColumn(j *joined, at fetchxml.Attribute, x operand) (groupColumn, error) {
	if at.DateGrouping == "" {
		if x.col == nil {
			return groupColumn{}, noAttribute(j.table, at.Name)
		}
		return groupColumn{table: j.table, col: x.col, read: func(e *env) any {
			return j.table.value(e.rows[j.slot], x.col)
		}}, nil
	}
	if x.class != classMoment && x.class != classDay {
		return groupColumn{}, badAggregate("dategrouping", at.Name)
	}
	zone := q.env.zone
	if at.UTC {
		zone = time.UTC
	}
	g, ok := dateGroup(at.DateGrouping, x, zone, q.env.fiscal())
	if !ok {
		return groupColumn{}, badAggregate("dategrouping", at.Name)
	}
	return g, nil
}

func (q *fetchQuery) aggregateOrders(a *aggregation) ([]aggregateOrder, error) {
	var out []aggregateOrder
	orders := q.f.Entity.Orders
	for _, j := range q.list {
		orders = append(orders[:len(orders):len(orders)], j.link.Orders...)
	}
	for _, o := range orders {
		found := aggregateOrder{group: -1, value: -1, desc: o.Descending}
		for i, g := range a.groups {
			if g.name == o.Alias {
				found.group = i
			}
		}
		for i, v := range a.values {
			if v.name == o.Alias {
				found.value = i
			}
		}
		if o.Alias == "" || found.group < 0 && found.value < 0 {
			return nil, newFault(http.StatusBadRequest, "0x80041109", "An order of an aggregate query must name an alias of the query.")
		}
		out = append(out, found)
	}
	return out, nil
}

// aggregatePage writes the groups of the page. They have neither an id nor an ETag.
func (q *fetchQuery) aggregatePage(a *aggregation) (*answer, error) {
	p := &fetchPage{size: maxRows, number: max(q.f.Page, 1)}
	if q.f.Count > 0 {
		p.size = min(q.f.Count, maxRows)
	}
	if q.f.Top > 0 {
		p.size = min(q.f.Top, maxRows)
	}
	list := a.order[min(len(a.order), (p.number-1)*p.size):]
	if p.more = len(list) > p.size; p.more {
		list = list[:p.size]
	}
	w := newEncoder(q.call, q.env)
	w.omitNulls = true
	w.text("{")
	w.key("@odata.context")
	w.b = appendJSON(w.b, q.call.base+"/$metadata#"+q.root.table.Set)
	q.call.collectionAnnotations(w, -1, false)
	if p.more && q.f.Top == 0 && q.call.annotations("Microsoft.Dynamics.CRM.morerecords") {
		w.key("@Microsoft.Dynamics.CRM.morerecords")
		w.text("true")
	}
	w.key("value")
	w.text("[")
	for i, b := range list {
		if i > 0 {
			w.text(",")
		}
		a.write(w, b)
	}
	w.text("]}")
	q.call.readRows(len(list))
	ans := &answer{status: http.StatusOK, body: w.b}
	if v := q.call.applied(); v != "" {
		ans.set("Preference-Applied", v)
	}
	return ans, nil
}
