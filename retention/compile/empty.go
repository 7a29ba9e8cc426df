package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/policy"
)

// Whether a negative condition is true of a row in which the column is empty is told differently by different pages of the
// service. A policy may not turn on it: the case has to be written down.

// neverEmpty are columns that the service itself fills in on every row.
var neverEmpty = names("createdon", "modifiedon", "createdby", "modifiedby", "ownerid", "owningbusinessunit", "organizationid", "versionnumber", "activitytypecode", "participationtypemask")

func mayBeEmpty(a *dataverse.Attribute) bool {
	return a == nil || !a.Primary && a.Type != "State" && a.Type != "Status" && a.Required != "SystemRequired" && !neverEmpty[a.LogicalName]
}

// empties looks through a filter for what depends on how empty columns are counted.
type empties struct {
	*checker
	text string
	at   policy.Place
	told map[string]bool // paths
}

// around is what the terms around a condition say: of which paths a row surely has a value, and with which of them empty it
// matches whatever the condition says.
type around struct {
	table   *table
	scope   map[string]*table // variables of lambdas
	known   map[string]bool
	covered map[string]bool
}

func with(set map[string]bool, more []string) map[string]bool {
	set = maps.Clone(set)
	if set == nil {
		set = map[string]bool{}
	}
	for _, name := range more {
		set[name] = true
	}
	return set
}

// walk takes a negation inwards: negated says that an odd number of them stand around e.
func (x *empties) walk(e odata.Expr, negated bool, in around) {
	switch n := e.(type) {
	case *odata.Not:
		x.walk(n.X, !negated, in)
	case *odata.Logic:
		if (n.Op == odata.Or) != negated {
			in.covered = with(in.covered, emptyOr(n, negated))
		} else {
			in.known = with(in.known, filled(n, negated))
		}
		for _, term := range n.Terms {
			x.walk(term, negated, in)
		}
	case *odata.Compare:
		x.instants(n, in, n.Left, n.Right)
		op, path, literal := comparison(n)
		if path == nil || literal != nil && literal.Kind == odata.Null {
			return
		}
		negative := (op == odata.Ne) != negated
		if literal != nil && literal.Kind == odata.Bool && literal.Value == false && (op == odata.Eq) != negated {
			negative = true // an answer that was never given reads as no
		}
		if !negative {
			return
		}
		x.condition(n, path.Segments, negated, in)
		if other, ok := n.Right.(*odata.Path); ok && other != path {
			x.condition(n, other.Segments, negated, in)
		}
	case *odata.In:
		x.instants(n, in, append([]odata.Expr{n.X}, n.List...)...)
		if path, ok := n.X.(*odata.Path); ok && negated {
			x.condition(n, path.Segments, negated, in)
		}
	case *odata.Call:
		for _, arg := range n.Args {
			if path, ok := arg.(*odata.Path); ok && negated {
				x.condition(n, path.Segments, negated, in)
			}
		}
	case *odata.Function:
		x.functionInstants(n, in)
		if name := n.Property(); name != "" && negativeFunction(n.Name) != negated && n.Name != "Null" && n.Name != "NotNull" {
			x.condition(n, strings.Split(name, "/"), negated, in)
		}
	case *odata.Lambda:
		if n.Body == nil {
			return
		}
		inner := around{table: in.table, scope: maps.Clone(in.scope)}
		if inner.scope == nil {
			inner.scope = map[string]*table{}
		}
		inner.scope[n.Var], _ = x.end(n.Path.Segments, in)
		// Rows of the collection are looked for by the condition, or by its contrary: all is none that is not.
		x.walk(n.Body, n.All, inner)
	}
}

func negativeFunction(name string) bool {
	for _, o := range fetchxml.Operators() {
		if info, _ := o.Info(); info.Name == name && negativeOperator(o) {
			return true
		}
	}
	return false
}

func negativeOperator(o fetchxml.Operator) bool {
	switch o {
	case fetchxml.Ne, fetchxml.Neq, fetchxml.NotIn, fetchxml.NotBetween, fetchxml.NotLike, fetchxml.NotBeginWith, fetchxml.NotEndWith,
		fetchxml.NotContainValues, fetchxml.NotUnder, fetchxml.NeUserID, fetchxml.NeBusinessID:
		return true
	}
	return false
}

// comparison is a comparison with its column on the left.
func comparison(n *odata.Compare) (odata.Op, *odata.Path, *odata.Literal) {
	path, ok := n.Left.(*odata.Path)
	other := n.Right
	if !ok {
		path, _ = n.Right.(*odata.Path)
		other = n.Left
	}
	literal, _ := other.(*odata.Literal)
	return n.Op, path, literal
}

