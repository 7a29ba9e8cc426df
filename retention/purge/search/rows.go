package search

import (
	"context"

	"github.com/gallra/gallra/retention/compile"
)

// EndedRows looks for what is left of rows whose own period was over: those that should be gone, the recycle bin and its
// references, columns of those that stay, and audit history by id.
func (s *Searcher) EndedRows(ctx context.Context, done []Purged) error {
	if len(done) == 0 {
		return nil
	}
	s.binnedFull(done)
	return s.together(ctx,
		func() error { return s.goneRows(ctx, done) },
		func() error { return s.blankedRows(ctx, done) },
		func() error { return s.binned(ctx, nil, done) },
		func() error { return s.deletedNames(ctx, &compile.Subject{}, done) },
		func() error { return s.auditHistory(ctx, done) })
}
