package query

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// maxAggregated is how many rows an aggregate looks at (fetchxml/aggregate-data, webapi/query/aggregate-data).
const maxAggregated = 50000

// aggregation makes groups of rows, and values of each.
type aggregation struct {
	env    *Env
	groups []groupColumn
	values []valueColumn
	limit  int
	scale  int      // of sums of amounts, as they are written
	nulls  []string // properties that every row carries as null
	rows   int
	byKey  map[string]*bucket
	order  []*bucket
	key    []byte
}

// groupColumn is what rows are grouped by.
type groupColumn struct {
	name  string // in the answer
	table *schema.Table
	col   *schema.Column // nil: a number that was computed, such as a month
	read  func(*Env) any
	label func(any) string // of a computed number
}

// valueColumn is a value over the rows of a group.
type valueColumn struct {
	name     string
	function string // count, countcolumn, sum, avg, min, max
	distinct bool
	table    *schema.Table
	col      *schema.Column
	x        operand
}

// bucket is one group.
type bucket struct {
	group []any
	sums  []sum
}

// sum is the state of a valueColumn over the rows so far.
type sum struct {
	n        int64 // values that are not null
	whole    int64
	fraction float64
	least    sortValue
	greatest sortValue
	seen     map[any]bool
}

// add takes the rows at hand; false when there are too many.
func (a *aggregation) add() bool {
	if a.rows++; a.rows > a.limit {
		return false
	}
	a.key = a.key[:0]
	group := make([]any, len(a.groups))
	for i, g := range a.groups {
		group[i] = g.read(a.env)
		a.key = appendGroupKey(a.key, group[i])
	}
	b := a.byKey[string(a.key)]
	if b == nil {
		b = &bucket{group: group, sums: make([]sum, len(a.values))}
		a.byKey[string(a.key)] = b
		a.order = append(a.order, b)
	}
	for i := range a.values {
		a.values[i].add(&b.sums[i], a.env)
	}
	return true
}

// appendGroupKey tells values apart as the service does: texts without regard to case.
func appendGroupKey(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 0)
	case string:
		return append(store.AppendFolded(append(b, 1), v), 0)
	case store.Ref:
		return append(append(b, 2), v.ID[:]...)
	case uuid.UUID:
		return append(append(b, 2), v[:]...)
	}
	return append(appendValue(append(b, 3), nil, v), 0)
}

func (v *valueColumn) add(s *sum, e *Env) {
	if v.function == "count" {
		s.n++
		return
	}
	k := sortKey{x: v.x}
	value := k.value(e)
	if value.null {
		return
	}
	if v.distinct {
		id := v.identity(value)
		if s.seen == nil {
			s.seen = map[any]bool{}
		}
		if s.seen[id] {
			return
		}
		s.seen[id] = true
	}
	s.n++
	s.whole += value.c.num
	s.fraction += value.c.float
	if s.n == 1 || k.compare(value, s.least) < 0 {
		s.least = value
	}
	if s.n == 1 || k.compare(value, s.greatest) > 0 {
		s.greatest = value
	}
}

func (v *valueColumn) identity(s sortValue) any {
	switch v.x.class {
	case classText:
		return store.FoldText(s.c.text)
	case classGUID:
		return s.c.guid
	case classFloat:
		return s.c.float
	}
	return s.c.num
}

// tooMany is the refusal of more rows than an aggregate looks at.
func tooMany() *wire.Error {
	return wire.NewError(http.StatusBadRequest, "0x8004E023", "AggregateQueryRecordLimit exceeded. Cannot perform this operation.")
}

// write writes the group as an object: keys that are null are left out.
func (a *aggregation) write(w *Encoder, b *bucket) {
	w.Text("{")
	for _, name := range a.nulls {
		w.Key(name)
		w.Text("null")
	}
	for i, g := range a.groups {
		v := b.group[i]
		switch {
		case v == nil:
		case g.col != nil:
			f := Field{key: g.name, col: g.col, alias: g.name != g.col.Property()}
			w.member(&f, nil, g.table, v)
		default:
			w.number(g.name, v.(int64), g.label(v))
		}
	}
	for i := range a.values {
		a.writeValue(w, &a.values[i], &b.sums[i])
	}
	w.Text("}")
}

func (w *Encoder) number(name string, n int64, label string) {
	if w.Formatted {
		w.annotation(name, formattedValue)
		w.Buf = AppendJSON(w.Buf, label)
	}
	w.Key(name)
	w.Buf = strconv.AppendInt(w.Buf, n, 10)
}

