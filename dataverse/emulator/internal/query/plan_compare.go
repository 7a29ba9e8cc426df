package query

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/odata"
)

// constant is a value that a query names, read for the operand it is compared with.
type constant struct {
	text    string
	num     int64
	float   float64
	isFloat bool // a number or a moment with a fraction: compare as float
	guid    uuid.UUID
}

// constant reads text as a value of the operand's class; false if it is none.
func (x operand) constant(text string) (constant, bool) {
	var c constant
	var err error
	switch x.class {
	case classText:
		c.text = text
	case classGUID:
		c.guid, err = uuid.Parse(strings.Trim(text, "{}"))
	case classBool:
		switch strings.ToLower(text) {
		case "true", "1":
			c.num = 1
		case "false", "0":
		default:
			return c, false
		}
	case classFloat:
		c.float, err = strconv.ParseFloat(text, 64)
		c.isFloat = true
	case classNumber:
		if c.num, err = strconv.ParseInt(text, 10, 64); err != nil {
			c.float, err = strconv.ParseFloat(text, 64)
			c.isFloat = true
		}
	case classDay:
		t, ok := wire.ParseMoment(text)
		c.num = int64(math.Floor(float64(t.Unix()) / 86400))
		return c, ok
	case classMoment:
		t, ok := wire.ParseMoment(text)
		c.num = t.Unix()
		if t.Nanosecond() != 0 {
			c.float, c.isFloat = float64(c.num)+float64(t.Nanosecond())/1e9, true
		}
		return c, ok
	}
	return c, err == nil
}

// ofNull is what op makes of a column without a value.
func ofNull(n store.NullNegation, op odata.Op) truth {
	if op == odata.Ne && n != store.NullMatchesNothing {
		return yes
	}
	return unknown
}

// negated turns a condition into its negation.
func negated(n store.NullNegation, p predicate) predicate {
	return func(e *Env) truth {
		t := p(e)
		if t == unknown && n == store.NullMatchesNegation {
			return yes
		}
		return t.not()
	}
}

func holds(op odata.Op, order int) truth {
	switch op {
	case odata.Eq:
		return truthOf(order == 0)
	case odata.Ne:
		return truthOf(order != 0)
	case odata.Gt:
		return truthOf(order > 0)
	case odata.Ge:
		return truthOf(order >= 0)
	case odata.Lt:
		return truthOf(order < 0)
	}
	return truthOf(order <= 0)
}

// compare is the condition that the operand is in relation op to c.
func (x operand) compare(op odata.Op, c constant, nulls store.NullNegation) predicate {
	ofNull := ofNull(nulls, op)
	switch {
	case x.class == classText && op <= odata.Ne:
		return func(e *Env) truth {
			s, ok := x.text(e)
			if !ok {
				return ofNull
			}
			return truthOf(store.EqualText(s, c.text) == (op == odata.Eq))
		}
	case x.class == classText:
		return func(e *Env) truth {
			s, ok := x.text(e)
			if !ok {
				return ofNull
			}
			return holds(op, store.CompareText(s, c.text))
		}
	case x.class == classGUID:
		return func(e *Env) truth {
			g, ok := x.guid(e)
			if !ok {
				return ofNull
			}
			return holds(op, compareGUID(g, c.guid))
		}
	case x.class == classFloat:
		return func(e *Env) truth {
			f, ok := x.float(e)
			if !ok {
				return ofNull
			}
			return holds(op, cmp.Compare(f, c.float))
		}
	case c.isFloat:
		return func(e *Env) truth {
			n, ok := x.num(e)
			if !ok {
				return ofNull
			}
			return holds(op, cmp.Compare(float64(n), c.float))
		}
	}
	return func(e *Env) truth {
		n, ok := x.num(e)
		if !ok {
			return ofNull
		}
		return holds(op, cmp.Compare(n, c.num))
	}
}

func compareGUID(a, b uuid.UUID) int {
	for i := range a {
		if a[i] != b[i] {
			return store.OrderOf(a[i] < b[i])
		}
	}
	return 0
}

// compareTo is the condition that two operands are in relation op; false if their classes do not compare.
func (x operand) compareTo(op odata.Op, y operand, nulls store.NullNegation) (predicate, bool) {
	numeric := func(c class) bool { return c == classNumber || c == classFloat }
	if x.class != y.class && !(numeric(x.class) && numeric(y.class)) {
		return nil, false
	}
	ofNull := ofNull(nulls, op)
	if op == odata.Ne {
		ofNull = unknown // which side is null decides
	}
	oneNull := func(a, b bool) truth {
		if op == odata.Ne && a != b && nulls != store.NullMatchesNothing {
			return yes
		}
		return ofNull
	}
	switch {
	case x.class == classText:
		return func(e *Env) truth {
			a, ok := x.text(e)
			b, ok2 := y.text(e)
			if !ok || !ok2 {
				return oneNull(ok, ok2)
			}
			return holds(op, store.CompareText(a, b))
		}, true
	case x.class == classGUID:
		return func(e *Env) truth {
			a, ok := x.guid(e)
			b, ok2 := y.guid(e)
			if !ok || !ok2 {
				return oneNull(ok, ok2)
			}
			return holds(op, compareGUID(a, b))
		}, true
	case x.class == classFloat || y.class == classFloat:
		xf, yf := x.asFloat(), y.asFloat()
		return func(e *Env) truth {
			a, ok := xf(e)
			b, ok2 := yf(e)
			if !ok || !ok2 {
				return oneNull(ok, ok2)
			}
			return holds(op, cmp.Compare(a, b))
		}, true
	}
	return func(e *Env) truth {
		a, ok := x.num(e)
		b, ok2 := y.num(e)
		if !ok || !ok2 {
			return oneNull(ok, ok2)
		}
		return holds(op, cmp.Compare(a, b))
	}, true
}

func (x operand) asFloat() func(*Env) (float64, bool) {
	if x.class == classFloat {
		return x.float
	}
	return func(e *Env) (float64, bool) {
		n, ok := x.num(e)
		return float64(n), ok
	}
}
