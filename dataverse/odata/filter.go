package odata

import (
	"fmt"
	"strings"
)

// ParseFilter reads a $filter. Its errors are *SyntaxError.
func ParseFilter(s string) (Expr, error) {
	p := newParser(s)
	e := p.expr(0)
	p.end()
	if p.err != nil {
		return nil, p.err
	}
	return e, nil
}

// ParseValue reads the value of a parameter alias: a literal, an array, or the path of a column.
func ParseValue(s string) (Expr, error) {
	p := newParser(s)
	var e Expr
	if p.isPunct('[') {
		e = p.array()
	} else {
		e = p.primary()
	}
	p.end()
	if p.err != nil {
		return nil, p.err
	}
	switch e.(type) {
	case *Literal, *Array, *Path:
		return e, nil
	}
	return nil, &SyntaxError{Msg: "The value of a parameter alias is a literal, an array or the name of a column."}
}

// How tight the operators bind.
const (
	precOr = iota + 1
	precAnd
	precEquality
	precRelation
	precIn
)

// infix tells which operator the current token is, and how tight it binds; 0 if it is none.
func (p *parser) infix() (op string, prec int) {
	if p.tok.kind != tIdent {
		return "", 0
	}
	op = p.text()
	switch op {
	case "or":
		return op, precOr
	case "and":
		return op, precAnd
	case "eq", "ne":
		return op, precEquality
	case "gt", "ge", "lt", "le":
		return op, precRelation
	case "in":
		return op, precIn
	case "add", "sub", "mul", "div", "mod", "has":
		p.fail(p.tok.pos, fmt.Sprintf("The operator '%s' is not supported in a filter.", op))
	}
	return "", 0
}

// expr reads operands and the operators between them that bind tighter than min.
func (p *parser) expr(min int) Expr {
	left := p.operand()
	for p.err == nil {
		op, prec := p.infix()
		if prec <= min {
			break
		}
		p.next()
		left = p.binary(left, op, prec)
	}
	return left
}

func (p *parser) binary(left Expr, op string, prec int) Expr {
	pos := Position(left.Pos())
	switch prec {
	case precOr, precAnd:
		l := &Logic{pos, And, []Expr{left}}
		if prec == precOr {
			l.Op = Or
		}
		for {
			l.Terms = append(l.Terms, p.expr(prec))
			if next, _ := p.infix(); next != op {
				return l
			}
			p.next()
		}
	case precIn:
		return &In{pos, left, p.list()}
	}
	right := p.expr(prec)
	p.condition(left.Pos())
	for o, name := range opNames {
		if name == op {
			return &Compare{pos, Op(o), left, right}
		}
	}
	panic("unreachable: " + op)
}

// condition counts a condition.
func (p *parser) condition(pos int) {
	if p.conditions++; p.conditions > MaxConditions && p.err == nil {
		p.fail(pos, "Number of conditions in query exceeded maximum limit.")
		p.err.Code = "0x8004430C"
	}
}

// operand reads what stands between operators, with any not before it.
func (p *parser) operand() Expr {
	if p.depth++; p.depth > MaxDepth {
		p.fail(p.tok.pos, "Recursion depth exceeded allowed limit.")
	}
	defer func() { p.depth-- }()
	switch {
	case p.isPunct('('):
		p.next()
		e := p.expr(0)
		p.punct(')', "')' or operator expected")
		return e
	case p.tok.kind == tIdent && p.text() == "not" && !p.before('/'):
		pos := p.tok.pos
		p.next()
		x := p.operand()
		if p.err == nil && hasFunction(x) {
			p.fail(pos, "Not operator along with the Custom Named Condition operators is not allowed")
		}
		return &Not{Position(pos), x}
	}
	return p.primary()
}

// hasFunction tells whether a not before e would negate a query function (webapi/use-web-api-functions). A lambda's
// inside is a query of its own.
func hasFunction(e Expr) bool {
	found := false
	Walk(e, func(e Expr) bool {
		switch e.(type) {
		case *Function:
			found = true
		case *Lambda:
			return false
		}
		return !found
	})
	return found
}

