package ledger

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// Approval is somebody's consent to a policy.
type Approval struct {
	Policy string // its hash
	Actor  uuid.UUID
	On     retention.Date
}

// Adoption is a policy that came into force by an approval.
type Adoption struct {
	Approval
	Asks policy.Approval // what the policy asks for: unless that is nothing, its successor has to be approved as well
}

// Listing is somebody's consent to the purge of one person by a purge date.
type Listing struct {
	Approval
	PurgeOn retention.Date
}

// Adopted is the policy in force, if one has ever been approved; its hash is empty otherwise.
func (l *Ledger) Adopted() Adoption { return l.state.adopted }

// Approvals are the approvals since the policy in force was adopted, in their order.
func (l *Ledger) Approvals() []Approval { return slices.Clone(l.state.approvals) }

// Listed are the approvals of persons under a policy, without those whose purge date has been announced anew since, who have
// come under a legal hold, or who are purged.
func (l *Ledger) Listed(policy string) map[Key][]Listing {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[Key][]Listing)
	for k, all := range l.state.listed {
		for _, x := range all {
			if x.Policy == policy {
				out[k] = append(out[k], x)
			}
		}
	}
	return out
}

// Unapproved is how many persons were due in a run and waited for somebody else's approval.
func (r *RunInfo) Unapproved() int { return r.waited("unapproved ") }

// Unasked is how many were due and waited since they were not asked in time.
func (r *RunInfo) Unasked() int { return r.waited("unasked ") }

func (r *RunInfo) waited(why string) (n int) {
	for what, of := range r.Counts {
		if strings.HasPrefix(what, why) {
			n += of
		}
	}
	return n
}

// approve notes an approval: of the policy, and of the persons whom it names.
func (s *state) approve(r Record) {
	a := Approval{Policy: r.Policy, Actor: r.Actor, On: r.Today}
	if n := len(s.approvals); n == 0 || s.approvals[n-1] != a { // a list has many entries
		s.approvals = append(s.approvals, a)
	}
	for table, ids := range r.Rows {
		for _, id := range ids {
			k := Key{table, id}
			others := slices.DeleteFunc(s.listed[k], func(x Listing) bool { return x.Actor == a.Actor && x.Policy == a.Policy })
			s.listed[k] = append(others, Listing{a, r.PurgeOn})
		}
	}
}

// adopt brings a policy into force. What was approved of others does not count any more.
func (s *state) adopt(r Record) {
	s.adopted = Adoption{Approval: Approval{Policy: r.Policy, Actor: r.Actor, On: r.Today}, Asks: policy.Approval(r.Guard)}
	s.approvals = nil
	for k, all := range s.listed {
		all = slices.DeleteFunc(all, func(x Listing) bool { return x.Policy != r.Policy })
		if s.listed[k] = all; len(all) == 0 {
			delete(s.listed, k)
		}
	}
}
