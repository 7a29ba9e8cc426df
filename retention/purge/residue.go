package purge

import (
	"context"

	"github.com/gallra/gallra/retention"
)

// searcher looks for what is left, with eyes of its own.
func (r *runner) searcher() *searcher {
	return &searcher{client: r.Client, reader: batched{r.Client}, policy: r.Policy, tables: r.tables, known: r.searched, actor: r.Run.Actor, most: r.most, log: r.Log}
}

// found takes over what a search has found.
func (s *Summary) found(l left) {
	s.Residue, s.Mentions = append(s.Residue, l.residue...), append(s.Mentions, l.mentions...)
	s.unread(l.unread)
}

// verify looks for what is left of persons whom a chunk has purged.
func (r *runner) verify(ctx context.Context, subject *retention.CheckedSubject, done []*work) error {
	persons := make([]purged, len(done))
	for i, w := range done {
		persons[i] = purged{ref: w.ref, before: w.row, stands: w.do != retention.Delete, gone: w.gone, binned: w.binned, touched: w.rows, kept: w.stays,
			blanked: w.blanked, off: w.off, actors: w.actors}
	}
	s := r.searcher()
	defer func() { r.summary.found(s.left) }()
	return s.purgedPersons(ctx, subject, persons)
}

// refilled tells of the rows that were anonymised in place and written to since.
func (r *runner) refilled(ctx context.Context) error {
	var tables []string
	for i := range r.Policy.Subjects {
		if t := r.Policy.Subjects[i].Table; r.Ledger.InPlace(t) {
			tables = append(tables, t)
		}
	}
	s := r.searcher()
	defer func() { r.summary.found(s.left) }()
	return s.anonymised(ctx, tables, r.summary.Mentions)
}
