package ledger

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
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
	ending  map[Key]*EndedRow // rows whose own period is over, until their audit history is gone
	ahead   map[Key]*Stages
	stays   map[Key]map[string][]uuid.UUID // rows that stages have left in place, until their person is purged
	loose   map[Key]map[string][]uuid.UUID // see Ledger.Loose
	decided map[Key]*Decisions             // until their person is purged, or left alone
	despite map[Key][]string               // grounds that were passed over for a person since their last outcome
	facts   map[string]string
	telling []Record          // what owners were about to be told, in the ledger's order
	told    map[Key][]telling // of whose purge somebody was told; until they are purged
	grounds map[groundKey]int
	held    map[Key]map[string]retention.Held // by ground
	// What is known of changes that grounds count from, which grounds a run before this one has counted, and when the last two did.
	changes            map[groundKey]*history
	watched, counting  map[groundKey]bool
	seenOn, seenBefore retention.Date
	steps              map[Key]*Step // of persons on the way to their purge
	asks               map[Key][]Ask
	purged             map[Key]bool    // persons who are anonymous and whose rows stay
	touched            map[string]int  // rows that purges have touched since the grounds were counted, by table
	inPlace            map[string]bool // tables of which persons were anonymised in place
	counted            int             // the run that counted the grounds last
	runs               []RunInfo
	ends               map[uint64]string // hashes of the entries before each run, by number

	adopted   Adoption
	approvals []Approval // since the last adoption
	listed    map[Key][]Listing
}

type groundKey struct{ table, ground string }

// Purge is a purge that is not finished.
type Purge struct {
	Key
	Do        policy.Disposition
	Class     string                 // by whose rules they go; empty where all persons are alike
	Rows      map[string][]uuid.UUID // every row that was touched, the person's own included
	Stays     map[string][]uuid.UUID // rows that a rule keeps, whatever the rules find later
	Counts    map[string]int
	Concluded bool // an outcome stands in the ledger; what is missing is the sweep, of Rows: Stays and Counts are empty
	// Written tells that the outcome is WrittenSince.
	Written bool
	Actors  []uuid.UUID // who ran when the person was to be purged
	// Passed tells that another person of the table was purged to the same end since this purge began: what keeps this one is its own.
	Passed bool
	last   moment // of the outcome
}

// Stages is a purge whose related rows have begun to go ahead of the person.
type Stages struct {
	Key
	Class  string
	Rows   map[string][]uuid.UUID
	Counts map[string]int
	// Asked tells that somebody asked for the purge, so that no dates are needed; Despite are the grounds that were passed
	// over for it.
	Asked   bool
	Despite []string

	open bool   // the person is to follow; otherwise only the audit history of the rows is left to delete
	last moment // of the last entry about it
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
	Stopped          []string // the guard rails that stopped it
}

func newState() state {
	return state{
		hash:    genesis,
		traces:  make(map[Key]retention.Trace),
		pending: make(map[Key]Record),
		purges:  make(map[Key]*Purge),
		ending:  make(map[Key]*EndedRow),
		ahead:   make(map[Key]*Stages),
		stays:   make(map[Key]map[string][]uuid.UUID),
		loose:   make(map[Key]map[string][]uuid.UUID),
		decided: make(map[Key]*Decisions),
		despite: make(map[Key][]string),
		facts:   make(map[string]string),
		held:    make(map[Key]map[string]retention.Held),
		steps:   make(map[Key]*Step),
		asks:    make(map[Key][]Ask),
		changes: make(map[groundKey]*history), watched: make(map[groundKey]bool), counting: make(map[groundKey]bool),
		grounds: make(map[groundKey]int),
		told:    make(map[Key][]telling),
		touched: make(map[string]int),
		inPlace: make(map[string]bool),
		purged:  make(map[Key]bool),
		ends:    make(map[uint64]string),
		listed:  make(map[Key][]Listing),
	}
}

