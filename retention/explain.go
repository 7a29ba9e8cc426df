package retention

import (
	"context"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// Explanation is everything that decides about one person.
type Explanation struct {
	Evidence
	Decision Planned
}

// Explain evaluates one person and keeps what every ground found.
func Explain(ctx context.Context, r dataverse.Reader, c *Checked, table string, id uuid.UUID, o EvaluateOptions) (*Explanation, error) {
	all, err := ExplainAll(ctx, r, c, []PersonRef{{table, id}}, o)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ExplainAll explains several rows together.
func ExplainAll(ctx context.Context, r dataverse.Reader, c *Checked, who []PersonRef, o EvaluateOptions) ([]*Explanation, error) {
	found, e, err := Gather(ctx, r, c, who, o)
	if err != nil {
		return nil, err
	}
	var out []*Explanation
	for _, x := range found {
		out = append(out, &Explanation{Evidence: x, Decision: c.planned(e, x.Person)})
	}
	return out, nil
}
