package purge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// youngLedger is for how many runs, and youngFor for how long, a ledger does not count as knowing what the ones before it were owed: what
// these have left of audit history may not have been written down yet.
const (
	youngLedger = 3
	youngFor    = 48 * time.Hour
)

// Unknown lists the rows that are marked as anonymised and of which the ledger knows nothing, by subject table: it was lost, or put
// back, after they were. A mark that people set by hand is among them.
func Unknown(ctx context.Context, client dataverse.Reader, p *compile.Policy, l *ledger.Ledger) (map[string][]uuid.UUID, error) {
	out := make(map[string][]uuid.UUID)
	for i := range p.Subjects {
		s := &p.Subjects[i]
		if len(s.Unprovisioned) > 0 || s.Own.AnonymizedOn == "" {
			continue
		}
		q := dataverse.Query{Table: s.Table, Select: []string{s.PrimaryID}, Filter: s.Own.AnonymizedOn + " ne null"}
		for row, err := range client.Rows(ctx, q) {
			if err != nil {
				return nil, fmt.Errorf("look for marked rows: %w", err)
			}
			if id := row.ID(s.PrimaryID); !l.Knows(ledger.Key{Table: s.Table, ID: id}) {
				out[s.Table] = append(out[s.Table], id)
			}
		}
	}
	return out, nil
}

// unmark takes the mark off rows that say all the same whose they are: anybody can set it, so the data beside it decides, and such a
// row is judged like every other. The rows of a purge that is under way keep it.
func (r *runner) unmark(ctx context.Context, s *compile.Subject) error {
	if s.Own.AnonymizedOn == "" || len(s.Unprovisioned) > 0 || len(s.Bearing) == 0 {
		return nil
	}
	var parts []dataverse.Part
	flush := func() error {
		for _, err := range r.batch(ctx, parts) {
			if err != nil && !errors.Is(err, dataverse.ErrChanged) && !errors.Is(err, dataverse.ErrNotFound) {
				r.Log.Warn("the mark of a row that is not anonymous was not taken off", "table", s.Table, "code", environment.Code(err))
			}
		}
		parts = nil
		return ctx.Err()
	}
	for row, err := range r.Client.Rows(ctx, s.Marked()) {
		if err != nil {
			return fmt.Errorf("look for marked rows that are not anonymous: %w", err)
		}
		id := row.ID(s.PrimaryID)
		if !s.Bears(row) || r.Ledger.Purging(ledger.Key{Table: s.Table, ID: id}) {
			continue
		}
		parts = append(parts, dataverse.Part{Op: &dataverse.Operation{Method: http.MethodPatch, Path: environment.RowPath(s.EntitySet, id),
			Body: map[string]any{s.Own.AnonymizedOn: nil}, IfMatch: row.ETag()}})
		r.summary.Unmarked++
		if len(parts) == scheduleBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return flush()
}

// adopt takes rows that bear the mark of a purge which the ledger knows nothing of for purges that were begun: those that hold
// nothing any more are finished and their audit history goes. What still holds something is named by the search for such rows.
func (r *runner) adopt(ctx context.Context) error {
	unknown, err := Unknown(ctx, r.Client, r.Policy, r.Ledger)
	if err != nil {
		return err
	}
	for i := range r.Policy.Subjects {
		s := &r.Policy.Subjects[i]
		if err := r.unmark(ctx, s); err != nil {
			return err
		}
		if len(unknown[s.Table]) > 0 {
			r.marked = append(r.marked, s.Table)
		}
		for ids := range slices.Chunk(unknown[s.Table], r.Chunk) {
			if err := r.adoptSome(ctx, staying(s), ids); err != nil {
				return err
			}
		}
	}
	if runs := r.Ledger.Runs(); len(runs) > youngLedger && r.Client.Now().Sub(runs[0].Began) > youngFor {
		return nil
	}
	return r.sweepDeleted(ctx)
}

// staying is the class of a subject whose persons stay as anonymous rows, if there is one: nobody knows of which class they were.
func staying(s *compile.Subject) *compile.Subject {
	all := s.Judged()
	for _, class := range all {
		if class.Purge == policy.Anonymize {
			return class
		}
	}
	return all[len(all)-1]
}

func (r *runner) adoptSome(ctx context.Context, s *compile.Subject, ids []uuid.UUID) error {
	rows, err := r.rows(ctx, s, ids)
	if err != nil {
		return err
	}
	var works []*work
	for _, id := range ids {
		row := rows[id]
		if row == nil || row.Null(s.Own.AnonymizedOn) || row.Bool(s.Own.LegalHold) || len(r.eraser(s).Left(id, row)) > 0 {
			continue
		}
		who := environment.Ref{Table: s.Table, ID: id}
		w := newWork(&inventory.Person{Ref: who, Row: row}, rest, s.Purge)
		w.rows[s.Table] = []uuid.UUID{id}
		if s.Purge == policy.Delete {
			w.left = []environment.Ref{who}
		}
		works = append(works, w)
	}
	if len(works) == 0 {
		return nil
	}
	r.summary.Resumed.Purges += len(works)
	if err := r.intend(works); err != nil {
		return err
	}
	return r.conclude(ctx, s, works)
}

// sweepDeleted deletes the audit history of rows that this user has deleted, which a run that was cut still owed when its ledger was
// lost. The rows are gone and bear no mark; the history says who deleted them.
func (r *runner) sweepDeleted(ctx context.Context) error {
	q := dataverse.Query{Table: "audit", Select: []string{"auditid", "objecttypecode", "_objectid_value"},
		Filter: fmt.Sprintf("operation eq 3 and action eq 3 and _userid_value eq %s", r.sight.user)} // a delete, not the delete of a history
	var targets []sweepTarget
	asked := make(map[ledger.Key]bool)
	for row, err := range r.Client.Rows(ctx, q) {
		if err != nil {
			return fmt.Errorf("look for audit history that was to be deleted: %w", err)
		}
		k := ledger.Key{Table: row.Text("objecttypecode"), ID: row.ID("objectid")}
		if k.Table == "" || k.ID == uuid.Nil || asked[k] || !r.tables.Exists(k.Table) {
			continue
		}
		asked[k] = true
		targets = append(targets, sweepTarget{k, map[string][]uuid.UUID{k.Table: {k.ID}}})
	}
	r.summary.Resumed.Sweeps += len(targets)
	for some := range slices.Chunk(targets, r.Chunk) {
		if err := r.sweep(ctx, some); err != nil {
			return err
		}
	}
	return nil
}
