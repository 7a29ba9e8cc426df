package purge

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
)

// blankedRows reads the related rows of which the policy says that columns are blanked, those columns: a locked one is
// silently left unchanged by an update.
func (s *searcher) blankedRows(ctx context.Context, done []purged) error {
	type group struct {
		table   string
		columns []string
		owner   map[uuid.UUID]ledger.Key
	}
	groups := make(map[string]*group)
	var order []*group
	for i := range done {
		for _, b := range done[i].blanked {
			key := b.table + " " + strings.Join(b.columns, " ")
			g := groups[key]
			if g == nil {
				g = &group{b.table, b.columns, make(map[uuid.UUID]ledger.Key)}
				groups[key] = g
				order = append(order, g)
			}
			g.owner[b.id] = done[i].key()
		}
	}
	for _, g := range order {
		t, err := s.tables.table(ctx, g.table)
		if err != nil {
			return err
		}
		size := maxIDs
		read := []string{t.PrimaryID}
		for _, name := range g.columns {
			a := t.Attributes[name]
			if a == nil || !a.ForRead {
				continue // it has gone meanwhile, or is named as unreadable
			}
			read = append(read, wireName(a))
			if a.MaxLength >= largeText {
				size = maxBodies
			}
		}
		var qs []dataverse.Query
		for some := range slices.Chunk(slices.SortedFunc(maps.Keys(g.owner), compareIDs), size) {
			qs = append(qs, dataverse.Query{Table: g.table, Select: read, Filter: idFilter(t.PrimaryID, some)})
		}
		answers, err := s.reader.queries(ctx, qs)
		if err != nil {
			return err
		}
		for _, row := range slices.Concat(answers...) {
			id := row.ID(t.PrimaryID)
			n := 0
			for _, name := range g.columns {
				if a := t.Attributes[name]; a != nil && !row.Null(wireName(a)) && !(isText(a) && isPlaceholder(row.Text(name), id, a.MaxLength)) {
					n++
				}
			}
			if n > 0 {
				s.residue(Finding{Person: g.owner[id], Where: "column", Table: g.table, ID: id, Count: n})
			}
		}
		if err := s.hidden(ctx, t, nil, g.columns); err != nil {
			return err
		}
	}
	return nil
}

func compareIDs(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }

// partyLinesTakenOff looks for party lines of persons who were taken off the activity.
func (s *searcher) partyLinesTakenOff(ctx context.Context, done []purged) error {
	off := make(map[ref]bool) // an activity and, by its id, who was taken off it
	leavers := make(map[uuid.UUID]ledger.Key)
	for i := range done {
		for _, a := range done[i].off {
			off[ref{done[i].id.String(), a.id}] = true
			leavers[done[i].id] = done[i].key()
		}
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(slices.SortedFunc(maps.Keys(leavers), compareIDs), maxIDs) {
		qs = append(qs, dataverse.Query{Table: "activityparty", Select: []string{"activitypartyid", "_activityid_value", "_partyid_value"}, Filter: idFilter("_partyid_value", some)})
	}
	answers, err := s.reader.queries(ctx, qs)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(answers...) {
		if who := row.ID("partyid"); off[ref{who.String(), row.ID("activityid")}] {
			s.residue(Finding{Person: leavers[who], Where: "party-line", Table: "activityparty", ID: row.ID("activitypartyid")})
		}
	}
	return nil
}
