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
	"github.com/gallra/gallra/retention/purge/inventory"
	"github.com/gallra/gallra/retention/purge/search"
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
		stage := subject.Coming(chunk[0].stage)
		if stage.Rules != nil {
			later, err := r.reduceWithRows(ctx, subject, stage, chunk)
			if err != nil {
				return err
			}
			r.staged = append(later, r.staged...)
			continue
		}
		if err := r.stepSome(ctx, subject, stage, chunk); err != nil {
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
		e := ledger.Entry{Kind: ledger.Staging, Table: d.Table, ID: d.ID, Class: subject.ClassID, Ground: string(stage.Do), PurgeOn: d.base, Rows: map[string][]uuid.UUID{d.Table: {d.ID}}}
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

// reduceWithRows reduces persons and applies the stage's rules to their related rows: by a last look, in one change set with the
// person's columns, with an intent before and a search after, as a purge does. Whoever has too many rows for one change set is reduced
// with the last of several; until then the person is whole, and a run that is cut leaves the rest to the next. It answers whose turn
// comes again: who shares a row with a person before, and who has rows left.
func (r *runner) reduceWithRows(ctx context.Context, subject *compile.Subject, stage *compile.Stage, chunk []due) (later []due, err error) {
	if err := r.sees(ctx, false); err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(chunk))
	of := make(map[environment.Ref]due, len(chunk))
	for i, d := range chunk {
		ids[i], of[d.Ref] = d.ID, d
	}
	last, err := r.lookAt(ctx, subject, ids)
	if err != nil {
		return nil, err
	}
	columns, err := r.stepRows(ctx, subject, stage, ids)
	if err != nil {
		return nil, err
	}
	whole, err := inventory.PersonRows(ctx, environment.Batched{Client: r.Client}, stage.Rules, r.eraser(subject), ids)
	if err != nil {
		return nil, err
	}
	left := func(who environment.Ref, why error) {
		status := ledger.Failed
		if _, word := why.(environment.Reason); word && why != inventory.ErrClosed && why != errTooMany {
			status = ledger.Skipped
		}
		r.told(Outcome{Table: who.Table, ID: who.ID, Action: retention.Purge, Status: status, Code: environment.Code(why)})
	}
	var persons []*inventory.Person
	for _, d := range chunk {
		row, why := columns[d.ID], last.why[d.ID]
		if why == nil && (row == nil || whole[d.ID] == nil || row.ETag() != last.rows[d.ID].ETag() || whole[d.ID].ETag() != row.ETag()) {
			why = errChanged
		}
		if why != nil {
			left(d.Ref, why)
			continue
		}
		p := r.person(stage.Rules, d.Ref, whole[d.ID])
		p.Made, p.Looked, p.Holds = nil, last.at, last.holds
		persons = append(persons, p)
	}
	inv := r.inventory(stage.Rules, persons)
	inv.RulesAlone, inv.Justify = true, r.reducing(subject, chunk[0].stage)
	if err := inv.Take(ctx); err != nil {
		return nil, err
	}
	b := r.builder(inv)
	b.limit, b.jobs = r.operations-1, false
	var works []*work
	var entries []ledger.Entry
	for _, p := range persons {
		w, err := (*work)(nil), p.Err
		if p.Later && err == nil {
			later = append(later, of[p.Ref])
			continue
		}
		if err == nil {
			w, err = b.rest(ctx, p)
		}
		if err == nil && len(w.left) > 0 && len(w.set)+len(w.bulk) == 0 {
			err = errTooMany // a row that does not fit a change set by itself
		}
		if err != nil {
			left(p.Ref, err)
			continue
		}
		body := map[string]any{subject.Own.AnonymizedOn: nil} // which it is: the version is what guards the rows
		if len(w.left)+len(w.bulk) == 0 {
			body = stepBody(subject, stage, columns[p.ID])
		}
		w.set = append(dataverse.ChangeSet{{Method: http.MethodPatch, Path: environment.RowPath(subject.EntitySet, p.ID), Body: body, IfMatch: p.Row.ETag()}}, w.set...)
		works = append(works, w)
		entries = append(entries, ledger.Entry{Kind: ledger.Staging, Table: p.Table, ID: p.ID, Class: subject.ClassID, Ground: string(stage.Do), PurgeOn: of[p.Ref].base, Rows: w.rows, Counts: w.counts, Stays: w.cutLoose()})
	}
	if err := r.Ledger.Append(entries...); err != nil || len(works) == 0 {
		return later, err
	}
	for i, err := range r.send(ctx, subject, works) {
		works[i].Err = err
	}
	if err := r.deleteInBulk(ctx, works); err != nil {
		return nil, err
	}
	entries = nil
	var targets []sweepTarget
	var done []search.Purged
	for _, w := range works {
		var unsure *dataverse.Uncertain
		e := ledger.Entry{Kind: ledger.Staged, Table: w.Table, ID: w.ID, Ground: string(stage.Do), Status: ledger.Done}
		switch {
		case w.Err == nil:
			targets = append(targets, sweepTarget{keyOf(w.Ref), w.rows})
			done = append(done, search.Purged{Ref: w.Ref, Stands: true, Gone: w.gone, Binned: w.binned, Touched: w.rows, Blanked: w.blanked, Off: w.off})
			for what, n := range w.counts {
				effect, place := cut(what)
				r.summary.count(effect, place, n)
			}
			if len(w.left)+len(w.bulk) > 0 {
				later = append(later, of[w.Ref]) // the intent stays open
				continue
			}
			r.summary.stage(string(stage.Do))
		case errors.As(w.Err, &unsure), w.Err == errNoAnswer, w.Err == errJobOpen, ctx.Err() != nil:
			continue // nobody knows: the next run finds out
		default:
			e.Status, e.Code = ledger.Failed, environment.Code(w.Err)
			if _, word := w.Err.(environment.Reason); word {
				e.Status = ledger.Skipped
			}
			left(w.Ref, w.Err)
		}
		entries = append(entries, e)
	}
	if err := r.Ledger.Append(entries...); err != nil {
		return nil, err
	}
	if err := r.sweep(ctx, targets); err != nil {
		return nil, err
	}
	s := r.searcher()
	defer func() { r.summary.found(s.Left) }()
	return later, s.EndedRows(ctx, done)
}

