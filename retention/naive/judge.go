package naive

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Verdict is what is to happen about one person, in words.
type Verdict struct {
	Table, ID                  string
	Until, Ground              string
	Action, PurgeOn, NoticedOn string
	Coming                     string // what comes on the purge date where that is a stage before the purge
	Merged                     bool   // the row was merged into another, which goes after it
	Returned                   bool   // somebody is justified again for whom a stage was carried out
	Ask                        bool   // they are asked today before their purge
	Unasked                    bool   // they are due, and wait since nobody has asked them in time
}

// person is one row of a subject table.
type person struct {
	subject int
	row     Row
	id      string
	human   int // rows with the same number are one human being

	identity, master string

	until  time.Time // zero: nothing justifies the person
	ended  time.Time // the same, whatever stages were done
	ground string
	rank   int // of the ground in the policy

	class         class
	stage         Stage
	heldElsewhere bool
	holding       []string // the grounds that go on after they were lost, or count from changes, and hold
	announced     time.Time
	Verdict
}

// Known is what the ledger knows; nothing where a function is nil.
type Known struct {
	Trace func(table, id string) Trace
	// Held tells of a ground that goes on after it was lost whether it held in the last run, or since when it does not.
	Held func(table, id, ground string) (now bool, lostOn time.Time)
	// Stage tells how far somebody is on the way to their purge.
	Stage func(table, id string) Stage
	// Runs tells what runs have seen of somebody and of a ground that counts from changes.
	Runs func(table, id, ground string) Runs
	// Changed is the day that the audit history has: of a row that counts from its change, or of a person from whom a change took the
	// ground.
	Changed func(table, id, ground string) time.Time
	// Asked is the last word to somebody that stands.
	Asked func(table, id string) Word
}

// Runs are the first run that found a ground where the one before had not, and the last that found it.
type Runs struct{ Since, Till time.Time }

func (k Known) whole() Known {
	if k.Trace == nil {
		k.Trace = func(string, string) Trace { return Trace{} }
	}
	if k.Held == nil {
		k.Held = func(string, string, string) (bool, time.Time) { return false, time.Time{} }
	}
	if k.Stage == nil {
		k.Stage = func(string, string) Stage { return Stage{} }
	}
	if k.Runs == nil {
		k.Runs = func(string, string, string) Runs { return Runs{} }
	}
	if k.Changed == nil {
		k.Changed = func(string, string, string) time.Time { return time.Time{} }
	}
	if k.Asked == nil {
		k.Asked = func(string, string) Word { return Word{} }
	}
	return k
}

// Trace is what the ledger knows about a person's date.
type Trace struct {
	PurgeOn, NoticedOn time.Time
	Held               bool
}

// Stage is how many stages are done, and the day that those to come are counted from.
type Stage struct {
	Done int
	Base time.Time
}

// saysWho tells whether a row says whose it is, whatever mark it bears: of the columns that the tests fill.
func saysWho(row Row) bool {
	return slices.ContainsFunc([]string{"firstname", "lastname", "emailaddress1", "emailaddress2", "emailaddress3"}, func(column string) bool {
		return row.Text(column) != "" && row.Text(column) != "(purged)"
	})
}

// Judge decides about every person of the CRM.
func (p Policy) Judge(t testing.TB, crm *CRM, today time.Time, known Known) []Verdict {
	t.Helper()
	var out []Verdict
	for _, person := range p.judge(t, crm, today, known) {
		out = append(out, person.Verdict)
	}
	return out
}

