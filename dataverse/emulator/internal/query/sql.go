package query

import (
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// sql answers ?sql=, which Microsoft's own SDK for Python sends and no page describes: a SELECT becomes a FetchXML query.
// A negative condition is never true of a column without a value, as in SQL.
func (s *Service) sql(c *wire.Call, e *Env, o *wire.QueryOptions, from Collection) (*wire.Answer, error) {
	q, err := parseSQL(o.Values["sql"])
	if err != nil {
		return nil, err
	}
	if q.from.name != from.Table.Name {
		return nil, sqlError("it reads %s, and the address is that of %s", q.from.name, from.Table.Name)
	}
	t := &sqlTranslation{query: q, schema: e.Snap.Schema, links: map[string]*fetchxml.Link{}, tables: map[string]*schema.Table{}}
	f, err := t.fetch()
	if err != nil {
		return nil, err
	}
	if q.top == 0 || q.fetch == 0 {
		return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + from.Table.Set, "value": []any{}}), nil
	}
	run := &FetchQuery{Call: c, Env: e, Fetch: f, From: from, ByName: map[string]*JoinedTable{}, skip: max(q.skip, 0), bare: true}
	if err := run.viewPage(o); err != nil {
		return nil, err
	}
	if err := run.Prepare(); err != nil {
		return nil, err
	}
	if f.Aggregate {
		return run.aggregate()
	}
	return run.answer()
}

// sqlTranslation makes a FetchXML query of a SELECT.
type sqlTranslation struct {
	query  *sqlQuery
	schema *schema.Schema
	root   fetchxml.Fetch
	links  map[string]*fetchxml.Link // by alias
	tables map[string]*schema.Table  // by alias, the root too
	order  []string                  // aliases, in the order of the query
	parent map[string]string         // of links
}

func (t *sqlTranslation) fetch() (*fetchxml.Fetch, error) {
	q := t.query
	f := &t.root
	f.Distinct = q.distinct
	f.Top = max(q.top, 0)
	if q.fetch > 0 {
		f.Top = q.fetch
	}
	f.Entity.Name = q.from.name
	t.parent = map[string]string{}
	if err := t.know(q.from); err != nil {
		return nil, err
	}
	for _, j := range q.joins {
		if err := t.join(j); err != nil {
			return nil, err
		}
	}
	for _, c := range q.columns {
		f.Aggregate = f.Aggregate || c.function != ""
	}
	f.Aggregate = f.Aggregate || len(q.groups) > 0
	if f.Aggregate {
		f.Distinct = false
	}
	if err := t.columns(); err != nil {
		return nil, err
	}
	if q.where != nil {
		filter, err := t.filter(q.where)
		if err != nil {
			return nil, err
		}
		f.Entity.Filters = []fetchxml.Filter{filter}
	}
	if err := t.orders(); err != nil {
		return nil, err
	}
	for i := len(t.order) - 1; i > 0; i-- { // from the inside out: a link is copied into the one that it hangs on
		alias := t.order[i]
		body := t.body(t.parent[alias])
		body.Links = append([]fetchxml.Link{*t.links[alias]}, body.Links...)
	}
	return f, nil
}

func (t *sqlTranslation) know(x sqlTable) error {
	tab := t.schema.Tables[x.name]
	if tab == nil {
		return noEntity(x.name)
	}
	if t.tables[x.alias] != nil {
		return sqlError("the table name %s stands for two tables", x.alias)
	}
	t.tables[x.alias] = tab
	t.order = append(t.order, x.alias)
	return nil
}

func (t *sqlTranslation) body(alias string) *fetchxml.Body {
	if l := t.links[alias]; l != nil {
		return &l.Body
	}
	return &t.root.Entity.Body
}

// where finds the table of a column.
func (t *sqlTranslation) where(n sqlName) (string, string, error) {
	aliases := t.order
	if n.table != "" {
		if t.tables[n.table] == nil {
			return "", "", sqlError("there is no table %s in it", n.table)
		}
		aliases = []string{n.table}
	}
	for _, a := range aliases {
		tab := t.tables[a]
		if tab.Column(n.column) != nil {
			return a, n.column, nil
		}
		if c := tab.PropertyColumn(n.column); c != nil {
			return a, c.Name, nil
		}
	}
	return "", "", noAttribute(t.tables[aliases[0]], n.column)
}

