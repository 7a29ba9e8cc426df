package store

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

// Ref is a lookup's value: the row it points at. The table may hold no such row any more (NoCascade).
type Ref struct {
	Table string // logical name; strings of the schema are shared, so this costs no copy
	ID    uuid.UUID
}

// Instant is a point in time in seconds since 1970, UTC: Dataverse keeps whole seconds.
type Instant int64

// Time is the instant as a time in UTC.
func (i Instant) Time() time.Time { return time.Unix(int64(i), 0).UTC() }

// Day is a date-only value: days since 1970-01-01.
type Day int32

// Time is the first moment of the day in UTC.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Row is one row of a table. It is immutable: a change makes another row.
type Row struct {
	ID      uuid.UUID
	Version int64   // the row version, the number in the ETag
	Layout  *Layout // nil: no values
	Vals    []any
}

// Layout says which columns a row's values belong to. Rows with the same columns share it.
type Layout struct {
	Cols []uint16 // ascending; a nil beside one of them hides what the base has
	Base []any    // by column index: what all rows of the layout hold alike, such as a table's defaults
	at   []uint16 // by column index: where the value is, counted from 1; nil where few rows have the layout
}

// Get is the value of the column with that index, nil if it is null.
func (r *Row) Get(index int) any {
	f := r.Layout
	if f == nil {
		return nil
	}
	if f.at != nil {
		if index < len(f.at) {
			if n := f.at[index]; n > 0 {
				return r.Vals[n-1]
			}
		}
	} else if i, ok := slices.BinarySearch(f.Cols, uint16(index)); ok {
		return r.Vals[i]
	}
	return f.common(index)
}

// All are the row's columns and values in the order of the columns, without nulls.
func (r *Row) All() iter.Seq2[int, any] {
	return func(yield func(int, any) bool) {
		if r.Layout == nil {
			return
		}
		next := 0 // of the base
		common := func(until int) bool {
			for ; next < min(until, len(r.Layout.Base)); next++ {
				if v := r.Layout.Base[next]; v != nil && !yield(next, v) {
					return false
				}
			}
			return true
		}
		for i, c := range r.Layout.Cols {
			if !common(int(c)) {
				return
			}
			next = max(next, int(c)+1)
			if v := r.Vals[i]; v != nil && !yield(int(c), v) {
				return
			}
		}
		common(len(r.Layout.Base))
	}
}

// RowBuilder makes a row of values that come in the order of their columns.
type RowBuilder struct {
	cols []uint16
	vals []any
}

// NewRowBuilder has room for so many values.
func NewRowBuilder(n int) RowBuilder {
	return RowBuilder{cols: make([]uint16, 0, n), vals: make([]any, 0, n)}
}

// Add adds a column's value; columns come in ascending order.
func (b *RowBuilder) Add(column int, v any) {
	b.cols, b.vals = append(b.cols, uint16(column)), append(b.vals, v)
}

// Row is the row of the values added so far.
func (b *RowBuilder) Row(id uuid.UUID, version int64) *Row {
	return &Row{ID: id, Version: version, Layout: &Layout{Cols: b.cols}, Vals: b.vals}
}

// Values is a row's content by column index while it is made or changed; nil sets a column to null.
type Values map[int]any

// With is a copy of r with the changes and the version.
func (r *Row) With(changes Values, version int64) *Row {
	if r.Layout != nil && r.Layout.holds(changes) {
		out := &Row{ID: r.ID, Version: version, Layout: r.Layout, Vals: slices.Clone(r.Vals)}
		for i, v := range changes {
			if n, own := slices.BinarySearch(r.Layout.Cols, uint16(i)); own {
				out.Vals[n] = v
			}
		}
		return out
	}
	var old Layout
	if r.Layout != nil {
		old = *r.Layout
	}
	changed := make([]int, 0, len(changes))
	for i := range changes {
		changed = append(changed, i)
	}
	slices.Sort(changed)
	b := RowBuilder{make([]uint16, 0, len(old.Cols)+len(changed)), make([]any, 0, len(old.Cols)+len(changed))}
	take := func(until int) {
		for len(changed) > 0 && changed[0] < until {
			i := changed[0]
			changed = changed[1:]
			if v := changes[i]; v != nil || old.common(i) != nil {
				b.Add(i, v)
			}
		}
	}
	for n, c := range old.Cols {
		take(int(c))
		if len(changed) == 0 || changed[0] != int(c) {
			b.Add(int(c), r.Vals[n])
		} else {
			take(int(c) + 1)
		}
	}
	take(1 << 16)
	out := b.Row(r.ID, version)
	out.Layout.Base = old.Base
	return out
}

// common is what the base holds in a column.
func (f *Layout) common(index int) any {
	if index < len(f.Base) {
		return f.Base[index]
	}
	return nil
}

// holds tells whether a row with the changes has the same columns.
func (f *Layout) holds(changes Values) bool {
	for i, v := range changes {
		_, own := slices.BinarySearch(f.Cols, uint16(i))
		if own && v == nil && f.common(i) == nil || !own && (v != nil || f.common(i) != nil) {
			return false
		}
	}
	return true
}

// ETag is the weak ETag of the row's version.
func ETag(r *Row) string { return `W/"` + strconv.FormatInt(r.Version, 10) + `"` }

// RetainedNames is where a retained row keeps, behind its columns, the names that its lookups had: "Lookup values in the
// table are denormalized with ID and name value" (data-retention-view).
const RetainedNames = 1<<16 - 5 // map[string]string, by column

// VersionNumber is the column that shows a row's version.
const VersionNumber = "versionnumber"
