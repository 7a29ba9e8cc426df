package purge

import (
	"context"
	"slices"
	"time"

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
			w, err := inv.prepare(ctx, p, r.erasers[subject.Table], r.marks(subject), false)
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
	return &inventory{tables: r.tables, reader: batched{r.Client}, subject: subject, persons: persons, justify: r.justified, noticed: noticed, limit: r.operations,
		jobs: r.Policy.Policy.Engine == retention.BulkDelete}
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

// look evaluates the persons again and reads their rows. Whoever is justified, held or changed is left alone.
func (r *runner) look(ctx context.Context, subject *retention.CheckedSubject, chunk []due) (persons []*person, later []due, err error) {
	ids := make([]uuid.UUID, len(chunk))
	for i, d := range chunk {
		ids[i] = d.id
	}
	seen, err := r.lookAt(ctx, subject, ids)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range chunk {
		switch why := seen.why[d.id]; {
		case why != nil:
			r.leave(d.ref, why)
		case slices.ContainsFunc(seen.merged[d.id], func(id uuid.UUID) bool { return slices.Contains(ids, id) && !r.taken[ref{d.table, id}] }):
			later = append(later, d)
		case len(seen.merged[d.id]) > 0:
			r.leave(d.ref, errMaster)
		default:
			p := r.person(d.ref, seen.rows[d.id])
			p.looked = seen.at
			persons = append(persons, p)
		}
	}
	return persons, later, nil
}

// sights is what a look at persons found.
type sights struct {
	at     time.Time           // when it began
	why    map[uuid.UUID]error // why they must not be purged; nil for whoever may be
	rows   map[uuid.UUID]dataverse.Row
	merged map[uuid.UUID][]uuid.UUID // into which row which rows were merged
}

func (r *runner) lookAt(ctx context.Context, subject *retention.CheckedSubject, ids []uuid.UUID) (*sights, error) {
	seen := &sights{at: time.Now(), why: make(map[uuid.UUID]error), merged: make(map[uuid.UUID][]uuid.UUID)}
	o := retention.EvaluateOptions{Today: r.Today, Traces: r.Ledger.Trace, Lasting: true}
	e, err := retention.EvaluatePersons(ctx, r.Client, r.Policy, subject.Table, ids, o)
	if err != nil {
		return nil, err
	}
	if err := r.clock(); err != nil {
		return nil, err
	}
	for p := range e.Persons(o) {
		if p.Table == subject.Table && p.Master != uuid.Nil {
			seen.merged[p.Master] = append(seen.merged[p.Master], p.ID)
		}
	}
	if seen.rows, err = r.rows(ctx, subject, ids); err != nil {
		return nil, err
	}
	var standing map[ref]bool // of persons who were asked for
	there := slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool {
		_, found := e.Person(subject.Table, id, o)
		_, asked := r.asked[ref{subject.Table, id}]
		return !found || !asked
	})
	if len(there) > 0 {
		if standing, err = r.weigh(ctx, subject.Table, there); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		who := ref{subject.Table, id}
		p, found := e.Person(subject.Table, id, o)
		row := seen.rows[id]
		_, asked := r.asked[who]
		switch {
		case !found || row == nil:
			seen.why[id] = errGone
		case row.Bool(subject.Own.LegalHold) || p.HeldWith || p.LegalHold:
			seen.why[id] = errHeld
		case asked && standing[who],
			!asked && retention.DecideRow(p, r.Policy.Policy.Rules(), r.Today).Action != retention.Purge:
			seen.why[id] = errJustified
		case p.ETag != row.ETag():
			seen.why[id] = errChanged
		}
	}
	return seen, nil
}

// lookAgain looks once more at the persons whose look is too old for a write, since the service had them wait. It answers
// whose turn it still is; why it is not stands in errs.
func (r *runner) lookAgain(ctx context.Context, subject *retention.CheckedSubject, works []*work, group []int, errs []error) []int {
	var ids []uuid.UUID
	for _, at := range group {
		if w := works[at]; !w.looked.IsZero() && time.Since(w.looked) > r.LookAge {
			ids = append(ids, w.id)
		}
	}
	if len(ids) == 0 {
		return group
	}
	seen, err := r.lookAt(ctx, subject, ids)
	return slices.DeleteFunc(group, func(at int) bool {
		w := works[at]
		if !slices.Contains(ids, w.id) {
			return false
		}
		switch {
		case err != nil:
			errs[at] = err
		case seen.why[w.id] != nil:
			errs[at] = seen.why[w.id]
		case seen.rows[w.id].ETag() != w.row.ETag():
			errs[at] = errChanged
		default:
			w.looked = seen.at
		}
		return errs[at] != nil
	})
}

