package purge

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/search"
)

// Summary is what a run did, for the report and for --json.
type Summary struct {
	Run          string
	Today        retention.Date
	Status       ledger.Status
	LedgerNew    bool // there was no ledger: every purge date got the whole notice again
	Subjects     []SubjectSummary
	Related      []TableTally // by table
	Places       []TableTally // the same by place of the person map: email.party
	Aside        []Aside      // places of those who were purged that no purge looks at
	Failures     []Outcome    // persons for whom something failed; they stay scheduled
	Resumed      Resumed
	Swept        int              // audit entries deleted
	Unswept      int              // persons whose audit history could not be deleted yet; later runs try again
	Residue      []search.Finding // what is left of purged persons and should not be
	Mentions     []search.Finding // what is left of them and may be: kept rows, other rows with the same address
	Unreachable  []search.Place
	Unread       []search.Place   // what this run could not search, or not to the end: there may be more than it tells
	Bypassed     []plan.GuardRail // guard rails that were passed over
	Drift        []Change         // what changed in the environment since the last run
	Stop         *StopError       // the guard rail that stopped the run
	Stages       map[string]int   // persons who were archived, reduced, and restored from the archive
	Asked        int              // persons who were asked before their purge
	TakenBack    int              // such words that were taken back: something justifies the person again, or the date is another
	Unmarked     int              // rows that were marked as anonymised and say all the same whose they are: they are judged again
	Due          int              // persons whose turn was in this run, when the purge began
	Operations   int              // asked of the service, the parts of a batch each
	Finished     int              // purges of runs before that this one has finished
	ScheduleLeft int              // persons whose columns were not written because their row changed meanwhile
	Rows         []RowTally       // by rule: rows whose own period is over
}

// SubjectSummary counts the persons of a subject table.
type SubjectSummary struct {
	Table      string
	Persons    int
	Decisions  map[retention.Action]int
	Past       int // whose purge date had come when the run began, held ones included
	Written    int // purge dates written, moved or cleared
	Deleted    int
	Anonymized int // by the policy
	Bound      int // anonymised in place instead of deleted
	Skipped    int // left alone at the last look
	Unapproved int // due, and left alone since nobody has approved that they go
	Unasked    int // due, and left alone since nobody has asked them in time
	Failed     int
}

// TableTally counts what happened to the related rows of a table.
type TableTally struct {
	Table                                    string
	Deleted, Anonymized, Kept, Freed, Shared int
}

// Aside is a place that no purge looks at: left by a rule, or out of reach in the service. What stands there is neither counted
// nor searched.
type Aside struct {
	Subject string // the table of the persons
	Table   string
	Place   string // of the person map
	Do      personmap.Treatment
	Why     string // the rule's reason
}

// aside notes the places that were not looked at of persons of a table.
func (s *Summary) aside(m *personmap.Map) {
	if m == nil {
		return
	}
	for _, p := range m.Aside() {
		s.Aside = append(s.Aside, Aside{m.Subject, p.Table, p.Key(), p.Do, p.Why})
	}
}

// Resumed counts what the run finished of runs before it.
type Resumed struct {
	Schedules int // announcements of which it was found out whether they had been written
	Purges    int // purges that a cut run had begun
	Sweeps    int // persons whose audit history was looked for again
	Rows      int // rows whose own period was over and that a cut run had begun to end
}

// Outcome is what became of one person.
type Outcome struct {
	Table  string
	ID     uuid.UUID
	Action retention.Action
	Do     policy.Disposition // of a purge that was done: delete or anonymize
	Status ledger.Status
	Code   string // Dataverse's code, or a word of ours
	// Begun tells of a purge that failed that the row is anonymous already: it is no person that stays scheduled.
	Begun bool
}

// Stays says what becomes of somebody who failed, in words.
func (o Outcome) Stays() string {
	switch {
	case o.Begun && o.Code == string(errHeld):
		return "is anonymised, and its row stays until the legal hold is released"
	case o.Begun:
		return "is anonymised, and the next run goes on with its row"
	case o.Action != retention.Purge:
		return "stays as it is"
	}
	return "stays scheduled"
}

// Progress tells how far a phase of the run has come.
type Progress struct {
	Phase string // resume, evaluate, schedule, look, purge, sweep
	Done  int
	Total int // zero: not known
	What  string
}

