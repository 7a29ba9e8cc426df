package purge

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// A purge from top to end, in the order in which it happens; each step's own file tells the rest.
//
//	purge     the approval, rows that were merged into others first, the user's sight
//	stages    who is archived or reduced first (step.go)
//	canary    the first persons alone; what is left of them stops the run
//	chunks    the others, several chunks at once (parallel.go)
//	chunk     the last look (look.go), what belongs to the persons (inventory), a change set each (builder.go, changeset.go);
//	          who has too many rows for one goes in stages (large.go)
//	erase     the intent into the ledger, the change sets (send.go), what became of each into the ledger
//	conclude  rows that are left or came since, then the person's row (remaining.go), the outcome into the ledger, audit
//	          history (sweep.go), rows that somebody has written to since (written.go), the search (search)
//	afterwards  long-term retention, once the run has purged everybody (retained.go)

// purge takes the due persons in chunks, the canary first.
func (r *runner) purge(ctx context.Context) error {
	if err := r.approved(ctx); err != nil {
		return err
	}
	slices.SortStableFunc(r.due, func(a, b due) int {
		// Rows that were merged into others come before them: the delete of the others would clear the link.
		return cmp.Or(cmp.Compare(b.depth, a.depth))
	})
	r.due = slices.DeleteFunc(r.due, func(d due) bool { return r.taken[d.Ref] }) // begun by another run, and finished
	r.searched.Expect(len(r.due))
	r.summary.Due, r.summary.Finished = len(r.due), r.summary.Purged()
	if len(r.due)+len(r.staged)+len(r.restored) > 0 {
		if len(r.again) > 0 { // what refuses the first would refuse the others, night after night
			return r.stop(againRail(r.again))
		}
		if err := r.sees(ctx, true); err != nil {
			return err
		}
	}
	if err := r.proven(ctx); err != nil {
		return err
	}
	if err := r.steps(ctx); err != nil {
		return err
	}
	waiting, err := r.canary(ctx, r.due)
	if err != nil {
		return err
	}
	if err := r.chunks(ctx, waiting); err != nil {
		return err
	}
	return r.made(ctx)
}

// canary purges the first persons alone, until as many are purged as the policy asks for: whoever is left alone proves
// nothing. What the search then finds, and a purge that was begun and does not come to its end, stop the run before
// anybody else is begun. It answers who is left.
func (r *runner) canary(ctx context.Context, waiting []due) ([]due, error) {
	canary := r.Policy.Policy.Limits.Canary
	r.finished, r.unfinished, r.refusal = 0, nil, nil
	for r.finished < canary && len(waiting) > 0 && !r.stalled.Load() {
		first, rest := split(waiting, canary-r.finished)
		deleted, unfinished := r.deleted, len(r.unfinished)
		later, err := r.chunk(ctx, first)
		switch {
		case err != nil:
			return nil, err
		case len(r.summary.Residue) > 0:
			return nil, r.stop(residueRail(r.summary.Residue))
		case len(r.unfinished) > unfinished && len(later)+len(rest) > 0 && !(r.deleted > deleted && refusedAlone(r.unfinished)):
			return nil, r.stopBecause(r.refusal, unfinishedRail(r.unfinished, r.refusal))
		case len(later) == len(first): // cannot be: the first of a chunk waits for nobody in it
			return append(later, rest...), nil
		}
		waiting = append(later, rest...)
	}
	return waiting, nil
}

// refusedAlone tells whether nothing but the delete of rows was refused. Where others beside them were deleted, that is a matter of
// theirs, and no reason to leave everybody else alone.
func refusedAlone(unfinished []Outcome) bool {
	return !slices.ContainsFunc(unfinished, func(o Outcome) bool { return o.Code != string(errNotDeleted) })
}

