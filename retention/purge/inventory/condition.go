package inventory

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/purge/environment"
)

// The condition of a rule, worked out here for rows that the service cannot be asked about by it: retained rows are read one
// table a query, few queries a day. What cannot be told for certain is not guessed: a row of which it depends stays.

// Verdict is what a condition says of a row. Only yes is a match.
type Verdict int

const (
	no     Verdict = iota
	null           // compared with nothing: no match, and its negation is none either
	Cannot         // be told from the row alone, or for certain
	Yes
)

func (v Verdict) not() Verdict {
	switch v {
	case no:
		return Yes
	case Yes:
		return no
	}
	return v
}

// Condition is a filter over the rows of a table.
type Condition struct {
	table *dataverse.Table
	expr  odata.Expr // nil: every row matches
}

func NewCondition(t *dataverse.Table, where string) *Condition {
	if where == "" {
		return &Condition{table: t}
	}
	e, err := odata.ParseFilter(where)
	if err != nil { // the policy was checked: it is a text of a newer service
		return &Condition{table: t, expr: &odata.Lambda{}}
	}
	return &Condition{table: t, expr: e}
}

// Columns are the logical names of what the condition looks at.
func (c *Condition) Columns() []string {
	var out []string
	if c.expr == nil {
		return nil
	}
	odata.Walk(c.expr, func(e odata.Expr) bool {
		p, ok := e.(*odata.Path)
		if !ok {
			_, inner := e.(*odata.Lambda)
			return !inner
		}
		a := c.attribute(p.Segments[0])
		if len(p.Segments) > 1 {
			a, _ = c.lookup(p.Segments[0])
		}
		if a != nil && a.MaxLength < environment.LargeText && !slices.Contains(out, a.LogicalName) {
			out = append(out, a.LogicalName)
		}
		return true
	})
	return out
}

// attribute is the column that a name of the Web API means.
func (c *Condition) attribute(name string) *dataverse.Attribute {
	if inner, ok := strings.CutPrefix(name, "_"); ok {
		if a := c.table.Attributes[strings.TrimSuffix(inner, "_value")]; a != nil && environment.IsLookup(a) {
			return readable(a)
		}
	}
	if a := c.table.Attributes[name]; a != nil && !environment.IsLookup(a) {
		return readable(a)
	}
	return nil
}

// lookup is the lookup that the first step of a path follows, and the table that it leads to, if it says so.
func (c *Condition) lookup(step string) (a *dataverse.Attribute, target string) {
	for _, r := range c.table.ManyToOne {
		if r.ReferencingNav == step || r.ReferencingAttribute+"_"+r.Referenced == step {
			return readable(c.table.Attributes[r.ReferencingAttribute]), r.Referenced
		}
	}
	if a := c.table.Attributes[step]; a != nil && environment.IsLookup(a) {
		return readable(a), ""
	}
	return nil, ""
}

func readable(a *dataverse.Attribute) *dataverse.Attribute {
	if a == nil || !a.ForRead || a.Secured || a.AttributeOf != "" {
		return nil
	}
	return a
}

func (c *Condition) Of(row dataverse.Row) Verdict {
	if c.expr == nil {
		return Yes
	}
	return c.judge(c.expr, row)
}

func (c *Condition) judge(e odata.Expr, row dataverse.Row) Verdict {
	switch e := e.(type) {
	case *odata.Logic:
		return c.logic(e, row)
	case *odata.Not:
		return c.judge(e.X, row).not()
	case *odata.Compare:
		return c.compare(e.Op, e.Left, e.Right, row)
	case *odata.In:
		any := no
		for _, l := range e.List {
			any = max(any, c.compare(odata.Eq, e.X, l, row)) // as terms that are joined by or
		}
		return any
	case *odata.Call:
		return c.call(e, row)
	}
	return Cannot // functions of the service, collections
}

func (c *Condition) logic(e *odata.Logic, row dataverse.Row) Verdict {
	out := no
	if e.Op == odata.And {
		out = Yes
	}
	for _, t := range e.Terms {
		v := c.judge(t, row)
		switch {
		case e.Op == odata.Or:
			out = max(out, v)
		case v == no || out == no:
			out = no
		case v == Cannot || out == Cannot:
			out = Cannot
		case v == null:
			out = null
		}
	}
	return out
}

// value is what a path leads to in a row. A path over a lookup that is empty, or leads to another table, ends in null.
func (c *Condition) value(e odata.Expr, row dataverse.Row) (a *dataverse.Attribute, v any, known bool) {
	p, ok := e.(*odata.Path)
	if !ok {
		return nil, nil, false
	}
	if len(p.Segments) > 1 {
		link, target := c.lookup(p.Segments[0])
		if link == nil {
			return nil, nil, false
		}
		is := row.Target(link.LogicalName)
		empty := row.ID(link.LogicalName) == uuid.Nil
		return nil, nil, empty || is != "" && target != "" && is != target
	}
	if a = c.attribute(p.Segments[0]); a == nil || a.MaxLength >= environment.LargeText {
		return nil, nil, false
	}
	return a, row[p.Segments[0]], true
}

