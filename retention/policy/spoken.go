package policy

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/odata"
)

// filter says in words what a filter on the rows of a table asks, by what the app calls columns and options. What it has no words
// for, it leaves to the footnote.
func (r *Prose) filter(table, text string) string {
	e, err := odata.ParseFilter(text)
	if err == nil {
		if said, _, ok := r.condition(e, scope{tables: []string{table}}); ok {
			return said
		}
	}
	return r.say.T("filter.technical")
}

// scope is where the paths of a condition begin: the tables, and the variable of an any or all around it.
type scope struct {
	tables   []string
	variable string
}

// condition says a condition in words; joined tells that it is several, which need parentheses within others.
func (r *Prose) condition(e odata.Expr, s scope) (text string, joined, ok bool) {
	switch e := e.(type) {
	case *odata.Logic:
		if text, ok := r.sameColumn(e, s); ok {
			return text, false, true
		}
		text, ok := r.logic(e, s)
		return text, true, ok
	case *odata.Not:
		text, joined, ok := r.condition(e.X, s)
		if joined {
			text = "(" + text + ")"
		}
		return r.say.T("filter.not", text), false, ok
	case *odata.Compare:
		text, ok := r.comparison(e, s)
		return text, false, ok
	case *odata.In:
		text, ok := r.oneOf(e.X, e.List, "filter.eq", "or", s)
		return text, false, ok
	case *odata.Call:
		text, ok := r.call(e, s)
		return text, false, ok
	case *odata.Function:
		text, ok := r.function(e, s)
		return text, false, ok
	case *odata.Lambda:
		text, ok := r.lambda(e, s)
		return text, false, ok
	}
	return "", false, false
}

func (r *Prose) logic(e *odata.Logic, s scope) (string, bool) {
	var parts []string
	for _, term := range e.Terms {
		text, joined, ok := r.condition(term, s)
		if !ok {
			return "", false
		}
		if inner, nested := term.(*odata.Logic); joined && nested && inner.Op != e.Op {
			text = "(" + text + ")"
		}
		parts = append(parts, text)
	}
	join := "and"
	if e.Op == odata.Or {
		join = "or"
	}
	text := parts[0]
	for _, part := range parts[1:] { // “A” is 1 and “B” is 2 and …: a comma would leave open which is meant
		text = r.say.T(join, text, part)
	}
	return text, true
}

// sameColumn says several values of one column at once: “Status” is “Won” or “Lost”.
func (r *Prose) sameColumn(e *odata.Logic, s scope) (string, bool) {
	var column odata.Expr
	var values []odata.Expr
	for _, term := range e.Terms {
		c, ok := term.(*odata.Compare)
		want := odata.Eq
		if e.Op == odata.And {
			want = odata.Ne
		}
		if !ok || c.Op != want || column != nil && c.Left.String() != column.String() {
			return "", false
		}
		if l, literal := c.Right.(*odata.Literal); !literal || l.Kind == odata.Null {
			return "", false
		}
		column, values = c.Left, append(values, c.Right)
	}
	if e.Op == odata.And {
		return r.oneOf(column, values, "filter.ne", "nor", s)
	}
	return r.oneOf(column, values, "filter.eq", "or", s)
}

func (r *Prose) oneOf(column odata.Expr, values []odata.Expr, key, join string, s scope) (string, bool) {
	name, c, ok := r.operand(column, s)
	if !ok {
		return "", false
	}
	var said []string
	for _, v := range values {
		value, ok := r.value(v, c)
		if !ok {
			return "", false
		}
		said = append(said, value)
	}
	return r.say.T(key, name, r.listed(join, said)), true
}

// operand is the column that a side of a comparison names.
func (r *Prose) operand(e odata.Expr, s scope) (string, CalledColumn, bool) {
	p, ok := e.(*odata.Path)
	if !ok {
		return "", CalledColumn{}, false
	}
	segments := p.Segments
	if s.variable != "" && segments[0] == s.variable {
		segments = segments[1:]
	}
	return r.way(s.tables, strings.Join(segments, "/"))
}

// value is a value as the column shows it.
func (r *Prose) value(e odata.Expr, c CalledColumn) (string, bool) {
	l, ok := e.(*odata.Literal)
	if !ok {
		return "", false
	}
	number := func(n int) (string, bool) {
		label, named := c.Options[n]
		if !named {
			return strconv.Itoa(n), len(c.Options) == 0
		}
		return r.quote(label), true
	}
	switch v := l.Value.(type) {
	case bool:
		if v {
			return number(1)
		}
		return number(0)
	case int64:
		return number(int(v))
	case string:
		if n, err := strconv.Atoi(v); err == nil && len(c.Options) > 0 { // as a query function writes options
			return number(n)
		}
		return r.quote(v), true
	case time.Time:
		return r.say.Date(v, " "), true
	case uuid.UUID:
		return r.say.T("filter.row"), true
	}
	return l.Text(), l.Kind == odata.Decimal
}

var relations = map[odata.Op]string{odata.Eq: "filter.eq", odata.Ne: "filter.ne", odata.Gt: "filter.gt", odata.Ge: "filter.ge", odata.Lt: "filter.lt", odata.Le: "filter.le"}

var times = map[odata.Op]string{odata.Eq: "filter.eq", odata.Ne: "filter.ne", odata.Gt: "filter.after", odata.Ge: "filter.from", odata.Lt: "filter.before", odata.Le: "filter.to"}

