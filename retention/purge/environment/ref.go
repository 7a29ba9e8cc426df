package environment

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Ref names a row.
type Ref struct {
	Table string
	ID    uuid.UUID
}

func (r Ref) Compare(o Ref) int {
	return cmp.Or(strings.Compare(r.Table, o.Table), bytes.Compare(r.ID[:], o.ID[:]))
}

func CompareStrings(pairs ...string) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		if c := strings.Compare(pairs[i], pairs[i+1]); c != 0 {
			return c
		}
	}
	return 0
}

// RowPath is where a row of an entity set is.
func RowPath(set string, id uuid.UUID) string { return set + "(" + id.String() + ")" }

// ByTable are the ids of rows by table, in the order of the rows.
func ByTable[V any](rows map[Ref]V) map[string][]uuid.UUID {
	out := make(map[string][]uuid.UUID)
	for _, r := range slices.SortedFunc(maps.Keys(rows), Ref.Compare) {
		out[r.Table] = append(out[r.Table], r.ID)
	}
	return out
}

// CompareIDs orders ids.
func CompareIDs(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }
