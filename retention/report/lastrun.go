package report

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
)

// LastRun is what the ledger tells of the last run of the job.
type LastRun struct {
	ID, Version, Policy string
	Began, Ended        time.Time // Ended is zero for a run that was cut or is under way
	Today               retention.Date
	Actor               uuid.UUID
	Status              ledger.Status // empty as long as Ended is zero

	Tables  []RunTable   // subject tables, by name
	Related []RunRelated // places where rows of the purged stood, by name
	Rows    []RunRows    // rules for rows with a period of their own, by name
	Stopped []RunStop    // guard rails that stopped it
	Events  []RunEvent   // persons, by what happened, then table and id
	Audit   int          // entries of audit history that were deleted
	Residue int          // places that still held something that should be gone
	Waiting int          // persons who were due and whom nobody else had approved
	Unasked int          // persons who were due and whom nobody had asked in time
	Asked   int          // operations asked of the service; 0: the ledger does not say

	Begun   int // purges without an outcome: the next run finishes them first
	ToSweep int // persons whose audit history the next run looks for again
}

// RunTable counts the persons of a subject table.
type RunTable struct {
	Table                                         string
	Scheduled, Moved, Rescued, Held               int
	Deleted, Anonymized, LeftAlone, Failed, Other int
}

// Purged is how many were purged, in whatever way.
func (t *RunTable) Purged() int { return t.Deleted + t.Anonymized }

// RunRelated counts related rows of the purged that stood in a place of the person map.
type RunRelated struct {
	Place                                    string // email.party; of ledgers before there was a map the table alone
	Deleted, Anonymized, Kept, Freed, Shared int
}

// RunRows counts the rows whose own period was over, of one rule.
type RunRows struct {
	Rule, Table                            string
	Deleted, Anonymized, LeftAlone, Failed int
}

// RunStop is a guard rail that stopped the run.
type RunStop struct {
	Rail          policy.Rail
	Table, Ground string
}

// What happened to a person in a run.
type What string

// What can have happened. Schedules and moves stand among what is coming.
const (
	WasDeleted    What = "deleted"
	WasAnonymized What = "anonymized"
	WasRescued    What = "rescued"
	HasFailed     What = "failed"
	WasLeft       What = "left-alone"
)

// RunEvent is what happened to one person. A person who was purged has no more than an id.
type RunEvent struct {
	What  What
	Table string
	ID    uuid.UUID
	Code  string // why, of those who failed or were left alone
}

// ReadLastRun reads the last run of the job from the ledger, nil if there was none.
func ReadLastRun(ctx context.Context, l *ledger.Ledger) (*LastRun, error) {
	last := -1
	for i, r := range l.Runs() {
		if r.Verb == "run" {
			last = i
		}
	}
	if last < 0 {
		return nil, nil
	}
	info := l.Runs()[last]
	run := &LastRun{ID: info.ID, Policy: info.Policy, Began: info.Began, Ended: info.Ended, Today: info.Today, Actor: info.Actor, Status: info.Status,
		Residue: info.Counts["residue"], Asked: info.Counts["operations"], Waiting: info.Unapproved(), Unasked: info.Unasked()}
	story := runStory{run: run, dates: map[ledger.Key]ledger.Kind{}, intents: map[ledger.Key]intended{}, tables: map[string]*RunTable{}, related: map[string]*RunRelated{}, rows: map[string]*RunRows{}}
	at := -1
	for r, err := range l.Records(ctx) {
		if err != nil {
			return nil, err
		}
		if r.Kind == ledger.Start {
			at++
		}
		switch {
		case at == last:
			story.take(r)
		case at > last:
		case r.Kind == ledger.Intent || r.Kind == ledger.Outcome:
			story.before(r) // a run finishes what one before it began
		}
	}
	story.end()
	for _, p := range l.Unfinished() {
		if p.Concluded {
			run.ToSweep++
		} else {
			run.Begun++
		}
	}
	return run, nil
}

// intended is what an open intent says.
type intended struct {
	do     policy.Disposition
	counts map[string]int
}

// runStory folds the entries of a run.
type runStory struct {
	run     *LastRun
	dates   map[ledger.Key]ledger.Kind // announcements that nothing took back
	intents map[ledger.Key]intended
	tables  map[string]*RunTable
	related map[string]*RunRelated
	rows    map[string]*RunRows
}

func (s *runStory) before(r ledger.Record) {
	k := ledger.Key{Table: r.Table, ID: r.ID}
	if r.Kind == ledger.Outcome {
		delete(s.intents, k)
		return
	}
	s.intend(k, r)
}

// intend adds to an intent: a second one names rows that came up later.
func (s *runStory) intend(k ledger.Key, r ledger.Record) {
	i := s.intents[k]
	if i.counts == nil {
		i.counts = map[string]int{}
	}
	i.do = r.Do
	for what, n := range r.Counts {
		i.counts[what] += n
	}
	s.intents[k] = i
}

