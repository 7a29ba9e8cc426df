package query

import (
	"strings"

	"github.com/gallra/gallra/dataverse/fetchxml"
)

// either reads conditions held together by OR.
func (p *sqlParser) either() (*sqlCondition, error) { return p.series("or", p.both) }

// both reads conditions held together by AND.
func (p *sqlParser) both() (*sqlCondition, error) { return p.series("and", p.condition) }

func (p *sqlParser) series(word string, read func() (*sqlCondition, error)) (*sqlCondition, error) {
	first, err := read()
	if err != nil || !p.is(word) {
		return first, err
	}
	c := &sqlCondition{or: word == "or", parts: []*sqlCondition{first}}
	for p.take(word) {
		next, err := read()
		if err != nil {
			return nil, err
		}
		c.parts = append(c.parts, next)
	}
	return c, nil
}

// sqlOperators are the signs, and what they are once negated.
var sqlOperators = map[string]fetchxml.Operator{"=": fetchxml.Eq, "<>": fetchxml.Ne, "!=": fetchxml.Ne, ">": fetchxml.Gt, ">=": fetchxml.Ge, "<": fetchxml.Lt, "<=": fetchxml.Le}

// sqlOpposites are the negations of operators.
var sqlOpposites = map[fetchxml.Operator]fetchxml.Operator{"eq": "ne", "ne": "eq", "gt": "le", "le": "gt", "lt": "ge", "ge": "lt", "in": "not-in", "not-in": "in",
	"like": "not-like", "not-like": "like", "null": "not-null", "not-null": "null", "between": "not-between", "not-between": "between"}

func (c *sqlCondition) negate() {
	c.or = !c.or
	c.operator = sqlOpposites[c.operator]
	for _, part := range c.parts {
		part.negate()
	}
}

func (p *sqlParser) condition() (*sqlCondition, error) {
	if p.take("not") {
		c, err := p.condition()
		if err == nil {
			c.negate()
		}
		return c, err
	}
	if p.is("exists") {
		return nil, sqlError("a query within the query")
	}
	if p.take("(") {
		c, err := p.either()
		if err != nil {
			return nil, err
		}
		return c, p.need(")")
	}
	name, err := p.columnName()
	if err != nil {
		return nil, err
	}
	c := &sqlCondition{name: name}
	if p.take("is") {
		c.operator = "null"
		if p.take("not") {
			c.operator = "not-null"
		}
		return c, p.need("null")
	}
	negated := p.take("not")
	switch {
	case p.take("like"):
		c.operator = "like"
		err = p.value(c)
	case p.take("in"):
		c.operator = "in"
		if err := p.need("("); err != nil {
			return nil, err
		}
		if p.is("select") {
			return nil, sqlError("a query within the query")
		}
		if err := p.list(func() error { return p.value(c) }); err != nil {
			return nil, err
		}
		err = p.need(")")
	case p.take("between"):
		c.operator = "between"
		if err := p.value(c); err != nil {
			return nil, err
		}
		if err := p.need("and"); err != nil {
			return nil, err
		}
		err = p.value(c)
	default:
		if p.done() || sqlOperators[p.tokens[p.at].text] == "" || p.tokens[p.at].quoted || negated {
			return nil, p.unexpected()
		}
		c.operator = sqlOperators[p.tokens[p.at].text]
		p.at++
		err = p.comparand(c)
	}
	if negated {
		c.operator = sqlOpposites[c.operator]
	}
	return c, err
}

// comparand reads a value or a column to compare with.
func (p *sqlParser) comparand(c *sqlCondition) error {
	if !p.done() {
		if t := p.tokens[p.at]; t.name || !t.quoted && t.text != "" && !strings.ContainsAny(t.text[:1], "0123456789-(") && isSQLWord(t.text[0]) {
			n, err := p.columnName()
			c.valueOf = &n
			return err
		}
	}
	return p.value(c)
}

// value reads a literal: a text or a number.
func (p *sqlParser) value(c *sqlCondition) error {
	if p.is("(") {
		return sqlError("a query within the query")
	}
	if p.done() || !p.tokens[p.at].quoted && !strings.ContainsAny(p.tokens[p.at].text[:1], "0123456789-") {
		return p.unexpected()
	}
	c.values = append(c.values, p.tokens[p.at].text)
	p.at++
	return nil
}
