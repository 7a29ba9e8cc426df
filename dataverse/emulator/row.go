package emulator

import (
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// The values of columns, by kind of column:
//
//	String, Memo, EntityName, MultiSelect, Image, File   string (an image and a file hold base64)
//	Lookup                                               ref
//	Picklist, State, Status, Integer, BigInt             int64
//	Boolean                                              bool
//	DateTime                                             instant; day where the behaviour is DateOnly
//	Decimal, Double, Money                               float64
//	Uniqueidentifier                                     uuid.UUID
//
// nil is null. A row never stores nil: the column is absent.

// ref is a lookup's value: the row it points at. The table may hold no such row any more (NoCascade).
type ref struct {
	Table string // logical name; strings of the schema are shared, so this costs no copy
	ID    uuid.UUID
}

// instant is a point in time in seconds since 1970, UTC: Dataverse keeps whole seconds.
type instant int64

func (i instant) time() time.Time { return time.Unix(int64(i), 0).UTC() }

// day is a date-only value: days since 1970-01-01.
type day int32

func (d day) time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// row is one row of a table. It is immutable: a change makes another row.
type row struct {
	id      uuid.UUID
	version int64   // the row version, the number in the ETag
	layout  *layout // nil: no values
	vals    []any
}

// layout says which columns a row's values belong to. Rows with the same columns share it.
type layout struct {
	cols []uint16 // ascending; a nil beside one of them hides what the base has
	base []any    // by column index: what all rows of the layout hold alike, such as a table's defaults
	at   []uint16 // by column index: where the value is, counted from 1; nil where few rows have the layout
}

// get is the value of the column with that index, nil if it is null.
func (r *row) get(index int) any {
	f := r.layout
	if f == nil {
		return nil
	}
	if f.at != nil {
		if index < len(f.at) {
			if n := f.at[index]; n > 0 {
				return r.vals[n-1]
			}
		}
	} else if i, ok := slices.BinarySearch(f.cols, uint16(index)); ok {
		return r.vals[i]
	}
	return f.common(index)
}

// all are the row's columns and values in the order of the columns, without nulls.
func (r *row) all() iter.Seq2[int, any] {
	return func(yield func(int, any) bool) {
		if r.layout == nil {
			return
		}
		next := 0 // of the base
		common := func(until int) bool {
			for ; next < min(until, len(r.layout.base)); next++ {
				if v := r.layout.base[next]; v != nil && !yield(next, v) {
					return false
				}
			}
			return true
		}
		for i, c := range r.layout.cols {
			if !common(int(c)) {
				return
			}
			next = max(next, int(c)+1)
			if v := r.vals[i]; v != nil && !yield(int(c), v) {
				return
			}
		}
		common(len(r.layout.base))
	}
}

// rowBuilder makes a row of values that come in the order of their columns.
type rowBuilder struct {
	cols []uint16
	vals []any
}

func (b *rowBuilder) add(column int, v any) {
	b.cols, b.vals = append(b.cols, uint16(column)), append(b.vals, v)
}

func (b *rowBuilder) row(id uuid.UUID, version int64) *row {
	return &row{id: id, version: version, layout: &layout{cols: b.cols}, vals: b.vals}
}

// values is a row's content by column index while it is made or changed; nil sets a column to null.
type values map[int]any

// with is a copy of r with the changes and the version.
func (r *row) with(changes values, version int64) *row {
	if r.layout != nil && r.layout.holds(changes) {
		out := &row{id: r.id, version: version, layout: r.layout, vals: slices.Clone(r.vals)}
		for i, v := range changes {
			if n, own := slices.BinarySearch(r.layout.cols, uint16(i)); own {
				out.vals[n] = v
			}
		}
		return out
	}
	var old layout
	if r.layout != nil {
		old = *r.layout
	}
	changed := make([]int, 0, len(changes))
	for i := range changes {
		changed = append(changed, i)
	}
	slices.Sort(changed)
	b := rowBuilder{make([]uint16, 0, len(old.cols)+len(changed)), make([]any, 0, len(old.cols)+len(changed))}
	take := func(until int) {
		for len(changed) > 0 && changed[0] < until {
			i := changed[0]
			changed = changed[1:]
			if v := changes[i]; v != nil || old.common(i) != nil {
				b.add(i, v)
			}
		}
	}
	for n, c := range old.cols {
		take(int(c))
		if len(changed) == 0 || changed[0] != int(c) {
			b.add(int(c), r.vals[n])
		} else {
			take(int(c) + 1)
		}
	}
	take(1 << 16)
	out := b.row(r.id, version)
	out.layout.base = old.base
	return out
}

// common is what the base holds in a column.
func (f *layout) common(index int) any {
	if index < len(f.base) {
		return f.base[index]
	}
	return nil
}

// holds tells whether a row with the changes has the same columns.
func (f *layout) holds(changes values) bool {
	for i, v := range changes {
		_, own := slices.BinarySearch(f.cols, uint16(i))
		if own && v == nil && f.common(i) == nil || !own && (v != nil || f.common(i) != nil) {
			return false
		}
	}
	return true
}

func etagOf(r *row) string { return `W/"` + strconv.FormatInt(r.version, 10) + `"` }

// A retained row keeps behind its columns the names that its lookups had: "Lookup values in the table are denormalized
// with ID and name value" (data-retention-view).
const retainedNames = 1<<16 - 5 // map[string]string, by column

// versionNumber is the column that shows a row's version.
const versionNumber = "versionnumber"
