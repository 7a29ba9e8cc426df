package purge

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// What comes before a purge where the policy has stages: a row is archived (inactive, and a team's) or reduced (columns are emptied). Each
// is announced like a purge, by a date and a notice of its own, and rests on a last look; the ledger holds how far everybody is. Nothing
// else of a person is touched.

// steps carries out the stages of those whose day has come, and gives back who is justified again.
func (r *runner) steps(ctx context.Context) error {
	for len(r.staged) > 0 {
		var chunk []due
		chunk, r.staged = split(r.staged, r.Chunk)
		subject := r.subject(chunk[0])
		if err := r.stepSome(ctx, subject, subject.Coming(chunk[0].stage), chunk); err != nil {
			return err
		}
	}
	for _, d := range r.restored {
		if err := r.restore(ctx, d); err != nil {
			return err
		}
	}
	r.restored = nil
	return nil
}

// stepSome carries out one stage for some persons of a class.
func (r *runner) stepSome(ctx context.Context, subject *compile.Subject, stage *compile.Stage, chunk []due) error {
	ids := make([]uuid.UUID, len(chunk))
	for i, d := range chunk {
		ids[i] = d.ID
	}
	last, err := r.lookAt(ctx, subject, ids)
	if err != nil {
		return err
	}
	rows, err := r.stepRows(ctx, subject, stage, ids)
	if err != nil {
		return err
	}
	var entries []ledger.Entry
	var parts []dataverse.Part
	var going []due
	for _, d := range chunk {
		row, why := rows[d.ID], last.why[d.ID]
		if why == nil && (row == nil || row.ETag() != last.rows[d.ID].ETag()) {
			why = errChanged
		}
		if why != nil {
			r.told(Outcome{Table: d.Table, ID: d.ID, Action: retention.Purge, Status: ledger.Skipped, Code: environment.Code(why)})
			continue
		}
		e := ledger.Entry{Kind: ledger.Staging, Table: d.Table, ID: d.ID, Class: subject.ClassID, Ground: string(stage.Do), PurgeOn: d.base}
		if stage.Do == policy.Archive {
			e.Rows = map[string][]uuid.UUID{ownerTable(row): {row.ID("ownerid")}}
		}
		entries, going = append(entries, e), append(going, d)
		parts = append(parts, dataverse.Part{Op: &dataverse.Operation{Method: http.MethodPatch, Path: environment.RowPath(subject.EntitySet, d.ID),
			Body: stepBody(subject, stage, row), IfMatch: row.ETag()}})
	}
	if len(parts) == 0 {
		return nil
	}
	if err := r.Ledger.Append(entries...); err != nil {
		return err
	}
	entries = nil
	var targets []sweepTarget
	for i, err := range r.batchBy(ctx, parts, last.at.Add(r.LookAge)) {
		d := going[i]
		var unsure *dataverse.Uncertain
		e := ledger.Entry{Kind: ledger.Staged, Table: d.Table, ID: d.ID, Ground: string(stage.Do), Status: ledger.Done}
		switch {
		case err == nil:
			r.summary.stage(string(stage.Do))
			if stage.Do == policy.Reduce { // it holds what was emptied
				targets = append(targets, sweepTarget{ledger.Key{Table: d.Table, ID: d.ID}, map[string][]uuid.UUID{d.Table: {d.ID}}})
			}
		case errors.As(err, &unsure), ctx.Err() != nil:
			continue // nobody knows: the next run finds out
		default:
			e.Status, e.Code = ledger.Failed, environment.Code(err)
			if errors.Is(err, dataverse.ErrChanged) || errors.Is(err, dataverse.ErrLate) {
				e.Status = ledger.Skipped
			}
			r.told(Outcome{Table: d.Table, ID: d.ID, Action: retention.Purge, Status: e.Status, Code: e.Code})
		}
		entries = append(entries, e)
	}
	if err := r.Ledger.Append(entries...); err != nil {
		return err
	}
	return r.sweep(ctx, targets)
}

// stepRows reads what a stage writes to.
func (r *session) stepRows(ctx context.Context, subject *compile.Subject, stage *compile.Stage, ids []uuid.UUID) (map[uuid.UUID]dataverse.Row, error) {
	cols := []string{subject.PrimaryID}
	if stage == nil || stage.Do == policy.Archive {
		cols = append(cols, "_ownerid_value", "statecode")
	} else {
		cols = append(cols, stage.Erase...)
		for _, c := range stage.Coarse {
			cols = append(cols, c.Column)
		}
	}
	q := dataverse.Query{Table: subject.Table, Set: subject.EntitySet, Select: cols, Filter: environment.IDFilter(subject.PrimaryID, ids), Annotations: true}
	answers, err := environment.Batched{Client: r.Client}.Queries(ctx, []dataverse.Query{q})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", subject.Table, err)
	}
	rows := make(map[uuid.UUID]dataverse.Row)
	for _, row := range answers[0] {
		rows[row.ID(subject.PrimaryID)] = row
	}
	return rows, nil
}

