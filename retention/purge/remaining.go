package purge

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// maxRounds bounds how often rows that came up after the change set are taken care of before a person's row is deleted.
const maxRounds = 3

// leftover is what is left of some persons: change sets for rows that are still to be handled, who waits for another person's turn,
// and the persons' own rows.
type leftover struct {
	fresh map[*work]*work
	waits map[*work]bool
	rows  map[uuid.UUID]dataverse.Row
}

// leftovers lists again what belongs to the persons, and makes a change set for whoever has rows that are still to be
// handled, and reads their rows. A person whom a kept row binds by now is not deleted. Whoever shares a row with a person whose turn it is to
// handle it waits: their delete would take it along.
func (r *runner) leftovers(ctx context.Context, subject *compile.Subject, works []*work, plain bool, tried map[environment.Ref]bool) (left leftover, err error) {
	persons := make([]*inventory.Person, len(works))
	for i, w := range works {
		persons[i] = r.person(subject, w.Ref, w.Row)
	}
	inv := r.inventory(subject, persons)
	inv.Anonymous = true
	b := r.builder(inv)
	b.noJobs, b.tried = plain, tried
	r.claims.begin(r)
	err = environment.ReadTogether(ctx, r.Client,
		func(c dataverse.Writer) error {
			inv.Reader = environment.Batched{Client: c}
			return inv.Take(ctx)
		},
		func(c dataverse.Writer) (err error) {
			left.rows, err = r.rowsBy(ctx, c, subject, workIDs(works))
			return err
		})
	if err != nil {
		return leftover{}, err
	}
	r.claim(inv)
	left.fresh, left.waits = make(map[*work]*work), make(map[*work]bool)
	for i, p := range persons {
		w := works[i]
		left.waits[w] = handledByAnother(inv, p)
		switch {
		case p.Err != nil:
			w.Err = p.Err
		case p.Later:
			w.Err = errAppeared
		default:
			if p.Bound() {
				w.do = policy.Anonymize // by a row that came since: anonymised in place
			}
			if w.only != nil {
				p.Items = slices.DeleteFunc(p.Items, func(it *inventory.Item) bool { return !slices.Contains(w.only[it.Table], it.ID) })
			}
			next, err := b.rest(ctx, p)
			if err != nil {
				w.Err = err
			} else if len(next.set)+len(next.bulk) > 0 {
				left.fresh[w] = next
			}
		}
	}
	return left, nil
}

// handledByAnother tells whether a row that belongs to the person is still to be deleted in another person's turn.
func handledByAnother(inv *inventory.List, p *inventory.Person) bool {
	for _, it := range inv.Items {
		if it.Goes() && it.Owners[0] != p && slices.Contains(it.Owners, p) {
			return true
		}
	}
	return false
}

// remove deletes the rows of persons who were erased, but for those that stay as anonymous ones. What came to belong to them since
// the last look is handled by the rules first: a delete takes nothing along that was not listed, and nothing stays beside an
// anonymous row because it came late.
func (r *runner) remove(ctx context.Context, subject *compile.Subject, works []*work) error {
	open := works
	plain := false
	tried := make(map[environment.Ref]bool)
	least := make(map[*work]int) // rows that were left over for another round
	for round := 0; len(open) > 0; round++ {
		left, err := r.leftovers(ctx, subject, open, plain, tried)
		if refused(err) {
			left, err = r.leftoversApart(ctx, subject, open, plain, tried)
		}
		if err != nil {
			return err
		}
		fresh, waits := left.fresh, left.waits
		var ready []*work
		for _, w := range open {
			if fresh[w] == nil && !waits[w] && w.Err == nil && w.do == policy.Delete {
				ready = append(ready, w)
			}
		}
		if err := r.deleteRows(ctx, subject, ready, left.rows); err != nil {
			return err
		}
		open = slices.DeleteFunc(slices.Clone(open), func(w *work) bool { return fresh[w] == nil && !waits[w] || w.Err != nil })
		if round == maxRounds {
			for _, w := range open {
				if w.Err = w.refused; w.Err == nil {
					w.Err = errAppeared
				}
			}
			return nil
		}
		if len(open) == 0 {
			return nil
		}
		again := false
		var owing, more []*work // who has rows to be handled, and their change sets
		var bulk []environment.Ref
		for _, w := range open {
			if next := fresh[w]; next != nil {
				owing, more = append(owing, w), append(more, next)
				bulk = append(bulk, next.bulk...)
			}
		}
		if err := r.intend(more); err != nil { // the ledger joins it to the intent before
			return err
		}
		for i, err := range r.send(ctx, subject, more) {
			// A refusal is no verdict: rows may be gone by now, by whatever hand. The next round lists what is left.
			owing[i].refused = err
			if err == nil {
				owing[i].join(more[i])
				left := len(more[i].left)
				if before, ok := least[owing[i]]; left > 0 && (!ok || left < before) {
					least[owing[i]], again = left, true
				}
			}
		}
		if again {
			round-- // there was too much for one change set, and it became less: as many as went may come anew, for ever
		}
		if err := r.bulkDelete(ctx, bulk); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var stop *StopError
			if errors.As(err, &stop) {
				return err
			}
			var stopped environment.Reason
			if errors.As(err, &stopped) { // by somebody, or it takes longer than a run waits: the next run goes on
				for i, next := range more {
					if len(next.bulk) > 0 {
						owing[i].Err = stopped
					}
				}
				open = slices.DeleteFunc(open, func(w *work) bool { return w.Err != nil })
				continue
			}
			r.Log.Warn("bulk delete refused: the rows are deleted one by one", "code", environment.Code(err))
			plain = true
		}
		for _, row := range bulk {
			tried[row] = true
		}
	}
	return nil
}

