package ledger

import (
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
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
	base retention.Date // that the open stage was to count from
}

// step notes what a stage came to.
func (s *state) step(k Key, r Record) {
	p := s.steps[k]
	switch {
	case r.Kind == Restored:
		delete(s.steps, k)
		return
	case p == nil:
		p = &Step{}
		s.steps[k] = p
	}
	switch {
	case r.Kind == Staging:
		p.Open, p.base, p.Class = r.Entry.Ground, r.PurgeOn, r.Class
		if p.Owner == uuid.Nil {
			for table, ids := range r.Rows {
				p.OwnerTable, p.Owner = table, ids[0]
			}
		}
	case r.Status == Done:
		if p.Done == 0 {
			p.Base = p.base
		}
		p.Done++
		p.Open = ""
		delete(s.traces, k) // the next stage is announced by itself, and approved by itself
		delete(s.listed, k)
	default:
		p.Open = ""
		if p.Done == 0 {
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
