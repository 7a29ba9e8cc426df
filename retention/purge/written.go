package purge

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/search"
)

// A person's row is anonymous before it is deleted. Between the two somebody can write to it: who had the form open and saves
// it, or takes the empty row for somebody new. The decision to purge was about who stood there before, and that person is
// purged: their columns were emptied, their rows are gone, their audit history follows. What stands there now was not
// judged by anybody. So the row is not deleted; the mark of an anonymous row is taken off, and from then on it is judged like
// every other, with the whole notice ahead of it.
//
// A column that could not be emptied at all is no such case: it fails until somebody unlocks it.

// retyped tells whether the columns of an anonymous row that are not empty are somebody's work since, and not locked.
func (r *session) retyped(subject *compile.Subject, w *work, columns []string, row dataverse.Row) bool {
	return r.writtenSince(w, row) && search.Retyped(subject, r.eraser(subject).Table, columns, w.Row, row)
}

// writtenSince tells whether somebody else than gallra has written to the row last.
func (r *session) writtenSince(w *work, row dataverse.Row) bool {
	return search.WrittenSince(row, r.Run.Actor, r.writers(w))
}

// writers are whose writes to the row are none of somebody's who works with it: who has begun the purge, and the service's own user,
// as whom plug-ins run. What those fill in again is what was to be erased.
func (r *session) writers(w *work) []uuid.UUID {
	return append(slices.Clip(w.actors), r.tables.Settings.System)
}

// released says of persons whose rows were written to since that they are purged and their rows are not deleted, and gives
// the rows back.
func (r *runner) released(ctx context.Context, subject *compile.Subject, written []*work) error {
	var entries []ledger.Entry
	var targets []sweepTarget
	for _, w := range written {
		entries = append(entries, ledger.Entry{Kind: ledger.Outcome, Table: w.Table, ID: w.ID, Status: ledger.Skipped, Code: string(errWritten)})
		targets = append(targets, sweepTarget{ledger.Key{Table: w.Table, ID: w.ID}, w.rows})
	}
	if len(written) == 0 {
		return nil
	}
	// First, so that a run that is cut here is followed by one that gives the rows back.
	if err := r.Ledger.Append(entries...); err != nil {
		return err
	}
	for _, w := range written {
		for what, n := range w.counts {
			effect, table := cut(what)
			r.summary.count(effect, table, n)
		}
		r.told(Outcome{Table: w.Table, ID: w.ID, Action: retention.Purge, Status: ledger.Skipped, Code: string(errWritten)})
		r.summary.Mentions = append(r.summary.Mentions, search.Finding{Person: ledger.Key{Table: w.Table, ID: w.ID}, Where: "written-since", Table: w.Table, ID: w.ID, Count: w.columns})
		r.Log.Warn("somebody has written to an anonymised row: it is not deleted, and judged as a new one", "table", w.Table, "id", w.ID)
		r.retired = append(r.retired, retiree{w.Ref, policy.Anonymize, subject})
		if err := r.handBack(ctx, subject, w.ID); err != nil {
			return err
		}
	}
	return r.sweep(ctx, targets)
}

// handBack takes the mark of an anonymous row off, so that the row is judged again.
func (r *session) handBack(ctx context.Context, subject *compile.Subject, id uuid.UUID) error {
	for range maxRounds {
		rows, err := r.rows(ctx, subject, []uuid.UUID{id})
		if err != nil {
			return err
		}
		row := rows[id]
		if row == nil || row.Null(subject.Own.AnonymizedOn) {
			return nil
		}
		set := dataverse.ChangeSet{{Method: "PATCH", Path: environment.RowPath(subject.EntitySet, id), IfMatch: row.ETag(), Body: map[string]any{subject.Own.AnonymizedOn: nil}}}
		err = r.batch(ctx, []dataverse.Part{{Set: set}})[0]
		var unsure *dataverse.Uncertain
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, dataverse.ErrChanged), errors.As(err, &unsure): // look again
		default:
			r.Log.Warn("an anonymised row could not be given back", "table", subject.Table, "id", id, "code", environment.Code(err))
			return nil // the next run tries again
		}
	}
	return nil
}
