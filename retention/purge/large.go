package purge

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// A person with more rows than a change set holds is purged in stages. Related rows go ahead, children before parents, in
// change sets of their own; what is the person's own (the columns, the address rows, rows that bear the name by reference)
// goes in the last one, so that nobody is ever left half anonymised. Before each stage the last look is taken again, and
// each stage stands or falls with the person's row as that look saw it: whoever is justified meanwhile keeps what is left
// of their rows. The ledger names a stage's rows before it is sent, and the next run finishes first whoever was begun.

// maxStageTries is how often a stage is sent again when its outcome is unknown, or its rows have changed meanwhile.
const maxStageTries = 3

// window is how many rows of a person are looked at together: a stage's worth, where each takes two operations.
func (r *session) window() int { return max(r.operations/2, 1) }

// large purges a person in stages. What the service refuses of them leaves the person as they are.
func (r *runner) large(ctx context.Context, subject *compile.Subject, who due) error {
	err := r.stages(ctx, subject, who)
	var of *lookError
	if errors.As(err, &of) {
		r.leave(who.Ref, of.err)
		return nil
	}
	return err
}

func (r *runner) stages(ctx context.Context, subject *compile.Subject, who due) error {
	done := newStages()
	surveyed, most := false, 0
	for tries := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		persons, _, err := r.look(ctx, subject, []due{{Ref: who.Ref, class: who.class}})
		if err != nil || len(persons) == 0 {
			return ofPersons(err)
		}
		p := persons[0]
		if !surveyed {
			if done.Binding, done.decided, err = r.survey(ctx, subject, p); err != nil {
				return ofPersons(err)
			}
			if p.Err != nil {
				r.leave(p.Ref, p.Err)
				return nil
			}
			surveyed, most = true, 2*len(p.Before.Kept)+r.window()
			continue // that took a while
		}
		p.Before, p.Decided = done.Looks, done.decided
		w, err := r.stage(ctx, subject, p, done)
		if w == nil || err != nil {
			return ofPersons(err)
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
			entries = announce(p, done.decided, r.decisions(subject, p.Ref))
		}
		entries = append(entries, ledger.Entry{Kind: ledger.Ahead, Table: w.Table, ID: w.ID, Class: w.Class, Rows: w.rows, Counts: w.counts, Stays: w.stays})
		if err := r.Ledger.Append(entries...); err != nil {
			return err
		}
		done.recorded = true
		var unsure *dataverse.Uncertain
		switch err := r.send(ctx, subject, []*work{w})[0]; {
		case err == nil:
			tries = 0
			done.add(w)
			if len(done.gone)+len(done.Written) > most { // as many as go come anew, by a plug-in or a feed
				r.leave(p.Ref, errAppeared)
				return nil
			}
			r.progress(Progress{Phase: "stage", Done: len(done.gone)})
		case ctx.Err() != nil:
			return ctx.Err()
		case (errors.As(err, &unsure) || errors.Is(err, dataverse.ErrNotFound)) && tries < maxStageTries:
			tries++ // the next look lists what is left
		case errors.As(err, &unsure):
			r.leave(p.Ref, errNoAnswer)
			return nil
		default:
			r.leave(p.Ref, err)
			return nil
		}
	}
}

// survey goes through all rows of a person, a window at a time, and finds out before anything is written what binds the
// person, whether they have to be left alone, and what the rules say of each row.
func (r *runner) survey(ctx context.Context, subject *compile.Subject, p *inventory.Person) (binding []environment.Ref, decided map[environment.Ref]inventory.Decision, err error) {
	p.Before = inventory.NewLooks()
	if p.Decided == nil {
		p.Decided = make(map[environment.Ref]inventory.Decision)
	}
	fresh := make(map[environment.Ref]inventory.Decision)
	for p.Many = true; p.Many; {
		inv := r.inventory(subject, []*inventory.Person{p})
		inv.Window = r.window()
		if err := inv.Take(ctx); err != nil {
			return nil, nil, err
		}
		maps.Copy(fresh, inv.DecisionsOf(p, func(*inventory.Item) bool { return true }))
		for row := range inv.Items {
			p.Before.Kept[row] = true
		}
		for _, b := range p.Binding {
			if !slices.Contains(binding, b) {
				binding = append(binding, b)
			}
		}
		if p.Err != nil {
			return nil, nil, nil
		}
	}
	if subject.Purge == policy.Delete && len(binding) > 0 && subject.WhenBound == policy.BoundFail {
		p.Err = errBound
	}
	maps.Copy(p.Decided, fresh)
	return binding, p.Decided, nil
}

