package purge

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
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
	rails, err := ForeignColumns(ctx, r.Client, r.Policy, r.Ledger)
	if err != nil || len(rails) == 0 {
		return err
	}
	return r.stop(rails...)
}

// ForeignColumns are the guard rails of mapped columns that hold what the ledger does not know. They are told before a run meets
// them.
func ForeignColumns(ctx context.Context, client dataverse.Reader, c *compile.Policy, l *ledger.Ledger) ([]plan.GuardRail, error) {
	var rails []plan.GuardRail
	for i := range c.Subjects {
		s := &c.Subjects[i]
		for _, f := range s.Foreign() {
			n, err := unknown(ctx, client, l, c.Organization, s, f)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				rails = append(rails, plan.NewRail(ForeignColumn, "foreign-column", f.Column, s.Table, f.Role, words.Count("rows", n)).At(s.Table, ""))
			}
		}
	}
	return rails, nil
}

// foreignOn is the same for one row, before a verb writes to the columns of those roles.
func foreignOn(ctx context.Context, d Deps, s *compile.Subject, id uuid.UUID, roles ...string) error {
	for _, f := range s.Foreign() {
		if !slices.Contains(roles, f.Role) {
			continue
		}
		f.Rows.Filter = compile.And(f.Rows.Filter, s.PrimaryID+" eq "+id.String())
		if n, err := unknown(ctx, d.Client, d.Ledger, d.Policy.Organization, s, f); err != nil {
			return err
		} else if n > 0 {
			return foreignStop(s, f.Column, f.Role)
		}
	}
	return nil
}

func foreignStop(s *compile.Subject, column, role string) error {
	return &StopError{Rails: []plan.GuardRail{plan.NewRail(ForeignColumn, "foreign-row", column, s.Table, role).At(s.Table, "")}}
}

// halfExtension is half of an extension by hand in a column of the company's own: a date without a reason, or a reason without a
// date, is something else of theirs.
func halfExtension(s *compile.Subject, row dataverse.Row) error {
	standard := policy.DefaultColumns
	date, reason := !row.Null(s.Own.RetainUntil), !row.Null(s.Own.RetainReason)
	switch {
	case date && !reason && s.Own.RetainUntil != standard.RetainUntil:
		return foreignStop(s, s.Own.RetainUntil, "retainUntil")
	case reason && !date && s.Own.RetainReason != standard.RetainReason:
		return foreignStop(s, s.Own.RetainReason, "retainReason")
	}
	return nil
}

// unknown counts the rows of a mapped column that the ledger does not know.
func unknown(ctx context.Context, client dataverse.Reader, l *ledger.Ledger, organization uuid.UUID, s *compile.Subject, f compile.Foreign) (n int, err error) {
	var purged map[ledger.Key]bool
	holds := f.Role == "purgeReason" && !slices.Contains(s.Unprovisioned, s.Own.LegalHold)
	if holds {
		f.Rows.Select = append(slices.Clone(f.Rows.Select), f.Column, s.Own.LegalHold)
	}
	for row, err := range client.Rows(ctx, f.Rows) {
		if err != nil {
			return 0, fmt.Errorf("look what stands in the mapped column %s of %s: %w", f.Column, s.Table, err)
		}
		id := row.ID(s.PrimaryID)
		if holds && row.Bool(s.Own.LegalHold) && heldInAny(row.Text(f.Column)) {
			continue // set beside a run: the ledger learns of it by the next one
		}
		if l.Trace(s.Table, id) != (retention.Trace{}) {
			continue
		}
		if purged == nil {
			if purged, err = purgedRows(ctx, l, organization); err != nil {
				return 0, err
			}
		}
		if !purged[ledger.Key{Table: s.Table, ID: id}] {
			n++
		}
	}
	return n, nil
}

// purgedRows are the rows that purges are known to have been about, at their end or not.
func purgedRows(ctx context.Context, l *ledger.Ledger, organization uuid.UUID) (map[ledger.Key]bool, error) {
	all := make(map[ledger.Key]bool)
	list, err := l.Purged(ctx, organization)
	if err != nil {
		return nil, fmt.Errorf("read who was purged: %w", err)
	}
	for _, p := range list {
		all[p.Key] = true
	}
	for _, p := range l.Unfinished() {
		all[p.Key] = true
	}
	return all, nil
}