// emptyOr are the paths of which a term of an or asks whether they are empty.
func emptyOr(e odata.Expr, negated bool) (paths []string) {
	switch n := e.(type) {
	case *odata.Not:
		return emptyOr(n.X, !negated)
	case *odata.Logic:
		if (n.Op == odata.Or) == negated {
			return nil
		}
		for _, term := range n.Terms {
			paths = append(paths, emptyOr(term, negated)...)
		}
	case *odata.Compare:
		op, path, literal := comparison(n)
		if path != nil && literal != nil && literal.Kind == odata.Null && (op == odata.Eq) != negated && (op == odata.Eq || op == odata.Ne) {
			return []string{strings.Join(path.Segments, "/")}
		}
	}
	return paths
}

// filled are the paths that surely have a value where e is true.
func filled(e odata.Expr, negated bool) (paths []string) {
	one := func(x odata.Expr) []string {
		if path, ok := x.(*odata.Path); ok {
			return []string{strings.Join(path.Segments, "/")}
		}
		return nil
	}
	switch n := e.(type) {
	case *odata.Not:
		return filled(n.X, !negated)
	case *odata.Logic:
		every := (n.Op == odata.And) != negated
		for i, term := range n.Terms {
			some := filled(term, negated)
			if every || i == 0 {
				paths = append(paths, some...)
				continue
			}
			paths = slices.DeleteFunc(paths, func(p string) bool { return !slices.Contains(some, p) })
		}
	case *odata.Compare:
		op, path, literal := comparison(n)
		switch {
		case path == nil:
		case literal != nil && literal.Kind == odata.Null:
			if (op == odata.Ne) != negated {
				return one(path)
			}
		case literal != nil && literal.Kind == odata.Bool && literal.Value == false && (op == odata.Eq) != negated: // as of no answer
		case (op == odata.Ne) == negated: // equal, or greater and the like: only a value is
			return append(one(n.Left), one(n.Right)...)
		}
	case *odata.In:
		if !negated {
			return one(n.X)
		}
	case *odata.Call:
		if !negated {
			for _, arg := range n.Args {
				paths = append(paths, one(arg)...)
			}
		}
	case *odata.Function:
		if name := n.Property(); name != "" && negativeFunction(n.Name) == negated && (n.Name == "Null") == negated && (n.Name == "NotNull") != negated {
			return []string{name}
		}
	}
	return paths
}

// end follows a path to the table at its end, and tells whether a step may lead nowhere.
func (x *empties) end(segments []string, in around) (t *table, loose bool) {
	t = in.table
	if len(segments) > 0 && in.scope[segments[0]] != nil {
		t, segments = in.scope[segments[0]], segments[1:]
	}
	for _, segment := range segments {
		if t == nil {
			return nil, true
		}
		n, ok := t.navigations[segment]
		if !ok {
			return t, loose
		}
		if r, single := t.lookups[segment]; single && mayBeEmpty(t.Attributes[r.ReferencingAttribute]) {
			loose = true
		}
		t = x.model.get(n.Table)
	}
	return t, loose
}

// condition refuses a negative condition on a column that may be empty, unless the terms around it speak of that.
func (x *empties) condition(e odata.Expr, segments []string, negated bool, in around) {
	path := strings.Join(segments, "/")
	if in.known[path] || in.covered[path] || x.told[path] {
		return
	}
	t, loose := x.end(segments, in)
	if t == nil {
		return
	}
	a := t.column(segments[len(segments)-1])
	if a == nil || !loose && !mayBeEmpty(a) {
		return
	}
	x.told[path] = true
	counted := in.table
	inside := path
	if of := in.scope[segments[0]]; of != nil {
		counted, inside = of, strings.Join(segments[1:], "/")
	}
	count, skip := fmt.Sprintf("(%s or %s eq null)", e, path), fmt.Sprintf("(%s and %s ne null)", e, path)
	if negated {
		count, skip = skip, count
	}
	x.unsafe(x.at.Inside(x.text, e.Pos()), emptyMessage(path, t, x.emptyRows(counted, inside+" eq null")),
		fmt.Sprintf("if the rule is to count them, write `%s`; if not, `%s`", count, skip))
}

func emptyMessage(path string, t *table, rows string) string {
	return fmt.Sprintf("`%s` of `%s` may be empty%s, and whether this condition counts such rows is not certain", path, t.LogicalName, rows)
}

// emptyRows says on how many rows a column is empty today; nothing where that is not told.
func (c *checker) emptyRows(t *table, filter string) string {
	n, err := c.reader.Count(c.ctx, dataverse.Query{Table: t.LogicalName, Set: t.EntitySet, Filter: filter})
	if err != nil {
		return ""
	}
	return ", as on " + policy.Count(n, "row") + " today"
}
