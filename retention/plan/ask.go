package plan

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
)

// Asked tells what the ledger knows of the word to a person.
type Asked func(table string, id uuid.UUID) retention.Asked

// ask notes who is to be asked before their purge, no more than one run may, and whose purge waits since nobody has asked them.
// The rows of one human being are asked once: what was said to one of them was said to all. Who is held, or has another stage
// before them, is not asked.
func (p *Plan) ask(c *compile.Policy, e *evaluate.Evaluation, asked Asked) {
	if !c.Policy.Asks() {
		return
	}
	if asked == nil {
		asked = func(string, uuid.UUID) retention.Asked { return retention.Asked{} }
	}
	first := e.Together()
	being := func(d *Planned) evaluate.PersonRef {
		who := evaluate.PersonRef{Table: d.Person.Table, ID: d.Person.ID}
		if of, several := first[who]; several {
			return of
		}
		return who
	}
	latest := map[evaluate.PersonRef]retention.Asked{} // of human beings with several rows
	for who, of := range first {
		if a := asked(who.Table, who.ID); a.On > latest[of].On {
			latest[of] = a
		}
	}
	var near []int
	for i := range p.Decisions {
		d := &p.Decisions[i]
		if d.hear(c, asked(d.Person.Table, d.Person.ID), latest[being(d)], p.AsOf) {
			near = append(near, i)
		}
		if d.Unasked {
			p.table(d.Person.Table).Unasked++
		}
	}
	slices.SortStableFunc(near, func(a, b int) int { return cmp.Compare(p.Decisions[a].PurgeOn, p.Decisions[b].PurgeOn) })
	told, n := map[evaluate.PersonRef]bool{}, 0
	for _, i := range near {
		d := &p.Decisions[i]
		if of := being(d); !told[of] {
			t := p.table(d.Person.Table)
			if n++; n > c.Policy.Limits.Asks {
				t.AskLater++
				continue
			}
			told[of], d.Ask = true, true
			t.Ask++
		}
	}
}

// hear notes the word to a person that stands, on their row or on another of the same human being. It tells whether a new one is due.
func (d *Planned) hear(c *compile.Policy, own, others retention.Asked, today retention.Date) (due bool) {
	asking := d.Asking(c)
	if asking == nil {
		return false
	}
	if d.Asked = own; own.On.IsZero() && !others.On.IsZero() {
		d.Asked = retention.Asked{PurgeOn: d.AnnouncedOn(), On: others.On}
	}
	d.Unasked = d.Action == retention.Purge && !asking.May(d.Asked, today)
	return asking.Due(d.AnnouncedOn(), d.Asked, today) && (d.Action != retention.Purge || d.Unasked) // otherwise they go before they could answer
}

// Asking is how the person is asked before the purge that is coming, nil where nobody does.
func (d *Planned) Asking(c *compile.Policy) *retention.Asking {
	s := c.Subject(d.Person.Table)
	if s == nil || d.Stage != nil || d.Unreadable || d.PurgeOn.IsZero() {
		return nil
	}
	switch d.Action {
	case retention.Hold, retention.Keep, retention.Clear:
		return nil
	}
	if d.Person.HeldWith {
		return nil
	}
	return s.For(d.Person.Class).Asking()
}

func (p *Plan) table(name string) *TableTotals {
	for i := range p.Tables {
		if p.Tables[i].Table == name {
			return &p.Tables[i]
		}
	}
	return nil
}
