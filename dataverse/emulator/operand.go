package emulator

import (
	"github.com/google/uuid"
)

// truth is the value of a condition. A condition over null is neither true nor false.
type truth uint8

const (
	no truth = iota
	yes
	unknown
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// predicate is a compiled condition on the rows at hand.
type predicate func(*env) truth

// class is how values are compared.
type class uint8

const (
	classText   class = iota
	classNumber       // int64
	classFloat
	classBool
	classMoment // seconds
	classDay    // days
	classGUID
)

// operand is one side of a comparison that depends on the rows at hand. The function that fits its class is set.
type operand struct {
	class class
	table *table  // of the column
	col   *column // nil where the value is computed
	slot  int     // -1 where the row is reached over a path
	// via is the queried table's lookup whose target's key this is, nil if it is none.
	via      *column
	viaTable *table
	text     func(*env) (string, bool)
	num      func(*env) (int64, bool) // classNumber, classBool, classMoment and classDay
	float    func(*env) (float64, bool)
	guid     func(*env) (uuid.UUID, bool)
}

// rowFunc finds a row from the rows at hand, nil if there is none.
type rowFunc func(*env) *row

func atSlot(slot int) rowFunc { return func(e *env) *row { return e.rows[slot] } }

// over follows a lookup to a row of the target table.
func (at rowFunc) over(column int, target *source) rowFunc {
	name := target.tab.Name
	var known map[uuid.UUID]*row
	asked := 0
	return func(e *env) *row {
		r := at(e)
		if r == nil {
			return nil
		}
		to, ok := r.get(column).(ref)
		if !ok || to.Table != name && to.Table != activityPointer && name != activityPointer {
			return nil
		}
		if asked++; asked < worthKnowing || target.rows.len() > maxKnown {
			return target.get(e, to.ID)
		}
		if known == nil {
			known = make(map[uuid.UUID]*row, target.rows.len())
		}
		found, before := known[to.ID]
		if !before {
			found = target.get(e, to.ID)
			if len(known) <= maxKnown {
				known[to.ID] = found
			}
		}
		return found
	}
}

// A query that goes over a lookup again and again remembers where it led, if the table it leads to is not too large.
const (
	worthKnowing = 4096
	maxKnown     = 1 << 16
)

func classOf(c *column) class {
	switch c.kind {
	case kindLookup, kindGUID:
		return classGUID
	case kindPicklist, kindState, kindStatus, kindInteger, kindBigInt:
		return classNumber
	case kindBoolean:
		return classBool
	case kindDecimal, kindDouble, kindMoney:
		return classFloat
	case kindDateTime:
		if c.dateOnly() {
			return classDay
		}
		return classMoment
	}
	return classText
}

// column is a column of the row that at finds.
func (at rowFunc) column(t *table, c *column) operand {
	x := operand{class: classOf(c), table: t, col: c, slot: -1}
	i := c.index
	switch x.class {
	case classText:
		x.text = func(e *env) (string, bool) {
			if r := at(e); r != nil {
				s, ok := r.get(i).(string)
				return s, ok
			}
			return "", false
		}
	case classGUID:
		x.guid = at.guid(t, c)
	case classFloat:
		x.float = func(e *env) (float64, bool) {
			if r := at(e); r != nil {
				f, ok := r.get(i).(float64)
				return f, ok
			}
			return 0, false
		}
	default:
		x.num = at.number(c)
	}
	return x
}

func (at rowFunc) guid(t *table, c *column) func(*env) (uuid.UUID, bool) {
	if c.Name == t.ID {
		return func(e *env) (uuid.UUID, bool) {
			if r := at(e); r != nil {
				return r.id, true
			}
			return uuid.Nil, false
		}
	}
	i := c.index
	return func(e *env) (uuid.UUID, bool) {
		if r := at(e); r != nil {
			return pointsAt(r.get(i))
		}
		return uuid.Nil, false
	}
}

func (at rowFunc) number(c *column) func(*env) (int64, bool) {
	if c.Name == versionNumber {
		return func(e *env) (int64, bool) {
			if r := at(e); r != nil {
				return r.version, true
			}
			return 0, false
		}
	}
	i := c.index
	return func(e *env) (int64, bool) {
		r := at(e)
		if r == nil {
			return 0, false
		}
		switch v := r.get(i).(type) {
		case int64:
			return v, true
		case instant:
			return int64(v), true
		case day:
			return int64(v), true
		case bool:
			if v {
				return 1, true
			}
			return 0, true
		}
		return 0, false
	}
}

// name is the primary name of the row that a lookup points at: what lookups are ordered by.
func (at rowFunc) name(c *column) operand {
	i := c.index
	return operand{class: classText, slot: -1, text: func(e *env) (string, bool) {
		if r := at(e); r != nil {
			if to, ok := r.get(i).(ref); ok {
				return e.lookupName(r, c, to)
			}
		}
		return "", false
	}}
}

// null tells whether the operand has no value.
func (x operand) null(e *env) bool {
	var ok bool
	switch x.class {
	case classText:
		_, ok = x.text(e)
	case classFloat:
		_, ok = x.float(e)
	case classGUID:
		_, ok = x.guid(e)
	default:
		_, ok = x.num(e)
	}
	return !ok
}

func (x operand) isNull() predicate {
	return func(e *env) truth { return truthOf(x.null(e)) }
}

func (x operand) isNotNull() predicate {
	return func(e *env) truth { return truthOf(!x.null(e)) }
}
