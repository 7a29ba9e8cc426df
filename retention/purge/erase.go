package purge

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
)

// maxLooks bounds how often a look is taken again for a write that had to wait.
const maxLooks = 5

// maxRounds bounds how often rows that came up after the change set are taken care of before a person's row is deleted.
const maxRounds = 3

// erase carries the erasures out: intents, change sets, deletes, outcomes, audit history, and the search for residue.
func (r *runner) erase(ctx context.Context, subject *compile.Subject, works []*work) error {
	if len(works) == 0 {
		return nil
	}
	if err := r.intend(works); err != nil {
		return err
	}
	for i, err := range r.send(ctx, subject, works) {
		works[i].err = err
	}
	var erased []*work
	var entries []ledger.Entry
	for _, w := range works {
		if w.err == nil {
			erased = append(erased, w)
			continue
		}
		if errors.Is(w.err, context.Canceled) || errors.Is(w.err, context.DeadlineExceeded) || errors.Is(w.err, errNoAnswer) {
			// Nobody knows, or nothing was sent: the intent stays open, and the next run finds out.
			if ctx.Err() != nil {
				continue
			}
			r.told(Outcome{Table: w.table, ID: w.id, Action: retention.Purge, Status: ledger.Failed, Code: string(errNoAnswer)})
			continue
		}
		status := ledger.Failed
		switch w.err {
		case errChanged, errHeld, errJustified, errGone:
			status = ledger.Skipped
		}
		entries = append(entries, ledger.Entry{Kind: ledger.Outcome, Table: w.table, ID: w.id, Status: status, Code: code(w.err)})
		r.told(Outcome{Table: w.table, ID: w.id, Action: retention.Purge, Status: status, Code: code(w.err)})
	}
	if err := r.Ledger.Append(entries...); err != nil {
		return err
	}
	return r.conclude(ctx, subject, erased)
}

func (r *runner) intend(works []*work) error {
	entries := make([]ledger.Entry, len(works))
	for i, w := range works {
		entries[i] = ledger.Entry{Kind: ledger.Intent, Table: w.table, ID: w.id, Do: w.do, Rows: w.rows, Counts: w.counts, Stays: w.stays, Decided: listed(w.decided)}
	}
	return r.Ledger.Append(entries...)
}

// send carries out change sets and tells for each what became of it. It is the only function that takes data away from a
// row, and so the place that asks for the legal hold once more.
func (r *runner) send(ctx context.Context, subject *compile.Subject, works []*work) []error {
	errs := make([]error, len(works))
	var group []int
	size := 0
	flush := func() {
		if len(group) == 0 {
			return
		}
		for try := 0; ; try++ {
			if group = r.lookAgain(ctx, subject, works, group, errs); len(group) == 0 {
				break
			}
			parts := make([]dataverse.Part, len(group))
			for i, at := range group {
				parts[i].Set = works[at].set
			}
			var late []int
			for i, err := range r.batchBy(ctx, parts, r.sendBy(works, group)) {
				switch at := group[i]; {
				case !errors.Is(err, dataverse.ErrLate):
					errs[at] = err
				case try < maxLooks:
					late = append(late, at)
				default:
					errs[at] = errLate
				}
			}
			group = late
		}
		group, size = group[:0], 0
	}
	for i, w := range works {
		if w.row.Bool(subject.Own.LegalHold) {
			errs[i] = errHeld
			continue
		}
		if len(w.set) == 0 {
			continue
		}
		if size+len(w.set) > r.operations {
			flush()
		}
		group, size = append(group, i), size+len(w.set)
	}
	flush()
	for i, w := range works {
		var unsure *dataverse.Uncertain
		switch {
		case errs[i] == nil, errs[i] == errHeld:
		case errors.As(errs[i], &unsure) && w.ahead: // the next look sees
		case errors.As(errs[i], &unsure):
			errs[i] = r.findOut(subject, w)
		case errors.Is(errs[i], dataverse.ErrChanged):
			// By somebody, or by this very change set, if something on the way sent it twice.
			errs[i] = errChanged
			if rows, err := r.rows(r.writing, subject, []uuid.UUID{w.id}); err != nil {
				errs[i] = errNoAnswer
			} else if row := rows[w.id]; row != nil && !row.Null(subject.Own.AnonymizedOn) {
				errs[i] = nil
			}
		}
	}
	return errs
}

