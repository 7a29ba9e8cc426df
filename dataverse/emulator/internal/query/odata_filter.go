package query

import (
	"cmp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/odata"
)

// scope is the rows that a filter's paths can begin at: the queried table, and the variables of the lambdas around.
type scope struct {
	name  string // of a lambda's variable; "" for the queried table
	table *schema.Table
	at    rowFunc
	slot  int
	outer *scope
}

// filter checks a $filter against a table and compiles it. The access path says where to look for matching rows.
func (q *Compiler) filter(x odata.Expr, root scope) (predicate, *accessPath, error) {
	if err := odata.Check(x, root.table.Name, schema.Model{Schema: q.env.Snap.Schema}); err != nil {
		return nil, nil, wire.QueryError(err)
	}
	return q.expr(x, &root)
}

func (q *Compiler) expr(x odata.Expr, s *scope) (predicate, *accessPath, error) {
	switch x := x.(type) {
	case *odata.Logic:
		return q.logic(x, s)
	case *odata.Not:
		p, err := q.negation(x.X, s)
		return p, nil, err
	case *odata.Compare:
		return q.compare(x, s)
	case *odata.In:
		return q.in(x, s)
	case *odata.Call:
		return q.call(x, s)
	case *odata.Function:
		return q.function(x, s)
	case *odata.Lambda:
		return q.lambda(x, s)
	case *odata.Literal:
		if b, ok := x.Value.(bool); ok {
			t := truthOf(b)
			return func(*Env) truth { return t }, nil, nil
		}
	case *odata.Path:
		v, err := q.propertyPath(x.Segments, s)
		if err != nil {
			return nil, nil, err
		}
		if v.class == classBool {
			return v.compare(odata.Eq, constant{num: 1}, q.nulls), nil, nil
		}
	}
	return nil, nil, wire.BadQuery("The $filter expression must evaluate to a single boolean value.")
}

// opposites are the comparisons that hold where another does not.
var opposites = map[odata.Op]odata.Op{odata.Eq: odata.Ne, odata.Ne: odata.Eq, odata.Gt: odata.Le, odata.Le: odata.Gt, odata.Lt: odata.Ge, odata.Ge: odata.Lt}

// negation compiles what is not so. Each condition is turned into its opposite, as the service turns contains into
// not-like: what a column without a value makes of it follows from that (Options.NullNegation).
func (q *Compiler) negation(x odata.Expr, s *scope) (predicate, error) {
	switch x := x.(type) {
	case *odata.Not:
		p, _, err := q.expr(x.X, s)
		return p, err
	case *odata.Logic:
		terms := make([]predicate, len(x.Terms))
		for i, term := range x.Terms {
			var err error
			if terms[i], err = q.negation(term, s); err != nil {
				return nil, err
			}
		}
		if x.Op == odata.And {
			return anyOf(terms), nil
		}
		return allOf(terms), nil
	case *odata.Compare:
		opposite := *x
		opposite.Op = opposites[x.Op]
		p, _, err := q.compare(&opposite, s)
		return p, err
	}
	p, _, err := q.expr(x, s)
	if err != nil {
		return nil, err
	}
	if _, some := x.(*odata.Lambda); some {
		return func(e *Env) truth { return p(e).not() }, nil
	}
	return negated(q.nulls, p), nil
}

func (q *Compiler) logic(x *odata.Logic, s *scope) (predicate, *accessPath, error) {
	of := x.Terms
	if x.Op != odata.And {
		of = equals(of)
	}
	terms, wheres := make([]predicate, len(of)), make([]*accessPath, len(of))
	for i, term := range of {
		var err error
		if terms[i], wheres[i], err = q.expr(term, s); err != nil {
			return nil, nil, err
		}
	}
	terms = cheapestFirst(of, terms)
	if x.Op == odata.And {
		where := wheres[0]
		for _, w := range wheres[1:] {
			where = where.both(w)
		}
		return allOf(terms), where, nil
	}
	return anyOf(terms), anyPath(wheres), nil
}

