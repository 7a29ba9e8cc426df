package purge

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// The last look: what justifies a person is asked again, seconds before the write, and once more where the service has the write
// wait. And what justifies others, whom a write would touch as well.

// look evaluates the persons again and reads their rows. Whoever is justified, held or changed is left alone.
func (r *runner) look(ctx context.Context, subject *compile.Subject, chunk []due) (persons []*inventory.Person, later []due, err error) {
	ids := make([]uuid.UUID, len(chunk))
	for i, d := range chunk {
		ids[i] = d.ID
	}
	last, err := r.lookAt(ctx, subject, ids)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range chunk {
		switch why := last.why[d.ID]; {
		case why != nil:
			r.leave(d.Ref, why)
		case slices.ContainsFunc(last.merged[d.ID], func(id uuid.UUID) bool {
			return slices.Contains(ids, id) && !r.taken[environment.Ref{Table: d.Table, ID: id}]
		}):
			later = append(later, d)
		case len(last.merged[d.ID]) > 0:
			r.leave(d.Ref, errMaster)
		default:
			p := r.person(subject, d.Ref, last.rows[d.ID])
			p.Looked, p.Holds = last.at, last.holds
			persons = append(persons, p)
		}
	}
	return persons, later, nil
}

// lastLook is what a look at persons found.
type lastLook struct {
	at     time.Time           // when it began
	why    map[uuid.UUID]error // why they must not be purged; nil for whoever may be
	rows   map[uuid.UUID]dataverse.Row
	merged map[uuid.UUID][]uuid.UUID // into which row which rows were merged
	holds  *environment.Holds
}

func (r *session) lookAt(ctx context.Context, subject *compile.Subject, ids []uuid.UUID) (*lastLook, error) {
	last := &lastLook{at: time.Now(), why: make(map[uuid.UUID]error), merged: make(map[uuid.UUID][]uuid.UUID)}
	o := evaluate.EvaluateOptions{Today: r.Today, Traces: r.Ledger.Trace, Held: r.Ledger.Held, Changes: r.Ledger.Changes, Stages: r.Ledger.Stage, Lasting: true, Padded: r.tables.Padded}
	var e *evaluate.Evaluation
	err := environment.ReadTogether(ctx, r.Client,
		func(c dataverse.Writer) (err error) {
			e, err = evaluate.EvaluatePersons(ctx, c, r.Policy, subject.Table, ids, o)
			return err
		},
		func(c dataverse.Writer) (err error) {
			last.rows, err = r.rowsBy(ctx, c, subject, ids)
			return err
		},
		func(c dataverse.Writer) (err error) {
			last.holds, err = r.tables.Holds(ctx, environment.Batched{Client: c})
			return err
		})
	if err != nil {
		return nil, err
	}
	if err := r.clock(ctx); err != nil {
		return nil, err
	}
	for p := range e.Persons(o) {
		if p.Table == subject.Table && p.Master != uuid.Nil {
			last.merged[p.Master] = append(last.merged[p.Master], p.ID)
		}
	}
	held, err := last.holds.Protects(ctx, refsOf(subject.Table, ids)) // who leads to somebody under a legal hold
	if err != nil {
		return nil, err
	}
	var standing map[environment.Ref]bool // of persons who were asked for
	there := slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool {
		_, found := e.Person(subject.Table, id, o)
		_, asked := r.asked[environment.Ref{Table: subject.Table, ID: id}]
		return !found || !asked
	})
	if len(there) > 0 {
		if standing, err = r.weigh(ctx, subject.Table, there); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		who := environment.Ref{Table: subject.Table, ID: id}
		p, found := e.Person(subject.Table, id, o)
		row := last.rows[id]
		_, asked := r.asked[who]
		d := retention.Decide(p.Person, subject.Rules(r.Policy.Policy), r.Today)
		switch {
		case !found || row == nil:
			last.why[id] = errGone
		case row.Bool(subject.Own.LegalHold) || p.HeldWith || p.LegalHold || held[who] != environment.Ref{}:
			last.why[id] = errHeld
		case !row.Null(subject.Own.AnonymizedOn): // the mark could not be taken off, or was set meanwhile: it would pass for that of a purge
			last.why[id] = errChanged
		case p.Unreadable && !asked:
			last.why[id] = errUnreadable
		case asked && standing[who],
			!asked && d.Action != retention.Purge:
			last.why[id] = errJustified
		case !asked && !r.may(who, d.PurgeOn): // the date is another one now
			last.why[id] = errUnapproved
		case p.ETag != row.ETag(), p.Class != subject.Number: // other rules are theirs now
			last.why[id] = errChanged
		}
	}
	return last, nil
}

func refsOf(table string, ids []uuid.UUID) []environment.Ref {
	refs := make([]environment.Ref, len(ids))
	for i, id := range ids {
		refs[i] = environment.Ref{Table: table, ID: id}
	}
	return refs
}

// holdsSince asks once more on whom a legal hold stands, and whether a hold that the inventory did not know of protects
// somebody of a group, or one of the rows that their change sets write to.
func (r *session) holdsSince(ctx context.Context, works []*work, group []int, errs []error) []int {
	holds, err := r.tables.Holds(ctx, environment.Batched{Client: r.Client})
	return slices.DeleteFunc(group, func(at int) bool {
		w := works[at]
		if err == nil && !holds.Adds(w.Holds) {
			return false
		}
		if errs[at] = err; err != nil {
			return true
		}
		rows := []environment.Ref{w.Ref}
		for table, ids := range w.rows {
			rows = append(rows, refsOf(table, ids)...)
		}
		held, err := holds.Protects(ctx, rows)
		switch {
		case err != nil:
			errs[at] = err
		case len(held) > 0:
			errs[at] = errHeld
		default:
			w.Holds = holds
		}
		return errs[at] != nil
	})
}

