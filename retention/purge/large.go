package purge

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

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

// window is how many rows of a person are looked at together with those of others: whoever has more goes in stages.
func (r *session) window() int { return max(r.operations/2, 1) }

// stageWindow is how many rows of a person are looked at for a stage: more than go in it, so that few have to be looked at in parts.
func (r *session) stageWindow() int { return 2 * r.operations }

// largeAtOnce is how many of these persons are looked at together, if they do not have more rows than as many that are just too large
// for a chunk: what is asked is asked for all of them.
const largeAtOnce = 10

// staged is a person who is purged in stages.
type staged struct {
	due
	done     *stages
	surveyed bool // what binds them, and what the rules say of all their rows, is known
	tries    int
	most     int // rows that may go: more than that come anew
}

// large purges persons in stages. What the service refuses of them leaves the person as they are.
func (r *runner) large(ctx context.Context, all []due) error {
	for len(all) > 0 {
		some, _ := split(all, largeAtOnce)
		n, rows := 0, 0
		for n < len(some) && (n == 0 || rows+some[n].rows <= largeAtOnce*r.window()) {
			rows += some[n].rows
			n++
		}
		some, all = some[:n], all[n:]
		open := make([]*staged, len(some))
		for i, d := range some {
			open[i] = &staged{due: d, done: newStages()}
		}
		if err := r.inStages(ctx, open); err != nil {
			return err
		}
	}
	return nil
}

// inStages takes persons through their stages together, and those by themselves who have more rows than one look can handle, or
// about one of whom the service refuses to answer.
func (r *runner) inStages(ctx context.Context, open []*staged) error {
	subject := r.subject(open[0].due)
	var alone []*staged
	var of *lookError
	for len(open) > 0 {
		next, many, err := r.stagesOf(ctx, subject, open)
		if errors.As(err, &of) {
			if len(open) == 1 {
				r.leave(open[0].Ref, of.err)
				return nil
			}
			if err = nil; len(many) == 0 {
				many = open
			}
		}
		if err != nil {
			return err
		}
		open, alone = next, append(alone, many...)
	}
	for _, s := range alone {
		if err := r.inStages(ctx, []*staged{s}); err != nil {
			return err
		}
	}
	return nil
}

// stagesOf takes the last look at some persons and sends the next change set of each. It answers who is not through, and who has to go
// by themselves; with the error of a refused read that is whoever it was about.
func (r *runner) stagesOf(ctx context.Context, subject *compile.Subject, open []*staged) (next, alone []*staged, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	of := make(map[environment.Ref]*staged, len(open))
	all := make([]due, len(open))
	for i, s := range open {
		of[s.Ref], all[i] = s, s.due
	}
	persons, _, err := r.look(ctx, subject, all)
	if err != nil || len(persons) == 0 {
		return nil, nil, ofPersons(err)
	}
	for _, p := range persons {
		if s := of[p.Ref]; s.surveyed {
			p.Before, p.Decided = s.done.Looks, s.done.decided
		}
	}
	inv := r.inventory(subject, persons)
	inv.Window = r.stageWindow()
	if err := inv.Take(ctx); err != nil {
		for _, p := range persons {
			alone = append(alone, of[p.Ref])
		}
		return nil, alone, ofPersons(err)
	}
	var before, last []*work
	for _, p := range persons {
		s := of[p.Ref]
		switch {
		case p.Many && len(open) > 1:
			alone = append(alone, s)
			continue
		case p.Many && !s.surveyed:
			if s.done.Binding, s.done.decided, err = r.survey(ctx, subject, p); err != nil {
				return nil, nil, ofPersons(err)
			}
			s.surveyed, s.most = true, 2*len(p.Before.Kept)+r.window()
			if p.Err != nil {
				r.leave(p.Ref, p.Err)
			} else {
				next = append(next, s) // that took a while
			}
			continue
		case p.Later: // shares an activity with somebody before them
			next = append(next, s)
			continue
		case !s.surveyed:
			r.surveyed(subject, inv, p, s)
		}
		w, err := r.stage(ctx, subject, inv, p, s.done)
		switch {
		case err != nil:
			return nil, nil, ofPersons(err)
		case w == nil: // left alone
		case w.kind != ahead:
			w.earlier = s.done
			last = append(last, w)
		case len(w.set) == 1: // nothing to be done with the rows of this look
			next = append(next, s)
		default:
			before = append(before, w)
		}
	}
	more, err := r.goAhead(ctx, subject, before, of)
	if err != nil {
		return nil, nil, err
	}
	return append(next, more...), alone, r.erase(ctx, subject, last)
}

