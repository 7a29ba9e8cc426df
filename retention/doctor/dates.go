package doctor

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/plan"
)

// maxNamed is how many rows a finding names; the others are counted.
const maxNamed = 20

// named are the ids of some rows, of which there are n.
func named(ids []uuid.UUID, n int) string {
	var texts []string
	for _, id := range ids[:min(len(ids), maxNamed)] {
		texts = append(texts, id.String())
	}
	if more := n - len(texts); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(texts, ", "), more)
	}
	return strings.Join(texts, ", ")
}

// putOff names whose purge date people have entered later than it was announced, so that it does not count.
func (d *visit) putOff(c *compile.Policy, p *plan.Plan) {
	for _, s := range c.Subjects {
		var ids []uuid.UUID
		for i := range p.Decisions {
			x := &p.Decisions[i]
			if x.Person.Table == s.Table && (x.PutOff == retention.ExtensionNoReason || x.PutOff == retention.ExtensionTooFar) {
				ids = append(ids, x.Person.ID)
			}
		}
		if len(ids) > 0 {
			d.warn("dates", fmt.Sprintf("the next run puts the announced day back; to keep somebody longer, enter %s with %s, at most %s ahead", orName(s.Own.RetainUntil, "gallra_retainuntil"), orName(s.Own.RetainReason, "gallra_retainreason"), c.Policy.ManualExtension),
				"%s of %s have a purge date that is later than what was announced, without a reason or further ahead than staff may extend: %s", rows(len(ids)), s.Table, named(ids, len(ids)))
		}
	}
}

// odd names whose rows have a date that is told: one that cannot be read, one that counts as none, or one far ahead, which nobody
// would see otherwise. It counts those who lack the only date that a ground speaks of.
func (d *visit) odd(c *compile.Policy, p *plan.Plan) {
	for _, g := range p.Grounds {
		tell := func(ids []uuid.UUID, remedy, what string) {
			if len(ids) > 0 {
				d.warn("dates", remedy, "%s of %s: %s %s: %s", g.Ground, g.Table, persons(len(ids)), what, named(ids, len(ids)))
			}
		}
		tell(g.Unreadable, "mend the date", "to whom a date belongs that cannot be read, so that nothing is done about them")
		none := "it keeps them until a date is entered"
		if missingIgnored(c, g) {
			none = "it justifies nobody"
		}
		tell(g.Endless, "enter the date that is meant, or a ground of its own for those who are to stay", "with a date of the year 9999, which counts as none: "+none)
		tell(g.Far, "look whether the year is right", "with a date more than "+retention.FarAhead.String()+" ahead, which keeps them until then")
		if g.Undated > 0 {
			d.warn("dates", "say by a ground of their own how long they are kept, if they are to stay", "%s of %s: %s of %d lack the date that is all that the ground speaks of (%s), so it justifies none of them",
				g.Ground, g.Table, persons(g.Undated), total(p, g.Table), dateColumn(c, g))
		}
	}
	if n := len(p.Unreadable); n > 0 {
		ids := make([]uuid.UUID, n)
		for i, who := range p.Unreadable {
			ids[i] = who.ID
		}
		d.warn("dates", "mend the dates", "a run would end with code 4, since a date cannot be read about %s: %s", persons(n), named(ids, n))
	}
}

func persons(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d persons", n)
}

func total(p *plan.Plan, table string) int {
	for _, t := range p.Tables {
		if t.Table == table {
			return t.Persons
		}
	}
	return 0
}

func dateColumn(c *compile.Policy, g plan.GroundTotals) string {
	for _, x := range c.Subject(g.Table).Grounds {
		if x.ID == g.Ground && x.Date != nil {
			return x.Date.Column
		}
	}
	return ""
}

func orName(column, name string) string {
	if column == "" {
		return name
	}
	return column
}
