package purge

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// chunk takes the last look at some persons of one subject table and purges those for whom it finds nothing. It answers
// who has to be taken in a later chunk.
func (r *runner) chunk(ctx context.Context, chunk []due) (later []due, err error) {
	if err := r.sees(ctx, false); err != nil {
		return nil, err
	}
	subject := r.Policy.Subject(chunk[0].table)
	r.progress(Progress{Phase: "look", Total: len(chunk)})
	r.claims.begin(r)
	defer r.claims.end(r)
	persons, later, err := r.look(ctx, subject, chunk)
	if err != nil {
		return nil, err
	}
	inv := r.inventory(subject, persons)
	inv.window = r.window()
	if err := inv.take(ctx); err != nil {
		return nil, err
	}
	r.claim(inv)
	var works []*work
	var large []due
	for _, p := range persons {
		if p.many {
			large = append(large, dueOf(chunk, p.ref))
			continue
		}
		if p.later {
			later = append(later, dueOf(chunk, p.ref))
			continue
		}
		if p.err == nil && subject.Purge == retention.Delete && p.bound() && subject.WhenBound == retention.BoundFail {
			p.err = errBound
		}
		if p.err == nil {
			w, err := r.builder(inv).own(ctx, p, r.erasers[subject.Table], r.marks(subject))
			if err == nil {
				works = append(works, w)
				continue
			}
			if err == errTooMany {
				large = append(large, dueOf(chunk, p.ref))
				continue
			}
			p.err = err
		}
		r.leave(p.ref, p.err)
	}
	for _, d := range chunk {
		if !slices.ContainsFunc(later, func(l due) bool { return l.ref == d.ref }) {
			r.taken[d.ref] = true
		}
	}
	// The look ages from here on: what is written now is guarded by the rows' versions.
	if err := r.erase(ctx, subject, works); err != nil {
		return nil, err
	}
	if r.claims != nil {
		r.alone, large = large, nil
	}
	for _, d := range large {
		if err := r.large(ctx, subject, d); err != nil {
			return nil, err
		}
	}
	return later, nil
}

func (r *runner) inventory(subject *retention.CheckedSubject, persons []*person) *inventory {
	noticed := !slices.ContainsFunc(persons, func(p *person) bool { _, asked := r.asked[p.ref]; return asked })
	return &inventory{tables: r.tables, reader: batched{r.Client}, subject: subject, persons: persons, justify: r.justified, noticed: noticed}
}

func (r *runner) builder(inv *inventory) *builder {
	return &builder{inventory: inv, limit: r.operations, jobs: r.Policy.Policy.Engine == retention.BulkDelete}
}

// marks is what the erasure writes into the columns that gallra owns.
func (r *runner) marks(s *retention.CheckedSubject) map[string]any {
	return marks(s, r.Today)
}

func marks(s *retention.CheckedSubject, today retention.Date) map[string]any {
	m := map[string]any{s.Own.AnonymizedOn: today.String()}
	for _, c := range []string{s.Own.PurgeScheduledOn, s.Own.PurgeNoticedOn, s.Own.PurgeReason, s.Own.RetainUntil, s.Own.RetainReason} {
		if c != "" {
			m[c] = nil
		}
	}
	return m
}

// leave says in the ledger that a person was left alone before anything was written for them.
func (r *runner) leave(who ref, why error) {
	status := ledger.Skipped
	switch why {
	case errBound, errNoRule, errClosed, errTooMany, errMaster, errLate:
		status = ledger.Failed
	}
	if _, word := why.(reason); !word {
		status = ledger.Failed
	}
	if err := r.Ledger.Append(ledger.Entry{Kind: ledger.Outcome, Table: who.table, ID: who.id, Status: status, Code: code(why)}); err != nil {
		r.Log.Error("ledger", "error", err) // the next append fails as well and ends the run
	}
	r.told(Outcome{Table: who.table, ID: who.id, Action: retention.Purge, Status: status, Code: code(why)})
}

// person is somebody whose turn has come, with the rows that their purge has left in place already, if it is under way.
func (r *runner) person(who ref, row dataverse.Row) *person {
	p := &person{ref: who, row: row, decided: r.decisions(who)}
	for table, ids := range r.Ledger.Stays(who.table, who.id) {
		for _, id := range ids {
			if p.stays == nil {
				p.stays = make(map[ref]bool)
			}
			p.stays[ref{table, id}] = true
		}
	}
	return p
}

// rows reads all that is to be erased in the persons' rows, with their versions.
func (r *runner) rows(ctx context.Context, subject *retention.CheckedSubject, ids []uuid.UUID) (map[uuid.UUID]dataverse.Row, error) {
	return personRows(ctx, batched{r.Client}, subject, r.erasers[subject.Table], ids)
}