func (s *Summary) subject(table string) *SubjectSummary {
	for i := range s.Subjects {
		if s.Subjects[i].Table == table {
			return &s.Subjects[i]
		}
	}
	s.Subjects = append(s.Subjects, SubjectSummary{Table: table, Decisions: make(map[retention.Action]int)})
	return &s.Subjects[len(s.Subjects)-1]
}

// tally is the one of that name in a list, which it joins.
func tally(list *[]TableTally, name string) *TableTally {
	i := slices.IndexFunc(*list, func(t TableTally) bool { return t.Table == name })
	if i < 0 {
		i = len(*list)
		*list = append(*list, TableTally{Table: name})
	}
	return &(*list)[i]
}

// count counts what was done to rows of a place: in the tally of its table, and in its own.
func (s *Summary) count(effect, place string, n int) {
	table, _, _ := strings.Cut(place, ".")
	tally(&s.Related, table).count(effect, n)
	tally(&s.Places, place).count(effect, n)
}

func (t *TableTally) add(o TableTally) {
	t.Deleted += o.Deleted
	t.Anonymized += o.Anonymized
	t.Kept += o.Kept
	t.Freed += o.Freed
	t.Shared += o.Shared
}

func (t *TableTally) count(effect string, n int) {
	switch effect {
	case didDelete:
		t.Deleted += n
	case didAnonymize:
		t.Anonymized += n
	case didKeep:
		t.Kept += n
	case didFree:
		t.Freed += n
	case didShare:
		t.Shared += n
	}
}

// Purged is how many persons were purged, in whatever way.
func (s *Summary) Purged() int {
	n := 0
	for _, t := range s.Subjects {
		n += t.Deleted + t.Anonymized + t.Bound
	}
	return n
}

// DuePurged is how many of those whose turn was in this run were purged.
func (s *Summary) DuePurged() int { return s.Purged() - s.Finished }

// Past is whose purge date had come when the run began, held ones included.
func (s *Summary) Past() int {
	n := 0
	for _, t := range s.Subjects {
		n += t.Past
	}
	return n
}

// Unapproved is how many persons are due and wait for somebody else's approval.
func (s *Summary) Unapproved() int {
	n := 0
	for _, t := range s.Subjects {
		n += t.Unapproved
	}
	return n
}

// Unasked is how many persons are due and wait since they were not asked in time.
func (s *Summary) Unasked() int {
	n := 0
	for _, t := range s.Subjects {
		n += t.Unasked
	}
	return n
}

// Mentioned counts the mentions by where they are, with those that are not listed.
func (s *Summary) Mentioned() map[string]int {
	n := make(map[string]int)
	for _, f := range s.Mentions {
		n[f.Where] += 1 + f.More
	}
	return n
}

// Failed is how many persons failed.
func (s *Summary) Failed() int { return len(s.Failures) }

// counts are what the ledger says about the run as a whole.
func (s *Summary) counts() map[string]int {
	c := make(map[string]int)
	add := func(what string, n int) {
		if n > 0 {
			c[what] += n
		}
	}
	for _, t := range s.Subjects {
		add("past "+t.Table, t.Past)
		add("written "+t.Table, t.Written)
		add("deleted "+t.Table, t.Deleted)
		add("anonymized "+t.Table, t.Anonymized)
		add("bound "+t.Table, t.Bound)
		add("skipped "+t.Table, t.Skipped)
		add("failed "+t.Table, t.Failed)
		add("unapproved "+t.Table, t.Unapproved)
		add("unasked "+t.Table, t.Unasked)
	}
	for _, t := range s.Rows {
		add("due_rows "+t.Table, t.Due)
		add("ended_rows "+t.Table, t.Ended)
		add("failed_rows "+t.Table, t.Failures())
	}
	for what, n := range s.Stages {
		add("stage "+what, n)
	}
	add("asked", s.Asked)
	add("taken_back", s.TakenBack)
	add("swept", s.Swept)
	add("operations", s.Operations)
	add("residue", len(s.Residue))
	return c
}

// unread adds places that could not be searched, each once.
func (s *Summary) unread(places []search.Place) {
	for _, p := range places {
		if !slices.Contains(s.Unread, p) {
			s.Unread = append(s.Unread, p)
		}
	}
}