// batch sends parts and tells what became of each. A cancelled run sends nothing new.
func (r *runner) batch(ctx context.Context, parts []dataverse.Part) []error {
	return r.batchBy(ctx, parts, time.Time{})
}

// batchBy sends nothing after a time that is not zero.
func (r *runner) batchBy(ctx context.Context, parts []dataverse.Part, by time.Time) []error {
	errs := make([]error, len(parts))
	if err := ctx.Err(); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	writing := r.writing
	if !by.IsZero() {
		writing = dataverse.SendBy(writing, by)
	}
	results, err := r.Client.Batch(writing, parts)
	for i := range errs {
		switch {
		case err != nil: // nothing of the batch was carried out
			errs[i] = err
		case i >= len(results):
			errs[i] = &dataverse.Uncertain{Op: "batch", Err: dataverse.ErrAnswer}
		default:
			errs[i] = results[i].Err
		}
	}
	return errs
}

// findOut reads what became of a change set that got no answer. One that did not happen is sent once more: the row's
// version makes sure that it cannot happen twice.
func (r *runner) findOut(subject *compile.Subject, w *work) error {
	for again := false; ; again = true {
		rows, err := r.rows(r.writing, subject, []uuid.UUID{w.id})
		if err != nil {
			return errNoAnswer
		}
		row := rows[w.id]
		switch {
		case row == nil:
			return errNoAnswer // not by this change set: the next run finds out
		case !row.Null(subject.Own.AnonymizedOn) && !w.second:
			return nil
		case w.second:
			return errNoAnswer // rows that came up later: the next run lists them again
		case row.ETag() != w.row.ETag():
			return errChanged
		case again:
			return errNoAnswer
		}
		var unsure *dataverse.Uncertain
		one := []*work{w}
		if len(r.lookAgain(r.writing, subject, one, []int{0}, make([]error, 1))) == 0 {
			return errNoAnswer // the first sending may still come to be carried out: the intent stays open
		}
		switch err := r.batchBy(r.writing, []dataverse.Part{{Set: w.set}}, r.sendBy(one, []int{0}))[0]; {
		case err == nil:
			return nil
		case errors.Is(err, dataverse.ErrLate):
			return errNoAnswer
		case errors.As(err, &unsure), errors.Is(err, dataverse.ErrChanged):
			// It may have happened the first time, after the row was read.
		default:
			return err
		}
	}
}

// conclude follows the change sets that were carried out: the rows are deleted where that is the disposition, the
// outcomes go into the ledger, audit history is deleted, and what is left is looked for.
func (r *runner) conclude(ctx context.Context, subject *compile.Subject, erased []*work) error {
	var remove []*work
	for _, w := range erased {
		if w.before != nil {
			w.join(&work{rows: w.before.rows, counts: w.before.counts, gone: w.before.gone, effects: w.before.effects})
		}
		if (w.do == policy.Delete || w.deferred) && !w.removed {
			remove = append(remove, w)
		}
	}
	if err := r.remove(ctx, subject, remove); err != nil {
		return err
	}
	var entries []ledger.Entry
	var done []*work
	var written []*work
	for _, w := range erased {
		if w.err == errWritten {
			written = append(written, w)
			continue
		}
		if w.err != nil {
			// The intent stays open: the next run deletes the anonymous row.
			failed := Outcome{Table: w.table, ID: w.id, Action: retention.Purge, Status: ledger.Failed, Code: code(w.err)}
			r.told(failed)
			if !w.passing() {
				r.unfinished = append(r.unfinished, failed)
			}
			continue
		}
		done = append(done, w)
		entries = append(entries, ledger.Entry{Kind: ledger.Outcome, Table: w.table, ID: w.id, Do: w.do, Status: ledger.Done})
	}
	if err := r.Ledger.Append(entries...); err != nil {
		return err
	}
	r.finished += len(done)
	var targets []sweepTarget
	for _, w := range done {
		s := r.summary.subject(w.table)
		switch {
		case w.do == policy.Delete:
			s.Deleted++
		case subject.Purge == policy.Delete:
			s.Bound++
		default:
			s.Anonymized++
		}
		for what, n := range w.counts {
			effect, table := cut(what)
			r.summary.count(effect, table, n)
		}
		r.told(Outcome{Table: w.table, ID: w.id, Action: retention.Purge, Do: w.do, Status: ledger.Done})
		targets = append(targets, sweepTarget{ledger.Key{Table: w.table, ID: w.id}, w.rows})
		r.retired = append(r.retired, retiree{w.ref, w.do})
	}
	if err := r.sweep(ctx, targets); err != nil {
		return err
	}
	if err := r.released(ctx, subject, written); err != nil {
		return err
	}
	return r.verify(ctx, subject, done)
}

