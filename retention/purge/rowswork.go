package purge

import (
	"context"
	"errors"
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
	"github.com/gallra/gallra/retention/purge/rows"
	"github.com/gallra/gallra/retention/purge/search"
)

// endSome takes the last look at some rows whose period by a rule is over, and ends those that nothing keeps: the rows themselves,
// their parts, and who is on them are asked for again by id and with the rule's own filter, seconds before the write.
func (r *runner) endSome(ctx context.Context, f *rows.Finder, at int, rule *compile.RowRule, ids []uuid.UUID) error {
	if err := r.sees(ctx, false); err != nil {
		return err
	}
	tally := &r.summary.Rows[at]
	looked := time.Now()
	holds, err := r.tables.Holds(ctx, f.Reader)
	if err != nil {
		return err
	}
	works, err := r.lookAtRows(ctx, f, tally, rule, ids)
	if err != nil {
		return err
	}
	if err := r.clock(ctx); err != nil {
		return err
	}
	if works, err = r.rowsHeldSince(ctx, f, tally, rule, works, holds); err != nil || len(works) == 0 {
		return err
	}
	var entries []ledger.Entry
	for _, w := range works {
		entries = append(entries, ledger.Entry{Kind: ledger.Ending, Table: w.Table, ID: w.ID, Ground: rule.Name, Do: rule.Do, Rows: w.rows, Counts: w.counts})
	}
	if err := r.Ledger.Append(entries...); err != nil {
		return err
	}
	r.sendRows(ctx, works, looked.Add(r.LookAge))
	if err := r.deleteInBulk(ctx, works); err != nil {
		return err
	}
	return r.concludeRows(ctx, tally, rule, works)
}

// lookAtRows makes a change set for every row that may still go.
func (r *runner) lookAtRows(ctx context.Context, f *rows.Finder, tally *RowTally, rule *compile.RowRule, ids []uuid.UUID) ([]*work, error) {
	still, err := f.Still(ctx, rule, ids)
	if err != nil {
		return nil, err
	}
	tally.Skipped += len(ids) - len(still)
	stand := make([]*inventory.Person, len(still))
	for i, id := range still {
		stand[i] = &inventory.Person{Ref: environment.Ref{Table: rule.Table, ID: id}}
	}
	inv := inventory.OfRows(r.tables, f.Reader, rule, stand)
	err = inv.TakeRows(ctx, rule, func(ctx context.Context, some []environment.Ref, parts bool) (map[environment.Ref]environment.Reason, error) {
		return f.Stops(ctx, rule, some, parts)
	})
	if err != nil {
		return nil, err
	}
	b := r.builder(inv)
	b.limit, b.jobs = 0, false
	var works []*work
	for _, p := range stand {
		i := slices.IndexFunc(p.Items, func(it *inventory.Item) bool { return it.Ref == p.Ref })
		switch {
		case p.Err == inventory.ErrClosed:
			r.rowFailed(tally, p.Ref, p.Err)
			continue
		case p.Err != nil:
			tally.Stopped[environment.Code(p.Err)]++
			continue
		case i < 0: // gone meanwhile
			tally.Skipped++
			continue
		}
		w, err := b.rest(ctx, p)
		if err != nil {
			return nil, err
		}
		w.Row = p.Items[i].Row
		if len(w.set) > r.operations {
			r.rowFailed(tally, p.Ref, errTooMany)
			continue
		}
		if len(w.set)+len(w.bulk) == 0 {
			tally.Skipped++ // emptied meanwhile
			continue
		}
		w.set = guarded(w.set, environment.RowPath(p.Items[i].Def.EntitySet, p.ID), w.Row.ETag(), w.bulk)
		works = append(works, w)
	}
	return works, nil
}

// guarded makes a change set depend on the version of the row that was looked at. The first write to the row carries it, before
// anything else: what becomes of the row's parts could move the row's version.
func guarded(set dataverse.ChangeSet, path, version string, bulk []environment.Ref) dataverse.ChangeSet {
	if len(bulk) == 0 && !slices.ContainsFunc(set, func(o dataverse.Operation) bool { return o.Method != http.MethodDelete }) {
		// Nothing has to be emptied: the delete of the row takes its parts along.
		return dataverse.ChangeSet{{Method: http.MethodDelete, Path: path, IfMatch: version}}
	}
	i := slices.IndexFunc(set, func(o dataverse.Operation) bool { return o.Path == path })
	if i < 0 {
		return set // the row goes by a job
	}
	first := set[i]
	first.IfMatch = version
	if first.Method == http.MethodDelete {
		set[i] = first
		return set
	}
	if slices.ContainsFunc(set[:i], func(o dataverse.Operation) bool { return len(o.Path) > len(path) && o.Path[:len(path)] == path }) {
		// The parties of an activity are taken off before its columns are emptied, since the service writes their addresses
		// there: the columns are written twice.
		return append(dataverse.ChangeSet{first}, set...)
	}
	return slices.Concat(dataverse.ChangeSet{first}, set[:i], set[i+1:])
}

// rowsHeldSince asks once more on whom a legal hold stands. Where one was set since the look began, it is asked anew who is on
// the rows.
func (r *runner) rowsHeldSince(ctx context.Context, f *rows.Finder, tally *RowTally, rule *compile.RowRule, works []*work, before *environment.Holds) ([]*work, error) {
	holds, err := r.tables.Holds(ctx, f.Reader)
	if err != nil || !holds.Adds(before) {
		return works, err
	}
	var left []*work
	for _, w := range works {
		var all []environment.Ref
		for table, ids := range w.rows {
			all = append(all, refsOf(table, ids)...)
		}
		why, err := f.Stops(ctx, rule, all, false)
		if err != nil {
			return nil, err
		}
		if len(why) > 0 {
			tally.Stopped[string(errHeld)]++
			continue
		}
		left = append(left, w)
	}
	return left, nil
}

