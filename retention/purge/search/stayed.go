package search

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge/environment"
)

// blankedRows reads the related rows of which the policy says that columns are blanked, those columns: a locked one is
// silently left unchanged by an update.
func (s *Searcher) blankedRows(ctx context.Context, done []Purged) error {
	type group struct {
		table   string
		columns []string
		owner   map[uuid.UUID]ledger.Key
	}
	groups := make(map[string]*group)
	var order []*group
	for i := range done {
		for _, b := range done[i].Blanked {
			key := b.Table + " " + strings.Join(b.Columns, " ")
			g := groups[key]
			if g == nil {
				g = &group{b.Table, b.Columns, make(map[uuid.UUID]ledger.Key)}
				groups[key] = g
				order = append(order, g)
			}
			g.owner[b.ID] = done[i].key()
		}
	}
	for _, g := range order {
		t, err := s.Tables.Table(ctx, g.table)
		if err != nil {
			return err
		}
		size := environment.MaxIDs
		read := []string{t.PrimaryID}
		for _, name := range g.columns {
			a := t.Attributes[name]
			if a == nil || !a.ForRead {
				continue // it has gone meanwhile, or is named as unreadable
			}
			read = append(read, wireName(a))
			if a.MaxLength >= environment.LargeText {
				size = maxBodies
			}
		}
		var qs []dataverse.Query
		for some := range slices.Chunk(slices.SortedFunc(maps.Keys(g.owner), environment.CompareIDs), size) {
			qs = append(qs, dataverse.Query{Table: g.table, Select: read, Filter: environment.IDFilter(t.PrimaryID, some)})
		}
		answers, err := s.Reader.Queries(ctx, qs)
		if err != nil {
			return err
		}
		for _, row := range slices.Concat(answers...) {
			id := row.ID(t.PrimaryID)
			n := 0
			for _, name := range g.columns {
				if a := t.Attributes[name]; a != nil && !row.Null(wireName(a)) && !(environment.IsText(a) && environment.IsPlaceholder(row.Text(name), id, a.MaxLength)) {
					n++
				}
			}
			if n > 0 {
				s.Residue(Finding{Person: g.owner[id], Where: "column", Table: g.table, ID: id, Count: n})
			}
		}
		if err := s.hidden(ctx, residueRule{table: t, values: true, fixed: true}, g.columns); err != nil {
			return err
		}
	}
	return nil
}

// partyLinesTakenOff looks for party lines of persons who were taken off the activity.
func (s *Searcher) partyLinesTakenOff(ctx context.Context, done []Purged) error {
	off := make(map[environment.Ref]bool) // an activity and, by its id, who was taken off it
	leavers := make(map[uuid.UUID]ledger.Key)
	for i := range done {
		for _, a := range done[i].Off {
			off[environment.Ref{Table: done[i].ID.String(), ID: a.ID}] = true
			leavers[done[i].ID] = done[i].key()
		}
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(slices.SortedFunc(maps.Keys(leavers), environment.CompareIDs), environment.MaxIDs) {
		qs = append(qs, dataverse.Query{Table: "activityparty", Select: []string{"activitypartyid", "_activityid_value", "_partyid_value"}, Filter: environment.IDFilter("_partyid_value", some)})
	}
	answers, err := s.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(answers...) {
		if who := row.ID("partyid"); off[environment.Ref{Table: who.String(), ID: row.ID("activityid")}] {
			s.Residue(Finding{Person: leavers[who], Where: "party-line", Table: "activityparty", ID: row.ID("activitypartyid")})
		}
	}
	return nil
}
