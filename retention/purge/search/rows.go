package search

import (
	"context"
	"maps"
	"slices"

	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/purge/environment"
)

// EndedRows looks for what is left of rows whose own period was over: those that should be gone, the recycle bin and its
// references, columns of those that stay, and audit history by id.
func (s *Searcher) EndedRows(ctx context.Context, done []Purged) error {
	if len(done) == 0 {
		return nil
	}
	s.binnedFull(done)
	for _, step := range []func() error{
		func() error { return s.goneRows(ctx, done) },
		func() error { return s.blankedRows(ctx, done) },
		func() error { return s.endedInBin(ctx, done) },
		func() error { return s.auditHistory(ctx, done) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// endedInBin looks into the recycle bin for more than empty rows.
func (s *Searcher) endedInBin(ctx context.Context, done []Purged) error {
	if !s.Tables.Settings.RecycleBin {
		return nil
	}
	gone := expectedGone(done)
	for i := range done {
		for _, b := range done[i].Binned { // said already
			delete(gone, b)
		}
	}
	tables := environment.ByTable(gone)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		if s.Tables.Binned(table) {
			if err := s.binned(ctx, table, tables[table], gone, nil); err != nil {
				return err
			}
		}
	}
	return s.deletedNames(ctx, &compile.Subject{}, gone, done)
}