func (p Policy) judge(t testing.TB, crm *CRM, today time.Time, known Known) []*person {
	t.Helper()
	known = known.whole()
	var persons []*person
	for i, s := range p.subjects {
		for _, row := range crm.Rows[s.table] {
			if row["gallra_anonymizedon"] == nil || saysWho(row) {
				person := &person{subject: i, row: row, id: row.Text(s.key), human: len(persons), master: row.lookup("masterid")}
				if s.identity != "" {
					person.identity = same(row.Text(s.identity))
				}
				persons = append(persons, person)
			}
		}
	}
	for _, person := range persons {
		person.class = p.subjects[person.subject].of(t, crm, person.row)
	}
	rank := 0
	for i, s := range p.subjects {
		// give gives a ground to the persons of a class, or to those of all classes that have none of their own.
		give := func(g Ground, of string) {
			rank++
			found := p.found(t, crm, s, g)
			for _, person := range persons {
				k := person.class
				if person.subject != i || of != k.id && (of != "" || k.own || k.unjudged) {
					continue
				}
				holds := false
				for _, f := range found {
					if !f.leadsTo(person) {
						continue
					}
					holds = true
					until := f.until
					if f.row != "" {
						table := g["table"]
						if table == "" {
							table = s.table
						}
						changed := known.Changed(table, f.row, g["id"])
						if changed.IsZero() { // the first run that found it knows the day
							changed = known.Runs(s.table, person.id, g["id"]).Since
						}
						if !changed.IsZero() {
							until = p.kept(t, changed, g)
						} else if f.ignored {
							continue
						}
					}
					person.justify(until, g["id"], rank)
				}
				_, when := g.change()
				if holds && (g["after"] == "lost" || when != "") {
					person.holding = append(person.holding, g["id"])
				}
				if !holds && (g["after"] == "lost" || when == "ends") { // what goes on after it was lost
					now, on := known.Held(s.table, person.id, g["id"])
					if now {
						on = today
					}
					if when == "ends" {
						day := known.Changed(s.table, person.id, g["id"])
						if !day.IsZero() && !day.After(today) && (on.IsZero() || !day.Before(known.Runs(s.table, person.id, g["id"]).Till)) {
							on = day
						}
					}
					if !on.IsZero() {
						person.justify(p.kept(t, on, g), g["id"], rank)
					}
				}
			}
		}
		for _, g := range s.grounds {
			give(g, "")
		}
		for _, k := range s.classes {
			switch {
			case k.unjudged:
				give(Ground{"id": "not-judged-" + k.id, "where": k.where}, k.id)
			case k.own:
				for _, g := range k.grounds {
					give(g, k.id)
				}
			}
		}
	}
	for _, person := range persons {
		if until, counts := p.byHand(t, person.row, today); counts {
			person.justify(until, "manual-extension", 1_000_000)
		}
	}
	numberHumans(persons)
	for _, a := range persons {
		for _, b := range persons {
			if a.human == b.human && !b.until.IsZero() {
				a.justify(b.until, b.ground, b.rank)
			}
		}
	}
	for _, person := range persons {
		for _, other := range persons {
			if other != person && other.human == person.human && other.row["gallra_legalhold"] == true {
				person.heldElsewhere = true
			}
		}
		s := p.subjects[person.subject]
		own := p
		own.ahead = p.notice
		if person.class.notice != "" {
			own.notice = person.class.notice
		}
		table := s.table
		if slices.ContainsFunc(append(s.classes, class{rules: s.rules}), func(k class) bool { return len(k.stages) > 0 && !k.unjudged }) {
			person.stage = known.Stage(table, person.id)
		}
		returned, coming := own.stage(t, person, today)
		person.Verdict = own.decide(t, person, person.heldElsewhere, today, known.Trace(table, person.id))
		person.Table, person.ID, person.Returned, person.Coming, person.Merged = table, person.id, returned, coming, person.master != ""
	}
	slices.SortStableFunc(persons, func(a, b *person) int {
		ia := slices.IndexFunc(p.subjects, func(s subject) bool { return s.table == a.Table })
		ib := slices.IndexFunc(p.subjects, func(s subject) bool { return s.table == b.Table })
		if ia != ib {
			return ia - ib
		}
		return strings.Compare(a.ID, b.ID)
	})
	p.ask(t, persons, today, known)
	return persons
}

// justify gives a person a date; the latest one counts, and of equal ones that of the ground that comes first.
func (n *person) justify(until time.Time, ground string, rank int) {
	if n.until.IsZero() || until.After(n.until) || until.Equal(n.until) && rank < n.rank {
		n.until, n.ground, n.rank = until, ground, rank
	}
}

// byHand is an extension by the staff, if it counts: it has a reason and is not too far ahead.
func (p Policy) byHand(t testing.TB, row Row, today time.Time) (time.Time, bool) {
	text := row.Text("gallra_retainuntil")
	if text == "" || strings.TrimSpace(row.Text("gallra_retainreason")) == "" {
		return time.Time{}, false
	}
	until := p.day(t, "gallra_retainuntil", text)
	return until, !until.After(plus(t, today, p.extension))
}

// numberHumans gives all rows of one human being one number.
func numberHumans(persons []*person) {
	for changed := true; changed; {
		changed = false
		for _, a := range persons {
			for _, b := range persons {
				if a.human > b.human && (sameHuman(a, b) || sameHuman(b, a)) {
					a.human, changed = b.human, true
				}
			}
		}
	}
}

// sameHuman tells whether a was merged into b, or has the same identity.
func sameHuman(a, b *person) bool {
	return a.subject == b.subject && a.master == b.id || a.identity != "" && a.identity == b.identity
}
