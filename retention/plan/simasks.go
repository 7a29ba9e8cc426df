package plan

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
)

// Word is a word to a person before the purge date that they have, or would get today.
type Word struct {
	Table   string
	ID      uuid.UUID
	On      retention.Date // the day of the first run that asks, today at the earliest; of a word that stands, the day on which it was put
	PurgeOn retention.Date
	Stands  bool // they were asked about that date
	Waits   bool // they are due, and stay since nobody has asked them in time
}

// AskTotals sums the words of a policy up.
type AskTotals struct {
	Persons     int            // who are asked, or were
	Today       int            // who are asked today
	Waiting     int            // who are due, and stay since nobody has asked them in time
	First, Last retention.Date // between which days those are asked who were not yet
}

// AsksChange is whom two policies would ask on the way to their purge, by table; nil: that policy asks nobody of the table.
type AsksChange struct {
	Table     string
	Now, Then *AskTotals
}

// CompareAsks notes whom two policies ask before their purge and when, from today on and as things are; l is what the ledger knows of
// dates, stages and words. The evaluations are those of [Simulate].
func (s *Simulation) CompareAsks(now *compile.Policy, evaluation *evaluate.Evaluation, with *compile.Policy, other *evaluate.Evaluation, l evaluate.Ledger) {
	before := wordsOf(now, evaluation, l)
	s.Words = wordsOf(with, other, l)
	for _, table := range s.Tables() {
		c := AsksChange{Table: table, Now: sumUp(now, table, before, s.AsOf), Then: sumUp(with, table, s.Words, s.AsOf)}
		if c.Now != nil || c.Then != nil {
			s.Asks = append(s.Asks, c)
		}
	}
}

// wordsOf are the words that a policy asks for. The rows of one human being are asked once.
func wordsOf(c *compile.Policy, e *evaluate.Evaluation, l evaluate.Ledger) (all []Word) {
	if !c.Policy.Asks() {
		return nil
	}
	p := NewPlan(c, e, PlanOptions{Traces: l.Trace, Stages: l.Stage, Asked: l.Asked})
	first := e.Together()
	told := map[evaluate.PersonRef]bool{}
	for i := range p.Decisions {
		d := &p.Decisions[i]
		asking := d.Asking(c)
		if asking == nil {
			continue
		}
		who := evaluate.PersonRef{Table: d.Person.Table, ID: d.Person.ID}
		being := who
		if of, several := first[who]; several {
			being = of
		}
		w := Word{Table: who.Table, ID: who.ID, PurgeOn: d.AnnouncedOn(), Waits: d.Unasked}
		switch w.Stands = !d.Asked.On.IsZero() && d.Asked.PurgeOn == w.PurgeOn; {
		case w.Stands:
			w.On = d.Asked.On
		case d.Action == retention.Purge && !d.Unasked:
			continue // they go before they could answer
		default:
			w.On = max(asking.On(w.PurgeOn), p.AsOf)
		}
		if told[being] && !w.Waits {
			continue
		}
		told[being] = true
		all = append(all, w)
	}
	return all
}

// sumUp sums the words to the persons of a table up, nil if the policy asks none of them.
func sumUp(c *compile.Policy, table string, words []Word, today retention.Date) *AskTotals {
	s := c.Subject(table)
	if s == nil {
		return nil
	}
	asks := false
	for _, rules := range s.Judged() {
		asks = asks || rules.Asking() != nil
	}
	if !asks {
		return nil
	}
	t := &AskTotals{}
	for _, w := range words {
		if w.Table != table {
			continue
		}
		t.Persons++
		if w.Waits {
			t.Waiting++
		}
		if w.Stands {
			continue
		}
		if w.On == today {
			t.Today++
		}
		if t.First.IsZero() || w.On < t.First {
			t.First = w.On
		}
		t.Last = max(t.Last, w.On)
	}
	return t
}

// wordLine is what --json says of a word.
type wordLine struct {
	Kind    string         `json:"kind"` // ask
	Table   string         `json:"table"`
	ID      uuid.UUID      `json:"id"`
	On      retention.Date `json:"on"`
	PurgeOn retention.Date `json:"purgeOn"`
	Stands  bool           `json:"stands"`
	Waits   bool           `json:"waits"`
}

// asksLine is what --json says of the words to the persons of a table under both policies; null: that policy asks nobody.
type asksLine struct {
	Kind  string      `json:"kind"` // asks
	Table string      `json:"table"`
	Now   *asksTotals `json:"now"`
	Then  *asksTotals `json:"then"`
}

type asksTotals struct {
	Persons int             `json:"persons"`
	Today   int             `json:"today"`
	Waiting int             `json:"waiting"`
	First   *retention.Date `json:"first"`
	Last    *retention.Date `json:"last"`
}

func (t *AskTotals) line() *asksTotals {
	if t == nil {
		return nil
	}
	return &asksTotals{t.Persons, t.Today, t.Waiting, known(t.First), known(t.Last)}
}

// asksLines are the lines of --json about words to persons.
func (s *Simulation) asksLines() (lines []any) {
	for _, w := range s.Words {
		lines = append(lines, wordLine{"ask", w.Table, w.ID, w.On, w.PurgeOn, w.Stands, w.Waits})
	}
	for _, c := range s.Asks {
		lines = append(lines, asksLine{"asks", c.Table, c.Now.line(), c.Then.line()})
	}
	return lines
}
