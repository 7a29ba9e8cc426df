package take

import (
	"iter"
	"maps"
	"slices"
)

// sorted are the names in a set, in their order.
func sorted[V any](m map[string]V) iter.Seq[string] {
	return slices.Values(slices.Sorted(maps.Keys(m)))
}
