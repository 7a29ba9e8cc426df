package plan

import (
	"context"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
)

// Explanation is everything that decides about one person.
type Explanation struct {
	evaluate.Evidence
	Decision Planned
}

// Explain evaluates one person and keeps what every ground found.
func Explain(ctx context.Context, r dataverse.Reader, c *compile.Policy, table string, id uuid.UUID, o evaluate.EvaluateOptions) (*Explanation, error) {
	all, err := ExplainAll(ctx, r, c, []evaluate.PersonRef{{Table: table, ID: id}}, o)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ExplainAll explains several rows together.
func ExplainAll(ctx context.Context, r dataverse.Reader, c *compile.Policy, who []evaluate.PersonRef, o evaluate.EvaluateOptions) ([]*Explanation, error) {
	found, e, err := evaluate.Gather(ctx, r, c, who, o)
	if err != nil {
		return nil, err
	}
	var out []*Explanation
	rules := rulesOf(c)
	for _, x := range found {
		d := planned(c, rules(x.Person), e, x.Person)
		if o.Asked != nil {
			var others retention.Asked
			for _, row := range x.Others {
				if a := o.Asked(row.Table, row.ID); a.On > others.On {
					others = a
				}
			}
			d.Ask = d.hear(c, o.Asked(x.Person.Table, x.Person.ID), others, o.Today)
		}
		out = append(out, &Explanation{Evidence: x, Decision: d})
	}
	return out, nil
}
