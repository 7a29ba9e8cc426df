package odata

import "fmt"

// Apply is a $apply: any number of filters, then a grouping or an aggregation.
type Apply []Step

// Step is one transformation: *FilterStep, *GroupStep or *AggregateStep.
type Step interface {
	Pos() int
	String() string
}

// FilterStep keeps the rows that match.
type FilterStep struct {
	Position
	Filter Expr
}

// GroupStep makes one row of each group.
type GroupStep struct {
	Position
	By         []*Path
	Aggregates []Aggregate
}

// AggregateStep makes one row of all.
type AggregateStep struct {
	Position
	Aggregates []Aggregate
}

// Method is how an Aggregate computes.
type Method uint8

// The methods that Dataverse has; counting distinct values is not among them (webapi/query/aggregate-data).
const (
	Count Method = iota // of rows, $count: it has no Path
	Sum
	Average
	Min
	Max
)

var methodNames = [...]string{Count: "$count", Sum: "sum", Average: "average", Min: "min", Max: "max"}

func (m Method) String() string { return methodNames[m] }

// Aggregate is a value over several rows.
type Aggregate struct {
	Position
	Method Method
	Path   *Path
	As     string
}

// ParseApply reads a $apply.
func ParseApply(s string) (Apply, error) {
	p := newParser(s)
	var list Apply
	for {
		step := p.step()
		if p.err != nil {
			return nil, p.err
		}
		list = append(list, step)
		if _, more := step.(*FilterStep); !more || !p.isPunct('/') {
			break
		}
		p.next()
	}
	p.end()
	if p.err != nil {
		return nil, p.err
	}
	return list, nil
}

func (p *parser) step() Step {
	pos, name := p.tok.pos, p.text()
	if !p.ident() {
		return nil
	}
	switch name {
	case "filter", "groupby", "aggregate":
		p.punct('(', "'(' expected")
	default:
		p.fail(pos, fmt.Sprintf("The transformation '%s' is not supported in $apply.", name))
		return nil
	}
	var step Step
	switch name {
	case "filter":
		step = &FilterStep{Position(pos), p.expr(0)}
	case "groupby":
		step = p.group(pos)
	case "aggregate":
		return &AggregateStep{Position(pos), p.aggregates()}
	}
	p.punct(')', "')' or ',' expected")
	return step
}

func (p *parser) group(pos int) *GroupStep {
	g := &GroupStep{Position: Position(pos)}
	p.punct('(', "'(' expected")
	for p.err == nil {
		if path := p.plainPath(); path != nil {
			g.By = append(g.By, path)
		}
		if !p.isPunct(',') {
			break
		}
		p.next()
	}
	p.punct(')', "')' or ',' expected")
	if !p.isPunct(',') {
		return g
	}
	p.next()
	if p.tok.kind != tIdent || p.text() != "aggregate" {
		p.failAt(p.tok.pos, "Syntax error")
		return g
	}
	p.next()
	p.punct('(', "'(' expected")
	g.Aggregates = p.aggregates()
	return g
}

// aggregates reads the inside of aggregate( and the parenthesis behind it.
func (p *parser) aggregates() []Aggregate {
	var list []Aggregate
	for p.err == nil {
		a := Aggregate{Position: Position(p.tok.pos)}
		if p.tok.kind == tOption && p.text() == "$count" {
			p.next()
		} else if a.Path = p.plainPath(); a.Path != nil {
			p.keyword("with")
			a.Method = p.method()
		}
		p.keyword("as")
		a.As = p.text()
		p.ident()
		list = append(list, a)
		if !p.isPunct(',') {
			break
		}
		p.next()
	}
	p.punct(')', "')' or ',' expected")
	return list
}

func (p *parser) keyword(word string) {
	if p.tok.kind != tIdent || p.text() != word {
		p.failAt(p.tok.pos, fmt.Sprintf("'%s' expected", word))
		return
	}
	p.next()
}

func (p *parser) method() Method {
	pos, name := p.tok.pos, p.text()
	if !p.ident() {
		return Count
	}
	for m := Sum; m <= Max; m++ {
		if methodNames[m] == name {
			return m
		}
	}
	p.fail(pos, fmt.Sprintf("The aggregation method '%s' is not supported.", name))
	return Count
}

// String is the canonical text, as for Expr.
func (a Apply) String() string {
	return join(a, "/", func(b []byte, s Step) []byte { return append(b, s.String()...) })
}

func (s *FilterStep) String() string { return "filter(" + s.Filter.String() + ")" }

func (s *GroupStep) String() string {
	text := "groupby((" + Select(s.By).String() + ")"
	if len(s.Aggregates) > 0 {
		text += "," + aggregateText(s.Aggregates)
	}
	return text + ")"
}

func (s *AggregateStep) String() string { return aggregateText(s.Aggregates) }

func aggregateText(list []Aggregate) string {
	return "aggregate(" + join(list, ",", func(b []byte, a Aggregate) []byte {
		if a.Path == nil {
			b = append(b, "$count"...)
		} else {
			b = append(append(a.Path.appendTo(b), " with "...), a.Method.String()...)
		}
		return append(append(b, " as "...), a.As...)
	}) + ")"
}