// stepRows reads what a stage writes to.
func (r *session) stepRows(ctx context.Context, subject *compile.Subject, stage *compile.Stage, ids []uuid.UUID) (map[uuid.UUID]dataverse.Row, error) {
	cols := []string{subject.PrimaryID, subject.Own.PurgeScheduledOn}
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
				// Of a stage with rules for related rows the date tells as well: there may be nothing to empty in the person's own.
				if row := rows[s.ID]; row != nil && stepStands(stage, row) && (stage.Rules == nil || row.Null(subject.Own.PurgeScheduledOn)) {
					e.Status, e.Code = ledger.Done, ""
					r.summary.stage(s.Open) // the run that wrote it could not tell
				}
			}
		}
		if err := r.Ledger.Append(e); err != nil {
			return err
		}
	}
	var targets []sweepTarget
	for _, s := range r.Ledger.Unswept() {
		rows, err := r.sweepable(ctx, s)
		if err != nil {
			return err
		}
		targets = append(targets, sweepTarget{s.Key, rows})
	}
	return r.sweep(ctx, targets)
}

// sweepable are the rows of a stage whose audit history goes. Of one that was not carried out to its end those that are gone: the
// others keep theirs until it is.
func (r *session) sweepable(ctx context.Context, s ledger.OpenStep) (map[string][]uuid.UUID, error) {
	if !s.Cut {
		return s.Rows, nil
	}
	rows := make(map[string][]uuid.UUID)
	for table, ids := range s.Rows {
		there, err := r.there(ctx, table, ids)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if !there[id] {
				rows[table] = append(rows[table], id)
			}
		}
	}
	return rows, nil
}

// stage counts what came before a purge.
func (s *Summary) stage(what string) {
	if s.Stages == nil {
		s.Stages = make(map[string]int)
	}
	s.Stages[what]++
}
