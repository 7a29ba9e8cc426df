package odata

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Check holds a filter against a table and returns the first thing that Dataverse would refuse, a *NameError or a
// *TypeError, or nil. An alias compares with everything: resolve it first, with [Resolve].
func Check(e Expr, table string, m Model) error {
	for _, err := range Problems(e, table, m) {
		var option *OptionError
		if !errors.As(err, &option) {
			return err
		}
	}
	return nil
}

// Problems holds a filter against a table and returns everything that is wrong with it: *NameError, *TypeError, and
// *OptionError for what Dataverse would let pass and answer with no rows.
func Problems(e Expr, table string, m Model) []error {
	c := newChecker(table, m)
	if c.errs == nil {
		if k := c.operand(e); !k.is(TypeBoolean) {
			c.typeError(e.Pos(), "The $filter expression must evaluate to a single boolean value.")
		}
	}
	return c.errs
}

type checker struct {
	model Model
	root  place
	scope []binding // of lambdas, the innermost last
	errs  []error
}

// place is a table that a path has come to.
type place struct {
	name  string
	table Table
}

type binding struct {
	name string
	place
}

func newChecker(table string, m Model) *checker {
	c := &checker{model: m}
	c.root, _ = c.table(0, table)
	return c
}

func (c *checker) table(pos int, name string) (place, bool) {
	t, ok := c.model.Table(name)
	if !ok {
		c.errs = append(c.errs, &NameError{Pos: pos, Name: name})
	}
	return place{name, t}, ok
}

func (c *checker) typeError(pos int, format string, args ...any) {
	c.errs = append(c.errs, &TypeError{pos, fmt.Sprintf(format, args...)})
}

// operandType is what an operand turned out to be.
type operandType struct {
	Type
	null    bool
	entity  string // a navigation property: not a value
	guid    bool   // a string literal that is a GUID: tolerated, webapi/query/filter-rows quotes one
	options []int
}

var (
	boolean = operandType{Type: TypeBoolean}
	unknown = operandType{}
)

func (k operandType) is(t Type) bool { return k.entity == "" && (k.Type == t || k.Type == TypeUnknown) }

func (k operandType) String() string {
	switch {
	case k.null:
		return "<null>"
	case k.entity != "":
		return Namespace + k.entity
	}
	return k.Type.String()
}

func (c *checker) operand(e Expr) operandType {
	switch e := e.(type) {
	case *Literal:
		return literalType(e)
	case *Path:
		return c.path(e, e.Segments)
	case *Compare:
		c.compare(e)
	case *In:
		c.in(e)
	case *Logic:
		for _, t := range e.Terms {
			if k := c.operand(t); !k.is(TypeBoolean) {
				c.errs = append(c.errs, &TypeError{t.Pos(), incompatible(logicKinds[e.Op], k.String(), TypeBoolean.String())})
			}
		}
	case *Not:
		if k := c.operand(e.X); !k.is(TypeBoolean) {
			c.typeError(e.Pos(), "A unary operator with an incompatible type was detected. Found operand type '%s' for operator kind 'Not'.", k)
		}
	case *Call:
		for _, a := range e.Args {
			if k := c.operand(a); !k.is(TypeString) {
				c.typeError(e.Pos(), "%s", noSignature(e.Name))
				break
			}
		}
	case *Function:
		c.function(e)
	case *Lambda:
		c.lambda(e)
	default:
		return unknown
	}
	return boolean
}

func literalType(l *Literal) operandType {
	switch l.Kind {
	case Null:
		return operandType{null: true}
	case Bool:
		return boolean
	case Int:
		if n, _ := l.Value.(int64); n < math.MinInt32 || n > math.MaxInt32 {
			return operandType{Type: TypeInt64}
		}
		return operandType{Type: TypeInt32}
	case Decimal:
		return operandType{Type: TypeDecimal}
	case String:
		return operandType{Type: TypeString, guid: isGUID(l.Text())}
	case GUID:
		return operandType{Type: TypeGUID}
	case Date:
		return operandType{Type: TypeDate}
	case DateTimeOffset:
		return operandType{Type: TypeDateTimeOffset}
	}
	return operandType{Type: TypeEnum}
}

func (c *checker) compare(e *Compare) {
	before := len(c.errs)
	left, right := c.operand(e.Left), c.operand(e.Right)
	if len(c.errs) > before {
		return
	}
	if !compares(left, right, e.Left, e.Right) || e.Op > Ne && (left.Type == TypeBoolean || right.Type == TypeBoolean) {
		c.errs = append(c.errs, &TypeError{e.Pos(), incompatible(opKinds[e.Op], left.String(), right.String())})
		return
	}
	l, isLeft := e.Left.(*Path)
	r, isRight := e.Right.(*Path)
	switch {
	case isLeft && isRight:
		if !slices.Equal(l.Segments[:len(l.Segments)-1], r.Segments[:len(r.Segments)-1]) {
			c.typeError(e.Pos(), "Columns of different tables cannot be compared.")
		}
	case isLeft:
		c.option(l, left, e.Right)
	case isRight:
		c.option(r, right, e.Left)
	}
}

// compares tells whether two operands compare. A date is taken for its midnight where a moment stands, not the
// other way round.
func compares(left, right operandType, l, r Expr) bool {
	if left.entity != "" || right.entity != "" {
		return false
	}
	if left.null || right.null || left.Type == TypeUnknown || right.Type == TypeUnknown {
		return true
	}
	if left.Type == right.Type {
		return left.Type != TypeBinary
	}
	if left.number() && right.number() {
		return true
	}
	return fits(left, right, l) || fits(right, left, r)
}

// fits tells whether the literal e, of type k, can stand where a column of type want is compared.
func fits(k, want operandType, e Expr) bool {
	if _, ok := e.(*Literal); !ok {
		return false
	}
	return k.guid && want.Type == TypeGUID || k.Type == TypeDate && want.Type == TypeDateTimeOffset
}

func (t Type) number() bool {
	return t == TypeInt32 || t == TypeInt64 || t == TypeDecimal || t == TypeDouble
}

func (c *checker) in(e *In) {
	before := len(c.errs)
	left := c.operand(e.X)
	if len(c.errs) > before {
		return
	}
	for _, x := range e.List {
		right := c.operand(x)
		if !compares(left, right, e.X, x) {
			c.errs = append(c.errs, &TypeError{x.Pos(), incompatible(opKinds[Eq], left.String(), right.String())})
		} else if path, ok := e.X.(*Path); ok {
			c.option(path, left, x)
		}
	}
}

// option checks that a literal is one of a choice column's options. Several choices are written as one text, '1,2'.
func (c *checker) option(p *Path, k operandType, value Expr) {
	l, ok := value.(*Literal)
	if !ok || l.Kind == Null {
		return
	}
	c.optionText(l.Pos(), p.Segments[len(p.Segments)-1], k, l.Text())
}

func (c *checker) optionText(pos int, property string, k operandType, text string) {
	if len(k.options) == 0 {
		return
	}
	for v := range strings.SplitSeq(text, ",") {
		v = strings.TrimSpace(v)
		if n, err := strconv.Atoi(v); err != nil || !slices.Contains(k.options, n) {
			c.errs = append(c.errs, &OptionError{pos, property, v, k.options})
		}
	}
}
