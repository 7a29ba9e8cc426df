package verb

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/report/receipt"
)

// Found are the rows of somebody who asks to be erased.
type Found struct {
	Rows []evaluate.PersonRef // all that belong to them
	// People are the rows by the name that they bear: more than one group may be several human beings with one address.
	People [][]evaluate.PersonRef
}

// Find finds every row of the human beings to whom some rows belong.
func Find(ctx context.Context, client dataverse.Reader, c *compile.Policy, today retention.Date, some []evaluate.PersonRef) (*Found, error) {
	rows, err := purge.AllRows(ctx, client, c, today, some)
	if err != nil {
		return nil, err
	}
	people, err := purge.People(ctx, client, c, rows)
	if err != nil {
		return nil, err
	}
	return &Found{rows, people}, nil
}

// Chosen is whether these are the rows to erase: some of those that were found, and where nobody said which, not those of several
// human beings.
func (f *Found) Chosen(rows []evaluate.PersonRef, said bool) bool {
	return len(rows) > 0 && (said || len(f.People) < 2) && !slices.ContainsFunc(rows, func(r evaluate.PersonRef) bool { return !slices.Contains(f.Rows, r) })
}

// Weighed is what an erasure of some rows would do, and what stands against it.
type Weighed struct {
	All       []purge.Assessment
	Forecasts map[evaluate.PersonRef]purge.Forecast
}

// Weigh looks what an erasure would do today. Nothing is written.
func Weigh(ctx context.Context, client dataverse.Reader, c *compile.Policy, known evaluate.EvaluateOptions, rows []evaluate.PersonRef) (*Weighed, error) {
	all, err := purge.Assess(ctx, client, c, known, rows)
	if err != nil {
		return nil, err
	}
	w := &Weighed{all, make(map[evaluate.PersonRef]purge.Forecast)}
	for i := range c.Subjects {
		var ids []uuid.UUID
		for _, p := range rows {
			if p.Table == c.Subjects[i].Table {
				ids = append(ids, p.ID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		some, err := purge.Preview(ctx, client, c, known, c.Subjects[i].Table, ids)
		if err != nil {
			return nil, err
		}
		for _, f := range some {
			w.Forecasts[evaluate.PersonRef{Table: f.Table, ID: f.ID}] = f
		}
	}
	return w, nil
}

// Erased is what an erasure did.
type Erased struct {
	Summary *purge.Summary
	Receipt *receipt.Receipt // nil where the erasure failed or was stopped
	Purged  int              // of the rows that were asked for
}

// Erase carries an erasure out and makes its receipt. The outcomes of all rows come to d.Outcome as they do in a run.
func Erase(ctx context.Context, d purge.Deps, rows []evaluate.PersonRef, despite []string, now func() time.Time) (*Erased, error) {
	began := now()
	var outcomes []purge.Outcome
	out, tell := &Erased{}, d.Outcome
	d.Outcome = func(x purge.Outcome) {
		if tell != nil {
			tell(x)
		}
		if !slices.Contains(rows, evaluate.PersonRef{Table: x.Table, ID: x.ID}) {
			return
		}
		outcomes = append(outcomes, x)
		if x.Do != "" {
			out.Purged++
		}
	}
	var err error
	if out.Summary, err = purge.Erase(ctx, d, rows, despite); err == nil {
		out.Receipt = receipt.Of(out.Summary, d.Policy, rows, outcomes, despite, began, now(), receipt.Evidence{Entry: d.Ledger.Seq(), Hash: d.Ledger.Head()})
	}
	return out, err
}

// Whole tells whether all rows are gone and nothing was left behind.
func (e *Erased) Whole(rows []evaluate.PersonRef) bool {
	return e.Purged == len(rows) && len(e.Summary.Residue) == 0
}
