package search

import (
	"context"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Purged is what the search is told of a person who was purged: what was there before, what should be gone and what stays.
type Purged struct {
	environment.Ref
	Before  dataverse.Row          // the person's row as it was; nil, or anonymous already: nobody knows any more
	Stands  bool                   // the row stays, anonymous
	Gone    []environment.Ref      // related rows that should be gone
	Binned  []environment.Ref      // of these, those that the recycle bin keeps with all that is in them
	Touched map[string][]uuid.UUID // every row that the purge wrote to or deleted
	Kept    map[string][]uuid.UUID // rows that a rule leaves in place
	Blanked []Blanked              // related rows of which a rule blanks columns
	Off     []environment.Ref      // activities that the person was taken off
	Actors  []uuid.UUID            // who has begun the purge, other than this run
}

func (p *Purged) key() ledger.Key { return ledger.Key{Table: p.Table, ID: p.ID} }

// Blanked is a related row and the columns that the policy says are blanked in it.
type Blanked struct {
	environment.Ref
	Columns []string
}

// Left is what a search has found.
type Left struct {
	Residue  []Finding // what should not be there
	Mentions []Finding // what may be there
	Unread   []Place   // what could not be searched, or not to the end
}

// Searcher looks for what is left. It cannot write.
type Searcher struct {
	Client dataverse.Reader
	Reader environment.Reader
	Policy *compile.Policy
	Tables *environment.Tables
	Known  *Memory
	Actor  uuid.UUID // who runs gallra
	Most   int       // rows that are read of one query
	Log    *slog.Logger
	Left   Left
}

// Memory is what is asked for once a run, though chunks are searched for side by side.
type Memory struct {
	jobs     jobTexts
	feedsOff atomic.Bool // the activity feed could not be searched, and is not asked again
	feeds    map[string]*feedTexts
	secured  securedColumns
	all      everybody
	told     told
}

func NewMemory() *Memory {
	feeds := make(map[string]*feedTexts)
	for _, table := range personmap.Tables(personmap.Feed) {
		feeds[table] = &feedTexts{turn: environment.NewTurn(), rows: make(map[uuid.UUID]string)}
	}
	return &Memory{feeds: feeds, jobs: jobTexts{turn: environment.NewTurn()}, secured: securedColumns{turn: environment.NewTurn()},
		all: everybody{turn: environment.NewTurn(), seed: maphash.MakeSeed(), many: ManyPurged, tables: make(map[string]*tableValues)}}
}

func (s *Searcher) Residue(f Finding) {
	s.Left.Residue = append(s.Left.Residue, f)
	s.Log.Warn("residue", "where", f.Where, "table", f.Table, "id", f.ID, "of", f.Person.ID)
}

func (s *Searcher) Mention(f Finding) { s.Left.Mentions = append(s.Left.Mentions, f) }

// unread names a place that could not be searched, or not to the end, once.
func (s *Searcher) unread(p Place) {
	if !slices.Contains(s.Left.Unread, p) {
		s.Left.Unread = append(s.Left.Unread, p)
	}
}

// PurgedPersons looks for what is left of purged persons of one subject table: rows that should be gone, the recycle bin
// and its references, and audit history by id, and columns of rows that stay; what other rows and kept ones say is only
// mentioned.
func (s *Searcher) PurgedPersons(ctx context.Context, subject *compile.Subject, done []Purged) error {
	if len(done) == 0 {
		return nil
	}
	t, err := s.Tables.Table(ctx, subject.Table)
	if err != nil {
		return err
	}
	traces := tracesOf(subject, t, done)
	s.Known.remember(traces)
	s.binnedFull(done)
	if err := s.Tables.Probe(ctx, s.Reader, subject); err != nil {
		return err
	}
	mention := s.mentioning()
	found := make(map[environment.Ref][]ledger.Key)
	err = s.together(ctx,
		func() error { return s.goneRows(ctx, done) },
		func() error { return s.anonymousRows(ctx, subject, t, traces, done) },
		func() error { return s.blankedRows(ctx, done) },
		func() error { return s.partyLinesTakenOff(ctx, done) },
		func() error { return s.binned(ctx, traces, done) },
		func() error { return s.deletedNames(ctx, subject, done) },
		func() error { return s.auditHistory(ctx, done) },
		func() error { return s.associations(ctx, subject, done) },
		func() error { return s.reached(ctx, subject, traces, done, found, mention) },
		func() error { return s.partyLines(ctx, traces, done, mention) },
		func() error { return s.keptRows(ctx, traces, done, mention) },
		func() error { return s.jobs(ctx, traces, done, mention) })
	if err != nil {
		return err
	}
	if err := s.under(ctx, traces, found, mention); err != nil {
		return err
	}
	if err := s.atCompanies(ctx, traces, done, mention); err != nil {
		return err
	}
	return s.feeds(ctx, traces, mention) // by itself: its queries take long
}

// together runs steps that read at the same time in common requests. A step has no steps of its own.
func (s *Searcher) together(ctx context.Context, steps ...func() error) error {
	own := s.Reader
	defer func() { s.Reader = own }()
	fns := make([]func(environment.Reader) error, len(steps))
	for i, step := range steps {
		fns[i] = func(from environment.Reader) error {
			s.Reader = from
			return step()
		}
	}
	return environment.Together(ctx, own, fns...)
}