// sendRows carries the change sets out; what became of each is its Err.
func (r *session) sendRows(ctx context.Context, works []*work, by time.Time) {
	var group []*work
	size := 0
	flush := func() {
		parts := make([]dataverse.Part, len(group))
		for i, w := range group {
			parts[i].Set = w.set
		}
		if len(parts) > 0 {
			for i, err := range r.batchBy(ctx, parts, by) {
				group[i].Err = err
			}
		}
		group, size = nil, 0
	}
	for _, w := range works {
		if len(w.set) == 0 {
			continue
		}
		if size+len(w.set) > r.operations {
			flush()
		}
		group, size = append(group, w), size+len(w.set)
	}
	flush()
}

// deleteInBulk deletes by a job what would stay in the recycle bin otherwise.
func (r *runner) deleteInBulk(ctx context.Context, works []*work) error {
	var bulk []environment.Ref
	for _, w := range works {
		if w.Err == nil {
			bulk = append(bulk, w.bulk...)
		}
	}
	if len(bulk) == 0 {
		return nil
	}
	failed := r.bulkDelete(ctx, bulk)
	var stop *StopError
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // the next run finds out
	case errors.As(failed, &stop):
		return failed
	}
	for _, w := range works {
		for _, b := range w.bulk {
			there, err := r.there(r.writing, b.Table, []uuid.UUID{b.ID})
			if err != nil {
				return err
			}
			if w.Err == nil && there[b.ID] {
				if w.Err = failed; failed == nil {
					w.Err = errNotDeleted
				}
			}
		}
	}
	return nil
}

// concludeRows says in the ledger what became of the rows, has their audit history deleted, and looks for what is left of them.
func (r *runner) concludeRows(ctx context.Context, tally *RowTally, rule *compile.RowRule, works []*work) error {
	var entries []ledger.Entry
	var sweeps []sweepTarget
	var done []search.Purged
	for _, w := range works {
		byUs := w.Err == nil
		r.rowOutcome(rule, w)
		entry := ledger.Entry{Kind: ledger.Ended, Table: w.Table, ID: w.ID, Ground: rule.Name, Do: rule.Do, Status: ledger.Done}
		switch {
		case w.Err == nil:
			tally.Ended++
			for table, ids := range w.rows {
				tally.Parts += len(ids)
				if table == w.Table {
					tally.Parts--
				}
			}
			sweeps = append(sweeps, sweepTarget{ledger.Key{Table: w.Table, ID: w.ID}, w.rows})
			if byUs { // what somebody else's delete leaves is theirs
				done = append(done, search.Purged{Ref: w.Ref, Stands: rule.Do != policy.Delete, Gone: w.gone, Binned: w.binned, Touched: w.rows, Blanked: w.blanked})
			}
		case w.Err == errNoAnswer, w.Err == errJobOpen:
			if ctx.Err() == nil {
				r.rowFailed(tally, w.Ref, w.Err)
			}
			continue // nobody knows: the next run finds out
		case w.Err == errChanged, w.Err == errLate:
			tally.Skipped++
			entry.Status, entry.Code = ledger.Skipped, environment.Code(w.Err)
		default:
			r.rowFailed(tally, w.Ref, w.Err)
			tally.refused = environment.Code(w.Err)
			entry.Status, entry.Code = ledger.Failed, environment.Code(w.Err)
		}
		entries = append(entries, entry)
	}
	if err := r.Ledger.Append(entries...); err != nil {
		return err
	}
	if err := r.sweep(ctx, sweeps); err != nil {
		return err
	}
	s := r.searcher()
	defer func() { r.summary.found(s.Left) }()
	return s.EndedRows(ctx, done)
}

// rowOutcome reads what an answer to a row's change set means.
func (r *session) rowOutcome(rule *compile.RowRule, w *work) {
	var unsure *dataverse.Uncertain
	switch {
	case w.Err == nil:
	case errors.Is(w.Err, dataverse.ErrLate):
		w.Err = errLate
	case errors.Is(w.Err, context.Canceled), errors.Is(w.Err, context.DeadlineExceeded):
		w.Err = errNoAnswer
	case errors.Is(w.Err, dataverse.ErrRestricted):
		w.Err = inventory.ErrPart
	case errors.Is(w.Err, dataverse.ErrChanged), errors.Is(w.Err, dataverse.ErrNotFound), errors.As(w.Err, &unsure):
		// By somebody, or by this very change set, if something on the way sent it twice.
		entry := &ledger.EndedRow{Key: ledger.Key{Table: w.Table, ID: w.ID}, Rule: rule.Name, Do: rule.Do, Rows: w.rows}
		switch done, _, err := r.becameOf(r.writing, entry); {
		case err == nil && done:
			w.Err = nil
		case errors.Is(w.Err, dataverse.ErrChanged), errors.Is(w.Err, dataverse.ErrNotFound):
			w.Err = errChanged // the row, or a part of it
		default:
			w.Err = errNoAnswer
		}
	}
}

// rowFailed notes a row that could not be ended.
func (r *runner) rowFailed(tally *RowTally, row environment.Ref, err error) {
	tally.Failed[environment.Code(err)]++
	r.Log.Warn("row not ended", "rule", tally.Rule, "table", row.Table, "id", row.ID, "code", environment.Code(err))
}
