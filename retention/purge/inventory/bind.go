package inventory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// bindKept finds the kept rows that cannot be freed. What they hang on cannot be deleted either, up to the person.
func (inv *List) bindKept(ctx context.Context) error {
	order := slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare)
	for again := true; again; {
		again = false
		for _, r := range order {
			it := inv.Items[r]
			if it.Fate == Delete {
				continue
			}
			if it.Fate == TakeOff {
				for _, p := range it.Owners {
					if _, bound := inv.Emptied(it, p.ID); len(bound) > 0 && !slices.Contains(p.Binding, r) {
						p.Binding = append(p.Binding, r)
					}
				}
			}
			for _, h := range it.Held {
				if !h.over.Reached() {
					continue // the service clears the link by itself
				}
				free, err := inv.Freeable(ctx, h.over)
				if err != nil {
					return err
				}
				if free && !inv.forbids(it, h) {
					continue
				}
				if p := inv.byID[h.Parent.ID]; p != nil && p.Ref == h.Parent {
					if !slices.Contains(p.Binding, r) {
						p.Binding = append(p.Binding, r)
					}
				} else if parent := inv.Items[h.Parent]; parent != nil && parent.Fate == Delete {
					parent.keep()
					again = true
				}
			}
		}
	}
	return nil
}

// forbids tells whether a row that a rule leaves in place forbids the delete of the person all the same: the environment says so of
// its lookup (Restrict), and the policy, that no delete is to be made possible where rows are kept (whenBound: fail).
func (inv *List) forbids(it *Item, h attachment) bool {
	p := inv.byID[h.Parent.ID]
	return it.Fate.Stays() && h.over.Delete == "Restrict" && inv.Subject.WhenBound == policy.BoundFail && p != nil && p.Ref == h.Parent && !inv.Anonymous
}

// spareUnderKept keeps the rows that were listed only because they hang on a row that is kept after all.
func (inv *List) spareUnderKept() {
	for again := true; again; {
		again = false
		for _, it := range inv.Items {
			if it.Found != FoundUnder || it.Fate.Do() != policy.Delete || slices.ContainsFunc(it.Held, func(h attachment) bool {
				parent := inv.Items[h.Parent]
				return parent != nil && parent.Fate == Delete
			}) {
				continue
			}
			it.Fate, again = Keep, true
		}
	}
}

// skipUnruled skips persons whose delete would cascade to rows that no rule names. The check of the policy refuses such a
// policy; this is for what changed since.
func (inv *List) skipUnruled() {
	for _, it := range inv.Items {
		if inv.Subject.Purge != policy.Delete || it.Rule != NoRule || it.settled || it.Found == FoundUnder || personmap.Is(it.Table, personmap.Part) || personmap.Is(it.Table, personmap.Business) {
			continue
		}
		if slices.ContainsFunc(it.Held, func(h attachment) bool { return h.over.Cascades() }) {
			for _, p := range it.Owners {
				p.Err = ErrNoRule
			}
		}
	}
}

// handOut gives every person their rows: children before parents, then by table and id. A row of several persons goes
// with the first of them.
func (inv *List) handOut() {
	depth := make(map[environment.Ref]int)
	var deep func(r environment.Ref, seen int) int
	deep = func(r environment.Ref, seen int) int {
		if d, ok := depth[r]; ok || seen > len(inv.Items) {
			return d
		}
		d := 0
		if it := inv.Items[r]; it != nil {
			for _, h := range it.Held {
				if inv.Items[h.Parent] != nil {
					d = max(d, deep(h.Parent, seen+1)+1)
				}
			}
		}
		depth[r] = d
		return d
	}
	rank := make(map[*Person]int, len(inv.Persons))
	for i, p := range inv.Persons {
		rank[p] = i
	}
	all := slices.SortedFunc(maps.Values(inv.Items), func(a, b *Item) int {
		return cmp.Or(cmp.Compare(deep(b.Ref, 0), deep(a.Ref, 0)), a.Ref.Compare(b.Ref))
	})
	for _, it := range all {
		if it.Fate == TakeOff {
			// The list of parties is written as a whole: one person a chunk, so that nobody is taken off before their turn.
			for _, p := range it.Owners {
				p.Later = p.Later || rank[p] > rank[slices.MinFunc(it.Owners, func(a, b *Person) int { return cmp.Compare(rank[a], rank[b]) })]
			}
		}
		slices.SortFunc(it.Owners, func(a, b *Person) int { return cmp.Compare(rank[a], rank[b]) })
		for i, p := range it.Owners {
			if i == 0 || it.Fate.Stays() {
				p.Items = append(p.Items, it)
			}
		}
	}
}

// Freed is what clears the lookups by which the deletes of a person's purge would reach a row that stays; do is what becomes
// of the person's own row.
func (inv *List) Freed(p *Person, do policy.Disposition, it *Item) map[string]any {
	body := make(map[string]any)
	for _, h := range it.Held {
		if h.Parent == p.Ref && do != policy.Delete || !h.over.Reached() {
			continue
		}
		if parent := inv.Items[h.Parent]; parent != nil && parent.Fate != Delete {
			continue
		}
		if h.over.ReferencingNav != "" {
			body[h.over.ReferencingNav+"@odata.bind"] = nil
		}
	}
	return body
}

// Unlinked tells whether the service clears a row's link to the person, or to a row of theirs, when that is deleted.
func (inv *List) Unlinked(p *Person, do policy.Disposition, it *Item) bool {
	return !it.part() && slices.ContainsFunc(it.Held, func(h attachment) bool {
		if h.Parent == p.Ref {
			return do == policy.Delete
		}
		parent := inv.Items[h.Parent]
		return parent != nil && parent.Fate == Delete
	})
}
