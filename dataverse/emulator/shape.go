package emulator

import (
	"strings"

	"github.com/gallra/gallra/dataverse/odata"
)

// shape says which columns of a table's rows are written, and which related rows with them.
type shape struct {
	table   *table
	chosen  []string // the properties that $select names, for the context; nil: all
	all     bool
	fields  []field
	key     *field // written last, where the fields do not hold it
	expands []*expansion
}

// shape compiles $select and $expand.
func (q *compiler) shape(selected, expanded string, t *table) (*shape, error) {
	var list odata.Select
	var expand odata.Expand
	var err error
	if strings.TrimSpace(selected) != "" {
		if list, err = odata.ParseSelect(selected); err != nil {
			return nil, queryFault(err)
		}
	}
	if strings.TrimSpace(expanded) != "" {
		if expand, err = odata.ParseExpand(expanded); err != nil {
			return nil, queryFault(err)
		}
	}
	if n := q.env.engine.options.MaxExpand; n > 0 && countExpands(expand) > n {
		return nil, badQuery("The number of $expand options in the query exceeds the limit of %d.", n)
	}
	m := model{q.env.snap.schema}
	if err := list.Check(t.Name, m); err != nil {
		return nil, queryFault(err)
	}
	if err := expand.Check(t.Name, m); err != nil {
		return nil, queryFault(err)
	}
	return q.newShape(list, expand, t)
}

func (q *compiler) newShape(list odata.Select, expand odata.Expand, t *table) (*shape, error) {
	s := &shape{table: t}
	s.choose(list)
	for _, item := range expand {
		x, err := q.expansion(item, t, len(expand))
		if err != nil {
			return nil, err
		}
		s.expands = append(s.expands, x)
	}
	return s, nil
}

func countExpands(list odata.Expand) int {
	n := len(list)
	for _, x := range list {
		n += countExpands(x.Expand)
	}
	return n
}

// choose takes the columns of a $select, and what comes along with them.
func (s *shape) choose(list odata.Select) {
	t := s.table
	var cols []*column
	seen := map[*column]bool{}
	add := func(c *column) {
		if c != nil && !seen[c] {
			seen[c] = true
			cols = append(cols, c)
		}
	}
	s.all = len(list) == 0
	for _, p := range list {
		name := p.Segments[len(p.Segments)-1]
		c := t.propertyColumn(name)
		if c == nil && !(name == "ownerid" && inheritsPrincipal(t)) {
			s.all = true // *, or a navigation property: Dataverse answers with every column
			continue
		}
		add(c)
		s.chosen = append(s.chosen, name)
	}
	if s.all {
		s.chosen, cols = nil, nil
		clear(seen)
		for _, c := range t.Columns {
			if c.readable() {
				add(c)
			}
		}
	}
	for _, c := range cols {
		add(s.alongWith(c))
	}
	s.fields = t.fieldsOf(cols)
	key := t.fieldsOf([]*column{t.idColumn()})
	if inheritsPrincipal(t) && t.byName["ownerid"] == nil {
		owner := key[0]
		owner.key = "ownerid"
		s.fields = append(s.fields, owner)
	}
	if !seen[t.idColumn()] {
		s.key = &key[0]
	}
}

// readable tells whether a query without $select answers with the column: pictures come only when they are asked for.
func (c *column) readable() bool {
	return c.visible() && !c.NoRead && c.kind != kindImage
}

// alongWith is the column that comes with c though nobody asked for it (webapi/query/select-columns,
// retrieve-entity-using-web-api): the currency of an amount, the composite of an address.
func (s *shape) alongWith(c *column) *column {
	if c.kind == kindMoney {
		return s.table.byName["transactioncurrencyid"]
	}
	prefix, rest, ok := strings.Cut(c.Name, "_")
	if !ok || !strings.HasPrefix(prefix, "address") {
		return nil
	}
	switch rest {
	case "line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country":
		return s.table.byName[prefix+"_composite"]
	}
	return nil
}

// context is the part of @odata.context that tells columns and expanded tables.
func (s *shape) context() string {
	parts := append([]string(nil), s.chosen...)
	for _, x := range s.expands {
		switch {
		case x.ref:
			parts = append(parts, x.nav.name+"/$ref()")
		default:
			inner := x.shape.context()
			if inner == "" {
				inner = "()"
			}
			parts = append(parts, x.nav.name+inner)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ",") + ")"
}

// placing is where a row is written: that decides over ETags and links.
type placing uint8

const (
	listed placing = iota
	single
)

// row writes a row as an object.
func (w *encoder) row(s *shape, r *row, p placing) {
	w.text("{")
	w.etag(r)
	w.members(s, r)
	w.expanded(s, r, p)
	w.text("}")
}

// members writes the columns of a row.
func (w *encoder) members(s *shape, r *row) {
	for i := range s.fields {
		w.field(s.table, r, &s.fields[i])
	}
	if s.key != nil {
		w.field(s.table, r, s.key)
	}
}

// encodeRow is a row as the answer to a query of it alone, also to a write with return=representation.
func encodeRow(c *call, t *table, r *row, o *queryOptions) ([]byte, error) {
	e := newEnv(c)
	e.slot()
	s, err := newCompiler(e).shape(o.values["$select"], o.values["$expand"], t)
	if err != nil {
		return nil, err
	}
	w := newEncoder(c, e)
	if seen := e.source(t).pass(r); seen != nil {
		r = seen
	}
	w.entity(s, r)
	return w.b, nil
}

// entity writes the answer of a single row.
func (w *encoder) entity(s *shape, r *row) {
	w.text("{")
	w.key("@odata.context")
	w.b = appendJSON(w.b, w.base+"/$metadata#"+s.table.Set+s.context()+"/$entity")
	w.etag(r)
	w.members(s, r)
	w.expanded(s, r, single)
	w.text("}")
}
