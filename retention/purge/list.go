package purge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Listed is who may go under a policy that asks for an approved list, and by which purge date. Nil stands for a policy that does
// not ask: everybody may.
type Listed struct {
	on map[environment.Ref][]retention.Date
}

// ReadListed tells whose purge somebody else than who runs the policy has approved under it, within the time that an approval
// lasts.
func ReadListed(ctx context.Context, c dataverse.Reader, l *ledger.Ledger, p *policy.Policy, actor uuid.UUID, today retention.Date) (*Listed, error) {
	if p.Approval != policy.ByList {
		return nil, nil
	}
	counts := make(map[uuid.UUID]bool)
	list := &Listed{on: make(map[environment.Ref][]retention.Date)}
	for k, all := range l.Listed(p.Hash) {
		for _, x := range all {
			if x.On > today || x.On.Add(ApprovalLasts) < today {
				continue
			}
			if _, asked := counts[x.Actor]; !asked {
				same, err := SameIdentity(ctx, c, x.Actor, actor)
				if err != nil && !errors.Is(err, dataverse.ErrNotFound) {
					return nil, fmt.Errorf("see who approved the list: %w", err)
				}
				counts[x.Actor] = err == nil && !same
			}
			if who := (environment.Ref{Table: k.Table, ID: k.ID}); counts[x.Actor] {
				list.on[who] = append(list.on[who], x.PurgeOn)
			}
		}
	}
	return list, nil
}

// Approvable tells whether somebody else may approve that a person goes: they are due, or will be before the approval lapses.
func Approvable(d *plan.Planned, lapses retention.Date) bool {
	return d.Action == retention.Purge || d.Action == retention.Wait && d.PurgeOn <= lapses
}

// LastRun is the last night's run that the ledger tells of, nil if there is none.
func LastRun(l *ledger.Ledger) *ledger.RunInfo {
	runs := l.Runs()
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].Verb == "run" {
			return &runs[i]
		}
	}
	return nil
}

// Has tells whether the person may go by that purge date.
func (l *Listed) Has(table string, id uuid.UUID, purgeOn retention.Date) bool {
	return l == nil || slices.Contains(l.on[environment.Ref{Table: table, ID: id}], purgeOn)
}

// may tells whether a person may go by what somebody else has approved, and by whether they were asked. Of whom a purge is under way
// the rest follows.
func (r *session) may(who environment.Ref, purgeOn retention.Date) bool {
	return r.listed.Has(who.Table, who.ID, purgeOn) && !r.unasked[who] || r.Ledger.Purging(ledger.Key{Table: who.Table, ID: who.ID})
}

// Named is a person whom an approved plan names, with the purge date.
type Named struct {
	Table   string
	ID      uuid.UUID
	PurgeOn retention.Date
}

// approvals are the entries by which a policy and a list of persons are approved: one for those of a table who have the same
// date, as far as they go into one.
func approvals(d Deps, list []Named) (entries []ledger.Entry) {
	approval := ledger.Entry{Kind: ledger.Approved, Policy: d.Policy.Policy.Hash, Actor: d.Run.Actor, Today: d.Today}
	if len(list) == 0 {
		return []ledger.Entry{approval}
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Named) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.PurgeOn, b.PurgeOn), slices.Compare(a.ID[:], b.ID[:]))
	})
	for len(list) > 0 {
		e, n := approval, 0
		for n < min(len(list), heldAtOnce) && list[n].Table == list[0].Table && list[n].PurgeOn == list[0].PurgeOn {
			n++
		}
		ids := make([]uuid.UUID, n)
		for i := range ids {
			ids[i] = list[i].ID
		}
		e.PurgeOn, e.Rows = list[0].PurgeOn, map[string][]uuid.UUID{list[0].Table: ids}
		entries, list = append(entries, e), list[n:]
	}
	return entries
}
