package query

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// aggregate answers a fetch with aggregate='true' (fetchxml/aggregate-data).
func (q *FetchQuery) aggregate() (*wire.Answer, error) {
	a := &aggregation{env: q.Env, limit: maxAggregated, scale: 4, byKey: map[string]*bucket{}}
	if q.Fetch.AggregateLimit > 0 {
		a.limit = min(a.limit, q.Fetch.AggregateLimit)
	}
	if err := q.aggregateColumns(a, q.root, &q.Fetch.Entity.Body); err != nil {
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
	q.EachMatch(uuid.Nil, a.add)
	if a.rows > a.limit {
		return nil, tooMany()
	}
	if len(a.groups) == 0 && len(a.order) == 0 {
		a.order = []*bucket{{sums: make([]sum, len(a.values))}}
	}
	a.sort(orders, q.Fetch.RawOrderBy)
	return q.aggregatePage(a)
}

func (q *FetchQuery) aggregateColumns(a *aggregation, j *JoinedTable, b *fetchxml.Body) error {
	for _, at := range b.Attributes {
		x, err := j.attribute(q.Env, at.Name)
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

func (q *FetchQuery) groupColumn(j *JoinedTable, at fetchxml.Attribute, x operand) (groupColumn, error) {
	if at.DateGrouping == "" {
		if x.col == nil {
			return groupColumn{}, noAttribute(j.table, at.Name)
		}
		return groupColumn{table: j.table, col: x.col, read: func(e *Env) any {
			return store.ColumnValue(j.table, e.Rows[j.slot], x.col)
		}}, nil
	}
	if x.class != classMoment && x.class != classDay {
		return groupColumn{}, badAggregate("dategrouping", at.Name)
	}
	zone := q.Env.Zone
	if at.UTC {
		zone = time.UTC
	}
	g, ok := dateGroup(at.DateGrouping, x, zone, q.Env.fiscal())
	if !ok {
		return groupColumn{}, badAggregate("dategrouping", at.Name)
	}
	return g, nil
}

func (q *FetchQuery) aggregateOrders(a *aggregation) ([]aggregateOrder, error) {
	var out []aggregateOrder
	orders := q.Fetch.Entity.Orders
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
			return nil, wire.NewError(http.StatusBadRequest, "0x80041109", "An order of an aggregate query must name an alias of the query.")
		}
		out = append(out, found)
	}
	return out, nil
}

// aggregatePage writes the groups of the page. They have neither an id nor an ETag.
func (q *FetchQuery) aggregatePage(a *aggregation) (*wire.Answer, error) {
	p := &fetchPage{size: MaxRows, number: max(q.Fetch.Page, 1)}
	if q.Fetch.Count > 0 {
		p.size = min(q.Fetch.Count, MaxRows)
	}
	if q.Fetch.Top > 0 {
		p.size = min(q.Fetch.Top, MaxRows)
	}
	list := a.order[min(len(a.order), (p.number-1)*p.size):]
	if p.more = len(list) > p.size; p.more {
		list = list[:p.size]
	}
	w := NewEncoder(q.Call, q.Env)
	w.OmitNulls = true
	w.Text("{")
	w.Key("@odata.context")
	w.Buf = AppendJSON(w.Buf, q.Call.Base+"/$metadata#"+q.root.table.Set)
	collectionAnnotations(q.Call, w, -1, false)
	if p.more && q.Fetch.Top == 0 && q.Call.WantsAnnotation("Microsoft.Dynamics.CRM.morerecords") {
		w.Key("@Microsoft.Dynamics.CRM.morerecords")
		w.Text("true")
	}
	w.Key("value")
	w.Text("[")
	for i, b := range list {
		if i > 0 {
			w.Text(",")
		}
		a.write(w, b)
	}
	w.Text("]}")
	q.Call.CountRead(len(list))
	ans := &wire.Answer{Status: http.StatusOK, Body: w.Buf}
	if v := applied(q.Call); v != "" {
		ans.SetHeader("Preference-Applied", v)
	}
	return ans, nil
}
