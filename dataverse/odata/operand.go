package odata

import (
	"fmt"
	"strings"
)

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
	path := &Path{Position(pos), nil}
	if last := p.lastPath; last != nil && last.Segments[0] == first {
		path.Segments = last.Segments[:1:1] // most conditions of a long filter are about one column
	} else {
		path.Segments = []string{first}
		p.lastPath = path
	}
	for p.isPunct('/') {
		p.next()
		name := p.text()
		if !p.ident() || p.tooLong(path) {
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

// tooLong refuses a path of more than MaxDepth steps: each is a join.
func (p *parser) tooLong(path *Path) bool {
	if len(path.Segments) <= MaxDepth {
		return false
	}
	p.fail(path.Pos(), "Recursion depth exceeded allowed limit.")
	return true
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

func cutNamespace(name string) (string, bool) { return strings.CutPrefix(name, Namespace) }
