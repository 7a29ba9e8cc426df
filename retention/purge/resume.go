package purge

import (
	"context"
	"maps"
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// resume finishes what earlier runs began: dates of which nobody knows whether they were written, purges without an
// outcome, and audit history that Dataverse wrote late.
func (r *runner) resume(ctx context.Context) error {
	if err := r.resumeSchedule(); err != nil {
		return err
	}
	var sweeps []sweepTarget
	byTable := make(map[string][]ledger.Purge)
	for _, p := range r.Ledger.Unfinished() {
		if p.Concluded {
			sweeps = append(sweeps, sweepTarget{p.Key, p.Rows})
			s := r.Policy.Subject(p.Table)
			if s != nil && p.Written { // unless the run was cut before it
				if err := r.handBack(ctx, s, p.ID); err != nil {
					return err
				}
			}
			if s != nil { // the run that purged them may have been cut before it searched
				r.retired = append(r.retired, retiree{environment.Ref{Table: p.Table, ID: p.ID}, p.Do, s.For(s.ClassOf(p.Class))})
			}
		} else {
			byTable[p.Table] = append(byTable[p.Table], p)
		}
	}
	if len(byTable) > 0 {
		if err := r.awaitJobs(ctx); err != nil {
			return err
		}
	}
	for i := range r.Policy.Subjects { // a table that the policy names no more stays as it is
		s := &r.Policy.Subjects[i]
		ofClass := make(map[int][]ledger.Purge)
		for _, p := range byTable[s.Table] {
			ofClass[s.ClassOf(p.Class)] = append(ofClass[s.ClassOf(p.Class)], p)
		}
		for number, rules := range s.Judged() {
			if err := r.resumePurges(ctx, rules, ofClass[number]); err != nil {
				return err
			}
		}
	}
	rows, err := r.resumeRows(ctx)
	if err != nil {
		return err
	}
	sweeps = append(sweeps, rows...)
	r.summary.Resumed.Sweeps = len(sweeps)
	for i := 0; i < len(sweeps); i += r.Chunk {
		r.progress(Progress{Phase: "sweep", Done: i, Total: len(sweeps)})
		if err := r.sweep(ctx, sweeps[i:min(i+r.Chunk, len(sweeps))]); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) resumeSchedule() error {
	records := r.Ledger.Unwritten()
	if len(records) == 0 {
		return nil
	}
	stands, err := r.standing(records)
	if err != nil {
		return err
	}
	var entries []ledger.Entry
	for _, rec := range records {
		if !stands[environment.Ref{Table: rec.Table, ID: rec.ID}] {
			entries = append(entries, ledger.Entry{Kind: ledger.Void, Table: rec.Table, ID: rec.ID})
		}
	}
	entries = append(entries, ledger.Entry{Kind: ledger.Written, First: records[0].Seq, Last: records[len(records)-1].Seq})
	r.summary.Resumed.Schedules = len(records)
	return r.Ledger.Append(entries...)
}

// resumePurges finds out from the rows how far the purges had come. A change set happens whole or not at all, so there
// are three cases: the row is as it was, it is anonymous, or it is gone.
func (r *runner) resumePurges(ctx context.Context, s *compile.Subject, purges []ledger.Purge) error {
	for len(purges) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		some := purges[:min(r.Chunk, len(purges))]
		purges = purges[len(some):]
		ids := make([]uuid.UUID, len(some))
		for i, p := range some {
			ids[i] = p.ID
		}
		rows, err := r.rows(ctx, s, ids)
		if err != nil {
			return err
		}
		var untouched []ledger.Entry
		var erased []*work
		for _, p := range some {
			row := rows[p.ID]
			w := &work{Person: &inventory.Person{Ref: environment.Ref{Table: p.Table, ID: p.ID}, Row: row, Class: p.Class}, do: p.Do, rows: p.Rows, counts: p.Counts, left: rowsOf(p), actors: p.Actors}
			if w.counts == nil {
				w.counts = make(map[string]int)
			}
			switch {
			case row == nil:
				erased = append(erased, w)
			case row.Null(s.Own.AnonymizedOn):
				untouched = append(untouched, ledger.Entry{Kind: ledger.Outcome, Table: p.Table, ID: p.ID, Status: ledger.Skipped, Code: string(errNotBegun)})
			default:
				if len(r.eraser(s).Left(w.ID, row)) > 0 && r.writtenSince(w, row) {
					w.only = make(map[string][]uuid.UUID)
					maps.Copy(w.only, p.Rows)
				}
				erased = append(erased, w)
			}
		}
		if err := r.emptyAgain(ctx, s, erased); err != nil {
			return err
		}
		r.summary.Resumed.Purges += len(some)
		if err := r.Ledger.Append(untouched...); err != nil {
			return err
		}
		if err := r.conclude(ctx, s, erased); err != nil {
			return err
		}
	}
	return nil
}

// emptyAgain empties columns that were not empty when a purge was cut: a plug-in had filled them in again, or they were locked. What
// somebody has written since is left to be judged anew.
func (r *runner) emptyAgain(ctx context.Context, subject *compile.Subject, works []*work) error {
	var parts []dataverse.Part
	for _, w := range works {
		if w.Row == nil || w.Row.Bool(subject.Own.LegalHold) || len(r.eraser(subject).Left(w.ID, w.Row)) == 0 || r.writtenSince(w, w.Row) {
			continue
		}
		e := r.eraser(subject)
		if w.do == policy.Delete {
			e = e.Whole()
		}
		if body := e.Patch(w.ID, w.Row); len(body) > 0 {
			parts = append(parts, dataverse.Part{Set: dataverse.ChangeSet{{Method: http.MethodPatch, Path: environment.RowPath(subject.EntitySet, w.ID), Body: body, IfMatch: w.Row.ETag()}}})
		}
	}
	if len(parts) == 0 {
		return nil
	}
	for _, err := range r.batch(ctx, parts) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil { // what is left then is found before the delete
			r.Log.Warn("columns could not be emptied again", "table", subject.Table, "code", environment.Code(err))
		}
	}
	return nil
}

// rowsOf are the rows of a purge that a cut run began: of none is it known that it is gone.
func rowsOf(p ledger.Purge) []environment.Ref {
	rows := []environment.Ref{{Table: p.Table, ID: p.ID}}
	for table, ids := range p.Rows {
		for _, id := range ids {
			rows = append(rows, environment.Ref{Table: table, ID: id})
		}
	}
	return rows
}