func (c *Condition) compare(op odata.Op, left, right odata.Expr, row dataverse.Row) Verdict {
	a, v, known := c.value(left, row)
	l, ok := right.(*odata.Literal)
	if !known || !ok {
		return Cannot
	}
	if l.Kind == odata.Null {
		is := no
		if v == nil {
			is = Yes
		}
		switch op {
		case odata.Eq:
			return is
		case odata.Ne:
			return is.not()
		}
		return Cannot
	}
	if v == nil {
		if op == odata.Ne {
			return Cannot // the service may take nothing for something else
		}
		return null
	}
	if a == nil {
		return Cannot
	}
	order, ok := 0, false
	switch x := v.(type) {
	case bool:
		b, isBool := l.Value.(bool)
		if ok = isBool && (op == odata.Eq || op == odata.Ne); b != x {
			order = 1
		}
	case json.Number:
		m, ok1 := new(big.Rat).SetString(x.String())
		n, ok2 := new(big.Rat).SetString(l.Text())
		if ok = ok1 && ok2 && (l.Kind == odata.Int || l.Kind == odata.Decimal); ok {
			order = m.Cmp(n)
		}
	case string:
		return c.compareText(a, op, x, l, row)
	}
	if !ok {
		return Cannot
	}
	return ordered(op, order)
}

func (c *Condition) compareText(a *dataverse.Attribute, op odata.Op, x string, l *odata.Literal, row dataverse.Row) Verdict {
	switch {
	case environment.IsText(a) && l.Kind == odata.String && (op == odata.Eq || op == odata.Ne):
		is := sameText(x, l.Value.(string))
		if op == odata.Ne {
			return is.not()
		}
		return is
	case l.Kind == odata.GUID && (op == odata.Eq || op == odata.Ne):
		id, err := uuid.Parse(strings.TrimSpace(x))
		if err != nil {
			return Cannot
		}
		order := 1
		if id == l.Value.(uuid.UUID) {
			order = 0
		}
		return ordered(op, order)
	case a.Type == "DateTime" && (l.Kind == odata.DateTimeOffset && a.DateTimeBehavior == "UserLocal" && a.Format != "DateOnly" || l.Kind == odata.Date && a.DateTimeBehavior == "DateOnly"):
		if at, ok := row.Time(a.LogicalName); ok {
			return ordered(op, at.Compare(l.Value.(time.Time)))
		}
	}
	return Cannot
}

func ordered(op odata.Op, order int) Verdict {
	var is bool
	switch op {
	case odata.Eq:
		is = order == 0
	case odata.Ne:
		is = order != 0
	case odata.Gt:
		is = order > 0
	case odata.Ge:
		is = order >= 0
	case odata.Lt:
		is = order < 0
	case odata.Le:
		is = order <= 0
	}
	if is {
		return Yes
	}
	return no
}

// sameText compares as the service does, without regard to case. What it does with accents and with blanks at the end
// depends on the collation of the database: that cannot be told.
func sameText(x, y string) Verdict {
	switch {
	case strings.EqualFold(x, y):
		return Yes
	case !ascii(x) || !ascii(y), strings.EqualFold(strings.TrimSpace(x), strings.TrimSpace(y)):
		return Cannot
	}
	return no
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

func (c *Condition) call(e *odata.Call, row dataverse.Row) Verdict {
	if len(e.Args) != 2 {
		return Cannot
	}
	a, v, known := c.value(e.Args[0], row)
	l, ok := e.Args[1].(*odata.Literal)
	switch {
	case !known || !ok || l.Kind != odata.String:
		return Cannot
	case v == nil:
		return null
	}
	x, ok := v.(string)
	part := l.Value.(string)
	if !ok || a == nil || !environment.IsText(a) || strings.ContainsAny(part, "%_[]") { // wildcards work in the service
		return Cannot
	}
	is := false
	switch low, sought := strings.ToLower(x), strings.ToLower(part); e.Name {
	case "contains":
		is = strings.Contains(low, sought)
	case "startswith":
		is = strings.HasPrefix(low, sought)
	case "endswith":
		is = strings.HasSuffix(low, sought)
	default:
		return Cannot
	}
	switch {
	case is:
		return Yes
	case !ascii(x) || !ascii(part) || strings.TrimSpace(x) != x || strings.TrimSpace(part) != part:
		return Cannot
	}
	return no
}
