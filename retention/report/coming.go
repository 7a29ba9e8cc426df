package report

import (
	"cmp"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/plan"
)

// Coming is everybody with whom a plan has something to do: those whose purge is coming, those rescued, those under a
// legal hold. It is read-only once it was made and may be shared.
type Coming struct {
	AsOf         retention.Date
	TimeZone     string
	Organization uuid.UUID
	Policy       string // hash
	Tables       []Table
	Grounds      []Ground
	Owners       []Owner  // by name once [Coming.ReadNames] was called; the first is nobody in particular
	Persons      []Person // by purge date, those without one last, then table, then id

	reasons []string
}

// Table is a subject table.
type Table struct {
	Name    string // logical name
	Persons int    // all of them, kept ones included
	Actions map[retention.Action]int
}

// Ground is a ground as far as it has given somebody of the plan their date.
type Ground struct {
	ID      string // empty: nothing ever justified them
	Trigger string // what people call it; empty: nothing
	Why     string
	Basis   string
}

// Owner is who has to look after some of the persons: a user or a team.
type Owner struct {
	ID    uuid.UUID // zero: not known
	Table string    // systemuser or team
	Name  string    // as the CRM has it, without control characters; empty where names were left out
}

// Person is one decision of the plan. Names were written by others: they are text, never markup.
type Person struct {
	ID    uuid.UUID
	Name  string
	Email string
	// Company is whose the person is at, where names were read with companies.
	Company string
	Note    string // what the staff wrote as the reason of an extension by hand

	PurgeOn, NoticedOn, Until retention.Date

	Table  int32 // index into Tables
	Ground int32 // index into Grounds
	Owner  int32 // index into Owners
	reason int32
	Action retention.Action // or plan.Stuck
	Stuck  string           // the code of why they cannot be purged
}

// Stuck is the state of persons whose day has come and who cannot be purged.
const Stuck = plan.Stuck

// Due tells whether the person is to be purged, now or later: what a timeline counts. Who is stuck is not.
func (p *Person) Due() bool {
	switch p.Action {
	case retention.Schedule, retention.Move, retention.Wait, retention.Purge:
		return true
	}
	return false
}

// order is the purge date to sort by.
func (p *Person) order() retention.Date {
	if p.PurgeOn.IsZero() {
		return retention.Open
	}
	return p.PurgeOn
}

// New takes what a report needs out of a plan, which may be let go afterwards. Persons who are kept and need nothing are
// left out. Names and owners are not in a plan: [Coming.ReadNames] adds them.
func New(plan *plan.Plan) *Coming { return newComing(plan, false) }

// NewAll is [New] with everybody of whom the plan has a decision, persons who are kept as well.
func NewAll(plan *plan.Plan) *Coming { return newComing(plan, true) }