func (t *sqlTranslation) join(j sqlJoin) error {
	if err := t.know(j.sqlTable); err != nil {
		return err
	}
	a, from, err := t.where(j.left)
	if err != nil {
		return err
	}
	b, to, err := t.where(j.right)
	if err != nil {
		return err
	}
	if b == j.alias {
		a, from, b, to = b, to, a, from
	}
	if a != j.alias || b == j.alias {
		return sqlError("a JOIN compares a column of the joined table with one of a table before it")
	}
	l := &fetchxml.Link{Name: j.name, Alias: j.alias, From: from, To: to, Type: fetchxml.Inner}
	if j.outer {
		l.Type = fetchxml.Outer
	}
	t.links[j.alias], t.parent[j.alias] = l, b
	return nil
}

// columns makes the columns of the answer: each comes under its alias, else its name.
func (t *sqlTranslation) columns() error {
	used := map[string]bool{}
	grouped := map[sqlName]bool{}
	for _, n := range t.query.groups {
		a, column, err := t.where(n)
		if err != nil {
			return err
		}
		grouped[sqlName{a, column}] = true
	}
	for _, c := range t.query.columns {
		alias, column := t.order[0], t.tables[t.order[0]].ID
		if c.column != "*" {
			var err error
			if alias, column, err = t.where(c.sqlName); err != nil {
				return err
			}
		}
		at := fetchxml.Attribute{Name: column, Alias: c.alias}
		switch {
		case c.function != "":
			at.Aggregate, at.Distinct = c.function, c.distinct
			if c.function == "count" && c.column != "*" {
				at.Aggregate = "countcolumn"
			}
			if at.Alias == "" {
				at.Alias = c.function
			}
		case t.root.Aggregate && !grouped[sqlName{alias, column}]:
			return sqlError("the column %s is neither grouped nor part of a function", column)
		case t.root.Aggregate:
			at.GroupBy = true
			at.Alias = firstText(at.Alias, column)
		case alias != t.order[0]:
			at.Alias = firstText(at.Alias, column)
		}
		for base, n := at.Alias, 1; at.Alias != "" && used[at.Alias]; n++ {
			at.Alias = base + strings.Repeat("_1", n)
		}
		used[firstText(at.Alias, column)] = true
		b := t.body(alias)
		b.Attributes = append(b.Attributes, at)
	}
	if len(t.root.Entity.Attributes) == 0 {
		t.root.Entity.NoAttributes = true
	}
	return nil
}

func firstText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (t *sqlTranslation) orders() error {
	for _, o := range t.query.orders {
		if alias := t.output(o.sqlName); alias != "" {
			t.root.Entity.Orders = append(t.root.Entity.Orders, fetchxml.Order{Alias: alias, Descending: o.descending})
			continue
		}
		alias, column, err := t.where(o.sqlName)
		if err != nil {
			return err
		}
		b := t.body(alias)
		b.Orders = append(b.Orders, fetchxml.Order{Attribute: column, Descending: o.descending})
	}
	return nil
}

// output is the alias in an aggregate that a name in ORDER BY stands for; "" outside aggregates.
func (t *sqlTranslation) output(n sqlName) string {
	if !t.root.Aggregate {
		return ""
	}
	for alias := range t.tables {
		for _, a := range t.body(alias).Attributes {
			if n.table == "" && a.Alias == n.column || a.GroupBy && a.Name == n.column && (n.table == "" || n.table == alias) {
				return a.Alias
			}
		}
	}
	return ""
}

func (t *sqlTranslation) filter(c *sqlCondition) (fetchxml.Filter, error) {
	f := fetchxml.Filter{Or: c.or}
	if c.parts == nil {
		alias, column, err := t.where(c.name)
		if err != nil {
			return f, err
		}
		entity := ""
		if alias != t.order[0] {
			entity = alias
		}
		x := fetchxml.Condition{Attribute: column, Operator: c.operator, EntityName: entity}
		info, _ := c.operator.Info()
		switch {
		case c.valueOf != nil:
			other, name, err := t.where(*c.valueOf)
			if err != nil {
				return f, err
			}
			if x.ValueOf = name; other != alias {
				x.ValueOf = other + "." + name
			}
		case info.Arity == fetchxml.OneValue:
			x.Value = c.values[0]
		default:
			x.Values = c.values
		}
		f.Or = false
		f.Conditions = []fetchxml.Condition{x}
		switch c.operator {
		case "ne", "not-in", "not-like", "not-between":
			f.Conditions = append(f.Conditions, fetchxml.Condition{Attribute: column, Operator: "not-null", EntityName: entity})
		}
		return f, nil
	}
	for _, part := range c.parts {
		inner, err := t.filter(part)
		if err != nil {
			return f, err
		}
		f.Filters = append(f.Filters, inner)
	}
	return f, nil
}
