package purge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// NotApproved is the guard rail of four eyes: the policy has not been approved by somebody else than who runs it.
const NotApproved retention.Rail = "not-approved"

// ApprovalLasts is how long an approval may wait to be used.
var ApprovalLasts = retention.Period{Days: 7}

// Approve writes into the ledger that whoever runs this has approved the policy.
func Approve(ctx context.Context, d Deps) error {
	return withLedger(ctx, d, func() error {
		return d.Ledger.Append(ledger.Entry{Kind: ledger.Approved, Policy: d.Policy.Policy.Hash, Actor: d.Run.Actor, Today: d.Today})
	})
}

// Unapproved tells what keeps a policy from purging when an identity runs it on a day: nil if nothing does. Whether it
// purges nobody whom the policy in force would not purge either is not looked at here.
//
// A policy that does not ask for four eyes needs an approval as well if the one in force asks for it: otherwise the rule
// could be left by leaving it out.
func Unapproved(l *ledger.Ledger, p *retention.Policy, actor uuid.UUID, today retention.Date) *retention.GuardRail {
	_, rail := consent(l, p, actor, today)
	return rail
}

// consent is the approval by which a policy may purge, zero where it needs none or is in force already.
func consent(l *ledger.Ledger, p *retention.Policy, actor uuid.UUID, today retention.Date) (ledger.Approval, *retention.GuardRail) {
	inForce := l.Adopted()
	if !p.FourEyes && !inForce.FourEyes {
		return ledger.Approval{}, nil
	}
	own := false
	var lapsed retention.Date
	if inForce.Policy == p.Hash {
		if inForce.Actor != actor {
			return ledger.Approval{}, nil
		}
		own = true
	}
	approvals := l.Approvals()
	slices.Reverse(approvals) // the newest tells most
	for _, a := range approvals {
		switch ends := a.On.Add(ApprovalLasts); {
		case a.Policy != p.Hash || a.On > today:
		case a.Actor == actor:
			own = true
		case ends < today:
			lapsed = max(lapsed, ends)
		default:
			return a, nil
		}
	}
	rail := &retention.GuardRail{Rail: NotApproved,
		Remedy: fmt.Sprintf("somebody else than user %s looks at the policy and its plan, and says gallra approve; a run has %s to use it", actor, ApprovalLasts)}
	switch {
	case !lapsed.IsZero():
		rail.Sentence = fmt.Sprintf("the approval of this policy was not used until %s and has lapsed: nobody is purged", lapsed.Words())
	case own:
		rail.Sentence = "this policy was approved by the identity that runs it, which does not count: nobody is purged"
	case inForce.Policy == "":
		rail.Sentence = "this policy has not been approved, and it asks for four eyes: nobody is purged"
	default:
		rail.Sentence = fmt.Sprintf("this policy is not the approved one (%.19s…) and has not been approved itself: nobody is purged", inForce.Policy)
	}
	return ledger.Approval{}, rail
}

// approved lets a run purge or stops it. An approval that is used brings the policy into force.
func (r *runner) approved(ctx context.Context) error {
	policy := r.Policy.Policy
	a, rail := consent(r.Ledger, policy, r.Run.Actor, r.Today)
	switch {
	case rail != nil:
		no, err := r.purgesMore(ctx)
		if err != nil {
			return err
		}
		if !no {
			r.Log.Info("the policy is not approved, and purges nobody whom the approved one would not", "policy", policy.Hash)
			return nil
		}
		return r.stop(*rail)
	case a.Policy == "":
		return nil
	}
	e := ledger.Entry{Kind: ledger.Adopted, Policy: a.Policy, Actor: a.Actor, Today: r.Today}
	if policy.FourEyes {
		e.Guard = retention.FourEyes
	}
	return r.Ledger.Append(e)
}

// purgesMore tells whether this run would purge somebody, or something of somebody, that the approved policy would not.
// Without the approved policy's own text nobody can know, so that it does.
//
// It holds for this run only: the next one looks again.
func (r *runner) purgesMore(ctx context.Context) (bool, error) {
	former := r.Former
	if former == nil || former.Policy.Hash != r.Ledger.Adopted().Policy || !SameCare(former.Policy, r.Policy.Policy) {
		return true, nil
	}
	e, err := retention.Evaluate(ctx, r.Client, former, retention.EvaluateOptions{Today: r.Today, Traces: r.Ledger.Trace})
	if err != nil {
		return true, err
	}
	plan := retention.NewPlan(former, e, retention.PlanOptions{Traces: r.Ledger.Trace})
	would := make(map[ref]bool)
	for i := range plan.Decisions {
		if d := &plan.Decisions[i]; d.Action == retention.Purge {
			would[ref{d.Person.Table, d.Person.ID}] = true
		}
	}
	return slices.ContainsFunc(r.due, func(d due) bool { return !would[d.ref] }), nil
}

// SameCare tells whether two policies do the same with whomever they purge, and the second is no laxer in its limits and
// its need for approval. They may differ in whom they keep and for how long.
func SameCare(former, policy *retention.Policy) bool {
	a, b := former.Limits, policy.Limits
	if b.Purges > a.Purges || b.Share > a.Share || b.Canary < a.Canary || former.FourEyes && !policy.FourEyes {
		return false
	}
	return former.TimeZone.String() == policy.TimeZone.String() && bytes.Equal(care(former), care(policy))
}

// care is all of a policy that a purge depends on once it is known whom it concerns: everything but what is taken out
// here, so that what the language gains counts of itself.
func care(p *retention.Policy) []byte {
	c := *p
	c.Hash, c.Dir, c.Files, c.TimeZone = "", "", nil, nil
	c.Limits, c.Notice, c.ManualExtension, c.FourEyes = retention.Limits{}, retention.Period{}, retention.Period{}, false
	c.Subjects = slices.Clone(p.Subjects)
	for i := range c.Subjects {
		c.Subjects[i].Grounds = nil
	}
	b, err := json.Marshal(c)
	if err != nil { // cannot be: texts, numbers and lists of them
		return nil
	}
	return b
}