func (s *state) apply(r Record) {
	k := Key{r.Table, r.ID}
	switch r.Kind {
	case Start:
		s.ends[r.Seq-1] = r.Prev
		s.runs = append(s.runs, RunInfo{ID: r.Run, Verb: r.Verb, Policy: r.Policy, Organization: r.Organization, Began: r.At, Today: r.Today, Actor: r.Actor})
	case End:
		if n := len(s.runs); n > 0 {
			s.runs[n-1].Ended, s.runs[n-1].Status, s.runs[n-1].Counts = r.At, r.Status, r.Counts
		}
	case Stopped:
		if n := len(s.runs); n > 0 && !slices.Contains(s.runs[n-1].Stopped, r.Guard) {
			s.runs[n-1].Stopped = append(s.runs[n-1].Stopped, r.Guard)
		}
	case Ground:
		if s.counted != len(s.runs) {
			s.counted = len(s.runs)
			clear(s.touched)
			maps.Copy(s.watched, s.counting)
			clear(s.counting)
			s.seenBefore = s.seenOn
			if n := len(s.runs); n > 0 {
				s.seenOn = s.runs[n-1].Today
			}
		}
		s.counting[groundKey{r.Table, r.Entry.Ground}] = true
		s.grounds[groundKey{r.Table, r.Entry.Ground}] = r.Counts["rows"]
	case Staging, Staged, Restored:
		s.step(k, r)
	case Gained, Lost:
		s.holds(r)
	case Changed:
		s.changed(r)
	case Asking, WasAsked, Unasked:
		s.ask(k, r)
	case Environment:
		for what, value := range r.Facts {
			if s.facts[what] = value; value == "" {
				delete(s.facts, what)
			}
		}
	case Scheduled, Moved, Cleared, Released:
		s.pending[k] = r
		delete(s.listed, k)
	case Telling:
		s.telling = append(s.telling, r)
	case Told:
		s.telling = slices.DeleteFunc(s.telling, func(t Record) bool {
			if t.Seq < r.First || t.Seq > r.Last {
				return false
			}
			if r.Status == Done {
				s.wasTold(Key{t.Table, t.ID}, telling{t.Actor, t.PurgeOn})
			}
			return true
		})
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
		delete(s.listed, k)
		if r.PurgeOn.IsZero() { // a date that was emptied by hand
			delete(s.traces, k)
			break
		}
		s.traces[k] = retention.Trace{PurgeOn: r.PurgeOn, NoticedOn: r.NoticedOn}
	case Held:
		delete(s.listed, k)
		t := s.traces[k]
		t.Held = true
		s.traces[k] = t
	case Bypass:
		if r.Guard == GroundGuard && !slices.Contains(s.despite[k], r.Entry.Ground) {
			s.despite[k] = append(s.despite[k], r.Entry.Ground)
		}
	case Ahead:
		s.decide(k, r)
		s.goAhead(k, r)
	case Intent:
		s.decide(k, r)
		p := s.purges[k]
		if p == nil || p.Concluded {
			p = &Purge{Key: k, Rows: make(map[string][]uuid.UUID), Stays: make(map[string][]uuid.UUID), Counts: make(map[string]int)}
			s.purges[k] = p
			if st := s.steps[k]; st != nil { // of a stage that was not swept to its end
				for table, ids := range st.Rows {
					p.Rows[table] = slices.Clone(ids)
				}
			}
			if a := s.ahead[k]; a != nil {
				for table, ids := range a.Rows {
					p.Rows[table] = append(p.Rows[table], ids...)
				}
				for what, n := range a.Counts {
					p.Counts[what] = n
				}
			}
		}
		// A second intent adds rows that came up later to a purge that is under way.
		p.Do, p.Class = r.Do, r.Class
		if n := len(s.runs); n > 0 && !slices.Contains(p.Actors, s.runs[n-1].Actor) {
			p.Actors = append(p.Actors, s.runs[n-1].Actor)
		}
		for table, ids := range r.Rows {
			for _, id := range ids {
				if !slices.Contains(p.Rows[table], id) {
					p.Rows[table] = append(p.Rows[table], id)
				}
			}
		}
		for table, ids := range r.Stays {
			for _, id := range ids {
				if !slices.Contains(p.Stays[table], id) {
					p.Stays[table] = append(p.Stays[table], id)
				}
			}
		}
		for what, n := range r.Counts {
			p.Counts[what] += n
		}
	case Outcome:
		p := s.purges[k]
		if r.Status == Done {
			for o, open := range s.purges {
				if o != k && o.Table == k.Table && open.Do == r.Do && !open.Concluded {
					open.Passed = true
				}
			}
		}
		a := s.ahead[k]
		switch {
		case r.Status != Done && r.Code != WrittenSince:
			delete(s.purges, k)
			if a == nil || r.Code != NotBegun {
				delete(s.decided, k)
			}
			if a != nil {
				a.open, a.last = a.open && r.Code == NotBegun, s.moment(r)
			}
		case p != nil:
			p.Concluded, p.Written, p.last = true, r.Code == WrittenSince, s.moment(r)
			for _, stay := range []map[string][]uuid.UUID{p.Stays, s.stays[k]} { // they lead to the person no more
				for table, ids := range stay {
					for _, id := range ids {
						if !slices.Contains(p.Rows[table], id) {
							s.touched[table]++
						}
					}
				}
			}
			p.Stays, p.Counts = nil, nil // what is left is the sweep, which needs the rows alone
			if r.Do == policy.Anonymize {
				s.inPlace[r.Table] = true
				s.purged[k] = true
			}
			for table, ids := range p.Rows {
				s.touched[table] += len(ids)
				if a != nil {
					s.touched[table] -= len(a.Rows[table])
				}
			}
			delete(s.held, k)
			delete(s.steps, k)
			s.unask(k, p.Rows["task"])
			delete(s.traces, k)
			delete(s.pending, k)
			delete(s.ahead, k)
			delete(s.stays, k)
			delete(s.loose, k)
			delete(s.told, k)
			delete(s.listed, k)
			delete(s.decided, k)
		}
		if r.Status == Done || r.Code != NotBegun {
			delete(s.despite, k)
		}
	case Ending, Ended:
		s.endRow(k, r)
	case Approved:
		s.approve(r)
	case Adopted:
		s.adopt(r)
	case Swept:
		if p := s.purges[k]; p != nil && p.Concluded && s.nothingLeft(p.last, r) {
			delete(s.purges, k)
		}
		if e := s.ending[k]; e != nil && e.Concluded && s.nothingLeft(e.last, r) {
			delete(s.ending, k)
		}
		s.sweptStep(k, r)
		if a := s.ahead[k]; a != nil && !a.open && s.nothingLeft(a.last, r) {
			delete(s.ahead, k)
		}
	}
}