func (a *aggregation) writeValue(w *Encoder, v *valueColumn, s *sum) {
	if v.function == "count" || v.function == "countcolumn" {
		w.number(v.name, s.n, string(groupDigits(nil, strconv.FormatInt(s.n, 10))))
		return
	}
	if s.n == 0 {
		return
	}
	if w.attribute && v.col != nil {
		w.annotation(v.name, attributeName)
		w.Buf = AppendJSON(w.Buf, v.col.Name)
	}
	value := v.result(s)
	if w.Formatted {
		w.annotation(v.name, formattedValue)
		w.Buf = append(w.Buf, '"')
		w.Buf = w.Env.AppendFormatted(w.Buf, v.table, nil, v.col, value)
		w.Buf = append(w.Buf, '"')
	}
	w.Key(v.name)
	if f, ok := value.(float64); ok && a.scale >= 0 && v.col.Kind == schema.KindMoney && v.function != "min" && v.function != "max" {
		w.Buf = strconv.AppendFloat(w.Buf, f, 'f', a.scale, 64)
		return
	}
	w.Buf = appendValue(w.Buf, v.col, value)
}

// result is the value as a column holds it. The average of whole numbers is a whole number.
func (v *valueColumn) result(s *sum) any {
	at := s.least
	switch v.function {
	case "sum", "avg":
		n := int64(1)
		if v.function == "avg" {
			n = s.n
		}
		if v.x.class == classFloat {
			return s.fraction / float64(n)
		}
		return s.whole / n
	case "max":
		at = s.greatest
	}
	switch v.x.class {
	case classText:
		return at.c.text
	case classFloat:
		return at.c.float
	case classGUID:
		return at.c.guid
	case classMoment:
		return store.Instant(at.c.num)
	case classDay:
		return store.Day(at.c.num)
	case classBool:
		return at.c.num == 1
	}
	return at.c.num
}

// compareAny is the order of two values of a group; nulls come first.
func (e *Env) compareAny(g groupColumn, a, b any, byNumber bool) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil || b == nil:
		return store.OrderOf(a == nil)
	}
	if g.col != nil && !byNumber {
		switch g.col.Kind {
		case schema.KindPicklist, schema.KindState, schema.KindStatus, schema.KindBoolean:
			return store.CompareText(string(e.AppendFormatted(nil, g.table, nil, g.col, a)), string(e.AppendFormatted(nil, g.table, nil, g.col, b)))
		}
	}
	switch x := a.(type) {
	case string:
		return store.CompareText(x, b.(string))
	case int64:
		return int(min(1, max(-1, x-b.(int64))))
	case float64:
		if y := b.(float64); x != y {
			return store.OrderOf(x < y)
		}
	case store.Instant:
		return int(min(1, max(-1, x-b.(store.Instant))))
	case store.Day:
		return int(min(1, max(-1, x-b.(store.Day))))
	case bool:
		if x != b.(bool) {
			return store.OrderOf(!x)
		}
	case store.Ref:
		n, _ := e.PrimaryName(x)
		m, _ := e.PrimaryName(b.(store.Ref))
		return store.CompareText(n, m)
	case uuid.UUID:
		return compareGUID(x, b.(uuid.UUID))
	}
	return 0
}

// aggregateOrder is one order of an aggregate: by a group or by a value.
type aggregateOrder struct {
	group, value int // the other is -1
	desc         bool
}

// sort sorts the groups by orders, else by the groups themselves.
func (a *aggregation) sort(orders []aggregateOrder, byNumber bool) {
	for i := range a.groups {
		orders = append(orders, aggregateOrder{group: i, value: -1})
	}
	slices.SortStableFunc(a.order, func(x, y *bucket) int {
		for _, o := range orders {
			n := 0
			if o.group >= 0 {
				n = a.env.compareAny(a.groups[o.group], x.group[o.group], y.group[o.group], byNumber)
			} else {
				v := &a.values[o.value]
				n = compareSums(a.env, v, &x.sums[o.value], &y.sums[o.value])
			}
			if n != 0 {
				if o.desc {
					return -n
				}
				return n
			}
		}
		return 0
	})
}

func compareSums(e *Env, v *valueColumn, a, b *sum) int {
	if v.function == "count" || v.function == "countcolumn" {
		return int(min(1, max(-1, a.n-b.n)))
	}
	var x, y any
	if a.n > 0 {
		x = v.result(a)
	}
	if b.n > 0 {
		y = v.result(b)
	}
	return e.compareAny(groupColumn{}, x, y, true)
}

// aggregable tells whether a function works on a column.
func aggregable(function string, x operand) bool {
	switch function {
	case "sum", "avg":
		return x.class == classNumber && x.col != nil && (x.col.Kind == schema.KindInteger || x.col.Kind == schema.KindBigInt) || x.class == classFloat
	case "min", "max":
		return x.class == classNumber || x.class == classFloat || x.class == classMoment || x.class == classDay
	}
	return true
}

func badAggregate(function, name string) *wire.Error {
	return wire.NewError(http.StatusBadRequest, "0x80040203", "The aggregate '%s' cannot be used with the attribute '%s'.", strings.ToLower(function), name)
}
