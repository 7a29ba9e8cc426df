package purge

import (
	"context"
	"slices"

	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/search"
)

// searcher is the search of this run. It is told what should be gone, not how.
func (r *session) searcher() *search.Searcher {
	return &search.Searcher{Client: r.Client, Reader: environment.Batched{Client: r.Client}, Policy: r.Policy, Tables: r.tables, Known: r.searched, Actor: r.Run.Actor, Most: r.most, Log: r.Log}
}

// found takes over what a search has found.
func (s *Summary) found(l search.Left) {
	s.Residue, s.Mentions = append(s.Residue, l.Residue...), append(s.Mentions, l.Mentions...)
	s.unread(l.Unread)
}

// verify looks for what is left of persons whom a chunk has purged.
func (r *runner) verify(ctx context.Context, subject *compile.Subject, done []*work) error {
	persons := make([]search.Purged, len(done))
	for i, w := range done {
		persons[i] = search.Purged{Ref: w.Ref, Before: w.Row, Stands: w.do != policy.Delete, Gone: w.gone, Binned: w.binned, Touched: w.rows, Kept: w.stays,
			Blanked: w.blanked, Off: w.off, Actors: w.actors}
	}
	s := r.searcher()
	defer func() { r.summary.found(s.Left) }()
	return s.PurgedPersons(ctx, subject, persons)
}

// refilled tells of the rows that were anonymised in place and written to since.
func (r *runner) refilled(ctx context.Context) error {
	var tables []string
	for i := range r.Policy.Subjects {
		if t := r.Policy.Subjects[i].Table; r.Ledger.InPlace(t) || slices.Contains(r.marked, t) {
			tables = append(tables, t)
		}
	}
	s := r.searcher()
	defer func() { r.summary.found(s.Left) }()
	return s.Anonymised(ctx, tables, r.summary.Mentions)
}
