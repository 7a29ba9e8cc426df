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

func orName(column, name string) string {
	if column == "" {
		return name
	}
	return column
}
