package odata

import (
	"fmt"
	"strconv"
	"strings"
)

// Expand is a $expand.
type Expand []*ExpandItem

// ExpandItem is one related table, with options of its own.
type ExpandItem struct {
	Position
	Path    *Path // of one segment: Dataverse nests with $expand inside the parentheses
	Ref     bool  // path/$ref: only the link
	Select  Select
	Filter  Expr
	OrderBy OrderBy
	Top     *int
	Expand  Expand
}

// ParseExpand reads a $expand.
func ParseExpand(s string) (Expand, error) {
	p := newParser(s)
	list := p.expand()
	p.end()
	if p.err == nil {
		p.nestedOptions(list)
	}
	if p.err != nil {
		return nil, p.err
	}
	return list, nil
}

func (p *parser) expand() Expand {
	if p.depth++; p.depth > MaxDepth {
		p.fail(p.tok.pos, "Recursion depth exceeded allowed limit.")
	}
	defer func() { p.depth-- }()
	var list Expand
	for p.err == nil {
		x := &ExpandItem{Position: Position(p.tok.pos)}
		x.Path = &Path{x.Position, []string{p.text()}}
		p.ident()
		if p.expands++; p.expands > MaxExpand {
			p.fail(x.Pos(), fmt.Sprintf("The number of $expand options in the query exceeds the limit of %d.", MaxExpand))
		}
		if p.isPunct('/') {
			p.next()
			x.Ref = p.tok.kind == tOption && p.text() == "$ref"
			if !x.Ref {
				p.failAt(p.tok.pos, "Syntax error")
			}
			p.next()
		} else if p.isPunct('(') {
			p.next()
			p.options(x)
		}
		list = append(list, x)
		if !p.isPunct(',') {
			break
		}
		p.next()
	}
	return list
}

// options reads the options of one expanded table, up to the closing parenthesis.
func (p *parser) options(x *ExpandItem) {
	seen := map[string]bool{}
	for p.err == nil {
		pos, name := p.tok.pos, p.text()
		if p.tok.kind != tOption {
			p.failAt(pos, "Syntax error")
			return
		}
		if seen[name] {
			p.fail(pos, fmt.Sprintf("Query option '%s' was specified more than once, but it must be specified at most once.", name))
		}
		seen[name] = true
		p.next()
		p.punct('=', "Syntax error")
		switch name {
		case "$select":
			x.Select = p.selects()
		case "$filter":
			x.Filter = p.expr(0)
		case "$orderby":
			x.OrderBy = p.orders()
		case "$top":
			x.Top = p.top()
		case "$expand":
			x.Expand = p.expand()
		default: // $skip, $count, $search and $levels among them
			p.fail(pos, fmt.Sprintf("The query option '%s' is not supported within $expand.", name))
		}
		if p.isPunct(')') {
			p.next()
			return
		}
		p.punct(';', "')' or ';' expected")
	}
}

func (p *parser) top() *int {
	pos, text := p.tok.pos, p.text()
	p.next()
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		p.fail(pos, fmt.Sprintf("Invalid value '%s' for $top query option found. The $top query option requires a non-negative integer value.", text))
	}
	return &n
}

// nestedOptions refuses what Dataverse refuses once any $expand is nested.
func (p *parser) nestedOptions(list Expand) {
	nested := false
	for _, x := range list {
		nested = nested || len(x.Expand) > 0
	}
	if nested {
		list.walk(func(x *ExpandItem) {
			if x.Top != nil || len(x.OrderBy) > 0 {
				p.failExpand(x.Pos())
			}
		})
	}
}

const nestedExpand = "Only $select and $filter clause can be provided while doing $expand on many-to-one relationship or nested one-to-many relationship."

func (p *parser) failExpand(pos int) {
	if p.err == nil {
		p.err = &SyntaxError{Pos: pos, Msg: nestedExpand, Code: "0x80060888"}
	}
}

func (x Expand) walk(f func(*ExpandItem)) {
	for _, item := range x {
		f(item)
		item.Expand.walk(f)
	}
}

// String is the canonical text, as for Expr.
func (x Expand) String() string {
	return join(x, ",", func(b []byte, x *ExpandItem) []byte { return append(b, x.String()...) })
}

func (x *ExpandItem) String() string {
	if x.Ref {
		return x.Path.String() + "/$ref"
	}
	var options []string
	add := func(name, value string) { options = append(options, name+"="+value) }
	if len(x.Select) > 0 {
		add("$select", x.Select.String())
	}
	if x.Filter != nil {
		add("$filter", x.Filter.String())
	}
	if len(x.OrderBy) > 0 {
		add("$orderby", x.OrderBy.String())
	}
	if x.Top != nil {
		add("$top", strconv.Itoa(*x.Top))
	}
	if len(x.Expand) > 0 {
		add("$expand", x.Expand.String())
	}
	if options == nil {
		return x.Path.String()
	}
	return x.Path.String() + "(" + strings.Join(options, ";") + ")"
}
