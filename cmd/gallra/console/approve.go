package console

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// Under approval: list somebody else than who runs the policy approves who goes: the page shows who waits for that and why, persons can
// be struck out, and what is approved goes into the ledger as gallra approve PLAN writes it.

// approval is who waits for an approval by whoever is signed in.
type approval struct {
	persons []awaited
	runner  uuid.UUID       // who runs the policy; zero: no run is known
	same    bool            // whoever is signed in runs the policy: it takes somebody else
	policy  *plan.GuardRail // why the policy purges nobody before it is approved; nil where it needs no approval
	lapses  retention.Date
}

// awaited is a person whose purge can be approved.
type awaited struct {
	purge.Named
	State  retention.Action
	Reason func(lang string) string
}

// awaits are the persons who are due, or will be before an approval lapses, and whom no approval names that counts for the runs of whoever
// ran last. They are in the order of their dates.
func (c *Console) awaits(ctx context.Context, checked *compile.Policy, l *ledger.Ledger, p *plan.Plan, today retention.Date) (approval, error) {
	out := approval{lapses: today.Add(purge.ApprovalLasts)}
	if checked.Policy.Approval == policy.NoApproval && l.Adopted().Asks == policy.NoApproval {
		return out, nil
	}
	actor := c.o.Deps("approve", checked, l).Run.Actor
	if last := purge.LastRun(l); last != nil {
		out.runner = last.Actor
		var err error
		if out.same, err = purge.SameIdentity(ctx, c.o.Client, actor, last.Actor); err != nil {
			return out, err
		}
	}
	var err error
	if out.policy, err = purge.Unapproved(ctx, c.o.Client, l, checked.Policy, out.runner, today); err != nil || checked.Policy.Approval != policy.ByList {
		return out, err
	}
	list, err := purge.ReadListed(ctx, c.o.Client, l, checked.Policy, out.runner, today)
	if err != nil {
		return out, err
	}
	for i := range p.Decisions {
		d := p.Decisions[i] // a copy: the others go
		if purge.Approvable(&d, out.lapses) && !list.Has(d.Person.Table, d.Person.ID, d.PurgeOn) {
			out.persons = append(out.persons, awaited{purge.Named{Table: d.Person.Table, ID: d.Person.ID, PurgeOn: d.PurgeOn}, d.State(), func(lang string) string { return d.ReasonIn(words.In("reason", lang)) }})
		}
	}
	slices.SortStableFunc(out.persons, func(a, b awaited) int { return int(a.PurgeOn - b.PurgeOn) })
	return out, nil
}

// shownApprovals is how many persons a page lists. Nobody is approved unseen: the others come on the next one.
const shownApprovals = 400

// approvalRow is a person on the page.
type approvalRow struct {
	Key, Name, Path, Table, Reason string
	PurgeOn                        retention.Date
	State                          retention.Action
}

// approvalPage is who waits.
type approvalPage struct {
	Plan          string
	Rows          []approvalRow
	More          int // who wait and are not shown
	Struck        []string
	Same          bool
	Lapses        retention.Date
	Stale         bool
	Confirm       bool
	Policy        *plan.GuardRail // why the policy purges nobody before it is approved
	Hash          string
	List          bool // the policy asks for lists
	ConfirmPolicy bool
}

func (c *Console) approvalPage(t tongue, b *reading) approvalPage {
	page := approvalPage{Plan: b.id, Same: b.waiting.same, Lapses: b.waiting.lapses, Stale: b.AsOf != c.today(b), Policy: b.waiting.policy, Hash: b.checked.Policy.Hash, List: b.checked.Policy.Approval == policy.ByList}
	for i := range b.waiting.persons {
		p := &b.waiting.persons[i]
		if i == shownApprovals {
			page.More = len(b.waiting.persons) - i
			break
		}
		row := approvalRow{Key: p.Table + "/" + p.ID.String(), Name: p.ID.String(), Path: personPath(p.Table, p.ID), Table: p.Table, Reason: p.Reason(t.Language), PurgeOn: p.PurgeOn, State: p.State}
		if at, ok := b.find(p.Table, p.ID); ok && b.Persons[at].Name != "" {
			row.Name = b.Persons[at].Name
		}
		page.Rows = append(page.Rows, row)
	}
	return page
}