// split takes persons of one subject table and class, and merged equally deep, from the front.
func split(waiting []due, size int) (chunk, rest []due) {
	n := 1
	for n < len(waiting) && n < size && waiting[n].Table == waiting[0].Table && waiting[n].class == waiting[0].class && waiting[n].stage == waiting[0].stage && waiting[n].depth == waiting[0].depth {
		n++
	}
	return waiting[:n:n], waiting[n:]
}

// chunk takes the last look at some persons of one subject table and purges those for whom it finds nothing. It answers
// who has to be taken in a later chunk.
func (r *runner) chunk(ctx context.Context, chunk []due) (later []due, err error) {
	later, err = r.together(ctx, chunk)
	var of *lookError
	if !errors.As(err, &of) {
		return later, err
	}
	return r.apart(ctx, chunk, of)
}

func (r *runner) together(ctx context.Context, chunk []due) (later []due, err error) {
	if err := r.sees(ctx, false); err != nil {
		return nil, err
	}
	subject := r.subject(chunk[0])
	r.progress(Progress{Phase: "look", Total: len(chunk)})
	r.claims.begin(r)
	defer r.claims.end(r)
	persons, later, err := r.look(ctx, subject, chunk)
	if err != nil {
		return nil, ofPersons(err)
	}
	inv := r.inventory(subject, persons)
	inv.Window = r.window()
	if err := inv.Take(ctx); err != nil {
		return nil, ofPersons(err)
	}
	r.claim(inv)
	var works []*work
	var large []due
	for _, p := range persons {
		if p.Many {
			large = append(large, largeOf(chunk, p))
			continue
		}
		if p.Later {
			later = append(later, dueOf(chunk, p.Ref))
			continue
		}
		if p.Err == nil && subject.Purge == policy.Delete && p.Bound() && subject.WhenBound == policy.BoundFail {
			p.Err = errBound
		}
		if p.Err == nil {
			w, err := r.builder(inv).own(ctx, p, r.eraser(subject), r.marks(subject))
			if err == nil {
				works = append(works, w)
				continue
			}
			if err == errTooMany {
				large = append(large, largeOf(chunk, p))
				continue
			}
			p.Err = err
		}
		r.leave(p.Ref, p.Err)
	}
	for _, d := range chunk {
		if !slices.ContainsFunc(later, func(l due) bool { return l.Ref == d.Ref }) {
			r.taken[d.Ref] = true
		}
	}
	// The look ages from here on: what is written now is guarded by the rows' versions.
	if err := r.erase(ctx, subject, works); err != nil {
		return nil, err
	}
	if r.claims != nil {
		r.alone, large = append(r.alone, large...), nil
	}
	return later, r.large(ctx, large)
}

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

// conclude follows the change sets that were carried out: the rows are deleted where that is the disposition, the
// outcomes go into the ledger, audit history is deleted, and what is left is looked for.
func (r *runner) conclude(ctx context.Context, subject *compile.Subject, erased []*work) error {
	var remove []*work
	for _, w := range erased {
		if w.earlier != nil {
			w.join(&work{rows: w.earlier.rows, counts: w.earlier.counts, gone: w.earlier.gone, effects: w.earlier.effects})
		}
		if w.Row != nil {
			remove = append(remove, w)
		}
	}
	if err := r.remove(ctx, subject, remove); err != nil {
		return err
	}
	if err := r.emptied(ctx, subject, erased); err != nil {
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
			failed := Outcome{Table: w.Table, ID: w.ID, Action: retention.Purge, Status: ledger.Failed, Code: environment.Code(w.Err), Begun: true}
			r.told(failed)
			if !w.passing() {
				r.unfinished = append(r.unfinished, failed)
				r.refusal = cmp.Or(r.refusal, w.refused)
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
	for _, w := range done {
		if w.do == policy.Delete {
			r.deleted++
		}
	}
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
		r.retired = append(r.retired, retiree{w.Ref, w.do, subject})
	}
	if err := r.sweep(ctx, targets); err != nil {
		return err
	}
	if err := r.released(ctx, subject, written); err != nil {
		return err
	}
	return r.verify(ctx, subject, done)
}
