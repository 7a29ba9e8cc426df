package query

import (
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// JoinedTable is one table of a FetchXML query, at a slot of its own.
type JoinedTable struct {
	name   string // alias, else the table's name and a number
	table  *schema.Table
	slot   int
	source *Source
	parent *JoinedTable
	link   *fetchxml.Link // nil for the root
	kind   fetchxml.LinkType
	from   *schema.Column // here
	to     *schema.Column // in the parent
	filter predicate
	where  *accessPath
	links  []*JoinedTable // joined to this one

	keepFirst bool // a row to which a link that matches the first row finds nothing stays

	byKey map[any][]*store.Row // the rows by what they are joined with, where no index leads there
}

// outer tells whether a row without a match stays.
func (j *JoinedTable) outer() bool {
	return j.kind == fetchxml.Outer || j.kind == fetchxml.MatchFirstRowUsingCrossApply && j.keepFirst
}

// key is a value as rows are joined by it.
func key(v any) any {
	switch v := v.(type) {
	case store.Ref:
		return v.ID
	case string:
		return store.FoldText(v)
	}
	return v
}

// candidates calls fn for the rows that are joined to a row of the parent.
func (j *JoinedTable) candidates(e *Env, parent *store.Row, fn func(*store.Row) bool) {
	v := key(store.ColumnValue(j.parent.table, parent, j.to))
	if v == nil {
		return
	}
	id, isID := v.(uuid.UUID)
	switch {
	case isID && j.from.Name == j.table.ID:
		if r := j.source.Get(e, id); r != nil {
			fn(r)
		}
	case isID && j.source.indexed(j.from.Index):
		j.source.pointing(e, j.from.Index, id, fn)
	default:
		for _, r := range j.hashed(e)[v] {
			if !fn(r) {
				return
			}
		}
	}
}

func (j *JoinedTable) hashed(e *Env) map[any][]*store.Row {
	if j.byKey != nil {
		return j.byKey
	}
	j.byKey = map[any][]*store.Row{}
	j.source.Scan(e, uuid.Nil, func(r *store.Row) bool {
		if v := key(store.ColumnValue(j.table, r, j.from)); v != nil {
			j.byKey[v] = append(j.byKey[v], r)
		}
		return true
	})
	return j.byKey
}

// level is one table in the chain of joins: each visits the rows joined to those that stand before it.
type level struct {
	env     *Env
	j       *JoinedTable
	next    *level
	matched bool
	stopped bool
	visit   func(*store.Row) bool
	emit    func() bool // of the last level; false ends the whole
}

// chain makes the joins of list a chain that ends in emit. Parents stand before what is joined to them.
func chain(e *Env, list []*JoinedTable, emit func() bool) *level {
	last := &level{env: e, emit: emit}
	for i := len(list) - 1; i >= 0; i-- {
		l := &level{env: e, j: list[i], next: last}
		l.visit = func(r *store.Row) bool {
			if !e.step(wire.ByIndex) {
				l.stopped = true
				return false
			}
			e.Rows[l.j.slot] = r
			if l.j.filter != nil && l.j.filter(e) != yes {
				return true
			}
			l.matched = true
			if !l.next.run() {
				l.stopped = true
				return false
			}
			return l.j.kind != fetchxml.MatchFirstRowUsingCrossApply
		}
		last = l
	}
	return last
}

// run goes through all combinations; false if emit ended it.
func (l *level) run() bool {
	if l.emit != nil {
		return l.emit()
	}
	l.matched, l.stopped = false, false
	if parent := l.env.Rows[l.j.parent.slot]; parent != nil {
		l.j.candidates(l.env, parent, l.visit)
	}
	if l.stopped {
		return false
	}
	if !l.matched && l.j.outer() {
		l.env.Rows[l.j.slot] = nil
		return l.next.run()
	}
	return true
}

// flat is what is joined to j, at any depth, parents first.
func (j *JoinedTable) flat() []*JoinedTable {
	var out []*JoinedTable
	for _, x := range j.links {
		out = append(append(out, x), x.flat()...)
	}
	return out
}

// semiJoin is the condition that the parent has a row joined to it that passes, with all that is joined to that in turn.
func (q *Compiler) semiJoin(j *JoinedTable) predicate {
	found := false
	first := chain(q.env, append([]*JoinedTable{j}, j.flat()...), func() bool {
		found = true
		return false
	})
	return func(*Env) truth {
		outer := found
		found = false
		first.run()
		result := found
		found = outer
		return truthOf(result)
	}
}

// anyRow is the condition that the parent has a row joined to it, whatever it holds.
func (q *Compiler) anyRow(j *JoinedTable) predicate {
	bare := *j
	bare.filter, bare.links = nil, nil
	return q.semiJoin(&bare)
}

// pathThrough is where to look for the parent's rows that have rows of j; nil is everywhere.
func (q *Compiler) pathThrough(j *JoinedTable) *accessPath {
	where := j.where
	for _, x := range j.links {
		if !x.outer() {
			where = where.both(q.pathThrough(x))
		}
	}
	if where == nil {
		return nil
	}
	column := j.to.Index
	switch {
	case j.to.Name == j.parent.table.ID:
		column = -1
	case !j.parent.source.indexed(column):
		return nil
	}
	a := &accessPath{}
	seen := map[uuid.UUID]bool{}
	j.source.walk(q.env, where, uuid.Nil, func(r *store.Row) bool {
		if id, ok := key(store.ColumnValue(j.table, r, j.from)).(uuid.UUID); ok && !seen[id] {
			seen[id] = true
			a.add(j.parent.source.rows, column, id)
		}
		return true
	})
	return a
}

// joinable refuses the columns that no link may stand on (fetchxml/join-tables).
func joinable(c *schema.Column) bool {
	switch c.Kind {
	case schema.KindFile, schema.KindImage, schema.KindMultiSelect, schema.KindPartyList, schema.KindVirtual:
		return false
	}
	return true
}

// columns finds the columns that a link stands on. Where one is missing the relationships tell it; where both are, the
// link may stand for a many-to-many relationship of the system, whose intersect table is put between.
func (q *Compiler) columns(j *JoinedTable) error {
	l := j.link
	if l.From == "" && l.To == "" {
		return q.across(j)
	}
	from, to := l.From, l.To
	if from == "" || to == "" {
		for _, r := range q.env.Snap.Schema.Relations {
			switch {
			case r.Referencing == j.table.Name && r.Referenced == j.parent.table.Name && (from == r.Attribute || from == "" && to == j.parent.table.ID):
				from, to = r.Attribute, j.parent.table.ID
			case r.Referenced == j.table.Name && r.Referencing == j.parent.table.Name && (to == r.Attribute || to == "" && from == j.table.ID):
				from, to = j.table.ID, r.Attribute
			default:
				continue
			}
			break
		}
		if from == "" || to == "" {
			return noManyToMany(j)
		}
	}
	j.from, j.to = j.table.ByName[from], j.parent.table.ByName[to]
	if j.from == nil {
		return noAttribute(j.table, from)
	}
	if j.to == nil {
		return noAttribute(j.parent.table, to)
	}
	if !joinable(j.from) || !joinable(j.to) || classOf(j.from) != classOf(j.to) {
		return wire.BadArgument("The link-entity '%s' cannot join the attributes '%s' and '%s'.", j.table.Name, from, to)
	}
	return nil
}

func noManyToMany(j *JoinedTable) *wire.Error {
	return wire.NewError(400, "0x80041102", "No system many-to-many relationship exists between %s and %s.  If attempting to link through a custom many-to-many relationship ensure that you provide the from and to attributes.", j.parent.table.Name, j.table.Name)
}

// across puts the intersect table of the many-to-many relationship between j and its parent.
func (q *Compiler) across(j *JoinedTable) error {
	s := q.env.Snap.Schema
	for _, m := range s.ManyToMany {
		mid := &JoinedTable{
			table: s.Tables[m.Intersect], parent: j.parent, kind: fetchxml.Inner, slot: q.env.Slot(),
			link: &fetchxml.Link{}, name: m.Intersect,
		}
		p, t := j.parent.table, j.table
		switch {
		case m.Table1 == p.Name && m.Table2 == t.Name:
			mid.from, mid.to = mid.table.ByName[m.Attribute1], p.IDColumn()
			j.from, j.to = t.IDColumn(), mid.table.ByName[m.Attribute2]
		case m.Table2 == p.Name && m.Table1 == t.Name:
			mid.from, mid.to = mid.table.ByName[m.Attribute2], p.IDColumn()
			j.from, j.to = t.IDColumn(), mid.table.ByName[m.Attribute1]
		default:
			continue
		}
		mid.source = q.env.Source(mid.table)
		if j.outer() {
			mid.kind = fetchxml.Outer
		}
		j.parent = mid
		mid.links = []*JoinedTable{j}
		return nil
	}
	return noManyToMany(j)
}

func noEntity(name string) *wire.Error {
	return wire.NoTable(400, "0x80041102", name)
}

func noAttribute(t *schema.Table, name string) *wire.Error {
	return wire.NewError(400, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s' and NameMapping = 'Logical'.", t.Name, name)
}

// attribute is a column of a joined table as FetchXML names it. The names of lookups' targets and the labels of choices
// can be named too: primarycontactidname, statuscodename.
func (j *JoinedTable) attribute(e *Env, name string) (operand, error) {
	at := atSlot(j.slot)
	if c := j.table.ByName[name]; c != nil {
		if c.Kind == schema.KindPartyList || c.Kind == schema.KindVirtual {
			return operand{}, noAttribute(j.table, name)
		}
		x := at.column(j.table, c)
		x.slot = j.slot
		return x, nil
	}
	if base, ok := strings.CutSuffix(name, "name"); ok {
		if c := j.table.ByName[base]; c != nil {
			switch c.Kind {
			case schema.KindLookup:
				x := at.name(c)
				x.table = j.table
				return x, nil
			case schema.KindPicklist, schema.KindState, schema.KindStatus, schema.KindBoolean:
				return at.label(j.table, c), nil
			}
		}
	}
	return operand{}, noAttribute(j.table, name)
}

// label is the label of a choice: what FetchXML sorts choices by (fetchxml/order-rows).
func (at rowFunc) label(t *schema.Table, c *schema.Column) operand {
	return operand{class: classText, slot: -1, table: t, text: func(e *Env) (string, bool) {
		r := at(e)
		if r == nil {
			return "", false
		}
		switch v := r.Get(c.Index).(type) {
		case int64:
			if o := c.Option(int(v)); o != nil {
				return o.Label, true
			}
		case bool:
			return boolLabel(c, v), true
		}
		return "", false
	}}
}
