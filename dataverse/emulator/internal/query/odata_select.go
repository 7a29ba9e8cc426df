package query

import (
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/odata"
)

// Shape says which columns of a table's rows are written, and which related rows with them.
type Shape struct {
	table   *schema.Table
	chosen  []string // the properties that $select names, for the context; nil: all
	all     bool
	fields  []Field
	key     *Field // written last, where the fields do not hold it
	expands []*expansion
}

// Shape compiles $select and $expand.
func (q *Compiler) Shape(selected, expanded string, t *schema.Table) (*Shape, error) {
	var list odata.Select
	var expand odata.Expand
	var err error
	if strings.TrimSpace(selected) != "" {
		if list, err = odata.ParseSelect(selected); err != nil {
			return nil, wire.QueryError(err)
		}
	}
	if strings.TrimSpace(expanded) != "" {
		if expand, err = odata.ParseExpand(expanded); err != nil {
			return nil, wire.QueryError(err)
		}
	}
	if n := q.env.Engine.Options.MaxExpand; n > 0 && countExpands(expand) > n {
		return nil, wire.BadQuery("The number of $expand options in the query exceeds the limit of %d.", n)
	}
	m := schema.Model{Schema: q.env.Snap.Schema}
	if err := list.Check(t.Name, m); err != nil {
		return nil, wire.QueryError(err)
	}
	if err := expand.Check(t.Name, m); err != nil {
		return nil, wire.QueryError(err)
	}
	return q.newShape(list, expand, t)
}

func (q *Compiler) newShape(list odata.Select, expand odata.Expand, t *schema.Table) (*Shape, error) {
	s := &Shape{table: t}
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
func (s *Shape) choose(list odata.Select) {
	t := s.table
	var cols []*schema.Column
	seen := map[*schema.Column]bool{}
	add := func(c *schema.Column) {
		if c != nil && !seen[c] {
			seen[c] = true
			cols = append(cols, c)
		}
	}
	s.all = len(list) == 0
	for _, p := range list {
		name := p.Segments[len(p.Segments)-1]
		c := t.PropertyColumn(name)
		if c == nil && !(name == "ownerid" && schema.IsPrincipal(t)) {
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
			if readable(c) || c.Kind == schema.KindImage && c.Visible() {
				add(c)
			}
		}
	}
	for _, c := range cols {
		add(s.alongWith(c))
	}
	s.fields = FieldsOf(t, cols)
	for i := range s.fields { // pictures come only when they are asked for: a whole row has null (recorded from the service)
		s.fields[i].blank = s.all && s.fields[i].col.Kind == schema.KindImage
	}
	key := FieldsOf(t, []*schema.Column{t.IDColumn()})
	if schema.IsPrincipal(t) && t.ByName["ownerid"] == nil {
		owner := key[0]
		owner.key = "ownerid"
		s.fields = append(s.fields, owner)
	}
	if !seen[t.IDColumn()] {
		s.key = &key[0]
	}
}

// readable tells whether a query without $select answers with the column: pictures come only when they are asked for.
func readable(c *schema.Column) bool {
	return c.Visible() && !c.NoRead && c.Kind != schema.KindImage
}

// alongWith is the column that the service adds to a selected c (webapi/query/select-columns,
// retrieve-entity-using-web-api): the currency of an amount, the composite of an address.
func (s *Shape) alongWith(c *schema.Column) *schema.Column {
	if c.Kind == schema.KindMoney {
		return s.table.ByName["transactioncurrencyid"]
	}
	prefix, rest, ok := strings.Cut(c.Name, "_")
	if !ok || !strings.HasPrefix(prefix, "address") {
		return nil
	}
	switch rest {
	case "line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country":
		return s.table.ByName[prefix+"_composite"]
	}
	return nil
}

// context is the part of @odata.context that tells columns and expanded tables.
func (s *Shape) context() string {
	parts := append([]string(nil), s.chosen...)
	for _, x := range s.expands {
		switch {
		case x.ref:
			parts = append(parts, x.nav.Name+"/$ref()")
		default:
			inner := x.shape.context()
			if inner == "" {
				inner = "()"
			}
			parts = append(parts, x.nav.Name+inner)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ",") + ")"
}

// Placing is where a row is written, which decides on ETags and links.
type Placing uint8

const (
	Listed Placing = iota
	single
)

// Row writes a row as an object.
func (w *Encoder) Row(s *Shape, r *store.Row, p Placing) {
	w.Text("{")
	w.etag(r)
	w.members(s, r)
	w.expanded(s, r, p)
	w.Text("}")
}

// members writes the columns of a row.
func (w *Encoder) members(s *Shape, r *store.Row) {
	for i := range s.fields {
		w.Field(s.table, r, &s.fields[i])
	}
	if s.key != nil {
		w.Field(s.table, r, s.key)
	}
}

// EncodeRow is a row as the answer to a query of it alone, also to a write with return=representation.
func EncodeRow(c *wire.Call, t *schema.Table, r *store.Row, o *wire.QueryOptions) ([]byte, error) {
	e := NewEnv(c)
	e.Slot()
	s, err := NewCompiler(e).Shape(o.Values["$select"], o.Values["$expand"], t)
	if err != nil {
		return nil, err
	}
	w := NewEncoder(c, e)
	if seen := e.Source(t).Visible(r); seen != nil {
		r = seen
	}
	w.entity(s, r)
	return w.Buf, nil
}

// entity writes the answer of a single row.
func (w *Encoder) entity(s *Shape, r *store.Row) {
	w.Text("{")
	w.Key("@odata.context")
	w.Buf = AppendJSON(w.Buf, w.Base+"/$metadata#"+s.table.Set+s.context()+"/$entity")
	w.etag(r)
	w.members(s, r)
	w.expanded(s, r, single)
	w.Text("}")
}