// turned is the comparison with its sides exchanged.
var turned = map[odata.Op]odata.Op{odata.Gt: odata.Lt, odata.Ge: odata.Le, odata.Lt: odata.Gt, odata.Le: odata.Ge}

func (r *Prose) comparison(e *odata.Compare, s scope) (string, bool) {
	left, right, op := e.Left, e.Right, e.Op
	if _, literal := left.(*odata.Literal); literal {
		left, right = right, left
		if t, other := turned[op]; other {
			op = t
		}
	}
	name, c, ok := r.operand(left, s)
	if !ok {
		return "", false
	}
	keys := relations
	if c.Date {
		keys = times
	}
	if other, _, column := r.operand(right, s); column {
		return r.say.T(keys[op], name, other), true
	}
	if l, literal := right.(*odata.Literal); literal && l.Kind == odata.Null {
		if op == odata.Eq {
			return r.say.T("filter.empty", name), true
		}
		return r.say.T("filter.filled", name), op == odata.Ne
	}
	value, ok := r.value(right, c)
	return r.say.T(keys[op], name, value), ok
}

func (r *Prose) call(e *odata.Call, s scope) (string, bool) {
	key, known := map[string]string{"contains": "filter.contains", "startswith": "filter.starts", "endswith": "filter.ends"}[e.Name]
	if !known || len(e.Args) != 2 {
		return "", false
	}
	name, _, ok := r.operand(e.Args[0], s)
	if !ok {
		return "", false
	}
	value, ok := r.value(e.Args[1], CalledColumn{})
	return r.say.T(key, name, value), ok
}

// spans are the query functions that count a number of units back or ahead from today.
var spans = map[string][2]string{
	"LastXDays": {"filter.last", "days"}, "LastXWeeks": {"filter.last", "weeks"}, "LastXMonths": {"filter.last", "months"}, "LastXYears": {"filter.last", "years"},
	"NextXDays": {"filter.next", "days"}, "NextXWeeks": {"filter.next", "weeks"}, "NextXMonths": {"filter.next", "months"}, "NextXYears": {"filter.next", "years"},
	"OlderThanXDays": {"filter.older", "days"}, "OlderThanXWeeks": {"filter.older", "weeks"}, "OlderThanXMonths": {"filter.older", "months"}, "OlderThanXYears": {"filter.older", "years"},
}

// moments are those that name a time by today.
var moments = map[string]string{
	"Today": "filter.today", "Yesterday": "filter.yesterday", "Tomorrow": "filter.tomorrow", "ThisWeek": "filter.this-week", "ThisMonth": "filter.this-month", "ThisYear": "filter.this-year",
	"LastWeek": "filter.last-week", "LastMonth": "filter.last-month", "LastYear": "filter.last-year", "NextWeek": "filter.next-week", "NextMonth": "filter.next-month", "NextYear": "filter.next-year",
}

func (r *Prose) function(f *odata.Function, s scope) (string, bool) {
	name, c, ok := r.way(s.tables, f.Property())
	if !ok {
		return "", false
	}
	if span, known := spans[f.Name]; known {
		l, number := f.Param("PropertyValue").(*odata.Literal)
		if !number {
			return "", false
		}
		n, err := strconv.Atoi(l.Text())
		return r.say.T(span[0], name, r.say.N("period."+span[1], n, l.Text())), err == nil
	}
	if moment, known := moments[f.Name]; known {
		return r.say.T("filter.lies", name, r.say.T(moment)), true
	}
	if key, known := map[string]string{"On": "filter.eq", "OnOrAfter": "filter.from", "OnOrBefore": "filter.to"}[f.Name]; known {
		value, ok := r.day(f.Param("PropertyValue"))
		return r.say.T(key, name, value), ok
	}
	list, several := f.Param("PropertyValues").(*odata.Array)
	if !several {
		return "", false
	}
	var values []string
	for _, item := range list.Items {
		value, ok := r.value(item, c)
		if c.Date {
			value, ok = r.day(item)
		}
		if !ok {
			return "", false
		}
		values = append(values, value)
	}
	switch f.Name {
	case "In":
		return r.say.T("filter.eq", name, r.listed("or", values)), true
	case "NotIn":
		return r.say.T("filter.ne", name, r.listed("nor", values)), true
	case "ContainValues":
		return r.say.T("filter.contains", name, r.listed("or", values)), true
	case "DoesNotContainValues":
		return r.say.T("filter.not", r.say.T("filter.contains", name, r.listed("or", values))), true
	case "Between":
		return r.say.T("filter.between", name, values[0], values[len(values)-1]), len(values) == 2
	}
	return "", false
}

// day is a date that a query function has as a text.
func (r *Prose) day(e odata.Expr) (string, bool) {
	l, ok := e.(*odata.Literal)
	if !ok {
		return "", false
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, l.Text()); err == nil {
			return r.say.Date(at, " "), true
		}
	}
	return "", false
}

func (r *Prose) lambda(e *odata.Lambda, s scope) (string, bool) {
	path := slices.Clone(e.Path.Segments)
	if s.variable != "" && path[0] == s.variable {
		path = path[1:]
	}
	rows, c, ok := r.way(s.tables, strings.Join(path, "/"))
	if !ok {
		return "", false
	}
	if e.Body == nil {
		return r.say.T("filter.some", rows), true
	}
	body, _, ok := r.condition(e.Body, scope{tables: c.To, variable: e.Var})
	if e.All {
		return r.say.T("filter.all", rows, body), ok
	}
	return r.say.T("filter.any", rows, body), ok
}
