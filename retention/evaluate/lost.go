package evaluate

import (
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
)

// HeldChange is a person for whom a ground that goes on after it was lost holds since the last run, or holds no more.
type HeldChange struct {
	Table, Ground string
	ID            uuid.UUID
	Now           bool
}

// hold notes for whom a ground holds that goes on after it was lost.
func (t *personTable) hold(g *compile.Ground, persons []int32) {
	if !g.WhenLost() && g.Change == nil {
		return
	}
	t.counts.Lock()
	defer t.counts.Unlock()
	if t.holders == nil {
		t.holders = map[int32]map[int32]bool{}
	}
	if t.holders[g.Index] == nil {
		t.holders[g.Index] = map[int32]bool{}
	}
	for _, at := range persons {
		t.holders[g.Index][at] = true
	}
}

// afterwards gives those who have lost a ground what it gives after that, and notes what the ledger does not know yet. The day of
// a loss is that of the first run that finds it: nobody writes down when a row stopped matching.
func (e *Evaluation) afterwards(o EvaluateOptions) {
	for _, t := range e.tables {
		for i := range t.subject.Grounds {
			g := &t.subject.Grounds[i]
			if !g.WhenLost() && g.Change == nil {
				continue
			}
			now := t.holders[g.Index]
			for at := range int32(t.entries.len()) {
				var before retention.Held
				id := t.entries.at(int(at)).id
				if o.Held != nil {
					before = o.Held(t.subject.Table, id, g.ID)
				}
				if now[at] != before.Now {
					e.Held = append(e.Held, HeldChange{t.subject.Table, g.ID, id, now[at]})
				}
				if now[at] || !g.WhenLost() {
					continue
				}
				lost := before.LostOn
				if before.Now {
					lost = e.Today
				}
				// The history knows the very day. A change before the last run that still found the ground is not what ended it.
				on := t.histories[g.Index].on(id)
				byHistory := !on.IsZero() && on <= e.Today && (lost.IsZero() || on >= before.Till)
				if byHistory {
					lost = on
				}
				if lost.IsZero() || len(t.ofClass([]int32{at}, g.Index)) == 0 {
					continue
				}
				if byHistory {
					t.decidedBy(at, g, on)
				}
				term := retention.Term{Until: g.Keep.End(lost), Trigger: lost, Ground: t.base + g.Index}
				t.give(at, term)
				if t.trail != nil {
					t.trail.add(trailKey{t.number, at, g.Index}, FoundRow{Table: t.subject.Table, ID: id, Date: lost, Until: term.Until, ByHistory: byHistory})
				}
			}
		}
	}
	slices.SortFunc(e.Held, func(a, b HeldChange) int { return slices.Compare(a.ID[:], b.ID[:]) })
}