func (p *parser) primary() Expr {
	t := p.tok
	switch t.kind {
	case tValue:
		p.next()
		return t.value
	case tAlias:
		p.next()
		return &Alias{Position(t.pos), p.s[t.pos+1 : t.end]}
	case tIdent:
		name := p.text()
		switch name {
		case "null", "true", "false":
			if !p.before('/') {
				p.next()
				return word(t.pos, name)
			}
		}
		p.next()
		if p.isPunct('(') {
			return p.call(name, t.pos)
		}
		return p.path(name, t.pos)
	}
	p.failAt(t.pos, "Expression expected")
	return nil
}

func word(pos int, name string) *Literal {
	if name == "null" {
		return &Literal{Position(pos), Null, nil}
	}
	return &Literal{Position(pos), Bool, name == "true"}
}

// path reads the segments behind the first, and the any or all that may follow them.
func (p *parser) path(first string, pos int) Expr {
	path := &Path{Position(pos), []string{first}}
	for p.isPunct('/') {
		p.next()
		name := p.text()
		if !p.ident() {
			return nil
		}
		if (name == "any" || name == "all") && p.isPunct('(') {
			return p.lambda(path, name == "all")
		}
		path.Segments = append(path.Segments, name)
	}
	if p.isPunct('(') {
		p.unknownFunction(path.Segments[len(path.Segments)-1], pos)
	}
	return path
}

func (p *parser) lambda(path *Path, all bool) Expr {
	l := &Lambda{Position: path.Position, All: all, Path: path}
	p.next()
	if p.isPunct(')') && !all {
		p.next()
		return l
	}
	l.Var = p.text()
	if p.ident() {
		p.punct(':', "':' expected")
	}
	if strings.Contains(l.Var, ".") {
		p.failAt(path.Pos(), "Syntax error")
	}
	l.Body = p.expr(0)
	p.punct(')', "')' or operator expected")
	return l
}

func (p *parser) call(name string, pos int) Expr {
	if short, ok := cutNamespace(name); ok {
		return p.function(short, pos)
	}
	if name != "contains" && name != "startswith" && name != "endswith" {
		p.unknownFunction(name, pos)
		return nil
	}
	c := &Call{Position(pos), name, nil}
	p.next()
	for !p.isPunct(')') && p.err == nil {
		if len(c.Args) > 0 {
			p.punct(',', "')' or ',' expected")
		}
		c.Args = append(c.Args, p.primary())
	}
	p.punct(')', "')' or ',' expected")
	if p.err == nil && len(c.Args) != 2 {
		p.fail(pos, noSignature(name))
	}
	p.condition(pos)
	return c
}

func noSignature(name string) string {
	return fmt.Sprintf("No function signature for the function with name '%s' matches the specified arguments. The function signatures considered are: %[1]s(Edm.String Nullable=true, Edm.String Nullable=true).", name)
}

func (p *parser) unknownFunction(name string, pos int) {
	p.fail(pos, fmt.Sprintf("An unknown function with name '%s' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed.", name))
}

// list reads the right side of in.
func (p *parser) list() []Expr {
	p.punct('(', "'(' expected")
	var list []Expr
	for p.err == nil {
		x := p.primary()
		switch x.(type) {
		case *Literal, *Alias:
		default:
			if p.err == nil {
				p.failAt(x.Pos(), "Expression expected")
			}
		}
		list = append(list, x)
		if !p.isPunct(',') {
			break
		}
		p.next()
	}
	p.punct(')', "')' or ',' expected")
	p.condition(p.tok.pos)
	return list
}

func (p *parser) isPunct(c byte) bool { return p.tok.kind == tPunct && p.tok.punct == c }

// before tells whether c follows the current token.
func (p *parser) before(c byte) bool {
	i := p.pos
	for i < len(p.s) && isSpace(p.s[i]) {
		i++
	}
	return i < len(p.s) && p.s[i] == c
}

// punct moves over c, or fails.
func (p *parser) punct(c byte, expected string) {
	if !p.isPunct(c) {
		p.failAt(p.tok.pos, expected)
		return
	}
	p.next()
}

// ident moves over a name, or fails.
func (p *parser) ident() bool {
	if p.tok.kind != tIdent {
		p.failAt(p.tok.pos, "Syntax error")
		return false
	}
	p.next()
	return p.err == nil
}

// end fails unless the whole text was read.
func (p *parser) end() {
	if p.err == nil && p.tok.kind != tEOF {
		p.failAt(p.tok.pos, "Syntax error")
	}
}

func cutNamespace(name string) (string, bool) { return strings.CutPrefix(name, Namespace) }
