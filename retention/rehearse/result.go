package rehearse

import (
	"cmp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/snapshot"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
)

// Result is what a rehearsal has seen.
type Result struct {
	Organization uuid.UUID      `json:"organization"`
	Policy       string         `json:"policy"` // hash
	Taken        string         `json:"taken"`  // when the snapshot was
	Sample       string         `json:"sample"` // all, or the share of the persons
	From         retention.Date `json:"from"`
	To           retention.Date `json:"to"`
	Every        int            `json:"every"` // nights from one run to the next
	Nights       int            `json:"nights"`
	Skipped      int            `json:"skipped"`     // of these: in which nothing could fall due, so that they count as the quiet one before
	Provisioned  int            `json:"provisioned"` // things that gallra provision would make
	Persons      []Persons      `json:"persons"`
	Months       []Month        `json:"months"`
	Diary        []Night        `json:"diary"` // night by night
	Places       []Place        `json:"places"`
	Tables       []Tally        `json:"tables"` // of related rows
	Stops        []Stop         `json:"stops"`
	First        *Wave          `json:"firstWave"` // null: nobody was purged
	Largest      *Wave          `json:"largestWave"`
	LargestShare float64        `json:"-"` // of a table that goes in one night, the largest of all nights
	Service      Service        `json:"service"`
	Found        []Found        `json:"found"`
	Failed       []Failed       `json:"failed"`
	Unexpected   []Unexpected   `json:"unexpected"`
	Gaps         []snapshot.Gap `json:"gaps"`
	// Unfit are the columns that the policy decides by and that the snapshot was not taken for, UnfitTexts how many texts.
	Unfit      []string    `json:"unfit"`
	UnfitTexts int         `json:"unfitTexts"`
	Against    *Comparison `json:"against,omitempty"`
	Unapproved bool        `json:"approvalAssumed"` // the policy asks for an approval, which the rehearsal takes for given
	Link       string      `json:"link,omitempty"`  // of a row in the CRM, up to its id; empty where ids are mapped
}

// Persons counts the persons of a table at the beginning and at the end.
type Persons struct {
	Table  string `json:"table"`
	Before int    `json:"before"`
	After  int    `json:"after"`
}

// Month is what happened within a calendar month.
type Month struct {
	Month     string `json:"month"` // 2026-12
	Scheduled int    `json:"scheduled"`
	Moved     int    `json:"moved"`
	Rescued   int    `json:"rescued"`
	Purged    int    `json:"purged"`
	// Deleted, Anonymized and Bound are parts of Purged: bound are those who were anonymised in place.
	Deleted    int `json:"deleted"`
	Anonymized int `json:"anonymized"`
	Bound      int `json:"bound"`
	Archived   int `json:"archived"`
	Reduced    int `json:"reduced"`
	Failed     int `json:"failed"`
	EndedRows  int `json:"endedRows"` // rows whose own period was over
	// By ground and class: who got a date, who lost it again, and who was purged. Without a ground nothing ever justified them.
	Groups []Group `json:"groups"`
	Tables []Tally `json:"tables"` // of related rows
}

// Group is the persons of a table and class whom a ground kept last. Rescued are those whom it justifies again.
type Group struct {
	Table     string `json:"table"`
	Class     string `json:"class,omitempty"`
	Ground    string `json:"ground,omitempty"`
	Scheduled int    `json:"scheduled"`
	Rescued   int    `json:"rescued"`
	Purged    int    `json:"purged"`
}

// Tally counts what became of related rows.
type Tally struct {
	Table      string `json:"table"`
	Deleted    int    `json:"deleted"`
	Anonymized int    `json:"anonymized"`
	Kept       int    `json:"kept"`
	Freed      int    `json:"freed"`
	Shared     int    `json:"shared"`
}

// Place is a place of the person map.
type Place struct {
	Place    string   `json:"place"`
	Subjects []string `json:"subjects"` // whose persons stand there
	Do       []string `json:"do"`       // what the policy says of it
	Rows     int      `json:"rows"`     // of all subjects at the beginning; -1: not counted
	Tally    Tally    `json:"went"`
}

