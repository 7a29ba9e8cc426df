package query

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
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
type predicate func(*Env) truth

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
	table *schema.Table  // of the column
	col   *schema.Column // nil where the value is computed
	slot  int            // -1 where the row is reached over a path
	via   []hop          // the lookups that lead here from the table whose rows are to be found
	text  func(*Env) (string, bool)
	num   func(*Env) (int64, bool) // classNumber, classBool, classMoment and classDay
	float func(*Env) (float64, bool)
	guid  func(*Env) (uuid.UUID, bool)
}

// hop is a lookup on the way.
type hop struct {
	table  *schema.Table
	column *schema.Column
}

// rowFunc finds a row from the rows at hand, nil if there is none.
type rowFunc func(*Env) *store.Row

func atSlot(slot int) rowFunc { return func(e *Env) *store.Row { return e.Rows[slot] } }

// over follows a lookup to a row of the target table.
func (at rowFunc) over(column int, target *Source) rowFunc {
	name := target.tab.Name
	var known map[uuid.UUID]*store.Row
	asked := 0
	return func(e *Env) *store.Row {
		r := at(e)
		if r == nil {
			return nil
		}
		to, ok := r.Get(column).(store.Ref)
		if !ok || to.Table != name && to.Table != schema.ActivityPointer && name != schema.ActivityPointer {
			return nil
		}
		if asked++; asked < worthKnowing || target.rows.Len() > maxKnown {
			return target.Get(e, to.ID)
		}
		if known == nil {
			known = make(map[uuid.UUID]*store.Row, target.rows.Len())
		}
		found, before := known[to.ID]
		if !before {
			found = target.Get(e, to.ID)
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

func classOf(c *schema.Column) class {
	switch c.Kind {
	case schema.KindLookup, schema.KindGUID:
		return classGUID
	case schema.KindPicklist, schema.KindState, schema.KindStatus, schema.KindInteger, schema.KindBigInt:
		return classNumber
	case schema.KindBoolean:
		return classBool
	case schema.KindDecimal, schema.KindDouble, schema.KindMoney:
		return classFloat
	case schema.KindDateTime:
		if c.DateOnly() {
			return classDay
		}
		return classMoment
	}
	return classText
}

// column is a column of the row that at finds.
func (at rowFunc) column(t *schema.Table, c *schema.Column) operand {
	x := operand{class: classOf(c), table: t, col: c, slot: -1}
	i := c.Index
	switch x.class {
	case classText:
		x.text = func(e *Env) (string, bool) {
			if r := at(e); r != nil {
				s, ok := r.Get(i).(string)
				return s, ok
			}
			return "", false
		}
	case classGUID:
		x.guid = at.guid(t, c)
	case classFloat:
		x.float = func(e *Env) (float64, bool) {
			if r := at(e); r != nil {
				f, ok := r.Get(i).(float64)
				return f, ok
			}
			return 0, false
		}
	default:
		x.num = at.number(c)
	}
	return x
}

func (at rowFunc) guid(t *schema.Table, c *schema.Column) func(*Env) (uuid.UUID, bool) {
	if c.Name == t.ID {
		return func(e *Env) (uuid.UUID, bool) {
			if r := at(e); r != nil {
				return r.ID, true
			}
			return uuid.Nil, false
		}
	}
	i := c.Index
	return func(e *Env) (uuid.UUID, bool) {
		if r := at(e); r != nil {
			return store.TargetID(r.Get(i))
		}
		return uuid.Nil, false
	}
}

func (at rowFunc) number(c *schema.Column) func(*Env) (int64, bool) {
	if c.Name == store.VersionNumber {
		return func(e *Env) (int64, bool) {
			if r := at(e); r != nil {
				return r.Version, true
			}
			return 0, false
		}
	}
	i := c.Index
	return func(e *Env) (int64, bool) {
		r := at(e)
		if r == nil {
			return 0, false
		}
		switch v := r.Get(i).(type) {
		case int64:
			return v, true
		case store.Instant:
			return int64(v), true
		case store.Day:
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
func (at rowFunc) name(c *schema.Column) operand {
	i := c.Index
	return operand{class: classText, slot: -1, text: func(e *Env) (string, bool) {
		if r := at(e); r != nil {
			if to, ok := r.Get(i).(store.Ref); ok {
				return e.lookupName(r, c, to)
			}
		}
		return "", false
	}}
}

// null tells whether the operand has no value.
func (x operand) null(e *Env) bool {
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
	return func(e *Env) truth { return truthOf(x.null(e)) }
}

func (x operand) isNotNull() predicate {
	return func(e *Env) truth { return truthOf(!x.null(e)) }
}