// equals makes one condition of those alternatives that compare the same path with constants: a set is asked once for a
// row, however many constants it holds, and the way to the row's value is gone once.
func equals(terms []odata.Expr) []odata.Expr {
	sets := map[string]*odata.In{}
	var out []odata.Expr
	for _, term := range terms {
		path, value, ok := equality(term)
		if !ok {
			out = append(out, term)
			continue
		}
		name := strings.Join(path.Segments, "/")
		set := sets[name]
		if set == nil {
			set = &odata.In{X: path}
			if len(sets) == 0 {
				set.List = make([]odata.Expr, 0, len(terms))
			}
			sets[name] = set
			out = append(out, set)
		}
		set.List = append(set.List, value)
	}
	for i, x := range out {
		if set, ok := x.(*odata.In); ok && sets[setName(set)] == set && len(set.List) == 1 {
			out[i] = &odata.Compare{Left: set.X, Op: odata.Eq, Right: set.List[0]}
		}
	}
	return out
}

func setName(x *odata.In) string {
	if p, ok := x.X.(*odata.Path); ok {
		return strings.Join(p.Segments, "/")
	}
	return ""
}

// equality takes a condition that a path equals a constant apart.
func equality(x odata.Expr) (*odata.Path, *odata.Literal, bool) {
	c, ok := x.(*odata.Compare)
	if !ok || c.Op != odata.Eq {
		return nil, nil, false
	}
	p, isPath := c.Left.(*odata.Path)
	l, isValue := c.Right.(*odata.Literal)
	return p, l, isPath && isValue && l.Kind != odata.Null
}

// cheapestFirst sorts conditions by cost, so that a cheap one may spare the rest. The order changes no outcome, also where
// a condition is neither true nor false.
func cheapestFirst(of []odata.Expr, terms []predicate) []predicate {
	order := make([]int, len(terms))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(cost(of[a]), cost(of[b])) })
	out := make([]predicate, len(terms))
	for i, n := range order {
		out[i] = terms[n]
	}
	return out
}

// cost ranks conditions: numbers, texts, patterns and functions, then conditions on other rows.
func cost(x odata.Expr) int {
	most := 0
	odata.Walk(x, func(x odata.Expr) bool {
		rank := 0
		switch x := x.(type) {
		case *odata.Literal:
			if x.Kind == odata.String {
				rank = 1
			}
		case *odata.Call, *odata.Function:
			rank = 2
		case *odata.Path:
			if len(x.Segments) > 1 {
				rank = 3
			}
		case *odata.Lambda:
			rank = 4
		}
		most = max(most, rank)
		return true
	})
	return most
}

var mirroredOps = map[odata.Op]odata.Op{odata.Eq: odata.Eq, odata.Ne: odata.Ne, odata.Gt: odata.Lt, odata.Ge: odata.Le, odata.Lt: odata.Gt, odata.Le: odata.Ge}

func (q *Compiler) compare(x *odata.Compare, s *scope) (predicate, *accessPath, error) {
	left, leftIs := x.Left.(*odata.Literal)
	right, rightIs := x.Right.(*odata.Literal)
	switch {
	case leftIs && rightIs:
		return nil, nil, wire.BadQuery("A comparison needs a column.")
	case leftIs:
		return q.compareLiteral(x.Right, mirroredOps[x.Op], left, s)
	case rightIs:
		return q.compareLiteral(x.Left, x.Op, right, s)
	}
	a, err := q.columnOf(x.Left, s)
	if err != nil {
		return nil, nil, err
	}
	b, err := q.columnOf(x.Right, s)
	if err != nil {
		return nil, nil, err
	}
	p, ok := a.compareTo(x.Op, b, q.nulls)
	if !ok {
		return nil, nil, wire.BadQuery("The columns '%s' and '%s' cannot be compared.", a.name(), b.name())
	}
	return p, nil, nil
}

// columnOf is the operand of a path.
func (q *Compiler) columnOf(x odata.Expr, s *scope) (operand, error) {
	p, ok := x.(*odata.Path)
	if !ok {
		return operand{}, wire.BadQuery("The $filter expression must evaluate to a single boolean value.")
	}
	return q.propertyPath(p.Segments, s)
}

