package purge

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// purged is what the search is told of a person who was purged: what was there before, what should be gone and what stays.
type purged struct {
	ref
	before  dataverse.Row          // the person's row as it was; nil, or anonymous already: nobody knows any more
	stands  bool                   // the row stays, anonymous
	gone    []ref                  // related rows that should be gone
	binned  []ref                  // of these, those that the recycle bin keeps with all that is in them
	touched map[string][]uuid.UUID // every row that the purge wrote to or deleted
	kept    map[string][]uuid.UUID // rows that a rule leaves in place
	blanked []blanked              // related rows of which a rule blanks columns
	off     []ref                  // activities that the person was taken off
	actors  []uuid.UUID            // who has begun the purge, other than this run
}

func (p *purged) key() ledger.Key { return ledger.Key{Table: p.table, ID: p.id} }

// blanked is a related row and the columns that the policy says are blanked in it.
type blanked struct {
	ref
	columns []string
}

// left is what a search has found.
type left struct {
	residue  []Finding // what should not be there
	mentions []Finding // what may be there
	unread   []Place   // what could not be searched, or not to the end
}

// searcher looks for what is left. It cannot write.
type searcher struct {
	client dataverse.Reader
	reader reader
	policy *retention.Checked
	tables *tables
	known  *searchMemory
	actor  uuid.UUID // who runs gallra
	most   int       // rows that are read of one query
	log    *slog.Logger
	left   left
}

// searchMemory is what is asked for once a run, though chunks are searched for side by side.
type searchMemory struct {
	jobs     jobTexts
	feedsOff atomic.Bool // the activity feed could not be searched, and is not asked again
	secured  securedColumns
}

func newSearchMemory() *searchMemory {
	return &searchMemory{jobs: jobTexts{turn: newTurn()}, secured: securedColumns{turn: newTurn()}}
}

func (s *searcher) residue(f Finding) {
	s.left.residue = append(s.left.residue, f)
	s.log.Warn("residue", "where", f.Where, "table", f.Table, "id", f.ID, "of", f.Person.ID)
}

func (s *searcher) mention(f Finding) { s.left.mentions = append(s.left.mentions, f) }

// unread names a place that could not be searched, or not to the end, once.
func (s *searcher) unread(p Place) {
	if !slices.Contains(s.left.unread, p) {
		s.left.unread = append(s.left.unread, p)
	}
}

// purgedPersons looks for what is left of purged persons of one subject table: rows that should be gone, the recycle bin
// and its references, and audit history by id, and columns of rows that stay; what other rows and kept ones say is only
// mentioned.
func (s *searcher) purgedPersons(ctx context.Context, subject *retention.CheckedSubject, done []purged) error {
	if len(done) == 0 {
		return nil
	}
	t, err := s.tables.table(ctx, subject.Table)
	if err != nil {
		return err
	}
	traces := tracesOf(subject, t, done)
	s.binnedFull(done)
	for _, step := range []func() error{
		func() error { return s.goneRows(ctx, done) },
		func() error { return s.anonymousRows(ctx, subject, t, traces, done) },
		func() error { return s.blankedRows(ctx, done) },
		func() error { return s.partyLinesTakenOff(ctx, done) },
		func() error { return s.recycleBin(ctx, subject, traces, done) },
		func() error { return s.auditHistory(ctx, done) },
		func() error { return s.mentions(ctx, traces, done) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
