package ledger

import (
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// Step is how far somebody is on the way to their purge.
type Step struct {
	retention.Stage
	Class string // by whose rules
	// OwnerTable and Owner are whose the row was before it was archived.
	OwnerTable string
	Owner      uuid.UUID
	// Open is the stage that a run was about to carry out, and nobody knows whether it did; empty: none.
	Open string
	// Rows are what stages have written to, by table, until their audit history is gone.
	Rows map[string][]uuid.UUID
	// Cut tells that the stage which wrote to them last did not come to its end.
	Cut  bool
	base retention.Date // that the open stage was to count from
	last moment         // of the last entry about it
}

// step notes what a stage came to.
func (s *state) step(k Key, r Record) {
	p := s.steps[k]
	switch {
	case r.Kind == Restored && p != nil && len(p.Rows) > 0: // what was reduced stays reduced, and is swept to its end
		s.steps[k] = &Step{Rows: p.Rows, last: p.last}
		return
	case r.Kind == Restored:
		delete(s.steps, k)
		return
	case p == nil:
		p = &Step{}
		s.steps[k] = p
	}
	switch {
	case r.Kind == Staging:
		for table, ids := range r.Stays {
			if s.loose[k] == nil {
				s.loose[k] = make(map[string][]uuid.UUID)
			}
			for _, id := range ids {
				if !slices.Contains(s.loose[k][table], id) {
					s.loose[k][table] = append(s.loose[k][table], id)
				}
			}
		}
		p.Open, p.base, p.Class, p.last = r.Entry.Ground, r.PurgeOn, r.Class, s.moment(r)
		if r.Entry.Ground == string(policy.Archive) {
			for table, ids := range r.Rows {
				if p.Owner == uuid.Nil {
					p.OwnerTable, p.Owner = table, ids[0]
				}
			}
			break
		}
		p.touch(r.Rows)
	case r.Status == Done:
		p.last = s.moment(r)
		for table, ids := range p.Rows {
			if table != k.Table {
				s.touched[table] += len(ids)
			}
		}
		if p.Done == 0 {
			p.Base = p.base
		}
		p.Done++
		p.Open, p.Cut = "", false
		delete(s.traces, k) // the next stage is announced by itself, and approved by itself
		delete(s.listed, k)
	default:
		p.Open, p.Cut, p.last = "", true, s.moment(r)
		if p.Done == 0 && len(p.Rows) == 0 {
			delete(s.steps, k)
		}
	}
}

// touch notes rows that a stage writes to.
func (p *Step) touch(rows map[string][]uuid.UUID) {
	for table, ids := range rows {
		if p.Rows == nil {
			p.Rows = make(map[string][]uuid.UUID)
		}
		if len(p.Rows[table]) == 0 {
			p.Rows[table] = slices.Clone(ids)
			continue
		}
		for _, id := range ids {
			if !slices.Contains(p.Rows[table], id) {
				p.Rows[table] = append(p.Rows[table], id)
			}
		}
	}
}

// sweptStep notes a sweep of what stages have written to.
func (s *state) sweptStep(k Key, r Record) {
	if p := s.steps[k]; p != nil && p.Open == "" && s.nothingLeft(p.last, r) {
		if p.Rows = nil; p.Done == 0 {
			delete(s.steps, k)
		}
	}
}

// Stage is how far a person is on the way to their purge.
func (l *Ledger) Stage(table string, id uuid.UUID) retention.Stage { return l.Step(table, id).Stage }

// Step is that with what is needed to go on, or back.
func (l *Ledger) Step(table string, id uuid.UUID) Step {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.state.steps[Key{table, id}]; p != nil {
		return *p
	}
	return Step{}
}

// Loose are the rows, by table, that a stage before the person's purge has left in place, and that lead to the person no more since what
// they hung on went, or since the person was taken off them. Only the ledger can tell the purge whose they were.
func (l *Ledger) Loose(table string, id uuid.UUID) map[string][]uuid.UUID {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string][]uuid.UUID)
	for t, ids := range l.state.loose[Key{table, id}] {
		out[t] = slices.Clone(ids)
	}
	return out
}

// Unswept are the rows that stages have written to and whose audit history may not be gone yet, by person.
func (l *Ledger) Unswept() []OpenStep {
	var out []OpenStep
	for k, p := range l.state.steps {
		if p.Open == "" && len(p.Rows) > 0 {
			out = append(out, OpenStep{k, *p})
		}
	}
	slices.SortFunc(out, func(a, b OpenStep) int { return a.Compare(b.Key) })
	return out
}

// OpenStep is a person with a stage that a run was about to carry out.
type OpenStep struct {
	Key
	Step
}

// OpenSteps are the stages of which nobody knows whether they were carried out, ordered by table and id.
func (l *Ledger) OpenSteps() []OpenStep {
	var out []OpenStep
	for k, p := range l.state.steps {
		if p.Open != "" {
			out = append(out, OpenStep{k, *p})
		}
	}
	slices.SortFunc(out, func(a, b OpenStep) int { return a.Compare(b.Key) })
	return out
}