// Stop is a guard rail that stopped nights.
type Stop struct {
	plan.GuardRail
	First  retention.Date `json:"first"`
	Nights int            `json:"nights"`
}

// Wave is a night in which persons were purged.
type Wave struct {
	On         retention.Date     `json:"on"`
	Persons    int                `json:"persons"`
	Shares     map[string]float64 `json:"shares"` // by table
	Operations int                `json:"operations"`
	Requests   int                `json:"requests"`
}

// Service is what the runs ask of Dataverse.
type Service struct {
	Requests   int     `json:"requests"`   // a batch is one
	Operations int     `json:"operations"` // every part of a batch
	PerNight   int     `json:"operationsOfAnOrdinaryNight"`
	Hours      float64 `json:"hoursOfLargestNight"` // at the service protection limit of requests, one user and web server
	Days       float64 `json:"daysOfLargestNight"`  // at the pool of operations that application users share
}

// Found counts what the search found of purged persons.
type Found struct {
	Table string `json:"table"`
	Where string `json:"where"`
	Left  bool   `json:"left"` // it should not be there; otherwise it may be
	Count int    `json:"count"`
}

// Failed is why persons could not be purged.
type Failed struct {
	Table string      `json:"table"`
	Code  string      `json:"code"`
	Count int         `json:"count"` // persons
	IDs   []uuid.UUID `json:"ids"`   // some of them
}

// Unexpected is somebody of whom people would not expect that they go.
type Unexpected struct {
	Table   string         `json:"table"`
	ID      uuid.UUID      `json:"id"`
	Why     string         `json:"why"` // primary-contact, recent-activity
	Weight  int            `json:"weight"`
	PurgeOn retention.Date `json:"purgeOn"`
	Purged  bool           `json:"purged"`
}

// recorder fills a result, night by night.
type recorder struct {
	*Result
	who     map[uuid.UUID]group // of whoever has a date
	counted counted
	purged  map[uuid.UUID]bool
	failed  map[uuid.UUID]bool
	dates   map[uuid.UUID]retention.Date
	found   map[Found]int
	ordinal []int // operations of nights in which nobody was purged
}

type group struct{ table, class, ground string }

func (r *recorder) month(on retention.Date) *Month {
	name := on.String()[:7]
	if n := len(r.Months); n == 0 || r.Months[n-1].Month != name {
		r.Months = append(r.Months, Month{Month: name, Groups: []Group{}, Tables: []Tally{}})
	}
	return &r.Months[len(r.Months)-1]
}

func (m *Month) group(g group) *Group {
	i := slices.IndexFunc(m.Groups, func(x Group) bool { return x.Table == g.table && x.Class == g.class && x.Ground == g.ground })
	if i < 0 {
		i = len(m.Groups)
		m.Groups = append(m.Groups, Group{Table: g.table, Class: g.class, Ground: g.ground})
	}
	return &m.Groups[i]
}

// planned notes what a night is about to do.
func (r *recorder) planned(on retention.Date, p *plan.Plan) {
	m := r.month(on)
	for _, t := range p.Tables {
		i := slices.IndexFunc(r.Persons, func(x Persons) bool { return x.Table == t.Table })
		if i < 0 {
			i = len(r.Persons)
			r.Persons = append(r.Persons, Persons{Table: t.Table, Before: t.Persons})
		}
		r.Persons[i].After = t.Persons
	}
	night := r.diary(on)
	for i := range p.Decisions {
		d := &p.Decisions[i]
		id := d.Person.ID
		g := group{d.Person.Table, d.Class, d.GroundID()}
		again := r.counted.again(on, id, d.Action)
		switch d.Action {
		case retention.Schedule:
			if !again {
				m.Scheduled++
				m.group(g).Scheduled++
				night.Scheduled++
			}
			r.who[id], r.dates[id] = g, d.PurgeOn
		case retention.Move:
			if !again {
				m.Moved++
				night.Moved++
			}
			r.who[id], r.dates[id] = g, d.PurgeOn
		case retention.Clear:
			if !again {
				m.Rescued++
				m.group(g).Rescued++
				night.Rescued++
			}
			delete(r.who, id)
			delete(r.dates, id)
		case retention.Purge, retention.Wait: // who had a date before the rehearsal began is known from here on
			if _, known := r.who[id]; !known {
				r.who[id] = g
			}
		}
	}
}