// passing says that what kept a person from being finished says nothing of the next: rows that somebody just wrote, a job
// in a queue, a service that does not answer or has had too many requests, a sign-in that has ended: that ends the run by itself.
func (w *work) passing() bool {
	var unsure *dataverse.Uncertain
	return w.err == errAppeared || w.err == errJobOpen || w.err == errNoAnswer || errors.As(w.refused, &unsure) ||
		errors.Is(w.refused, dataverse.ErrThrottled) || errors.Is(w.refused, dataverse.ErrUnavailable) ||
		errors.Is(w.refused, dataverse.ErrUnauthorized) || errors.Is(w.refused, context.Canceled)
}

// remove deletes the rows of persons who were erased. What came to belong to them since the last look is handled by the
// rules first: a delete takes nothing along that was not listed.
func (r *runner) remove(ctx context.Context, subject *compile.Subject, works []*work) error {
	open := works
	plain := false
	tried := make(map[ref]bool)
	for round := 0; len(open) > 0; round++ {
		fresh, waits, err := r.leftovers(ctx, subject, open, plain, tried)
		if err != nil {
			return err
		}
		var ready []*work
		for _, w := range open {
			if fresh[w] == nil && !waits[w] && w.err == nil && w.do == policy.Delete {
				ready = append(ready, w)
			}
		}
		if err := r.deleteRows(ctx, subject, ready); err != nil {
			return err
		}
		open = slices.DeleteFunc(slices.Clone(open), func(w *work) bool { return fresh[w] == nil && !waits[w] || w.err != nil })
		if round == maxRounds {
			for _, w := range open {
				if w.err = w.refused; w.err == nil {
					w.err = errAppeared
				}
			}
			return nil
		}
		if len(open) == 0 {
			return nil
		}
		again := false
		var owing, more []*work // who has rows to be handled, and their change sets
		var bulk []ref
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
				again = again || more[i].cut
			}
		}
		if again {
			round-- // there was too much for one change set, and it went
		}
		if err := r.bulkDelete(ctx, bulk); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var stopped reason
			if errors.As(err, &stopped) { // by somebody, or it takes longer than a run waits: the next run goes on
				for i, next := range more {
					if len(next.bulk) > 0 {
						owing[i].err = stopped
					}
				}
				open = slices.DeleteFunc(open, func(w *work) bool { return w.err != nil })
				continue
			}
			r.Log.Warn("bulk delete refused: the rows are deleted one by one", "code", code(err))
			plain = true
		}
		for _, row := range bulk {
			tried[row] = true
		}
	}
	return nil
}

// join adds what a later change set did.
func (w *work) join(more *work) {
	for table, ids := range more.rows {
		for _, id := range ids {
			if !slices.Contains(w.rows[table], id) {
				w.rows[table] = append(w.rows[table], id)
			}
		}
	}
	for what, n := range more.counts {
		w.counts[what] += n
	}
	w.gone = append(w.gone, more.gone...)
	w.binned = append(w.binned, more.binned...)
	w.also(more.effects)
}

// leftovers lists again what belongs to the persons, and makes a change set for whoever has rows that are still to be
// handled. A person whom a kept row binds by now is not deleted. Whoever shares a row with a person whose turn it is to
// handle it waits: their delete would take it along.
func (r *runner) leftovers(ctx context.Context, subject *compile.Subject, works []*work, plain bool, tried map[ref]bool) (fresh map[*work]*work, waits map[*work]bool, err error) {
	persons := make([]*person, len(works))
	for i, w := range works {
		persons[i] = r.person(w.ref, w.row)
	}
	inv := r.inventory(subject, persons)
	inv.second, inv.plain, inv.tried = true, plain, tried
	r.claims.begin(r)
	if err := inv.take(ctx); err != nil {
		return nil, nil, err
	}
	r.claim(inv)
	fresh, waits = make(map[*work]*work), make(map[*work]bool)
	for i, p := range persons {
		w := works[i]
		waits[w] = inv.handledByAnother(p)
		switch {
		case p.err != nil:
			w.err = p.err
		case p.later:
			w.err = errAppeared
		default:
			if p.bound() {
				w.do = policy.Anonymize // by a row that came since: anonymised in place
			}
			if w.do != policy.Delete && !w.deferred {
				continue
			}
			if w.over {
				p.items = slices.DeleteFunc(p.items, func(it *item) bool { return !slices.Contains(w.rows[it.table], it.id) })
			}
			next, err := inv.rest(ctx, p)
			if err != nil {
				w.err = err
			} else if len(next.set)+len(next.bulk) > 0 {
				fresh[w] = next
			}
		}
	}
	return fresh, waits, nil
}