func (c *Console) approvals(w http.ResponseWriter, r *http.Request, b *reading) {
	c.show(w, r, http.StatusOK, "approve", c.approvalPage(c.tongue(r), b))
}

// approve approves whoever was shown and not struck out: asked back first, once, and only while the plan is the one that was looked at.
func (c *Console) approve(w http.ResponseWriter, r *http.Request, b *reading) {
	once, ok := c.onceOf(w, r)
	if !ok {
		return
	}
	page := c.approvalPage(c.tongue(r), b)
	page.Struck = r.PostForm["strike"]
	page.Rows = slices.DeleteFunc(page.Rows, func(row approvalRow) bool { return slices.Contains(page.Struck, row.Key) })
	t := c.tongue(r)
	back := func(n *notice) {
		sessionOf(r).tell(n)
		http.Redirect(w, r, "/approve", http.StatusSeeOther)
	}
	switch {
	case page.Same:
		back(&notice{true, t.T("approve.same")})
	case r.PostForm.Get("plan") != b.id || page.Stale:
		back(&notice{true, t.T("approve.stale")})
	case len(page.Rows) == 0:
		back(&notice{true, t.T("approve.nobody")})
	case r.PostForm.Get("confirm") != "yes":
		page.Confirm = true
		c.show(w, r, http.StatusOK, "approve", page)
	default:
		to := c.once.do("approve"+once, func() string {
			n, err := c.writeApproval(r.Context(), b, page.Rows)
			if err != nil {
				sessionOf(r).tell(&notice{true, t.T("approve.failed") + " " + strings.TrimSpace(err.Error())})
				return "/approve"
			}
			sessionOf(r).tell(&notice{false, t.N("approve.done", n)})
			c.read()
			return "/run"
		})
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// approvePolicy approves the policy alone, as gallra approve does without a plan: asked back first, once, and only the policy that was
// looked at.
func (c *Console) approvePolicy(w http.ResponseWriter, r *http.Request, b *reading) {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, err)
		return
	}
	once, t := r.PostForm.Get("once"), c.tongue(r)
	page := c.approvalPage(c.tongue(r), b)
	switch {
	case once == "":
		c.refuse(w, r, errFilter)
	case page.Same:
		c.tell(w, r, "/approve", true, "approve.same")
	case page.Policy == nil:
		c.tell(w, r, "/approve", true, "approve.policy.none")
	case r.PostForm.Get("plan") != b.id || page.Stale:
		c.tell(w, r, "/approve", true, "approve.stale")
	case r.PostForm.Get("confirm") != "yes":
		page.ConfirmPolicy = true
		c.show(w, r, http.StatusOK, "approve", page)
	default:
		to := c.once.do("policy"+once, func() string {
			l, err := c.o.Ledger()
			if err == nil {
				err = purge.Approve(r.Context(), c.o.Deps("approve", b.checked, l))
			}
			if err != nil {
				sessionOf(r).tell(&notice{true, t.T("approve.failed") + " " + strings.TrimSpace(err.Error())})
				return "/approve"
			}
			c.log.Info("policy approved")
			sessionOf(r).tell(&notice{false, t.T("approve.policy.done")})
			c.read()
			return "/approve"
		})
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// writeApproval writes who was approved into the ledger.
func (c *Console) writeApproval(ctx context.Context, b *reading, rows []approvalRow) (int, error) {
	l, err := c.o.Ledger()
	if err != nil {
		return 0, err
	}
	var list []purge.Named
	for _, p := range b.waiting.persons {
		key := p.Table + "/" + p.ID.String()
		if slices.ContainsFunc(rows, func(row approvalRow) bool { return row.Key == key }) {
			list = append(list, p.Named)
		}
	}
	if err := purge.Approve(ctx, c.o.Deps("approve", b.checked, l), list...); err != nil {
		return 0, err
	}
	c.log.Info("list approved", "persons", len(list))
	return len(list), nil
}