// stepBody is what a stage writes. The purge date goes with it: the next stage has a notice of its own.
func stepBody(subject *compile.Subject, stage *compile.Stage, row dataverse.Row) map[string]any {
	body := make(map[string]any)
	for _, c := range []string{subject.Own.PurgeScheduledOn, subject.Own.PurgeNoticedOn, subject.Own.PurgeReason} {
		if c != "" {
			body[c] = nil
		}
	}
	if stage.Do == policy.Archive {
		body["statecode"], body["ownerid@odata.bind"] = 1, "/teams("+stage.Team.String()+")"
		return body
	}
	for _, name := range stage.Erase {
		if !row.Null(name) {
			body[name] = nil
		}
	}
	for _, c := range stage.Coarse {
		if !c.Settled(row) {
			body[c.Column] = c.Of(row)
		}
	}
	return body
}

// stepStands tells whether a row is as a stage leaves it.
func stepStands(stage *compile.Stage, row dataverse.Row) bool {
	if stage.Do == policy.Archive {
		state, _ := row.Int("statecode")
		return state == 1 && row.ID("ownerid") == stage.Team
	}
	for _, name := range stage.Erase {
		if !row.Null(name) {
			return false
		}
	}
	for _, c := range stage.Coarse {
		if !c.Settled(row) {
			return false
		}
	}
	return true
}

func ownerTable(row dataverse.Row) string {
	if t := row.Target("ownerid"); t == "team" {
		return t
	}
	return "systemuser"
}

// restore gives back the row of somebody who was archived and is justified again: it is active, and its former owner's. What was
// reduced stays reduced.
func (r *runner) restore(ctx context.Context, d due) error {
	subject, step := r.subject(d), r.Ledger.Step(d.Table, d.ID)
	if step.Owner != uuid.Nil {
		rows, err := r.stepRows(ctx, subject, nil, []uuid.UUID{d.ID})
		if err != nil {
			return err
		}
		row := rows[d.ID]
		if row == nil {
			return nil
		}
		set := "systemusers"
		if step.OwnerTable == "team" {
			set = "teams"
		}
		path := environment.RowPath(subject.EntitySet, d.ID)
		errs := r.batch(ctx, []dataverse.Part{{Op: &dataverse.Operation{Method: http.MethodPatch, Path: path, Body: map[string]any{"statecode": 0}, IfMatch: row.ETag()}}})
		if errs[0] == nil { // by itself: an owner who has left may not be given rows
			errs = append(errs, r.batch(ctx, []dataverse.Part{{Op: &dataverse.Operation{Method: http.MethodPatch, Path: path, Body: map[string]any{"ownerid@odata.bind": fmt.Sprintf("/%s(%s)", set, step.Owner)}}}})...)
		}
		if errs[0] != nil {
			r.told(Outcome{Table: d.Table, ID: d.ID, Action: retention.Clear, Status: ledger.Failed, Code: environment.Code(errs[0])})
			return nil // the next run tries again
		}
		if errs[1] != nil {
			r.Log.Warn("the row stays the archive's: its former owner cannot have it", "table", d.Table, "id", d.ID, "code", environment.Code(errs[1]))
		}
	}
	r.summary.stage("restore")
	return r.Ledger.Append(ledger.Entry{Kind: ledger.Restored, Table: d.Table, ID: d.ID})
}

// resumeSteps finds out what became of stages that a cut run was about to carry out.
func (r *runner) resumeSteps(ctx context.Context) error {
	for _, s := range r.Ledger.OpenSteps() {
		base := r.Policy.Subject(s.Table)
		if base == nil {
			continue
		}
		subject := base.For(base.ClassOf(s.Class))
		e := ledger.Entry{Kind: ledger.Staged, Table: s.Table, ID: s.ID, Ground: s.Open, Status: ledger.Skipped, Code: string(errNotBegun)}
		for i := range subject.Stages {
			if stage := &subject.Stages[i]; string(stage.Do) == s.Open {
				rows, err := r.stepRows(ctx, subject, stage, []uuid.UUID{s.ID})
				if err != nil {
					return err
				}
				if row := rows[s.ID]; row != nil && stepStands(stage, row) {
					e.Status, e.Code = ledger.Done, ""
					r.summary.stage(s.Open) // the run that wrote it could not tell
				}
			}
		}
		if err := r.Ledger.Append(e); err != nil {
			return err
		}
		if e.Status == ledger.Done && s.Open == string(policy.Reduce) {
			if err := r.sweep(ctx, []sweepTarget{{ledger.Key{Table: s.Table, ID: s.ID}, map[string][]uuid.UUID{s.Table: {s.ID}}}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// stage counts what came before a purge.
func (s *Summary) stage(what string) {
	if s.Stages == nil {
		s.Stages = make(map[string]int)
	}
	s.Stages[what]++
}
