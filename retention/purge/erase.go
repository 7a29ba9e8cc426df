package purge

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
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
		works[i].Err = err
	}
	var erased []*work
	var entries []ledger.Entry
	for _, w := range works {
		if w.Err == nil {
			erased = append(erased, w)
			continue
		}
		if errors.Is(w.Err, context.Canceled) || errors.Is(w.Err, context.DeadlineExceeded) || errors.Is(w.Err, errNoAnswer) {
			// Nobody knows, or nothing was sent: the intent stays open, and the next run finds out.
			if ctx.Err() != nil {
				continue
			}
			r.told(Outcome{Table: w.Table, ID: w.ID, Action: retention.Purge, Status: ledger.Failed, Code: string(errNoAnswer)})
			continue
		}
		status := ledger.Failed
		switch w.Err {
		case errChanged, errHeld, errJustified, errGone:
			status = ledger.Skipped
		}
		entries = append(entries, ledger.Entry{Kind: ledger.Outcome, Table: w.Table, ID: w.ID, Status: status, Code: environment.Code(w.Err)})
		r.told(Outcome{Table: w.Table, ID: w.ID, Action: retention.Purge, Status: status, Code: environment.Code(w.Err)})
	}
	if err := r.Ledger.Append(entries...); err != nil {
		return err
	}
	return r.conclude(ctx, subject, erased)
}

func (r *runner) intend(works []*work) error {
	entries := make([]ledger.Entry, len(works))
	for i, w := range works {
		entries[i] = ledger.Entry{Kind: ledger.Intent, Table: w.Table, ID: w.ID, Do: w.do, Rows: w.rows, Counts: w.counts, Stays: w.stays, Decided: listed(w.decided)}
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
		if w.Row.Bool(subject.Own.LegalHold) {
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
		case errors.As(errs[i], &unsure) && w.kind == ahead: // the next look sees
		case errors.As(errs[i], &unsure):
			errs[i] = r.findOut(subject, w)
		case errors.Is(errs[i], dataverse.ErrChanged):
			// By somebody, or by this very change set, if something on the way sent it twice.
			errs[i] = errChanged
			if rows, err := r.rows(r.writing, subject, []uuid.UUID{w.ID}); err != nil {
				errs[i] = errNoAnswer
			} else if row := rows[w.ID]; row != nil && !row.Null(subject.Own.AnonymizedOn) {
				errs[i] = nil
			}
		}
	}
	return errs
}

// findOut reads what became of a change set that got no answer. One that did not happen is sent once more: the row's
// version makes sure that it cannot happen twice.
func (r *runner) findOut(subject *compile.Subject, w *work) error {
	for again := false; ; again = true {
		rows, err := r.rows(r.writing, subject, []uuid.UUID{w.ID})
		if err != nil {
			return errNoAnswer
		}
		row := rows[w.ID]
		switch {
		case row == nil:
			return errNoAnswer // not by this change set: the next run finds out
		case !row.Null(subject.Own.AnonymizedOn) && w.kind != rest:
			return nil
		case w.kind == rest:
			return errNoAnswer // rows that came up later: the next run lists them again
		case row.ETag() != w.Row.ETag():
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
		if w.earlier != nil {
			w.join(&work{rows: w.earlier.rows, counts: w.earlier.counts, gone: w.earlier.gone, effects: w.earlier.effects})
		}
		if (w.do == policy.Delete || len(w.left) > 0) && w.Row != nil {
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
		if w.Err == errWritten {
			written = append(written, w)
			continue
		}
		if w.Err != nil {
			// The intent stays open: the next run deletes the anonymous row.
			failed := Outcome{Table: w.Table, ID: w.ID, Action: retention.Purge, Status: ledger.Failed, Code: environment.Code(w.Err)}
			r.told(failed)
			if !w.passing() {
				r.unfinished = append(r.unfinished, failed)
			}
			continue
		}
		done = append(done, w)
		entries = append(entries, ledger.Entry{Kind: ledger.Outcome, Table: w.Table, ID: w.ID, Do: w.do, Status: ledger.Done})
	}
	if err := r.Ledger.Append(entries...); err != nil {
		return err
	}
	r.finished += len(done)
	var targets []sweepTarget
	for _, w := range done {
		s := r.summary.subject(w.Table)
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
		r.told(Outcome{Table: w.Table, ID: w.ID, Action: retention.Purge, Do: w.do, Status: ledger.Done})
		targets = append(targets, sweepTarget{ledger.Key{Table: w.Table, ID: w.ID}, w.rows})
		r.retired = append(r.retired, retiree{w.Ref, w.do})
	}
	if err := r.sweep(ctx, targets); err != nil {
		return err
	}
	if err := r.released(ctx, subject, written); err != nil {
		return err
	}
	return r.verify(ctx, subject, done)
}