func (r *recorder) outcome(on retention.Date, o purge.Outcome) {
	if o.Action != retention.Purge {
		return
	}
	switch o.Status {
	case ledger.Done:
		if !r.purged[o.ID] {
			r.purged[o.ID] = true
			g, known := r.who[o.ID]
			if !known { // a row that was anonymous before the rehearsal began
				g.table = o.Table
			}
			r.month(on).group(g).Purged++
			if i := slices.IndexFunc(r.Persons, func(x Persons) bool { return x.Table == o.Table }); i >= 0 && known {
				r.Persons[i].After--
			}
			delete(r.who, o.ID)
		}
	case ledger.Failed:
		if r.failed[o.ID] {
			return // as in a night before
		}
		r.failed[o.ID] = true
		i := slices.IndexFunc(r.Failed, func(f Failed) bool { return f.Table == o.Table && f.Code == o.Code })
		if i < 0 {
			i = len(r.Failed)
			r.Failed = append(r.Failed, Failed{Table: o.Table, Code: o.Code})
		}
		f := &r.Failed[i]
		if f.Count++; len(f.IDs) < mostNamed {
			f.IDs = append(f.IDs, o.ID)
		}
	}
}

const mostNamed = 20

// night notes what a run has done.
func (r *recorder) night(on retention.Date, s *purge.Summary, requests int) {
	m := r.month(on)
	purged := 0
	shares := map[string]float64{}
	for _, t := range s.Subjects {
		m.Deleted += t.Deleted
		m.Anonymized += t.Anonymized
		m.Bound += t.Bound
		n := t.Deleted + t.Anonymized + t.Bound
		purged += n
		if t.Persons > 0 && n > 0 {
			shares[t.Table] = float64(n) / float64(t.Persons)
		}
	}
	m.Purged += purged
	m.Failed += s.Failed()
	r.wake(on, purged, s)
	m.Archived += s.Stages["archive"]
	m.Reduced += s.Stages["reduce"]
	for _, t := range s.Rows {
		m.EndedRows += t.Ended
	}
	for _, t := range s.Related {
		add(&m.Tables, t)
		add(&r.Tables, t)
	}
	for _, t := range s.Places {
		r.place(t.Table).Tally.add(t)
	}
	for _, f := range s.Residue {
		r.found[Found{Table: f.Table, Where: f.Where, Left: true}] += 1 + f.More
	}
	for _, f := range s.Mentions {
		r.found[Found{Table: f.Table, Where: f.Where}] += 1 + f.More
	}
	r.Service.Requests += requests
	r.Service.Operations += s.Operations
	if purged == 0 {
		r.ordinal = append(r.ordinal, s.Operations)
		return
	}
	w := &Wave{On: on, Persons: purged, Shares: shares, Operations: s.Operations, Requests: requests}
	if r.First == nil {
		r.First = w
	}
	if r.Largest == nil || w.Persons > r.Largest.Persons {
		r.Largest = w
	}
	for _, s := range shares {
		r.LargestShare = max(r.LargestShare, s)
	}
}

// Limits are those that let every wave through: the most persons of a night, and the largest share of a table in any, which need not be
// the same night.
func (r *Result) Limits() (purges int, share float64) {
	if r.Largest == nil {
		return 0, 0
	}
	return r.Largest.Persons, r.LargestShare
}

// place is the place of that name.
func (r *recorder) place(name string) *Place {
	i := slices.IndexFunc(r.Places, func(p Place) bool { return p.Place == name })
	if i < 0 {
		i = len(r.Places)
		table, _, _ := strings.Cut(name, ".")
		r.Places = append(r.Places, Place{Place: name, Subjects: []string{}, Do: []string{}, Rows: -1, Tally: Tally{Table: table}})
	}
	return &r.Places[i]
}