func newComing(plan *plan.Plan, all bool) *Coming {
	c := &Coming{AsOf: plan.AsOf, TimeZone: plan.TimeZone, Organization: plan.Organization, Policy: plan.Policy, Owners: []Owner{{}}}
	tables := map[string]int32{}
	for _, t := range plan.Tables {
		tables[t.Table] = int32(len(c.Tables))
		actions := t.Actions
		if t.Stuck > 0 {
			actions = maps.Clone(t.Actions)
			actions[retention.Purge] -= t.Stuck
			actions[Stuck] = t.Stuck
		}
		c.Tables = append(c.Tables, Table{Name: t.Table, Persons: t.Persons, Actions: actions})
	}
	grounds, reasons := map[string]int32{}, map[string]int32{}
	c.Persons = make([]Person, 0, len(plan.Decisions))
	for i := range plan.Decisions {
		d := &plan.Decisions[i]
		if d.Action == retention.Keep && !all {
			continue
		}
		table, ok := tables[d.Person.Table]
		if !ok {
			table = int32(len(c.Tables))
			tables[d.Person.Table] = table
			c.Tables = append(c.Tables, Table{Name: d.Person.Table, Actions: map[retention.Action]int{}})
		}
		ground, ok := grounds[d.GroundID()]
		if !ok {
			ground = int32(len(c.Grounds))
			grounds[d.GroundID()] = ground
			g := Ground{ID: d.GroundID()}
			if d.Ground != nil && g.ID == d.Ground.ID {
				g.Trigger, g.Why, g.Basis = d.Ground.Trigger, d.Ground.Why, d.Ground.Basis
			}
			c.Grounds = append(c.Grounds, g)
		}
		text := d.Reason()
		reason, ok := reasons[text]
		if !ok {
			reason = int32(len(c.reasons))
			reasons[text] = reason
			c.reasons = append(c.reasons, text)
		}
		c.Persons = append(c.Persons, Person{ID: d.Person.ID, Action: d.State(), Stuck: d.Stuck, Table: table, Ground: ground, reason: reason,
			PurgeOn: d.PurgeOn, NoticedOn: d.NoticedOn, Until: d.Until})
	}
	called := map[string]int{}
	for _, g := range c.Grounds {
		called[g.Trigger]++
	}
	for i, g := range c.Grounds {
		if g.Trigger != "" && called[g.Trigger] > 1 {
			c.Grounds[i].Trigger += " (" + g.ID + ")"
		}
	}
	slices.SortFunc(c.Persons, func(a, b Person) int {
		return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a.Table, b.Table), slices.Compare(a.ID[:], b.ID[:]))
	})
	return c
}

// Reason is why the person has their date, in the policy's words.
func (c *Coming) Reason(p *Person) string { return c.reasons[p.reason] }

// TableOf is the logical name of the person's table.
func (c *Coming) TableOf(p *Person) string { return c.Tables[p.Table].Name }

// GroundOf is the ground that gave the person their date.
func (c *Coming) GroundOf(p *Person) *Ground { return &c.Grounds[p.Ground] }

// OwnerOf is who looks after the person.
func (c *Coming) OwnerOf(p *Person) *Owner { return &c.Owners[p.Owner] }

// Count is how many persons get that action.
func (c *Coming) Count(a retention.Action) int {
	n := 0
	for _, t := range c.Tables {
		n += t.Actions[a]
	}
	return n
}

// Due is how many persons are to be purged, now or later.
func (c *Coming) Due() int {
	n := 0
	for i := range c.Persons {
		if c.Persons[i].Due() {
			n++
		}
	}
	return n
}

// Everybody is how many persons the subject tables hold.
func (c *Coming) Everybody() int {
	n := 0
	for _, t := range c.Tables {
		n += t.Persons
	}
	return n
}

// OwnerList is the persons of one owner, by purge date.
type OwnerList struct {
	Owner   *Owner
	Index   int // of the owner in Coming.Owners
	Persons []*Person
	Due     int            // how many of them are to be purged
	First   retention.Date // the earliest purge date among those; zero: none
}

// ByOwner is everybody, grouped by owner in the order of Owners. Owners without persons are left out.
func (c *Coming) ByOwner() []OwnerList {
	lists := make([]OwnerList, len(c.Owners))
	for i := range c.Persons {
		lists[c.Persons[i].Owner].Due++ // the room that each list needs
	}
	for i := range lists {
		lists[i].Owner, lists[i].Index = &c.Owners[i], i
		lists[i].Persons = make([]*Person, 0, lists[i].Due)
		lists[i].Due = 0
	}
	for i := range c.Persons {
		p := &c.Persons[i]
		l := &lists[p.Owner]
		l.Persons = append(l.Persons, p)
		if p.Due() {
			l.Due++
			if l.First.IsZero() {
				l.First = p.PurgeOn // they come by date
			}
		}
	}
	return slices.DeleteFunc(lists, func(l OwnerList) bool { return len(l.Persons) == 0 })
}
