package purge

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
)

// verifyRelated reads the related rows that were anonymised, since a locked column is silently left unchanged by an update,
// and the activities that persons were taken off.
func (r *runner) verifyRelated(ctx context.Context, done []*work) error {
	type group struct {
		by    *eraser
		owner map[uuid.UUID]ledger.Key
	}
	groups := make(map[*eraser]*group)
	var order []*group
	off := make(map[ref]bool) // an activity and, by its id, who was taken off it
	leavers := make(map[uuid.UUID]ledger.Key)
	for _, w := range done {
		who := ledger.Key{Table: w.table, ID: w.id}
		for _, e := range w.edited {
			g := groups[e.by]
			if g == nil {
				g = &group{e.by, make(map[uuid.UUID]ledger.Key)}
				groups[e.by] = g
				order = append(order, g)
			}
			g.owner[e.id] = who
		}
		for _, a := range w.off {
			off[ref{w.id.String(), a.id}] = true
			leavers[w.id] = who
		}
	}
	for _, g := range order {
		t := g.by.table
		size := maxIDs
		if len(g.by.readable()) > len(g.by.selects()) {
			size = maxBodies
		}
		ids := slices.SortedFunc(maps.Keys(g.owner), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
		var qs []dataverse.Query
		for some := range slices.Chunk(ids, size) {
			qs = append(qs, dataverse.Query{Table: t.LogicalName, Select: append([]string{t.PrimaryID}, g.by.readable()...), Filter: idFilter(t.PrimaryID, some)})
		}
		answers, err := batched{r.Client}.queries(ctx, qs)
		if err != nil {
			return err
		}
		for _, row := range slices.Concat(answers...) {
			id := row.ID(t.PrimaryID)
			if n := len(g.by.left(id, row)); n > 0 {
				r.residue(Finding{Person: g.owner[id], Where: "column", Table: t.LogicalName, ID: id, Count: n})
			}
		}
	}
	return r.verifyOff(ctx, off, leavers)
}

// verifyOff looks for party lines of persons who were taken off the activity.
func (r *runner) verifyOff(ctx context.Context, off map[ref]bool, leavers map[uuid.UUID]ledger.Key) error {
	var qs []dataverse.Query
	ids := slices.SortedFunc(maps.Keys(leavers), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for some := range slices.Chunk(ids, maxIDs) {
		qs = append(qs, dataverse.Query{Table: "activityparty", Select: []string{"activitypartyid", "_activityid_value", "_partyid_value"}, Filter: idFilter("_partyid_value", some)})
	}
	answers, err := batched{r.Client}.queries(ctx, qs)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(answers...) {
		if who := row.ID("partyid"); off[ref{who.String(), row.ID("activityid")}] {
			r.residue(Finding{Person: leavers[who], Where: "party-line", Table: "activityparty", ID: row.ID("activitypartyid")})
		}
	}
	return nil
}
