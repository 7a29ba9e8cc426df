package query

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// FetchQuery is a FetchXML query, ready to run (fetchxml/overview and the pages below it).
type FetchQuery struct {
	Call  *wire.Call
	Env   *Env
	comp  *Compiler
	Fetch *fetchxml.Fetch
	From  Collection

	root    *JoinedTable
	list    []*JoinedTable // all that is joined to the root, parents first
	ByName  map[string]*JoinedTable
	filter  predicate // of the root alone
	after   predicate // of the joined rows, nil if there is none
	where   *accessPath
	keys    []sortKey
	fields  []fetchField
	ids     []string // the names that the context lists
	linked  bool     // sorted by a column of a link: there is no cookie
	named   int      // how many links have been given a name
	crossed bool     // the filter being compiled looks at another table too

	count    bool
	skip     int                                   // rows to leave out, of a query in SQL
	bare     bool                                  // the answer has no more columns than the query names, as in SQL
	pageLink func(cookie fetchxml.NextPage) string // of a view: the nextLink
}

// fetchField is a column of the answer.
type fetchField struct {
	Field
	j *JoinedTable
	x operand // of a name or a label that no column stores
}

// FetchError is an error of package fetchxml as Dataverse answers it.
func FetchError(err error) error {
	var f *fetchxml.Error
	if errors.As(err, &f) {
		return wire.NewError(http.StatusBadRequest, f.Code, "%s", f.Msg)
	}
	return wire.NewError(http.StatusBadRequest, "0x80040303", "Malformed FetchXml.")
}

// fetch answers a FetchXML query of a collection.
func (s *Service) fetch(c *wire.Call, e *Env, o *wire.QueryOptions, from Collection, text string, change func(*FetchQuery) error) (*wire.Answer, error) {
	f, err := fetchxml.Parse([]byte(text))
	if err != nil {
		return nil, FetchError(err)
	}
	for _, name := range []string{"$select", "$filter", "$orderby", "$top", "$expand", "$apply"} {
		if o.Has(name) {
			return nil, wire.BadQuery("The query parameter %s is not supported together with fetchXml, savedQuery or userQuery.", name)
		}
	}
	q := &FetchQuery{Call: c, Env: e, Fetch: f, From: from, ByName: map[string]*JoinedTable{}}
	if q.count, err = o.Flag("$count"); err != nil {
		return nil, err
	}
	q.count = q.count || f.ReturnTotalRecordCount
	if change != nil {
		if err := change(q); err != nil {
			return nil, err
		}
	}
	if err := q.Prepare(); err != nil {
		return nil, err
	}
	if f.Aggregate {
		return q.aggregate()
	}
	return q.answer()
}

// Prepare compiles the query.
func (q *FetchQuery) Prepare() error {
	e := q.Env
	t := e.Snap.Schema.Tables[q.Fetch.Entity.Name]
	switch {
	case t == nil:
		return noEntity(q.Fetch.Entity.Name)
	case q.From.Table != nil && t != q.From.Table:
		return wire.BadQuery("The entity '%s' of the query is not that of the entity set '%s'.", t.Name, q.From.Table.Set)
	}
	switch q.Fetch.DataSource {
	case "bin":
		e.bin = true
		clear(e.Sources)
	case "retained":
		if err := q.fromRetained(t); err != nil {
			return err
		}
	}
	q.comp = NewCompiler(e)
	q.root = &JoinedTable{name: t.Name, table: t, slot: 0, source: e.Source(t)}
	q.ByName[t.Name] = q.root
	if err := q.join(q.root, q.Fetch.Entity.Links); err != nil {
		return err
	}
	q.list = q.root.flat()
	if err := q.filters(); err != nil {
		return err
	}
	if q.Fetch.Aggregate {
		return nil
	}
	if err := q.choose(); err != nil {
		return err
	}
	return q.order()
}

// join gives every link that brings columns a slot, and an alias where it has none (fetchxml/join-tables).
func (q *FetchQuery) join(parent *JoinedTable, links []fetchxml.Link) error {
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
		q.ByName[j.name] = j
		if _, taken := q.ByName[l.Name]; !taken {
			q.ByName[l.Name] = j
		}
		if err := q.join(j, l.Links); err != nil {
			return err
		}
	}
	return nil
}

func (q *FetchQuery) newJoined(parent *JoinedTable, l *fetchxml.Link) (*JoinedTable, error) {
	t := q.Env.Snap.Schema.Tables[l.Name]
	if t == nil {
		return nil, noEntity(l.Name)
	}
	j := &JoinedTable{
		name: l.Alias, table: t, slot: q.Env.Slot(), source: q.Env.Source(t), parent: parent, link: l, kind: l.Type,
		keepFirst: q.Env.Engine.Options.MatchFirstOuter,
	}
	return j, q.comp.columns(j)
}

// order compiles what the rows are sorted by: the entity's orders first, wherever the links' stand
// (fetchxml/order-rows).
func (q *FetchQuery) order() error {
	add := func(o fetchxml.Order, j *JoinedTable) error {
		if o.EntityName != "" {
			var err error
			if j, err = q.alias(o.EntityName); err != nil {
				return err
			}
		}
		x, err := j.attribute(q.Env, o.Attribute)
		if err != nil {
			return err
		}
		name := o.Attribute
		if j != q.root {
			q.linked = true
			name = j.name + "." + name
		}
		if x.col != nil {
			switch x.col.Kind {
			case schema.KindLookup:
				x = atSlot(j.slot).name(x.col)
			case schema.KindPicklist, schema.KindState, schema.KindStatus, schema.KindBoolean:
				if !q.Fetch.RawOrderBy {
					x = atSlot(j.slot).label(j.table, x.col)
				}
			}
		}
		q.keys = append(q.keys, sortKey{name: name, x: x, desc: o.Descending})
		return nil
	}
	for _, o := range q.Fetch.Entity.Orders {
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
func (q *FetchQuery) matchRoot(r *store.Row) bool {
	q.Env.Rows[0] = r
	return q.filter == nil || q.filter(q.Env) == yes
}

// EachMatch calls fn with every combination of rows at hand, in the order of the root's ids, until it returns false.
func (q *FetchQuery) EachMatch(after uuid.UUID, fn func() bool) {
	first := chain(q.Env, q.list, func() bool {
		return q.after != nil && q.after(q.Env) != yes || fn()
	})
	q.root.source.walk(q.Env, q.where, after, func(r *store.Row) bool {
		return !q.matchRoot(r) || first.run()
	})
}