// lookAgain looks once more at the persons whose look is too old for a write, since the service had them wait. It answers
// whose turn it still is; why it is not stands in errs.
func (r *session) lookAgain(ctx context.Context, subject *compile.Subject, works []*work, group []int, errs []error) []int {
	var ids []uuid.UUID
	for _, at := range group {
		if w := works[at]; !w.Looked.IsZero() && time.Since(w.Looked) > r.LookAge {
			ids = append(ids, w.ID)
		}
	}
	if len(ids) == 0 {
		return group
	}
	last, err := r.lookAt(ctx, subject, ids)
	return slices.DeleteFunc(group, func(at int) bool {
		w := works[at]
		if !slices.Contains(ids, w.ID) {
			return false
		}
		switch {
		case err != nil:
			errs[at] = err
		case last.why[w.ID] != nil:
			errs[at] = last.why[w.ID]
		case last.rows[w.ID].ETag() != w.Row.ETag():
			errs[at] = errChanged
		default:
			w.Looked, w.Holds = last.at, last.holds
		}
		return errs[at] != nil
	})
}

// sendBy is until when a change set may leave that rests on a look.
func (r *session) sendBy(works []*work, group []int) time.Time {
	var by time.Time
	for _, at := range group {
		if w := works[at]; !w.Looked.IsZero() && (by.IsZero() || w.Looked.Add(r.LookAge).Before(by)) {
			by = w.Looked.Add(r.LookAge)
		}
	}
	return by
}

// justified tells which of some other persons are still justified. Persons of tables that the policy does not judge are.
func (r *session) justified(ctx context.Context, others map[string][]uuid.UUID) (inventory.Judgement, error) {
	out, err := justified(ctx, r.Client, r.Policy, evaluate.EvaluateOptions{Today: r.Today, Traces: r.Ledger.Trace, Held: r.Ledger.Held, Changes: r.Ledger.Changes, Stages: r.Ledger.Stage, Padded: r.tables.Padded}, others, r.may)
	if err != nil {
		return out, err
	}
	var asked []evaluate.PersonRef // their turn comes in this run, if nothing but what was named stands in the way
	for who, is := range out.By {
		if _, ok := r.asked[who]; ok && is {
			asked = append(asked, evaluate.PersonRef{Table: who.Table, ID: who.ID})
		}
	}
	all, err := assessThere(ctx, r.Client, r.Policy, evaluate.Known(r.Ledger, r.Today), asked)
	if err != nil {
		return out, err
	}
	for i := range all {
		who := environment.Ref{Table: all[i].Table, ID: all[i].ID}
		out.By[who] = all[i].Held || len(all[i].Forbids(r.asked[who])) > 0
	}
	return out, nil
}

// grounded tells which of some persons are justified by a ground, a hold or the staff. Whoever has some stages behind them is not: what
// is left to come keeps their own row and not what has a period of its own.
func (r *session) grounded(ctx context.Context, others map[string][]uuid.UUID) (inventory.Judgement, error) {
	return justified(ctx, r.Client, r.Policy, evaluate.EvaluateOptions{Today: r.Today, Traces: r.Ledger.Trace, Held: r.Ledger.Held, Changes: r.Ledger.Changes, Padded: r.tables.Padded}, others, r.may)
}

func justified(ctx context.Context, client dataverse.Reader, policy *compile.Policy, o evaluate.EvaluateOptions, others map[string][]uuid.UUID,
	may func(environment.Ref, retention.Date) bool) (inventory.Judgement, error) {
	o.Lasting = true
	out := inventory.Judgement{By: make(map[environment.Ref]bool), NotYet: make(map[environment.Ref]bool), Past: make(map[environment.Ref]inventory.Stages)}
	for table, ids := range others {
		if policy.Subject(table) == nil {
			for _, id := range ids {
				out.By[environment.Ref{Table: table, ID: id}] = true
			}
			continue
		}
		e, err := evaluate.EvaluatePersons(ctx, client, policy, table, ids, o)
		if err != nil {
			return out, err
		}
		for _, id := range ids {
			p, found := e.Person(table, id, o)
			if !found {
				continue // gone, or anonymised
			}
			d := retention.Decide(p.Person, policy.RulesFor(table, p.Class), o.Today)
			who := environment.Ref{Table: table, ID: id}
			out.By[who] = d.Until > o.Today || d.Action == retention.Hold || p.LegalHold || p.HeldWith
			out.NotYet[who] = d.Action != retention.Purge || !may(who, d.PurgeOn)
			if out.By[who] && p.Stage.Done > 0 && p.Ended <= o.Today && d.Action != retention.Hold && !p.LegalHold && !p.HeldWith {
				out.Past[who] = inventory.Stages{Class: p.Class, Done: p.Stage.Done}
			}
		}
	}
	return out, nil
}

// reducing judges others where a stage reduces persons of a class: whoever of that class has it behind them, and has nothing but the stages to
// come, does not keep a row that the stage's rules end. A purge keeps it for them: their own row stands until the last stage.
func (r *session) reducing(subject *compile.Subject, done int) func(context.Context, map[string][]uuid.UUID) (inventory.Judgement, error) {
	return func(ctx context.Context, others map[string][]uuid.UUID) (inventory.Judgement, error) {
		out, err := r.justified(ctx, others)
		for who, past := range out.Past {
			if who.Table == subject.Table && past.Class == subject.Number && past.Done > done {
				out.By[who] = false
			}
		}
		return out, err
	}
}
