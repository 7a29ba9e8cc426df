package purge

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/google/uuid"
)

// A person with more rows than a change set holds is purged in stages. Related rows go ahead, children before parents, in
// change sets of their own; what is the person's own (the columns, the address rows, rows that bear the name by reference)
// goes in the last one, so that nobody is ever left half anonymised. Before each stage the last look is taken again, and
// each stage stands or falls with the person's row as that look saw it: whoever is justified meanwhile keeps what is left
// of their rows. The ledger names a stage's rows before it is sent, and the next run finishes first whoever was begun.

// maxStageTries is how often a stage is sent again of which nobody knows what became, or whose rows changed meanwhile.
const maxStageTries = 3

// window is how many rows of a person are looked at together: a stage's worth, where each takes two operations.
func (r *runner) window() int { return max(r.operations/2, 1) }

// large purges a person in stages.
func (r *runner) large(ctx context.Context, subject *retention.CheckedSubject, who due) error {
	done := newStages()
	surveyed := false
	for tries := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		persons, _, err := r.look(ctx, subject, []due{{ref: who.ref}})
		if err != nil || len(persons) == 0 {
			return err
		}
		p := persons[0]
		if !surveyed {
			if done.binding, done.decided, err = r.survey(ctx, subject, p); err != nil {
				return err
			}
			if p.err != nil {
				r.leave(p.ref, p.err)
				return nil
			}
			surveyed = true
			continue // that took a while
		}
		p.before, p.decided = done.looks, done.decided
		w, err := r.stage(ctx, subject, p, done)
		if w == nil || err != nil {
			return err
		}
		if w.kind != ahead {
			w.earlier = done
			return r.erase(ctx, subject, []*work{w})
		}
		if len(w.set) == 1 {
			continue // nothing to be done with the rows of this look
		}
		var entries []ledger.Entry
		if !done.recorded {
			entries = announce(p.ref, done.decided, r.decisions(p.ref))
		}
		entries = append(entries, ledger.Entry{Kind: ledger.Ahead, Table: w.table, ID: w.id, Rows: w.rows, Counts: w.counts, Stays: w.stays})
		if err := r.Ledger.Append(entries...); err != nil {
			return err
		}
		done.recorded = true
		var unsure *dataverse.Uncertain
		switch err := r.send(ctx, subject, []*work{w})[0]; {
		case err == nil:
			tries = 0
			done.add(w)
			r.progress(Progress{Phase: "stage", Done: len(done.gone)})
		case ctx.Err() != nil:
			return ctx.Err()
		case (errors.As(err, &unsure) || errors.Is(err, dataverse.ErrNotFound)) && tries < maxStageTries:
			tries++ // the next look lists what is left
		case errors.As(err, &unsure):
			r.leave(p.ref, errNoAnswer)
			return nil
		default:
			r.leave(p.ref, err)
			return nil
		}
	}
}

// survey goes through all rows of a person, a window at a time, and finds out before anything is written what binds the
// person, whether they have to be left alone, and what the rules say of each row.
func (r *runner) survey(ctx context.Context, subject *retention.CheckedSubject, p *person) (binding []ref, decided map[ref]decision, err error) {
	p.before = newLooks()
	if p.decided == nil {
		p.decided = make(map[ref]decision)
	}
	fresh := make(map[ref]decision)
	for p.many = true; p.many; {
		inv := r.inventory(subject, []*person{p})
		inv.window = r.window()
		if err := inv.take(ctx); err != nil {
			return nil, nil, err
		}
		maps.Copy(fresh, inv.decisionsOf(p, func(*item) bool { return true }))
		for row := range inv.items {
			p.before.kept[row] = true
		}
		for _, b := range p.binding {
			if !slices.Contains(binding, b) {
				binding = append(binding, b)
			}
		}
		if p.err != nil {
			return nil, nil, nil
		}
	}
	if subject.Purge == retention.Delete && len(binding) > 0 && subject.WhenBound == retention.BoundFail {
		p.err = errBound
	}
	maps.Copy(p.decided, fresh)
	return binding, p.decided, nil
}

