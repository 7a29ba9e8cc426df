package purge

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// chunk takes the last look at some persons of one subject table and purges those for whom it finds nothing. It answers
// who has to be taken in a later chunk.
func (r *runner) chunk(ctx context.Context, chunk []due) (later []due, err error) {
	if err := r.sees(ctx, false); err != nil {
		return nil, err
	}
	subject := r.Policy.Subject(chunk[0].Table)
	r.progress(Progress{Phase: "look", Total: len(chunk)})
	r.claims.begin(r)
	defer r.claims.end(r)
	persons, later, err := r.look(ctx, subject, chunk)
	if err != nil {
		return nil, err
	}
	inv := r.inventory(subject, persons)
	inv.Window = r.window()
	if err := inv.Take(ctx); err != nil {
		return nil, err
	}
	r.claim(inv)
	var works []*work
	var large []due
	for _, p := range persons {
		if p.Many {
			large = append(large, dueOf(chunk, p.Ref))
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
			w, err := r.builder(inv).own(ctx, p, r.erasers[subject.Table], r.marks(subject))
			if err == nil {
				works = append(works, w)
				continue
			}
			if err == errTooMany {
				large = append(large, dueOf(chunk, p.Ref))
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
		r.alone, large = large, nil
	}
	for _, d := range large {
		if err := r.large(ctx, subject, d); err != nil {
			return nil, err
		}
	}
	return later, nil
}

func (r *runner) inventory(subject *compile.Subject, persons []*inventory.Person) *inventory.List {
	noticed := !slices.ContainsFunc(persons, func(p *inventory.Person) bool { _, asked := r.asked[p.Ref]; return asked })
	return &inventory.List{Tables: r.tables, Reader: environment.Batched{Client: r.Client}, Subject: subject, Persons: persons, Justify: r.justified, Noticed: noticed}
}

func (r *runner) builder(inv *inventory.List) *builder {
	return &builder{List: inv, limit: r.operations, jobs: r.Policy.Policy.Engine == policy.BulkDelete}
}

// marks is what the erasure writes into the columns that gallra owns.
func (r *runner) marks(s *compile.Subject) map[string]any {
	return marks(s, r.Today)
}

func marks(s *compile.Subject, today retention.Date) map[string]any {
	m := map[string]any{s.Own.AnonymizedOn: today.String()}
	for _, c := range []string{s.Own.PurgeScheduledOn, s.Own.PurgeNoticedOn, s.Own.PurgeReason, s.Own.RetainUntil, s.Own.RetainReason} {
		if c != "" {
			m[c] = nil
		}
	}
	return m
}

// leave says in the ledger that a person was left alone before anything was written for them.
func (r *runner) leave(who environment.Ref, why error) {
	status := ledger.Skipped
	switch why {
	case errBound, inventory.ErrNoRule, inventory.ErrClosed, errTooMany, errMaster, errLate:
		status = ledger.Failed
	}
	if _, word := why.(environment.Reason); !word {
		status = ledger.Failed
	}
	if err := r.Ledger.Append(ledger.Entry{Kind: ledger.Outcome, Table: who.Table, ID: who.ID, Status: status, Code: environment.Code(why)}); err != nil {
		r.Log.Error("ledger", "error", err) // the next append fails as well and ends the run
	}
	r.told(Outcome{Table: who.Table, ID: who.ID, Action: retention.Purge, Status: status, Code: environment.Code(why)})
}

// person is somebody whose turn has come, with the rows that their purge has left in place already, if it is under way.
func (r *runner) person(who environment.Ref, row dataverse.Row) *inventory.Person {
	p := &inventory.Person{Ref: who, Row: row, Decided: r.decisions(who)}
	for table, ids := range r.Ledger.Stays(who.Table, who.ID) {
		for _, id := range ids {
			if p.Stays == nil {
				p.Stays = make(map[environment.Ref]bool)
			}
			p.Stays[environment.Ref{Table: table, ID: id}] = true
		}
	}
	return p
}

// rows reads all that is to be erased in the persons' rows, with their versions.
func (r *runner) rows(ctx context.Context, subject *compile.Subject, ids []uuid.UUID) (map[uuid.UUID]dataverse.Row, error) {
	return inventory.PersonRows(ctx, environment.Batched{Client: r.Client}, subject, r.erasers[subject.Table], ids)
}
