package purge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// NotApproved is the guard rail of four eyes: the policy has not been approved by somebody else than who runs it.
const NotApproved policy.Rail = "not-approved"

// ApprovalLasts is how long an approval may wait to be used.
var ApprovalLasts = retention.Period{Days: 7}

// Approve writes into the ledger that whoever runs this has approved the policy, and under one that asks for lists the purge of
// the persons named. Its day counts, so that it is not taken from a clock that a run would not take.
func Approve(ctx context.Context, d Deps, list ...Named) error {
	if err := ConfirmDay(ctx, d); err != nil {
		return err
	}
	return Record(ctx, d, func() (ledger.Status, error) {
		return done(d.Ledger.Append(approvals(d, list)...))
	})
}

// Unapproved tells what keeps a policy from purging when an identity runs it on a day: nil if nothing does. Whether it
// purges nobody whom the policy in force would not purge either is not looked at here.
//
// A policy that asks for nothing needs an approval as well if the one in force asks for one: otherwise the rule could be left
// by leaving it out. One that asks for lists is approved with the first of them.
func Unapproved(ctx context.Context, c dataverse.Reader, l *ledger.Ledger, p *policy.Policy, actor uuid.UUID, today retention.Date) (*plan.GuardRail, error) {
	_, rail, err := agreed(ctx, c, l, p, actor, today)
	return rail, err
}

// unapproved is Unapproved for a run.
func (r *session) unapproved(ctx context.Context) (*plan.GuardRail, error) {
	return Unapproved(ctx, r.Client, r.Ledger, r.Policy.Policy, r.Run.Actor, r.Today)
}

// agreed is consent by what the ledger says, given by somebody whom the directory knows as somebody else than who runs: a user
// of the environment can be made anew for the same application or account.
func agreed(ctx context.Context, c dataverse.Reader, l *ledger.Ledger, p *policy.Policy, actor uuid.UUID, today retention.Date) (ledger.Approval, *plan.GuardRail, error) {
	a, rail := consent(l, p, actor, today)
	inForce := l.Adopted()
	if rail != nil || p.Approval == policy.NoApproval && inForce.Asks == policy.NoApproval {
		return a, rail, nil
	}
	approver := a.Actor
	if a.Policy == "" {
		approver = inForce.Actor
	}
	no := func(key string) (ledger.Approval, *plan.GuardRail, error) {
		return ledger.Approval{}, &plan.GuardRail{Rail: NotApproved, Sentence: words.Say(key, approver, actor), Remedy: remedy(actor)}, nil
	}
	switch same, err := SameIdentity(ctx, c, approver, actor); {
	case errors.Is(err, dataverse.ErrNotFound) && a.Policy == "": // who has left since the policy came into force
	case errors.Is(err, dataverse.ErrNotFound):
		return no("rail.approved.stranger")
	case err != nil:
		return ledger.Approval{}, nil, fmt.Errorf("see who approved the policy: %w", err)
	case same:
		return no("rail.approved.same")
	}
	return a, nil, nil
}

// SameIdentity tells whether two users of the environment are one application or one account of the directory. The error
// wraps [dataverse.ErrNotFound] when the first is no user of the environment.
func SameIdentity(ctx context.Context, c dataverse.Reader, a, b uuid.UUID) (bool, error) {
	if a == b {
		return true, nil
	}
	q := dataverse.Query{Select: []string{"systemuserid", "applicationid", "azureactivedirectoryobjectid"}}
	one, err := c.Get(ctx, "systemuser", a, q)
	if err != nil {
		return false, err
	}
	other, err := c.Get(ctx, "systemuser", b, q)
	if errors.Is(err, dataverse.ErrNotFound) { // whoever ran before has left
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, column := range q.Select[1:] {
		if id := one.ID(column); id != uuid.Nil && id == other.ID(column) {
			return true, nil
		}
	}
	return false, nil
}

func remedy(actor uuid.UUID) words.Said {
	return words.Say("rail.not-approved.do", actor, words.Length(ApprovalLasts.Years, ApprovalLasts.Months, ApprovalLasts.Weeks, ApprovalLasts.Days))
}

// consent is the approval by which a policy may purge, zero where it needs none or is in force already.
func consent(l *ledger.Ledger, p *policy.Policy, actor uuid.UUID, today retention.Date) (ledger.Approval, *plan.GuardRail) {
	inForce := l.Adopted()
	if p.Approval == policy.NoApproval && inForce.Asks == policy.NoApproval {
		return ledger.Approval{}, nil
	}
	own := false
	var lapsed, ahead retention.Date
	var other *ledger.Approval // of another policy
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
		case a.Policy != p.Hash:
			if other == nil {
				other = &a
			}
		case a.On > today:
			ahead = a.On
		case a.Actor == actor:
			own = true
		case ends < today:
			lapsed = max(lapsed, ends)
		default:
			return a, nil
		}
	}
	rail := &plan.GuardRail{Rail: NotApproved, Remedy: remedy(actor)}
	switch {
	case !lapsed.IsZero():
		rail.Sentence = words.Say("rail.approved.lapsed", lapsed)
	case own:
		rail.Sentence = words.Say("rail.approved.own")
	case !ahead.IsZero():
		rail.Sentence = words.Say("rail.approved.ahead", ahead, today)
	case other != nil:
		rail.Sentence = words.Say("rail.approved.another", other.On, fmt.Sprintf("%.19s…", other.Policy))
	case inForce.Policy == "":
		rail.Sentence = words.Say("rail.not-approved")
	default:
		rail.Sentence = words.Say("rail.approved.not-in-force", fmt.Sprintf("%.19s…", inForce.Policy))
	}
	return ledger.Approval{}, rail
}

