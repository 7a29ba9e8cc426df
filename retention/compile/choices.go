package compile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
)

// Choice is an option of a choice column that a filter of the policy names.
type Choice struct {
	Table, Column string
	Value         int
	Label         string // in the language of the caller
	// Others are all options of the column.
	Others []int
}

// choices notes the options that a filter names, wherever its paths lead.
func (c *checker) choices(e odata.Expr, t *table) {
	odata.Walk(e, func(n odata.Expr) bool {
		switch n := n.(type) {
		case *odata.Lambda:
			if body := c.behind(n, t); body != nil {
				c.choices(n.Body, body)
			}
			return false
		case *odata.Compare:
			c.named(n.Left, []odata.Expr{n.Right}, t)
			c.named(n.Right, []odata.Expr{n.Left}, t)
		case *odata.In:
			c.named(n.X, n.List, t)
		case *odata.Function:
			c.listed(n, t)
		}
		return true
	})
}

// behind is the table that a lambda goes through. Its paths begin with the lambda's variable.
func (c *checker) behind(l *odata.Lambda, t *table) *table {
	for _, nav := range l.Path.Segments {
		n, ok := t.Navigation(nav)
		if !ok || l.Body == nil {
			return nil
		}
		if t = c.model.get(n.Table); t == nil {
			return nil
		}
	}
	return t
}

// listed notes the options in a query function's list, which stand in it as texts.
func (c *checker) listed(f *odata.Function, t *table) {
	list, ok := f.Param("PropertyValues").(*odata.Array)
	if !ok || f.Property() == "" {
		return
	}
	var values []odata.Expr
	for _, item := range list.Items {
		if text, ok := item.Value.(string); ok {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				values = append(values, &odata.Literal{Kind: odata.Int, Value: n})
			}
		}
	}
	c.named(&odata.Path{Segments: strings.Split(f.Property(), "/")}, values, t)
}

func (c *checker) named(column odata.Expr, values []odata.Expr, t *table) {
	p, ok := column.(*odata.Path)
	if !ok || len(p.Segments) == 0 {
		return
	}
	a, owner := c.attributeAt(p.Segments, t)
	if a == nil && len(p.Segments) > 1 { // the variable of a lambda
		a, owner = c.attributeAt(p.Segments[1:], t)
	}
	if a == nil || len(a.Options) == 0 {
		return
	}
	for _, v := range values {
		l, ok := v.(*odata.Literal)
		if !ok {
			continue
		}
		value, ok := l.Value.(int64)
		if !ok {
			continue
		}
		c.choice(owner, a, int(value))
	}
}

// choice notes an option.
func (c *checker) choice(owner *table, a *dataverse.Attribute, value int) {
	x := Choice{Table: owner.LogicalName, Column: a.LogicalName, Value: value}
	for _, o := range a.Options {
		x.Others = append(x.Others, o.Value)
		if o.Value == x.Value {
			x.Label = o.Label
		}
	}
	slices.Sort(x.Others)
	if at, known := slices.BinarySearchFunc(c.out.Choices, x, Choice.compare); !known {
		c.out.Choices = slices.Insert(c.out.Choices, at, x)
	}
}

// fetched notes the options that a condition of a FetchXML query names.
func (c *checker) fetched(owner *table, a *dataverse.Attribute, condition *fetchxml.Condition) {
	if len(a.Options) == 0 {
		return
	}
	for _, text := range append([]string{condition.Value}, condition.Values...) {
		if n, err := strconv.Atoi(text); err == nil {
			c.choice(owner, a, n)
		}
	}
}

func (x Choice) compare(y Choice) int {
	return cmp.Or(cmp.Compare(x.Table, y.Table), cmp.Compare(x.Column, y.Column), cmp.Compare(x.Value, y.Value))
}

// attributeAt is the column that a path of navigation properties leads to.
func (c *checker) attributeAt(segments []string, t *table) (*dataverse.Attribute, *table) {
	for _, nav := range segments[:len(segments)-1] {
		n, ok := t.Navigation(nav)
		if !ok {
			return nil, nil
		}
		if t = c.model.get(n.Table); t == nil {
			return nil, nil
		}
	}
	return t.Attributes[segments[len(segments)-1]], t
}
