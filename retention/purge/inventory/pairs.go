package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/purge/environment"
)

// A connection comes in pairs, one half seen from each end, and the service deletes both with one. So what is decided of one
// half holds for the other: by the half to which a rule's link leads, and where that is both, by the one that spares it.

// pairConnections gives the halves of a connection one fate.
func (inv *List) pairConnections(ctx context.Context) error {
	var halves []*Item
	goes, stays := false, false
	for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
		if it := inv.Items[r]; it.Table == "connection" && !it.settled {
			halves = append(halves, it)
			goes, stays = goes || it.Fate == Delete, stays || it.Fate != Delete
		}
	}
	if len(inv.listed) == 0 && (!goes || !stays) {
		return nil
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(halves, environment.MaxIDs) {
		qs = append(qs, dataverse.Query{Table: "connection", Select: []string{"connectionid", "_relatedconnectionid_value"}, Filter: environment.IDFilter("connectionid", itemIDs(some))})
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(answers...) {
		if err := inv.fetchHalf(ctx, environment.Ref{Table: "connection", ID: row.ID("relatedconnectionid")}); err != nil {
			return err
		}
	}
	for _, row := range slices.Concat(answers...) {
		a, b := inv.Items[environment.Ref{Table: "connection", ID: row.ID("connectionid")}], inv.Items[environment.Ref{Table: "connection", ID: row.ID("relatedconnectionid")}]
		if a == nil || b == nil {
			continue
		}
		if a.Fate != Delete {
			a, b = b, a
		}
		if a.Fate != Delete || b.Fate == Delete {
			continue
		}
		if a.decides(b) {
			b.Fate, b.settled = Delete, true
		} else {
			a.Fate, a.settled = Keep, true
		}
	}
	return nil
}

// fetchHalf takes a half that was left for a later look.
func (inv *List) fetchHalf(ctx context.Context, r environment.Ref) error {
	it := inv.listed[r]
	if it == nil {
		return nil
	}
	delete(inv.listed, r)
	inv.Items[r] = it
	if it.Rule == NoRule {
		if err := inv.judge(ctx, []*Item{it}); err != nil {
			return err
		}
	}
	inv.decide(it)
	return nil
}

// decides tells whether a half that is to go decides of its other half.
func (it *Item) decides(other *Item) bool {
	if it.settled != other.settled {
		return it.settled
	}
	return it.Found >= foundByValue && other.Found < foundByValue
}