// approved lets a run purge or stops it. An approval that is used brings the policy into force.
func (r *runner) approved(ctx context.Context) error {
	pol := r.Policy.Policy
	a, rail, err := agreed(ctx, r.Client, r.Ledger, pol, r.Run.Actor, r.Today)
	switch {
	case err != nil:
		return err
	case rail != nil:
		no, err := r.purgesMore(ctx)
		if err != nil {
			return err
		}
		if !no {
			r.Log.Info("the policy is not approved, and purges nobody whom the approved one would not", "policy", pol.Hash)
			return nil
		}
		return r.stop(*rail)
	case a.Policy == "":
		return nil
	}
	return r.Ledger.Append(ledger.Entry{Kind: ledger.Adopted, Policy: a.Policy, Actor: a.Actor, Today: r.Today, Guard: string(pol.Approval)})
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
	if len(r.Policy.Rows) > 0 { // who is justified stops rows as well, and rows have no notice in which it would show
		return true, nil
	}
	e, err := evaluate.Evaluate(ctx, r.Client, former, evaluate.EvaluateOptions{Today: r.Today, Traces: r.Ledger.Trace, Held: r.Ledger.Held, Changes: r.Ledger.Changes, Stages: r.Ledger.Stage})
	if err != nil {
		return true, err
	}
	plan := plan.NewPlan(former, e, plan.PlanOptions{Traces: r.Ledger.Trace, Stages: r.Ledger.Stage})
	would := make(map[environment.Ref]bool)
	for i := range plan.Decisions {
		if d := &plan.Decisions[i]; d.Action == retention.Purge {
			would[environment.Ref{Table: d.Person.Table, ID: d.Person.ID}] = true
		}
	}
	return slices.ContainsFunc(r.due, func(d due) bool { return !would[d.Ref] }), nil
}

// SameCare tells whether two policies do the same with whomever they purge, and the second is no laxer in its limits and
// its need for approval. They may differ in whom they keep and for how long.
func SameCare(former, policy *policy.Policy) bool {
	a, b := former.Limits, policy.Limits
	if b.Purges > a.Purges || b.Share > a.Share || b.Rows > a.Rows || b.RowShare > a.RowShare || b.Canary < a.Canary || policy.Approval.Laxer(former.Approval) {
		return false
	}
	return former.TimeZone.String() == policy.TimeZone.String() && bytes.Equal(care(former), care(policy))
}

// care is all of a policy that a purge depends on once it is known whom it concerns: everything but what is taken out
// here, so that what the language gains counts of itself.
func care(p *policy.Policy) []byte {
	c := *p
	c.Hash, c.Dir, c.Files, c.TimeZone = "", "", nil, nil
	c.Limits, c.Notice, c.ManualExtension, c.Approval, c.YearEnds = policy.Limits{}, retention.Period{}, retention.Period{}, policy.NoApproval, retention.YearEnd{}
	c.Subjects = slices.Clone(p.Subjects)
	for i := range c.Subjects {
		c.Subjects[i].Grounds, c.Subjects[i].Notice = nil, retention.Period{}
	}
	b, err := json.Marshal(c)
	if err != nil { // cannot be: texts, numbers and lists of them
		return nil
	}
	return b
}
