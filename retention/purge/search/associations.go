package search

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge/environment"
)

// associations looks whether rows of persons that stay are still associated with anything over many-to-many relationships.
func (s *Searcher) associations(ctx context.Context, subject *compile.Subject, done []Purged) error {
	var ids []uuid.UUID
	for i := range done {
		if done[i].Stands {
			ids = append(ids, done[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	over, err := s.Tables.Associations(ctx, s.Reader, subject)
	if err != nil {
		return err
	}
	type asked struct{ own, other, table string }
	var all []asked
	var qs []dataverse.Query
	for _, m := range over {
		for _, end := range []asked{{m.Entity1Attribute, m.Entity2Attribute, m.Entity1}, {m.Entity2Attribute, m.Entity1Attribute, m.Entity2}} {
			if end.table != subject.Table {
				continue
			}
			end.table = m.Intersect
			for some := range slices.Chunk(ids, environment.MaxIDs) {
				all = append(all, end)
				qs = append(qs, dataverse.Query{Table: m.Intersect, Set: s.Tables.Summary(m.Intersect).EntitySet, Select: []string{end.own, end.other}, Filter: environment.IDFilter(end.own, some)})
			}
		}
	}
	return s.Reader.Each(ctx, qs, func(i int, row dataverse.Row) bool {
		s.Residue(Finding{Person: ledger.Key{Table: subject.Table, ID: row.ID(all[i].own)}, Where: "association", Table: all[i].table, ID: row.ID(all[i].other)})
		return true
	})
}
