package ledger

import (
	"slices"

	"github.com/google/uuid"
)

// Decisions are what the rules of a policy have decided of rows of a person whose purge is under way.
type Decisions struct {
	Policy string                 // the policy's hash
	Rows   map[string][]uuid.UUID // by what is done and table, as in [Entry]
}

// decide adds decisions to those of the same policy.
func (s *state) decide(k Key, r Record) {
	if len(r.Decided) == 0 {
		return
	}
	policy := ""
	if n := len(s.runs); n > 0 {
		policy = s.runs[n-1].Policy
	}
	d := s.decided[k]
	if d == nil || d.Policy != policy {
		d = &Decisions{Policy: policy, Rows: make(map[string][]uuid.UUID)}
		s.decided[k] = d
	}
	for what, ids := range r.Decided {
		d.Rows[what] = append(d.Rows[what], ids...)
	}
}

// Decided is what the rules of a policy have decided of rows of a person whose purge is under way.
func (l *Ledger) Decided(table string, id uuid.UUID) Decisions {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.state.decided[Key{table, id}]
	if d == nil {
		return Decisions{}
	}
	out := Decisions{Policy: d.Policy, Rows: make(map[string][]uuid.UUID, len(d.Rows))}
	for what, ids := range d.Rows {
		out.Rows[what] = slices.Clone(ids)
	}
	return out
}
