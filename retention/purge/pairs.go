package purge

import (
	"context"
	"maps"
	"slices"

	"github.com/gallra/gallra/dataverse"
)

// A connection comes in pairs, one half seen from each end, and the service deletes both with one. So what is decided of one
// half holds for the other: by the half to which a rule's link leads, and where that is both, by the one that spares it.

// pairConnections gives the halves of a connection one fate.
func (inv *inventory) pairConnections(ctx context.Context) error {
	var halves []*item
	goes, stays := false, false
	for _, r := range slices.SortedFunc(maps.Keys(inv.items), ref.compare) {
		if it := inv.items[r]; it.table == "connection" && !it.settled {
			halves = append(halves, it)
			goes, stays = goes || it.fate == fateDelete, stays || it.fate != fateDelete
		}
	}
	if len(inv.listed) == 0 && (!goes || !stays) {
		return nil
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(halves, maxIDs) {
		qs = append(qs, dataverse.Query{Table: "connection", Select: []string{"connectionid", "_relatedconnectionid_value"}, Filter: idFilter("connectionid", itemIDs(some))})
	}
	answers, err := inv.reader.queries(ctx, qs)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(answers...) {
		if err := inv.fetchHalf(ctx, ref{"connection", row.ID("relatedconnectionid")}); err != nil {
			return err
		}
	}
	for _, row := range slices.Concat(answers...) {
		a, b := inv.items[ref{"connection", row.ID("connectionid")}], inv.items[ref{"connection", row.ID("relatedconnectionid")}]
		if a == nil || b == nil {
			continue
		}
		if a.fate != fateDelete {
			a, b = b, a
		}
		if a.fate != fateDelete || b.fate == fateDelete {
			continue
		}
		if a.decides(b) {
			b.fate, b.settled = fateDelete, true
		} else {
			a.fate, a.settled = fateKeep, true
		}
	}
	return nil
}

// fetchHalf takes a half that was left for a later look.
func (inv *inventory) fetchHalf(ctx context.Context, r ref) error {
	it := inv.listed[r]
	if it == nil {
		return nil
	}
	delete(inv.listed, r)
	inv.items[r] = it
	if it.rule == noRule {
		if err := inv.judge(ctx, []*item{it}); err != nil {
			return err
		}
	}
	inv.decide(it)
	return nil
}

// decides tells whether a half that is to go decides of its other half.
func (it *item) decides(other *item) bool {
	if it.settled != other.settled {
		return it.settled
	}
	return it.found >= foundByValue && other.found < foundByValue
}
