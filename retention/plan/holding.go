package plan

import (
	"slices"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
)

// Holding is what justifies keeping a person on a day: a ground that lasts, or an extension by the staff.
type Holding struct {
	Table  string // the subject table whose ground it is
	Ground string // its id, or ManualExtension
	Basis  string // the lawful basis; empty for an extension by hand
	Why    string
	Until  retention.Date
}

// Holding lists everything that still justifies the person on that day, by whichever of their rows, and not only what
// lasts longest: a data subject's request has to be weighed against each.
func (x *Explanation) Holding(r retention.Rules, today retention.Date) []Holding {
	var out []Holding
	for _, f := range x.Findings {
		if f.Until() > today {
			out = append(out, Holding{Table: f.Table, Ground: f.Ground.ID, Basis: string(f.Ground.Basis), Why: f.Ground.Why, Until: f.Until()})
		}
	}
	for _, row := range slices.Concat([]evaluate.PersonRow{x.Person}, x.Others) {
		if row.ExtendedUntil > today && row.Columns.ExtensionOn(today, r) == retention.ExtensionCounts {
			out = append(out, Holding{Table: row.Table, Ground: retention.ManualExtension, Why: "Extended by hand", Until: row.ExtendedUntil})
		}
	}
	return out
}