// sendBy is until when a change set may leave that rests on a look.
func (r *runner) sendBy(works []*work, group []int) time.Time {
	var by time.Time
	for _, at := range group {
		if w := works[at]; !w.looked.IsZero() && (by.IsZero() || w.looked.Add(r.LookAge).Before(by)) {
			by = w.looked.Add(r.LookAge)
		}
	}
	return by
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

func personRows(ctx context.Context, from reader, subject *retention.CheckedSubject, e *eraser, ids []uuid.UUID) (map[uuid.UUID]dataverse.Row, error) {
	cols := append([]string{subject.PrimaryID}, e.selects()...)
	own := []string{subject.PrimaryName, subject.Own.LegalHold, subject.Own.AnonymizedOn}
	if e.table.Attributes["modifiedby"] != nil {
		own = append(own, "_modifiedby_value")
	}
	for _, c := range own {
		if c != "" && !slices.Contains(cols, c) {
			cols = append(cols, c)
		}
	}
	for _, rule := range subject.Related { // what rows are joined by may be a column that stays
		for _, c := range rule.Person.Columns {
			if !slices.Contains(cols, c) {
				cols = append(cols, c)
			}
		}
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, maxIDs) {
		qs = append(qs, dataverse.Query{Table: subject.Table, Select: cols, Filter: idFilter(subject.PrimaryID, some), Annotations: true})
	}
	answers, err := from.queries(ctx, qs)
	if err != nil {
		return nil, err
	}
	rows := make(map[uuid.UUID]dataverse.Row, len(ids))
	for _, answer := range answers {
		for _, row := range answer {
			rows[row.ID(subject.PrimaryID)] = row
		}
	}
	return rows, nil
}

// justified tells which of some other persons are still justified. Persons of tables that the policy does not judge are.
func (r *runner) justified(ctx context.Context, others map[string][]uuid.UUID) (justifies, error) {
	out, err := justified(ctx, r.Client, r.Policy, r.Today, r.Ledger.Trace, others)
	if err != nil {
		return out, err
	}
	var asked []retention.PersonRef // their turn comes in this run, if nothing but what was named stands in the way
	for who, is := range out.by {
		if _, ok := r.asked[who]; ok && is {
			asked = append(asked, retention.PersonRef{Table: who.table, ID: who.id})
		}
	}
	all, err := Assess(ctx, r.Client, r.Policy, r.Today, asked)
	if err != nil {
		return out, err
	}
	for i := range all {
		who := ref{all[i].Table, all[i].ID}
		out.by[who] = all[i].Held || len(all[i].Forbids(r.asked[who])) > 0
	}
	return out, nil
}

// justifies tells of persons whether something justifies them, and of whom nothing does whether their own day is yet to come.
type justifies struct{ by, notYet map[ref]bool }

func justified(ctx context.Context, client dataverse.Reader, policy *retention.Checked, today retention.Date, traces func(string, uuid.UUID) retention.Trace,
	others map[string][]uuid.UUID) (justifies, error) {
	out := justifies{make(map[ref]bool), make(map[ref]bool)}
	for table, ids := range others {
		if policy.Subject(table) == nil {
			for _, id := range ids {
				out.by[ref{table, id}] = true
			}
			continue
		}
		o := retention.EvaluateOptions{Today: today, Traces: traces, Lasting: true}
		e, err := retention.EvaluatePersons(ctx, client, policy, table, ids, o)
		if err != nil {
			return out, err
		}
		for _, id := range ids {
			p, found := e.Person(table, id, o)
			if !found {
				continue // gone, or anonymised
			}
			d := retention.DecideRow(p, policy.Policy.Rules(), today)
			out.by[ref{table, id}] = d.Until > today || d.Action == retention.Hold || p.LegalHold || p.HeldWith
			out.notYet[ref{table, id}] = d.Action != retention.Purge
		}
	}
	return out, nil
}
