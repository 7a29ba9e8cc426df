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
				h.LostOn, h.Till = r.Today, s.lastSeen(r.Today)
			} else if s.watched[groundKey{table, r.Entry.Ground}] {
				h.Since = r.Today
			}
			s.held[k][r.Entry.Ground] = h
		}
	}
}

// lastSeen is the day of the last run before that day that counted the grounds.
func (s *state) lastSeen(before retention.Date) retention.Date {
	if s.seenOn < before {
		return s.seenOn
	}
	return s.seenBefore
}

// changed notes what the audit history told of a ground that counts from changes. Without rows it says up to which day that was read.
func (s *state) changed(r Record) {
	k := groundKey{r.Table, r.Entry.Ground}
	h := s.changes[k]
	if h == nil {
		h = &history{on: make(map[Key]retention.Date)}
		s.changes[k] = h
	}
	if len(r.Rows) == 0 {
		h.read = max(h.read, r.Today)
	}
	for table, ids := range r.Rows {
		for _, id := range ids {
			h.on[Key{table, id}] = max(h.on[Key{table, id}], r.Today)
		}
	}
}

// history is what is known of a ground that counts from changes.
type history struct {
	on   map[Key]retention.Date
	read retention.Date
}

// Changes is what the ledger remembers of changes that a ground of a subject counts from.
func (l *Ledger) Changes(subject, ground string) retention.History {
	l.mu.Lock()
	h := l.state.changes[groundKey{subject, ground}]
	l.mu.Unlock()
	if h == nil {
		return retention.History{On: func(string, uuid.UUID) retention.Date { return 0 }}
	}
	return retention.History{Read: h.read, On: func(table string, id uuid.UUID) retention.Date {
		l.mu.Lock()
		defer l.mu.Unlock()
		return h.on[Key{table, id}]
	}}
}

// Held is what the ledger knows of a person and of a ground that goes on after it was lost.
func (l *Ledger) Held(table string, id uuid.UUID, ground string) retention.Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.state.held[Key{table, id}][ground]
	if h.Now {
		h.Till = l.state.seenOn
	}
	return h
}