// emptied reads the rows that stay once more. What a plug-in has filled in again with the very change set that emptied it must not
// pass for erased: the purge stays open, and the next run empties it again. What somebody has typed since is named by the search.
func (r *runner) emptied(ctx context.Context, subject *compile.Subject, works []*work) error {
	var stay []*work
	for _, w := range works {
		if w.Err == nil && w.do != policy.Delete && w.Row != nil {
			stay = append(stay, w)
		}
	}
	if len(stay) == 0 {
		return nil
	}
	rows, err := r.rows(ctx, subject, workIDs(stay))
	if err != nil {
		return err
	}
	for _, w := range stay {
		row := rows[w.ID]
		if row == nil {
			continue
		}
		if left := r.eraser(subject).Left(w.ID, row); len(left) > 0 && !r.retyped(subject, w, left, row) {
			w.Err = errRemains
			r.Log.Warn("columns could not be emptied", "table", w.Table, "id", w.ID, "columns", left)
		}
	}
	return nil
}

// deleteRows deletes the persons' rows, which must be what the change set left: anonymous. One that has changed since it was read is
// read again.
func (r *runner) deleteRows(ctx context.Context, subject *compile.Subject, works []*work, rows map[uuid.UUID]dataverse.Row) error {
	changed, err := r.deleteRead(ctx, subject, works, rows)
	if err != nil || len(changed) == 0 {
		return err
	}
	if rows, err = r.rows(ctx, subject, workIDs(changed)); err != nil {
		return err
	}
	if changed, err = r.deleteRead(ctx, subject, changed, rows); err != nil {
		return err
	}
	for _, w := range changed {
		r.Log.Warn("delete refused", "table", w.Table, "id", w.ID, "code", environment.Code(dataverse.ErrChanged))
		w.Err, w.refused = errNotDeleted, dataverse.ErrChanged
	}
	return nil
}

// deleteRead deletes the persons' rows as they were read, and answers whose have changed since.
func (r *runner) deleteRead(ctx context.Context, subject *compile.Subject, works []*work, rows map[uuid.UUID]dataverse.Row) (changed []*work, err error) {
	var parts []dataverse.Part
	var sent []*work
	for _, w := range works {
		row := rows[w.ID]
		switch {
		case row == nil: // by somebody else, meanwhile
			continue
		case row.Null(subject.Own.AnonymizedOn):
			w.Err = errNotDeleted
			continue
		case row.Bool(subject.Own.LegalHold):
			w.Err = errHeld
			continue
		}
		if left := r.eraser(subject).Left(w.ID, row); len(left) > 0 {
			// In the recycle bin it would stay.
			if w.Err = errRemains; r.retyped(subject, w, left, row) {
				w.Err, w.columns = errWritten, len(left)
				continue
			}
			r.Log.Warn("columns could not be emptied", "table", w.Table, "id", w.ID, "columns", left)
			continue
		}
		parts = append(parts, dataverse.Part{Op: &dataverse.Operation{Method: http.MethodDelete, Path: environment.RowPath(subject.EntitySet, w.ID), IfMatch: row.ETag()}})
		sent = append(sent, w)
	}
	if len(parts) == 0 {
		return nil, nil
	}
	for i, err := range r.batch(ctx, parts) {
		w := sent[i]
		var unsure *dataverse.Uncertain
		switch {
		case err == nil, errors.Is(err, dataverse.ErrNotFound):
		case errors.Is(err, dataverse.ErrChanged):
			changed = append(changed, w)
		case errors.Is(err, dataverse.ErrRestricted):
			w.do = policy.Anonymize // bound by rows that nobody may see: anonymised in place
		case errors.As(err, &unsure):
			rows, readErr := r.rows(r.writing, subject, []uuid.UUID{w.ID})
			if readErr != nil || rows[w.ID] != nil {
				w.Err, w.refused = errNotDeleted, err
			}
		default:
			r.Log.Warn("delete refused", "table", w.Table, "id", w.ID, "code", environment.Code(err))
			w.Err, w.refused = errNotDeleted, err
		}
	}
	return changed, nil
}
