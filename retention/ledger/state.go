package ledger

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// Key names a person.
type Key struct {
	Table string
	ID    uuid.UUID
}

// Compare orders keys by table and id.
func (k Key) Compare(o Key) int {
	return cmp.Or(strings.Compare(k.Table, o.Table), bytes.Compare(k.ID[:], o.ID[:]))
}

// state is what the entries add up to.
type state struct {
	seq  uint64
	hash string

	traces  map[Key]retention.Trace
	pending map[Key]Record // announcements that neither Written nor Void covers
	purges  map[Key]*Purge
	grounds map[groundKey]int
	touched map[string]int // rows that purges have touched since the grounds were counted, by table
	counted int            // the run that counted the grounds last
	runs    []RunInfo
}

type groundKey struct{ table, ground string }

// Purge is a purge that is not finished.
type Purge struct {
	Key
	Do      retention.Disposition
	Rows    map[string][]uuid.UUID // every row that was touched, the person's own included
	Counts  map[string]int
	Decided bool // an outcome stands in the ledger; what is missing is the sweep
	run     int  // the run of the outcome
}

// RunInfo is what the ledger says about a run.
type RunInfo struct {
	ID, Verb, Policy string
	Began            time.Time
	Ended            time.Time // zero: it was cut
	Status           Status    // empty: it was cut, or is running
	Today            retention.Date
	Organization     uuid.UUID
	Actor            uuid.UUID
	Counts           map[string]int
}

func newState() state {
	return state{
		hash:    genesis,
		traces:  make(map[Key]retention.Trace),
		pending: make(map[Key]Record),
		purges:  make(map[Key]*Purge),
		grounds: make(map[groundKey]int),
		touched: make(map[string]int),
	}
}

func (s *state) apply(r Record) {
	k := Key{r.Table, r.ID}
	switch r.Kind {
	case Start:
		s.runs = append(s.runs, RunInfo{ID: r.Run, Verb: r.Verb, Policy: r.Policy, Organization: r.Organization, Began: r.At, Today: r.Today, Actor: r.Actor})
	case End:
		if n := len(s.runs); n > 0 {
			s.runs[n-1].Ended, s.runs[n-1].Status, s.runs[n-1].Counts = r.At, r.Status, r.Counts
		}
	case Ground:
		if s.counted != len(s.runs) {
			s.counted = len(s.runs)
			clear(s.touched)
		}
		s.grounds[groundKey{r.Table, r.Entry.Ground}] = r.Counts["rows"]
	case Scheduled, Moved, Cleared, Released:
		s.pending[k] = r
	case Void:
		delete(s.pending, k)
	case Written:
		for k, p := range s.pending {
			if p.Seq >= r.First && p.Seq <= r.Last {
				s.traces[k] = retention.Trace{PurgeOn: p.PurgeOn, NoticedOn: p.NoticedOn}
				if p.PurgeOn.IsZero() {
					delete(s.traces, k)
				}
				delete(s.pending, k)
			}
		}
	case Seen:
		if r.PurgeOn.IsZero() { // a date that was emptied by hand
			delete(s.traces, k)
			break
		}
		s.traces[k] = retention.Trace{PurgeOn: r.PurgeOn, NoticedOn: r.NoticedOn}
	case Held:
		t := s.traces[k]
		t.Held = true
		s.traces[k] = t
	case Intent:
		p := s.purges[k]
		if p == nil || p.Decided {
			p = &Purge{Key: k, Rows: make(map[string][]uuid.UUID), Counts: make(map[string]int)}
			s.purges[k] = p
		}
		// A second intent adds rows that came up later to a purge that is under way.
		p.Do = r.Do
		for table, ids := range r.Rows {
			for _, id := range ids {
				if !slices.Contains(p.Rows[table], id) {
					p.Rows[table] = append(p.Rows[table], id)
				}
			}
		}
		for what, n := range r.Counts {
			p.Counts[what] += n
		}
	case Outcome:
		p := s.purges[k]
		switch {
		case r.Status != Done:
			delete(s.purges, k)
		case p != nil:
			p.Decided, p.run = true, len(s.runs)
			for table, ids := range p.Rows {
				s.touched[table] += len(ids)
			}
			delete(s.traces, k)
			delete(s.pending, k)
		}
	case Swept:
		// Dataverse writes audit history with a delay: only when a later run finds nothing is nothing left.
		if p := s.purges[k]; p != nil && p.Decided && r.Deleted == 0 && len(s.runs) > p.run {
			delete(s.purges, k)
		}
	}
}

// Trace is what the ledger proves about the purge date of a person. It fits [retention.Options].
func (l *Ledger) Trace(table string, id uuid.UUID) retention.Trace {
	return l.state.traces[Key{table, id}]
}

// Traces is Trace as a function value.
func (l *Ledger) Traces() func(table string, id uuid.UUID) retention.Trace { return l.Trace }

// Unfinished lists the purges that a run began and that are not at their end: without an outcome, or not yet swept of
// their audit history by a later run that found nothing. They are ordered by table and id.
func (l *Ledger) Unfinished() []Purge {
	out := make([]Purge, 0, len(l.state.purges))
	for _, p := range l.state.purges {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Purge) int { return a.Compare(b.Key) })
	return out
}

// Unwritten lists the announcements of purge dates of which the ledger does not say whether they were written, ordered
// by their place in the ledger.
func (l *Ledger) Unwritten() []Record {
	out := make([]Record, 0, len(l.state.pending))
	for _, r := range l.state.pending {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Record) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

// GroundRows is how many rows a ground matched in the last run that wrote it down.
func (l *Ledger) GroundRows(table, ground string) (rows int, known bool) {
	rows, known = l.state.grounds[groundKey{table, ground}]
	return rows, known
}

// Touched is how many rows of a table purges have deleted, anonymised or otherwise changed since the grounds were counted.
func (l *Ledger) Touched(table string) int { return l.state.touched[table] }

// Runs lists the runs in order.
func (l *Ledger) Runs() []RunInfo { return l.state.runs }
