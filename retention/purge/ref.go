package purge

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/google/uuid"
)

// ref names a row.
type ref struct {
	table string
	id    uuid.UUID
}

func (r ref) compare(o ref) int {
	return cmp.Or(strings.Compare(r.table, o.table), bytes.Compare(r.id[:], o.id[:]))
}

func compareStrings(pairs ...string) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		if c := strings.Compare(pairs[i], pairs[i+1]); c != 0 {
			return c
		}
	}
	return 0
}

// rowPath is where a row of an entity set is.
func rowPath(set string, id uuid.UUID) string { return set + "(" + id.String() + ")" }