func (q *Compiler) compareLiteral(x odata.Expr, op odata.Op, l *odata.Literal, s *scope) (predicate, *accessPath, error) {
	if _, ok := x.(*odata.Path); !ok { // (a eq 1) eq true
		p, _, err := q.expr(x, s)
		if err != nil {
			return nil, nil, err
		}
		b, ok := l.Value.(bool)
		if !ok || op > odata.Ne {
			return nil, nil, wire.BadQuery("The $filter expression must evaluate to a single boolean value.")
		}
		want := truthOf(b)
		return func(e *Env) truth {
			t := p(e)
			if t == unknown {
				return unknown
			}
			return truthOf((t == want) == (op == odata.Eq))
		}, nil, nil
	}
	v, err := q.columnOf(x, s)
	if err != nil {
		return nil, nil, err
	}
	if err := v.filterable(); err != nil {
		return nil, nil, err
	}
	if l.Kind == odata.Null {
		switch op {
		case odata.Eq:
			return v.isNull(), nil, nil
		case odata.Ne:
			return v.isNotNull(), nil, nil
		}
		return func(*Env) truth { return unknown }, nil, nil
	}
	c, ok := v.constant(l.Text())
	if !ok {
		return nil, nil, wire.BadQuery("The value '%s' does not fit the column '%s'.", l.Text(), v.name())
	}
	return v.compare(op, c, q.nulls), q.pathOf(v, op, c), nil
}

// filterable refuses the columns that no filter may name: an e-mail's body is kept elsewhere.
func (x operand) filterable() error {
	if x.col != nil && x.table.Name == "email" && x.col.Name == "description" {
		return wire.NewError(400, "0x80040203", "The attribute 'description' of the entity 'email' cannot be used in a condition.")
	}
	return nil
}

func (q *Compiler) in(x *odata.In, s *scope) (predicate, *accessPath, error) {
	v, err := q.columnOf(x.X, s)
	if err != nil {
		return nil, nil, err
	}
	if err := v.filterable(); err != nil {
		return nil, nil, err
	}
	list := make([]constant, 0, len(x.List))
	null := false
	for _, item := range x.List {
		l, ok := item.(*odata.Literal)
		if !ok {
			return nil, nil, wire.BadQuery("The operator 'in' takes literals.")
		}
		if l.Kind == odata.Null {
			null = true
			continue
		}
		if id, is := l.Value.(uuid.UUID); is && v.class == classGUID {
			list = append(list, constant{guid: id})
			continue
		}
		c, ok := v.constant(l.Text())
		if !ok {
			return nil, nil, wire.BadQuery("The value '%s' does not fit the column '%s'.", l.Text(), v.name())
		}
		list = append(list, c)
	}
	p := v.oneOf(list)
	if null {
		return anyOf([]predicate{p, v.isNull()}), nil, nil
	}
	return p, q.pathTo(v, list), nil
}

var callOperators = map[string]string{"startswith": "begins-with", "endswith": "ends-with", "contains": "like"}

func (q *Compiler) call(x *odata.Call, s *scope) (predicate, *accessPath, error) {
	l, ok := x.Args[1].(*odata.Literal)
	if !ok {
		return nil, nil, wire.BadQuery("The function '%s' takes a column and a text.", x.Name)
	}
	v, err := q.columnOf(x.Args[0], s)
	if err != nil {
		return nil, nil, err
	}
	if err := v.filterable(); err != nil {
		return nil, nil, err
	}
	if l.Kind == odata.Null {
		return func(*Env) truth { return unknown }, nil, nil
	}
	text := l.Text()
	if x.Name == "contains" {
		text = "%" + text + "%"
	}
	return q.condition(v, callOperators[x.Name], []string{text})
}

// function compiles a query function: it is a FetchXML operator by another name.
func (q *Compiler) function(x *odata.Function, s *scope) (predicate, *accessPath, error) {
	sig, _ := odata.FunctionSignature(x.Name)
	if sig.Operator == "" {
		if x.Name == "EqualRoleBusinessId" {
			return nil, nil, wire.NotEmulated(q.env.Engine, "Microsoft.Dynamics.CRM."+x.Name)
		}
		return nil, nil, wire.BadQuery("The function 'Microsoft.Dynamics.CRM.%s' needs a column with a full-text index.", x.Name)
	}
	v, err := q.propertyPath(lookupProperty(x.Property(), s), s)
	if err != nil {
		return nil, nil, err
	}
	if err := v.filterable(); err != nil {
		return nil, nil, err
	}
	var values []string
	for _, p := range x.Params {
		switch value := p.Value.(type) {
		case *odata.Array:
			for _, item := range value.Items {
				values = append(values, item.Text())
			}
		case *odata.Literal:
			if p.Name != "PropertyName" {
				values = append(values, value.Text())
			}
		}
	}
	if sig.Params == odata.TwoNumbers { // they may come in any order
		values = []string{literalText(x.Param("PropertyValue1")), literalText(x.Param("PropertyValue2"))}
	}
	return q.condition(v, sig.Operator, values)
}

func literalText(x odata.Expr) string {
	if l, ok := x.(*odata.Literal); ok {
		return l.Text()
	}
	return ""
}

// lookupProperty takes the name of a lookup without _ and _value too, as FetchXML does.
func lookupProperty(name string, s *scope) []string {
	segments := strings.Split(name, "/")
	if len(segments) == 1 {
		if c := s.table.ByName[name]; c != nil {
			return []string{c.Property()}
		}
	}
	return segments
}

// start is where a path begins, and what is left of it.
func (s *scope) start(segments []string) (*scope, []string) {
	root := s
	for at := s; at != nil; at = at.outer {
		if at.name != "" && at.name == segments[0] {
			return at, segments[1:]
		}
		root = at
	}
	return root, segments
}

// propertyPath compiles a path to a column. A last step from a lookup to its target's key is the lookup itself.
func (q *Compiler) propertyPath(segments []string, s *scope) (operand, error) {
	from, rest := s.start(segments)
	t, at, slot := from.table, from.at, from.slot
	var via []hop
	for len(rest) > 1 {
		if after, ok := strings.CutPrefix(rest[0], wire.CRMNamespace); ok {
			cast := q.env.Snap.Schema.Tables[after]
			if cast == nil {
				return operand{}, wire.NoProperty(rest[0], t.Name)
			}
			t, rest = cast, rest[1:]
			continue
		}
		n := t.Navigation(q.env.Snap.Schema, rest[0])
		if n == nil || n.Collection {
			return operand{}, wire.NoProperty(rest[0], t.Name)
		}
		if len(rest) == 2 && (rest[1] == n.Target.ID && !n.Owner || n.Owner && rest[1] == "ownerid") && q.oneTarget(t, n) {
			x := at.column(t, t.Columns[n.Column])
			x.slot, x.via = slot, via
			return x, nil
		}
		if slot == q.home || len(via) > 0 {
			via = append(via, hop{t, t.Columns[n.Column]})
		}
		target := n.Target
		if n.Owner {
			if after, ok := strings.CutPrefix(rest[1], wire.CRMNamespace); ok && q.env.Snap.Schema.Tables[after] != nil {
				target = q.env.Snap.Schema.Tables[after]
			}
		}
		at, t, slot, rest = at.over(n.Column, q.env.Source(target)), target, -1, rest[1:]
	}
	if len(rest) == 0 {
		return operand{}, wire.BadQuery("A path must end at a column.")
	}
	if rest[0] == "ownerid" && schema.IsPrincipal(t) {
		rest = []string{t.ID}
	}
	c := t.PropertyColumn(rest[0])
	if c == nil {
		return operand{}, wire.NoProperty(rest[0], t.Name)
	}
	x := at.column(t, c)
	x.slot, x.via = slot, via
	return x, nil
}

// oneTarget tells whether the lookup can point at rows of one table only.
func (q *Compiler) oneTarget(t *schema.Table, n *schema.Navigation) bool {
	return n.Owner || len(t.Columns[n.Column].Targets) == 1
}