// announcedAtOnce is how many decisions one entry of the ledger holds.
const announcedAtOnce = 1000

// announce is what the ledger is told of decisions that it does not know yet.
func announce(who ref, decisions, known map[ref]decision) (entries []ledger.Entry) {
	decisions = maps.Clone(decisions)
	maps.DeleteFunc(decisions, func(r ref, _ decision) bool { _, ok := known[r]; return ok })
	for some := range slices.Chunk(slices.SortedFunc(maps.Keys(decisions), ref.compare), announcedAtOnce) {
		part := make(map[ref]decision, len(some))
		for _, r := range some {
			part[r] = decisions[r]
		}
		entries = append(entries, ledger.Entry{Kind: ledger.Ahead, Table: who.table, ID: who.id, Decided: listed(part)})
	}
	return entries
}

// stage makes the next change set of a person: one that goes ahead, or the last one. It is nil when the person had to be
// left alone.
func (r *runner) stage(ctx context.Context, subject *retention.CheckedSubject, p *person, done *stages) (*work, error) {
	inv := r.inventory(subject, []*person{p})
	inv.window = r.window()
	if err := inv.take(ctx); err != nil {
		return nil, err
	}
	leave := func(why error) (*work, error) {
		r.leave(p.ref, why)
		return nil, nil
	}
	if p.err != nil {
		return leave(p.err)
	}
	if slices.ContainsFunc(p.items, func(it *item) bool { return slices.Contains(done.gone, it.ref) }) {
		return leave(errNotDeleted) // it was said to be gone
	}
	b, e, marks := r.builder(inv), r.erasers[subject.Table], r.marks(subject)
	if !p.many {
		w, err := b.own(ctx, p, e, marks)
		if err != errTooMany {
			return w, err
		}
	}
	known := len(done.kept) + len(done.last)
	w, err := b.ahead(ctx, p, done, map[string]any{subject.Own.AnonymizedOn: nil})
	switch {
	case err != nil:
		return nil, err
	case len(w.set) > 1, p.many && len(done.kept)+len(done.last) > known:
		return w, nil
	case p.many:
		return leave(errTooMany) // a row that does not fit a change set by itself
	}
	b.brief = true
	if w, err = b.own(ctx, p, e, marks); err == errTooMany {
		return leave(err)
	}
	return w, err
}

// follow finishes what earlier runs began in stages. Under a policy that still has to be approved they wait: the rest of
// their rows would go by its rules.
func (r *runner) follow(ctx context.Context) error {
	if len(r.Ledger.Begun()) == 0 {
		return nil
	}
	if rail, err := r.unapproved(ctx); rail != nil || err != nil {
		return err
	}
	for _, b := range r.Ledger.Begun() {
		subject := r.Policy.Subject(b.Table)
		if subject == nil {
			continue // the policy does not speak of the table any more
		}
		who := ref{b.Table, b.ID}
		if b.Asked {
			r.asked[who] = b.Despite
		}
		r.summary.Resumed.Purges++
		r.taken[who] = true
		if err := r.large(ctx, subject, due{ref: who}); err != nil {
			return err
		}
	}
	return nil
}

// stages is what of a person's rows has gone ahead of them in change sets of its own, and what those change sets left for
// the last one.
type stages struct {
	*looks
	rows   map[string][]uuid.UUID
	counts map[string]int
	gone   []ref
	// decided is what was decided of the rows before the first change set; the ledger has it with that one.
	decided  map[ref]decision
	recorded bool
	effects
}

func newStages() *stages {
	return &stages{looks: newLooks(), rows: make(map[string][]uuid.UUID), counts: make(map[string]int), decided: make(map[ref]decision)}
}

func (s *stages) count(w *work) {
	for table, ids := range w.rows {
		s.rows[table] = append(s.rows[table], ids...)
	}
	for what, n := range w.counts {
		s.counts[what] += n
	}
}

// add notes what a change set has done.
func (s *stages) add(w *work) {
	s.count(w)
	s.gone = append(s.gone, w.gone...)
	s.also(w.effects)
	for _, r := range w.written {
		s.written[r] = true
	}
}
