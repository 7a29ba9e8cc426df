package ledger

import (
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
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
	FourEyes bool // the policy asks that its successor is approved as well
}

// Adopted is the policy in force, if one has ever been approved; its hash is empty otherwise.
func (l *Ledger) Adopted() Adoption { return l.state.adopted }

// Approvals are the approvals since the policy in force was adopted, in their order.
func (l *Ledger) Approvals() []Approval { return slices.Clone(l.state.approvals) }
