package emulator

import (
	"slices"
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
	version int64 // the row version, the number in the ETag
	cols    []uint16
	vals    []any
}

// get is the value of the column with that index, nil if it is null.
func (r *row) get(index int) any {
	i, ok := slices.BinarySearch(r.cols, uint16(index))
	if !ok {
		return nil
	}
	return r.vals[i]
}

// values is a row's content by column index while it is made or changed; nil sets a column to null.
type values map[int]any

// with is a copy of r with the changes and the version.
func (r *row) with(changes values, version int64) *row {
	n := len(r.cols)
	for i, v := range changes {
		if _, ok := slices.BinarySearch(r.cols, uint16(i)); !ok && v != nil {
			n++
		}
	}
	out := &row{id: r.id, version: version, cols: make([]uint16, 0, n), vals: make([]any, 0, n)}
	added := make([]int, 0, len(changes))
	for i, v := range changes {
		if v != nil {
			added = append(added, i)
		}
	}
	slices.Sort(added)
	a := 0
	take := func(until int) {
		for a < len(added) && added[a] < until {
			out.cols = append(out.cols, uint16(added[a]))
			out.vals = append(out.vals, changes[added[a]])
			a++
		}
	}
	for i, c := range r.cols {
		take(int(c))
		if v, changed := changes[int(c)]; changed {
			if v != nil {
				out.cols, out.vals = append(out.cols, c), append(out.vals, v)
				a++
			}
			continue
		}
		out.cols, out.vals = append(out.cols, c), append(out.vals, r.vals[i])
	}
	take(1 << 16)
	return out
}
