package odata

import "fmt"

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
	if op = p.text(); len(op) > 3 {
		return "", 0
	}
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

// operand reads an operand, with any not before it.
func (p *parser) operand() Expr {
	if p.depth++; p.depth > MaxDepth {
		p.fail(p.tok.pos, "Recursion depth exceeded allowed limit.")
	}
	e := p.atom()
	p.depth--
	return e
}

func (p *parser) atom() Expr {
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