func (s *runStory) take(r ledger.Record) {
	k := ledger.Key{Table: r.Table, ID: r.ID}
	switch r.Kind {
	case ledger.Start:
		s.run.Version = r.Version
	case ledger.Scheduled, ledger.Moved, ledger.Cleared, ledger.Held:
		s.dates[k] = r.Kind
	case ledger.Void:
		delete(s.dates, k)
	case ledger.Intent:
		s.intend(k, r)
	case ledger.Outcome:
		s.outcome(k, r)
	case ledger.Ended:
		s.ended(r)
	case ledger.Swept:
		s.run.Audit += r.Deleted
	case ledger.Stopped:
		s.run.Stopped = append(s.run.Stopped, RunStop{policy.Rail(r.Guard), r.Table, r.Entry.Ground})
	}
}

func (s *runStory) outcome(k ledger.Key, r ledger.Record) {
	i := s.intents[k]
	delete(s.intents, k)
	t := s.table(k.Table)
	event := RunEvent{Table: k.Table, ID: k.ID, Code: r.Code}
	switch do := cmp.Or(r.Do, i.do); {
	case r.Status == ledger.Failed:
		t.Failed++
		event.What = HasFailed
	case r.Status == ledger.Skipped:
		t.LeftAlone++
		event.What = WasLeft
	case r.Status != ledger.Done:
		t.Other++
		return
	case do == policy.Delete:
		t.Deleted++
		event.What = WasDeleted
	default:
		t.Anonymized++
		event.What = WasAnonymized
	}
	s.run.Events = append(s.run.Events, event)
	if r.Status != ledger.Done {
		return
	}
	for what, n := range i.counts {
		effect, place, found := strings.Cut(what, " ")
		if !found {
			continue
		}
		if s.related[place] == nil {
			s.related[place] = &RunRelated{Place: place}
		}
		rel := s.related[place]
		switch effect {
		case "delete":
			rel.Deleted += n
		case "anonymize":
			rel.Anonymized += n
		case "keep":
			rel.Kept += n
		case "free":
			rel.Freed += n
		case "share":
			rel.Shared += n
		}
	}
}

// ended counts what became of a row whose own period was over.
func (s *runStory) ended(r ledger.Record) {
	rule := r.Entry.Ground
	if s.rows[rule] == nil {
		s.rows[rule] = &RunRows{Rule: rule, Table: r.Table}
	}
	switch x := s.rows[rule]; {
	case r.Status == ledger.Failed:
		x.Failed++
	case r.Status != ledger.Done:
		x.LeftAlone++
	case r.Do == policy.Delete:
		x.Deleted++
	default:
		x.Anonymized++
	}
}

func (s *runStory) table(name string) *RunTable {
	if s.tables[name] == nil {
		s.tables[name] = &RunTable{Table: name}
	}
	return s.tables[name]
}

func (s *runStory) end() {
	for k, kind := range s.dates {
		t := s.table(k.Table)
		switch kind {
		case ledger.Scheduled:
			t.Scheduled++
		case ledger.Moved:
			t.Moved++
		case ledger.Held:
			t.Held++
		case ledger.Cleared:
			t.Rescued++
			s.run.Events = append(s.run.Events, RunEvent{What: WasRescued, Table: k.Table, ID: k.ID})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.tables)) {
		s.run.Tables = append(s.run.Tables, *s.tables[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.related)) {
		s.run.Related = append(s.run.Related, *s.related[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.rows)) {
		s.run.Rows = append(s.run.Rows, *s.rows[name])
	}
	slices.SortFunc(s.run.Events, func(a, b RunEvent) int {
		return cmp.Or(cmp.Compare(a.What.place(), b.What.place()), cmp.Compare(a.Table, b.Table), slices.Compare(a.ID[:], b.ID[:]))
	})
}

// place is the order in which people care.
func (w What) place() int {
	return slices.Index([]What{HasFailed, WasLeft, WasRescued, WasDeleted, WasAnonymized}, w)
}

// Persons is how many persons that happened to.
func (r *LastRun) Persons(w What) int {
	n := 0
	for _, e := range r.Events {
		if e.What == w {
			n++
		}
	}
	return n
}

// Sum adds a figure up over the subject tables.
func (r *LastRun) sum(figure func(*RunTable) int) int {
	n := 0
	for i := range r.Tables {
		n += figure(&r.Tables[i])
	}
	return n
}

// Purged, Scheduled, Moved and Failed are the figures of the run as a whole.
func (r *LastRun) Purged() int    { return r.sum((*RunTable).Purged) }
func (r *LastRun) Scheduled() int { return r.sum(func(t *RunTable) int { return t.Scheduled }) }
func (r *LastRun) Moved() int     { return r.sum(func(t *RunTable) int { return t.Moved }) }
func (r *LastRun) Failed() int    { return r.sum(func(t *RunTable) int { return t.Failed }) }
func (r *LastRun) Rescued() int   { return r.sum(func(t *RunTable) int { return t.Rescued }) }