// handledByAnother tells whether a row that belongs to the person is still to be deleted in another person's turn.
func (inv *inventory) handledByAnother(p *person) bool {
	for _, it := range inv.items {
		if it.do == policy.Delete && !it.shared && !it.stays && it.owners[0] != p && slices.Contains(it.owners, p) {
			return true
		}
	}
	return false
}

// rest is the change set for the rows that are still there, without the person's own.
func (inv *inventory) rest(ctx context.Context, p *person) (*work, error) {
	for _, it := range p.items {
		it.done = it.stays && len(inv.eraser(it).patch(it.id, it.row)) == 0 // emptied, and goes with the person
	}
	w := newWork(p, inv.subject.Purge)
	if w.second = true; w.do == policy.Delete && p.bound() {
		w.do = policy.Anonymize
	}
	w.rows[p.table] = append(w.rows[p.table], p.id)
	for _, it := range p.items {
		if it.done {
			continue
		}
		part, err := inv.part(ctx, w, it)
		if err != nil {
			return nil, err
		}
		if w.cut = inv.limit > 0 && len(w.set) > 0 && len(w.set)+len(part.set) > inv.limit; w.cut {
			break // the person is anonymous: what is left goes in the next round
		}
		w.absorb(part)
		w.spare(it)
	}
	w.decided = inv.owed(p, w)
	return w, nil
}

// deleteRows deletes the persons' rows, which must be what the change set left: anonymous.
func (r *runner) deleteRows(ctx context.Context, subject *compile.Subject, works []*work) error {
	if len(works) == 0 {
		return nil
	}
	rows, err := r.rows(ctx, subject, workIDs(works))
	if err != nil {
		return err
	}
	var parts []dataverse.Part
	var sent []*work
	for _, w := range works {
		row := rows[w.id]
		switch {
		case row == nil: // by somebody else, meanwhile
			continue
		case row.Null(subject.Own.AnonymizedOn):
			w.err = errNotDeleted
			continue
		case row.Bool(subject.Own.LegalHold):
			w.err = errHeld
			continue
		}
		if left := r.erasers[subject.Table].left(w.id, row); len(left) > 0 {
			// In the recycle bin it would stay.
			if w.err = errRemains; r.retyped(subject, w, left, row) {
				w.err, w.columns = errWritten, len(left)
				continue
			}
			r.Log.Warn("columns could not be emptied", "table", w.table, "id", w.id, "columns", left)
			continue
		}
		parts = append(parts, dataverse.Part{Op: &dataverse.Operation{Method: http.MethodDelete, Path: rowPath(subject.EntitySet, w.id), IfMatch: row.ETag()}})
		sent = append(sent, w)
	}
	if len(parts) == 0 {
		return nil
	}
	for i, err := range r.batch(ctx, parts) {
		w := sent[i]
		var unsure *dataverse.Uncertain
		switch {
		case err == nil, errors.Is(err, dataverse.ErrNotFound):
		case errors.Is(err, dataverse.ErrRestricted):
			w.do = policy.Anonymize // bound by rows that nobody may see: anonymised in place
		case errors.As(err, &unsure):
			rows, readErr := r.rows(r.writing, subject, []uuid.UUID{w.id})
			if readErr != nil || rows[w.id] != nil {
				w.err, w.refused = errNotDeleted, err
			}
		default:
			r.Log.Warn("delete refused", "table", w.table, "id", w.id, "code", code(err))
			w.err, w.refused = errNotDeleted, err
		}
	}
	return nil
}

func workIDs(works []*work) []uuid.UUID {
	ids := make([]uuid.UUID, len(works))
	for i, w := range works {
		ids[i] = w.id
	}
	return ids
}