// announcedAtOnce is how many decisions one entry of the ledger holds.
const announcedAtOnce = 1000

// announce is what the ledger is told of decisions that it does not know yet.
func announce(who *inventory.Person, decisions, known map[environment.Ref]inventory.Decision) (entries []ledger.Entry) {
	decisions = maps.Clone(decisions)
	maps.DeleteFunc(decisions, func(r environment.Ref, _ inventory.Decision) bool { _, ok := known[r]; return ok })
	for some := range slices.Chunk(slices.SortedFunc(maps.Keys(decisions), environment.Ref.Compare), announcedAtOnce) {
		part := make(map[environment.Ref]inventory.Decision, len(some))
		for _, r := range some {
			part[r] = decisions[r]
		}
		entries = append(entries, ledger.Entry{Kind: ledger.Ahead, Table: who.Table, ID: who.ID, Class: who.Class, Decided: listed(part)})
	}
	return entries
}

// stage makes the next change set of a person: one that goes ahead, or the last one. It is nil when the person had to be
// left alone.
func (r *runner) stage(ctx context.Context, subject *compile.Subject, p *inventory.Person, done *stages) (*work, error) {
	inv := r.inventory(subject, []*inventory.Person{p})
	inv.Window = r.window()
	if err := inv.Take(ctx); err != nil {
		return nil, err
	}
	leave := func(why error) (*work, error) {
		r.leave(p.Ref, why)
		return nil, nil
	}
	if p.Err != nil {
		return leave(p.Err)
	}
	if slices.ContainsFunc(p.Items, func(it *inventory.Item) bool { return slices.Contains(done.gone, it.Ref) }) {
		return leave(errNotDeleted) // it was said to be gone
	}
	b, e, marks := r.builder(inv), r.eraser(subject), r.marks(subject)
	if !p.Many {
		w, err := b.own(ctx, p, e, marks)
		if err != errTooMany {
			return w, err
		}
	}
	known := len(done.Kept) + len(done.Last)
	w, err := b.ahead(ctx, p, done, map[string]any{subject.Own.AnonymizedOn: nil})
	switch {
	case err != nil:
		return nil, err
	case len(w.set) > 1, p.Many && len(done.Kept)+len(done.Last) > known:
		return w, nil
	case p.Many:
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
		who := environment.Ref{Table: b.Table, ID: b.ID}
		if b.Asked {
			r.asked[who] = b.Despite
		}
		r.summary.Resumed.Purges++
		r.taken[who] = true
		subject = subject.For(subject.ClassOf(b.Class))
		if err := r.large(ctx, subject, due{Ref: who, class: subject.Number}); err != nil {
			return err
		}
	}
	return nil
}

// stages is what of a person's rows has gone ahead of them in change sets of its own, and what those change sets left for
// the last one.
type stages struct {
	*inventory.Looks
	rows   map[string][]uuid.UUID
	counts map[string]int
	gone   []environment.Ref
	// decided is what was decided of the rows before the first change set; the ledger has it with that one.
	decided  map[environment.Ref]inventory.Decision
	recorded bool
	effects
}

func newStages() *stages {
	return &stages{Looks: inventory.NewLooks(), rows: make(map[string][]uuid.UUID), counts: make(map[string]int), decided: make(map[environment.Ref]inventory.Decision)}
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
		s.Written[r] = true
	}
}
