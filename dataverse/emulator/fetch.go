package emulator

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/google/uuid"
)

// fetchQuery is a FetchXML query, ready to run (fetchxml/overview and the pages below it).
type fetchQuery struct {
	call *call
	env  *env
	comp *compiler
	f    *fetchxml.Fetch
	from collection

	root    *joined
	list    []*joined // all that is joined to the root, parents first
	byName  map[string]*joined
	filter  predicate // of the root alone
	after   predicate // of the joined rows, nil if there is none
	where   *access
	keys    []sortKey
	fields  []fetchField
	ids     []string // the names that the context lists
	linked  bool     // sorted by a column of a link: there is no cookie
	named   int      // how many links have been given a name
	crossed bool     // the filter being compiled looks at another table too

	count    bool
	pageLink func(cookie fetchxml.NextPage) string // of a view: the nextLink
}

// fetchField is a column of the answer.
type fetchField struct {
	field
	j *joined
	x operand // of a name or a label that no column stores
}

// fetchFault is an error of package fetchxml as Dataverse answers it.
func fetchFault(err error) error {
	var f *fetchxml.Error
	if errors.As(err, &f) {
		return newFault(http.StatusBadRequest, f.Code, "%s", f.Msg)
	}
	return newFault(http.StatusBadRequest, "0x80040303", "Malformed FetchXml.")
}

// fetch answers a FetchXML query of a collection.
func (s *queryService) fetch(c *call, e *env, o *queryOptions, from collection, text string, change func(*fetchQuery) error) (*answer, error) {
	f, err := fetchxml.Parse([]byte(text))
	if err != nil {
		return nil, fetchFault(err)
	}
	for _, name := range []string{"$select", "$filter", "$orderby", "$top", "$expand", "$apply"} {
		if o.has(name) {
			return nil, badQuery("The query parameter %s is not supported together with fetchXml, savedQuery or userQuery.", name)
		}
	}
	q := &fetchQuery{call: c, env: e, f: f, from: from, byName: map[string]*joined{}}
	if q.count, err = o.flag("$count"); err != nil {
		return nil, err
	}
	q.count = q.count || f.ReturnTotalRecordCount
	if change != nil {
		if err := change(q); err != nil {
			return nil, err
		}
	}
	if err := q.prepare(); err != nil {
		return nil, err
	}
	if f.Aggregate {
		return q.aggregate()
	}
	return q.answer()
}

// prepare compiles the query.
func (q *fetchQuery) prepare() error {
	e := q.env
	t := e.snap.schema.tables[q.f.Entity.Name]
	switch {
	case t == nil:
		return noEntity(q.f.Entity.Name)
	case q.from.table != nil && t != q.from.table:
		return badQuery("The entity '%s' of the query is not that of the entity set '%s'.", t.Name, q.from.table.Set)
	}
	switch q.f.DataSource {
	case "bin":
		e.bin = true
		clear(e.sources)
	case "retained":
		if err := q.fromRetained(t); err != nil {
			return err
		}
	}
	q.comp = newCompiler(e)
	q.root = &joined{name: t.Name, table: t, slot: 0, source: e.source(t)}
	q.byName[t.Name] = q.root
	if err := q.join(q.root, q.f.Entity.Links); err != nil {
		return err
	}
	q.list = q.root.flat()
	if err := q.filters(); err != nil {
		return err
	}
	if q.f.Aggregate {
		return nil
	}
	if err := q.choose(); err != nil {
		return err
	}
	return q.order()
}

// join gives every link that brings columns a slot, and an alias where it has none (fetchxml/join-tables).
func (q *fetchQuery) join(parent *joined, links []fetchxml.Link) error {
	for i := range links {
		l := &links[i]
		if l.Type == fetchxml.Exists || l.Type == fetchxml.InType {
			continue
		}
		j, err := q.newJoined(parent, l)
		if err != nil {
			return err
		}
		if j.parent != parent { // an intersect table came between
			parent.links = append(parent.links, j.parent)
		} else {
			parent.links = append(parent.links, j)
		}
		q.named++
		if j.name == "" {
			j.name = l.Name + strconv.Itoa(q.named)
		}
		q.byName[j.name] = j
		if _, taken := q.byName[l.Name]; !taken {
			q.byName[l.Name] = j
		}
		if err := q.join(j, l.Links); err != nil {
			return err
		}
	}
	return nil
}

func (q *fetchQuery) newJoined(parent *joined, l *fetchxml.Link) (*joined, error) {
	t := q.env.snap.schema.tables[l.Name]
	if t == nil {
		return nil, noEntity(l.Name)
	}
	j := &joined{
		name: l.Alias, table: t, slot: q.env.slot(), source: q.env.source(t), parent: parent, link: l, kind: l.Type,
		keepFirst: q.env.engine.options.MatchFirstOuter,
	}
	return j, q.comp.columns(j)
}

// order compiles what the rows are sorted by: the entity's orders first, wherever the links' stand
// (fetchxml/order-rows).
func (q *fetchQuery) order() error {
	add := func(o fetchxml.Order, j *joined) error {
		if o.EntityName != "" {
			var err error
			if j, err = q.alias(o.EntityName); err != nil {
				return err
			}
		}
		x, err := j.attribute(q.env, o.Attribute)
		if err != nil {
			return err
		}
		name := o.Attribute
		if j != q.root {
			q.linked = true
			name = j.name + "." + name
		}
		if x.col != nil {
			switch x.col.kind {
			case kindLookup:
				x = atSlot(j.slot).name(x.col)
			case kindPicklist, kindState, kindStatus, kindBoolean:
				if !q.f.RawOrderBy {
					x = atSlot(j.slot).label(j.table, x.col)
				}
			}
		}
		q.keys = append(q.keys, sortKey{name: name, x: x, desc: o.Descending})
		return nil
	}
	for _, o := range q.f.Entity.Orders {
		if err := add(o, q.root); err != nil {
			return err
		}
	}
	for _, j := range q.list {
		for _, o := range j.link.Orders {
			if err := add(o, j); err != nil {
				return err
			}
		}
	}
	return nil
}

// matchRoot tells whether a row of the root passes the filters that concern it alone.
func (q *fetchQuery) matchRoot(r *row) bool {
	q.env.rows[0] = r
	return q.filter == nil || q.filter(q.env) == yes
}

// each calls fn with every combination of rows at hand, in the order of the root's ids, until it returns false.
func (q *fetchQuery) each(after uuid.UUID, fn func() bool) {
	first := chain(q.env, q.list, func() bool {
		return q.after != nil && q.after(q.env) != yes || fn()
	})
	q.root.source.walk(q.env, q.where, after, func(r *row) bool {
		return !q.matchRoot(r) || first.run()
	})
}
