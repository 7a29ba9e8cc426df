package ledger

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// holds notes for whom a ground that goes on after it was lost holds, or holds no more.
func (s *state) holds(r Record) {
	for table, ids := range r.Rows {
		for _, id := range ids {
			k := Key{table, id}
			if s.held[k] == nil {
				s.held[k] = make(map[string]retention.Held)
			}
			h := retention.Held{Now: r.Kind == Gained}
			if !h.Now {
				h.LostOn = r.Today
			}
			s.held[k][r.Entry.Ground] = h
		}
	}
}

// Held is what the ledger knows of a person and of a ground that goes on after it was lost.
func (l *Ledger) Held(table string, id uuid.UUID, ground string) retention.Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.held[Key{table, id}][ground]
}
