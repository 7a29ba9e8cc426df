package purge

import (
	"context"
	"fmt"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// ForeignColumn is the guard rail of mapped columns that hold what somebody else has written. Nothing bypasses it.
const ForeignColumn policy.Rail = "foreign-column"

// foreign stops a run before it writes into a column of the company's own that holds values which no run is known to have
// written: they would be lost.
func (r *runner) foreign(ctx context.Context) error {
	var rails []plan.GuardRail
	for i := range r.Policy.Subjects {
		s := &r.Policy.Subjects[i]
		for _, f := range s.Foreign() {
			n, err := r.unknown(ctx, s, f)
			if err != nil {
				return err
			}
			if n > 0 {
				rails = append(rails, plan.GuardRail{Rail: ForeignColumn, Table: s.Table,
					Sentence: fmt.Sprintf("`%s` of `%s`, which the policy takes for %s, holds a value on %s of which the ledger knows nothing: nothing is written over them", f.Column, s.Table, f.Role, policy.Count(n, "row")),
					Remedy:   "empty the column on those rows, map an empty one, or bring back the ledger that belongs to this environment"})
			}
		}
	}
	if len(rails) == 0 {
		return nil
	}
	return r.stop(rails...)
}

// unknown counts the rows of a mapped column that the ledger does not know.
func (r *runner) unknown(ctx context.Context, s *compile.Subject, f compile.Foreign) (n int, err error) {
	var purged map[ledger.Key]bool
	for row, err := range r.Client.Rows(ctx, f.Rows) {
		if err != nil {
			return 0, fmt.Errorf("look what stands in the mapped column %s of %s: %w", f.Column, s.Table, err)
		}
		id := row.ID(s.PrimaryID)
		if r.Ledger.Trace(s.Table, id) != (retention.Trace{}) {
			continue
		}
		if purged == nil {
			if purged, err = r.purged(ctx); err != nil {
				return 0, err
			}
		}
		if !purged[ledger.Key{Table: s.Table, ID: id}] {
			n++
		}
	}
	return n, nil
}

// purged are the rows that purges are known to have been about, at their end or not.
func (r *runner) purged(ctx context.Context) (map[ledger.Key]bool, error) {
	all := make(map[ledger.Key]bool)
	list, err := r.Ledger.Purged(ctx, r.Policy.Organization)
	if err != nil {
		return nil, fmt.Errorf("read who was purged: %w", err)
	}
	for _, p := range list {
		all[p.Key] = true
	}
	for _, p := range r.Ledger.Unfinished() {
		all[p.Key] = true
	}
	return all, nil
}
