package purge

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
)

// maxLooks bounds how often a look is taken again for a write that had to wait.
const maxLooks = 5

func (r *session) intend(works []*work) error {
	entries := make([]ledger.Entry, len(works))
	for i, w := range works {
		entries[i] = ledger.Entry{Kind: ledger.Intent, Table: w.Table, ID: w.ID, Do: w.do, Class: w.Class, Rows: w.rows, Counts: w.counts, Stays: w.stays, Decided: listed(w.decided)}
	}
	return r.Ledger.Append(entries...)
}

// send carries out change sets and tells for each what became of it. It is the only function that takes data away from a
// row, and so the place that asks once more for legal holds: on the person, and on whoever else the rows lead to.
func (r *session) send(ctx context.Context, subject *compile.Subject, works []*work) []error {
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
			if group = r.holdsSince(ctx, works, group, errs); len(group) == 0 {
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
func (r *session) findOut(subject *compile.Subject, w *work) error {
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
		if len(r.lookAgain(r.writing, subject, one, []int{0}, make([]error, 1))) == 0 || len(r.holdsSince(r.writing, one, []int{0}, make([]error, 1))) == 0 {
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

// batch sends parts and tells what became of each. A cancelled run sends nothing new.
func (r *session) batch(ctx context.Context, parts []dataverse.Part) []error {
	return r.batchBy(ctx, parts, time.Time{})
}

// batchBy sends nothing after a time that is not zero.
func (r *session) batchBy(ctx context.Context, parts []dataverse.Part, by time.Time) []error {
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