func (s *state) goAhead(k Key, r Record) {
	a := s.ahead[k]
	if a == nil {
		a = &Stages{Key: k, Rows: make(map[string][]uuid.UUID), Counts: make(map[string]int)}
		s.ahead[k] = a
	}
	a.open, a.last, a.Class = true, s.moment(r), r.Class
	if n := len(s.runs); n > 0 {
		a.Asked = a.Asked || s.runs[n-1].Verb != "run"
	}
	for _, g := range s.despite[k] {
		if !slices.Contains(a.Despite, g) {
			a.Despite = append(a.Despite, g)
		}
	}
	for table, ids := range r.Stays {
		if s.stays[k] == nil {
			s.stays[k] = make(map[string][]uuid.UUID)
		}
		s.stays[k][table] = append(s.stays[k][table], ids...)
	}
	for table, ids := range r.Rows {
		a.Rows[table] = append(a.Rows[table], ids...)
		s.touched[table] += len(ids)
	}
	for what, n := range r.Counts {
		a.Counts[what] += n
	}
}

// Trace is what the ledger proves about the purge date of a person. It fits [retention.Options].
func (l *Ledger) Trace(table string, id uuid.UUID) retention.Trace {
	l.mu.Lock()
	defer l.mu.Unlock()
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
	for k, a := range l.state.ahead {
		if !a.open && l.state.purges[k] == nil {
			out = append(out, Purge{Key: k, Rows: a.Rows, Counts: a.Counts, Concluded: true})
		}
	}
	slices.SortFunc(out, func(a, b Purge) int { return a.Compare(b.Key) })
	return out
}

// Passed tells whether another person of the table was purged to the same end since the purge of this one began.
func (l *Ledger) Passed(k Key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.state.purges[k]
	return p != nil && p.Passed
}

// Stays lists the rows of a person, by table, that a purge which is under way has left in place by a rule. They stay,
// whatever the rules find once the person is anonymous or the row is freed from them.
func (l *Ledger) Stays(table string, id uuid.UUID) map[string][]uuid.UUID {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := Key{table, id}
	out := make(map[string][]uuid.UUID)
	for t, ids := range l.state.stays[k] {
		out[t] = append(out[t], ids...)
	}
	if p := l.state.purges[k]; p != nil && !p.Concluded {
		for t, ids := range p.Stays {
			out[t] = append(out[t], ids...)
		}
	}
	return out
}

// Begun lists the purges whose related rows have begun to go ahead and whose persons have not followed, ordered by table
// and id.
func (l *Ledger) Begun() []Stages {
	var out []Stages
	for k, a := range l.state.ahead {
		if a.open && l.state.purges[k] == nil {
			out = append(out, *a)
		}
	}
	slices.SortFunc(out, func(a, b Stages) int { return a.Compare(b.Key) })
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

// Touched is how many rows of a table purges have deleted, anonymised or otherwise changed since the grounds were counted, along
// with those that they have left in place and that lead to the purged person no more.
func (l *Ledger) Touched(table string) int { return l.state.touched[table] }

// InPlace tells whether somebody of the table was anonymised in place.
func (l *Ledger) InPlace(table string) bool { return l.state.inPlace[table] }

// Facts are what the last run knew of the environment; empty before the first.
func (l *Ledger) Facts() map[string]string { return l.state.facts }

// Knows tells whether the ledger knows of a person's purge: that it is under way, or that the row was to stay.
func (l *Ledger) Knows(k Key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.purged[k] || l.state.purges[k] != nil || l.state.ahead[k] != nil
}

// Purging tells whether a purge of the person is under way: begun, and neither done nor given up.
func (l *Ledger) Purging(k Key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, a := l.state.purges[k], l.state.ahead[k]
	return p != nil && !p.Concluded || a != nil && a.open
}

// Runs lists the runs in order.
func (l *Ledger) Runs() []RunInfo { return l.state.runs }
