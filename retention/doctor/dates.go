package doctor

import (
	"cmp"
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/plan"
)

// maxNamed is how many rows a finding names; the others are counted.
const maxNamed = 20

// named are the ids of some rows, of which there are n.
func named(ids []uuid.UUID, n int) words.Said {
	var texts []string
	for _, id := range ids[:min(len(ids), maxNamed)] {
		texts = append(texts, id.String())
	}
	return words.First(texts, n)
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
			d.warn("dates", "doctor.putoff", words.Count("rows", len(ids)), s.Table, named(ids, len(ids)), cmp.Or(s.Own.RetainUntil, "gallra_retainuntil"), cmp.Or(s.Own.RetainReason, "gallra_retainreason"), length(c.Policy.ManualExtension))
		}
	}
}

// odd names whose rows have a date that is told: one that cannot be read, one that counts as none, or one far ahead, which nobody
// would see otherwise. It counts those who lack the only date that a ground speaks of.
func (d *visit) odd(c *compile.Policy, p *plan.Plan) {
	for _, g := range p.Grounds {
		tell := func(ids []uuid.UUID, key string) {
			if len(ids) > 0 {
				d.warn("dates", key, g.Ground, g.Table, words.Count("persons", len(ids)), named(ids, len(ids)), length(retention.FarAhead))
			}
		}
		tell(g.Unreadable, "doctor.dates.unreadable")
		if missingIgnored(c, g) {
			tell(g.Endless, "doctor.dates.endless.ignored")
		} else {
			tell(g.Endless, "doctor.dates.endless")
		}
		tell(g.Far, "doctor.dates.far")
		if g.Undated > 0 {
			d.warn("dates", "doctor.dates.undated", g.Ground, g.Table, words.Count("persons", g.Undated), total(p, g.Table), dateColumn(c, g))
		}
	}
	if n := len(p.Unreadable); n > 0 {
		ids := make([]uuid.UUID, n)
		for i, who := range p.Unreadable {
			ids[i] = who.ID
		}
		d.warn("dates", "doctor.dates.anybody", words.Count("persons", n), named(ids, n))
	}
}

// undated counts the rows that stay since they lack the date that their own period counts from.
func (d *visit) undated(ctx context.Context, c *compile.Policy) error {
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.Of != "" { // of those that purges have kept the ledger knows
			continue
		}
		n, err := d.Client.Count(ctx, r.Undated().Query())
		if err != nil {
			return fmt.Errorf("count the rows of %s without a date: %w", r.Table, err)
		}
		if n > 0 {
			d.warn("dates", "doctor.dates.rows", r.Name, words.Count("rows", n), r.Table, r.Span.Date())
		}
	}
	return nil
}

func length(p retention.Period) words.Said { return words.Length(p.Years, p.Months, p.Weeks, p.Days) }

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