// drawn notes a place of the map of a subject.
func (r *recorder) drawn(subject string, p *personmap.Place) {
	x := r.place(p.Key())
	if slices.Contains(x.Subjects, subject) {
		return
	}
	x.Subjects = append(x.Subjects, subject)
	if do := string(p.Do); !slices.Contains(x.Do, do) {
		x.Do = append(x.Do, do)
	}
	if p.Rows >= 0 {
		x.Rows = max(x.Rows, 0) + p.Rows
	}
}

func (t *Tally) add(o purge.TableTally) {
	t.Deleted += o.Deleted
	t.Anonymized += o.Anonymized
	t.Kept += o.Kept
	t.Freed += o.Freed
	t.Shared += o.Shared
}

func add(list *[]Tally, t purge.TableTally) {
	i := slices.IndexFunc(*list, func(x Tally) bool { return x.Table == t.Table })
	if i < 0 {
		i = len(*list)
		*list = append(*list, Tally{Table: t.Table})
	}
	(*list)[i].add(t)
}

// stopped notes the guard rails that stopped a night.
func (r *recorder) stopped(on retention.Date, rails []plan.GuardRail) {
	for _, g := range rails {
		r.diary(on).stop(string(g.Rail))
		i := slices.IndexFunc(r.Stops, func(s Stop) bool { return s.Rail == g.Rail && s.Table == g.Table && s.Ground == g.Ground })
		if i < 0 {
			r.Stops = append(r.Stops, Stop{GuardRail: g, First: on, Nights: 1})
			continue
		}
		r.Stops[i].Nights++
	}
}

// Limits of the service, by Microsoft's pages: api-limits, api-request-limits-allocations.
const (
	requestsPerWindow = 6000
	windowHours       = 5.0 / 60
	poolPerDay        = 500_000
)

// finish works out what can be told at the end, and puts lists in order.
func (r *recorder) finish() {
	for i := range r.Months {
		m := &r.Months[i]
		slices.SortFunc(m.Groups, func(a, b Group) int {
			return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Class, b.Class), strings.Compare(a.Ground, b.Ground))
		})
		slices.SortFunc(m.Tables, func(a, b Tally) int { return strings.Compare(a.Table, b.Table) })
	}
	slices.SortFunc(r.Tables, func(a, b Tally) int { return strings.Compare(a.Table, b.Table) })
	slices.SortFunc(r.Places, func(a, b Place) int { return strings.Compare(a.Place, b.Place) })
	for f, n := range r.found {
		f.Count = n
		r.Found = append(r.Found, f)
	}
	slices.SortFunc(r.Found, func(a, b Found) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Where, b.Where), a.Count-b.Count)
	})
	for i := range r.Unexpected {
		u := &r.Unexpected[i]
		u.PurgeOn, u.Purged = r.dates[u.ID], r.purged[u.ID]
	}
	r.Unexpected = slices.DeleteFunc(r.Unexpected, func(u Unexpected) bool { return u.PurgeOn.IsZero() && !u.Purged })
	r.Unexpected = r.Unexpected[:min(len(r.Unexpected), mostUnexpected)]
	if n := len(r.ordinal); n > 0 {
		slices.Sort(r.ordinal)
		r.Service.PerNight = r.ordinal[n/2]
	}
	if w := r.Largest; w != nil {
		r.Service.Hours = float64(w.Requests) / requestsPerWindow * windowHours
		r.Service.Days = float64(w.Operations) / poolPerDay
	}
	r.Stops, r.Places, r.Tables, r.Found, r.Failed = some(r.Stops), some(r.Places), some(r.Tables), some(r.Found), some(r.Failed)
	r.Unexpected, r.Gaps, r.Unfit, r.Months, r.Persons, r.Diary = some(r.Unexpected), some(r.Gaps), some(r.Unfit), some(r.Months), some(r.Persons), some(r.Diary)
}

// some is a list that is written as one also where it is empty.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

const mostUnexpected = 100
