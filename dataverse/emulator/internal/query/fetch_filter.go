package query

import (
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// filters compiles what decides over rows: the filters of the root and of the links, and links that only ask whether
// there is a row.
func (q *FetchQuery) filters() error {
	for _, j := range q.list {
		if j.link.Name == "" {
			continue // an intersect table that was put between
		}
		var err error
		if j.filter, j.where, err = q.body(j, &j.link.Body); err != nil {
			return err
		}
	}
	root := &q.Fetch.Entity.Body
	var before, after []predicate
	if q.From.filter != nil {
		before = append(before, q.From.filter)
	}
	q.where = q.From.where
	for i := range root.Filters {
		q.crossed = false
		p, where, err := q.compile(&root.Filters[i], q.root)
		if err != nil {
			return err
		}
		if q.crossed {
			after = append(after, p)
			continue
		}
		if err := q.quickFind(&root.Filters[i], p); err != nil {
			return err
		}
		before = append(before, p)
		q.where = q.where.both(where)
	}
	semis, where, err := q.semiJoins(q.root, root.Links)
	if err != nil {
		return err
	}
	before = append(before, semis...)
	q.where = q.where.both(where)
	for _, j := range q.root.links {
		if !j.outer() {
			q.where = q.where.both(q.comp.pathThrough(j))
		}
	}
	if len(before) > 0 {
		q.filter = allOf(before)
	}
	if len(after) > 0 {
		q.after = allOf(after)
	}
	return nil
}

// body compiles the filters of a link, and the links in it that only ask whether there is a row.
func (q *FetchQuery) body(j *JoinedTable, b *fetchxml.Body) (predicate, *accessPath, error) {
	var terms []predicate
	var where *accessPath
	for i := range b.Filters {
		p, w, err := q.compile(&b.Filters[i], j)
		if err != nil {
			return nil, nil, err
		}
		terms, where = append(terms, p), where.both(w)
	}
	semis, w, err := q.semiJoins(j, b.Links)
	if err != nil {
		return nil, nil, err
	}
	terms, where = append(terms, semis...), where.both(w)
	if len(terms) == 0 {
		return nil, where, nil
	}
	return allOf(terms), where, nil
}

// semiJoins compiles the links of types exists and in.
func (q *FetchQuery) semiJoins(parent *JoinedTable, links []fetchxml.Link) ([]predicate, *accessPath, error) {
	var out []predicate
	var where *accessPath
	for i := range links {
		if t := links[i].Type; t != fetchxml.Exists && t != fetchxml.InType {
			continue
		}
		j, err := q.inner(parent, &links[i])
		if err != nil {
			return nil, nil, err
		}
		head := j
		if j.parent != parent {
			head = j.parent
		}
		out = append(out, q.comp.semiJoin(head))
		where = where.both(q.comp.pathThrough(head))
	}
	return out, where, nil
}

// inner prepares a link that brings no columns, with all that is joined to it.
func (q *FetchQuery) inner(parent *JoinedTable, l *fetchxml.Link) (*JoinedTable, error) {
	j, err := q.newJoined(parent, l)
	if err != nil {
		return nil, err
	}
	j.kind = fetchxml.Inner
	if j.name == "" {
		j.name = l.Name
	}
	q.ByName[j.name] = j
	if err := q.join(j, l.Links); err != nil {
		return nil, err
	}
	for _, x := range j.flat() {
		if x.link.Name == "" {
			continue
		}
		if x.filter, x.where, err = q.body(x, &x.link.Body); err != nil {
			return nil, err
		}
	}
	j.filter, j.where, err = q.body(j, &l.Body)
	return j, err
}

// compile compiles a filter of a joined table.
func (q *FetchQuery) compile(f *fetchxml.Filter, j *JoinedTable) (predicate, *accessPath, error) {
	var terms []predicate
	var wheres []*accessPath
	add := func(p predicate, w *accessPath, err error) error {
		terms, wheres = append(terms, p), append(wheres, w)
		return err
	}
	for i := range f.Conditions {
		if err := add(q.condition(&f.Conditions[i], j)); err != nil {
			return nil, nil, err
		}
	}
	for i := range f.Filters {
		if err := add(q.compile(&f.Filters[i], j)); err != nil {
			return nil, nil, err
		}
	}
	for i := range f.Links {
		if err := add(q.related(&f.Links[i], j)); err != nil {
			return nil, nil, err
		}
	}
	if len(terms) == 0 {
		return func(*Env) truth { return yes }, nil, nil
	}
	if f.Or {
		return anyOf(terms), anyPath(wheres), nil
	}
	where := wheres[0]
	for _, w := range wheres[1:] {
		where = where.both(w)
	}
	return allOf(terms), where, nil
}

// related compiles a link inside a filter. all and not all mean the opposite of their names (fetchxml/filter-rows).
func (q *FetchQuery) related(l *fetchxml.Link, parent *JoinedTable) (predicate, *accessPath, error) {
	j, err := q.inner(parent, l)
	if err != nil {
		return nil, nil, err
	}
	if j.parent != parent {
		j = j.parent
	}
	match := q.comp.semiJoin(j)
	if q.Env.Engine.Options.LinkAllByName {
		return q.allByName(l.Type, match, j)
	}
	switch l.Type {
	case fetchxml.NotAny:
		return func(e *Env) truth { return match(e).not() }, nil, nil
	case fetchxml.All:
		some := q.comp.anyRow(j)
		return func(e *Env) truth { return truthOf(some(e) == yes && match(e) != yes) }, nil, nil
	}
	return match, q.comp.pathThrough(j), nil
}

// allByName compiles a link inside a filter with all and not all as their names have it: every related row passes, or
// some related row does not.
func (q *FetchQuery) allByName(t fetchxml.LinkType, match predicate, j *JoinedTable) (predicate, *accessPath, error) {
	if t == fetchxml.NotAny {
		return func(e *Env) truth { return match(e).not() }, nil, nil
	}
	if t == fetchxml.Any {
		return match, q.comp.pathThrough(j), nil
	}
	failing := *j
	passes := j.filter
	failing.filter = func(e *Env) truth { return truthOf(passes != nil && passes(e) != yes) }
	fails := q.comp.semiJoin(&failing)
	if t == fetchxml.NotAll {
		return fails, nil, nil
	}
	some := q.comp.anyRow(j)
	return func(e *Env) truth { return truthOf(some(e) == yes && fails(e) != yes) }, nil, nil
}

// condition compiles a condition.
func (q *FetchQuery) condition(c *fetchxml.Condition, j *JoinedTable) (predicate, *accessPath, error) {
	on := j
	if c.EntityName != "" {
		var err error
		if on, err = q.alias(c.EntityName); err != nil {
			return nil, nil, err
		}
	}
	if on != j {
		q.crossed = true
	}
	x, err := on.attribute(q.Env, c.Attribute)
	if err != nil {
		return nil, nil, err
	}
	if err := x.filterable(); err != nil {
		return nil, nil, err
	}
	if c.ValueOf != "" {
		p, err := q.compareColumns(c, x, j)
		return p, nil, err
	}
	values := c.Values
	if info, _ := c.Operator.Info(); info.Arity == fetchxml.OneValue || info.Arity == fetchxml.OneNumber {
		values = []string{c.Value}
	}
	home := q.comp.home
	q.comp.home = j.slot
	defer func() { q.comp.home = home }()
	return q.comp.condition(x, string(c.Operator), values)
}

func (q *FetchQuery) alias(name string) (*JoinedTable, error) {
	j := q.ByName[name]
	if j == nil {
		return nil, wire.NewError(400, "0x80041109", "Link entity with name or alias %s is not found.", name)
	}
	return j, nil
}

// compareColumns compiles valueof: a column of the same row, or alias.column of another.
func (q *FetchQuery) compareColumns(c *fetchxml.Condition, x operand, j *JoinedTable) (predicate, error) {
	op, ok := comparisons[string(c.Operator)]
	if !ok {
		return nil, wire.BadArgument("The condition operator '%s' cannot compare two attributes.", c.Operator)
	}
	on, name := j, c.ValueOf
	if alias, column, found := strings.Cut(c.ValueOf, "."); found {
		var err error
		if on, err = q.alias(alias); err != nil {
			return nil, err
		}
		name = column
		q.crossed = q.crossed || on != j
	}
	y, err := on.attribute(q.Env, name)
	if err != nil {
		return nil, err
	}
	p, ok := x.compareTo(op, y, q.comp.nulls)
	if !ok {
		return nil, wire.BadArgument("The attributes '%s' and '%s' cannot be compared: their types differ.", c.Attribute, c.ValueOf)
	}
	return p, nil
}