// surveyed takes what a look found of all rows of a person for what is to happen with them.
func (r *runner) surveyed(subject *compile.Subject, inv *inventory.List, p *inventory.Person, s *staged) {
	if p.Decided == nil {
		p.Decided = make(map[environment.Ref]inventory.Decision)
	}
	maps.Copy(p.Decided, inv.DecisionsOf(p, func(*inventory.Item) bool { return true }))
	s.done.Binding, s.done.decided = p.Binding, p.Decided
	p.Before = s.done.Looks
	s.surveyed, s.most = true, 2*len(p.Items)+r.window()
	if p.Err == nil && subject.Purge == policy.Delete && p.Bound() && subject.WhenBound == policy.BoundFail {
		p.Err = errBound
	}
}

// goAhead sends change sets that go before the persons', as many as leave while the look at them is young enough. It answers who goes
// on.
func (r *runner) goAhead(ctx context.Context, subject *compile.Subject, works []*work, of map[environment.Ref]*staged) (next []*staged, err error) {
	for len(works) > 0 {
		n, size := 0, 0
		for n < len(works) && (n == 0 || size+len(works[n].set) <= r.operations) {
			size += len(works[n].set)
			n++
		}
		some := works[:n]
		works = works[n:]
		if time.Since(some[0].Looked) > r.LookAge { // their rows are listed again as well
			for _, w := range append(some, works...) {
				next = append(next, of[w.Ref])
			}
			return next, nil
		}
		var entries []ledger.Entry
		for _, w := range some {
			if s := of[w.Ref]; !s.done.recorded {
				entries = append(entries, announce(w.Person, s.done.decided, r.decisions(subject, w.Ref))...)
				s.done.recorded = true
			}
			entries = append(entries, ledger.Entry{Kind: ledger.Ahead, Table: w.Table, ID: w.ID, Class: w.Class, Rows: w.rows, Counts: w.counts, Stays: w.stays})
		}
		if err := r.Ledger.Append(entries...); err != nil {
			return nil, err
		}
		for i, err := range r.send(ctx, subject, some) {
			w, s := some[i], of[some[i].Ref]
			var unsure *dataverse.Uncertain
			switch {
			case err == nil:
				s.tries = 0
				s.done.add(w)
				if len(s.done.gone)+len(s.done.Written) > s.most { // as many as go come anew, by a plug-in or a feed
					r.leave(w.Ref, errAppeared)
					continue
				}
				r.progress(Progress{Phase: "stage", Done: len(s.done.gone)})
				next = append(next, s)
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case (errors.As(err, &unsure) || errors.Is(err, dataverse.ErrNotFound)) && s.tries < maxStageTries:
				s.tries++ // the next look lists what is left
				next = append(next, s)
			case errors.As(err, &unsure):
				r.leave(w.Ref, errNoAnswer)
			default:
				r.leave(w.Ref, err)
			}
		}
	}
	return next, nil
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
		inv.Window = r.stageWindow()
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
func (r *runner) stage(ctx context.Context, subject *compile.Subject, inv *inventory.List, p *inventory.Person, done *stages) (*work, error) {
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
		if err := r.large(ctx, []due{{Ref: who, class: subject.Number}}); err != nil {
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
