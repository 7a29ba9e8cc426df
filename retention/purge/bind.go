package purge

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/gallra/gallra/retention"
)

// bindKept finds the kept rows that cannot be freed. What they hang on cannot be deleted either, up to the person.
func (inv *inventory) bindKept(ctx context.Context) error {
	order := slices.SortedFunc(maps.Keys(inv.items), ref.compare)
	for again := true; again; {
		again = false
		for _, r := range order {
			it := inv.items[r]
			if it.fate == fateDelete {
				continue
			}
			for _, h := range it.held {
				free, err := inv.freeable(ctx, h.over)
				if err != nil {
					return err
				}
				if free {
					continue
				}
				if p := inv.byID[h.parent.id]; p != nil && p.ref == h.parent {
					if !slices.Contains(p.binding, r) {
						p.binding = append(p.binding, r)
					}
				} else if parent := inv.items[h.parent]; parent != nil && parent.fate == fateDelete {
					parent.keep()
					again = true
				}
			}
		}
	}
	return nil
}

// spareUnderKept keeps the rows that were listed only because they hang on a row that is kept after all.
func (inv *inventory) spareUnderKept() {
	for again := true; again; {
		again = false
		for _, it := range inv.items {
			if it.found != foundUnder || it.fate.do() != retention.Delete || slices.ContainsFunc(it.held, func(h attachment) bool {
				parent := inv.items[h.parent]
				return parent != nil && parent.fate == fateDelete
			}) {
				continue
			}
			it.fate, again = fateKeep, true
		}
	}
}

// skipUnruled skips persons whose delete would cascade to rows that no rule names. The check of the policy refuses such a
// policy; this is for what changed since.
func (inv *inventory) skipUnruled() {
	for _, it := range inv.items {
		if it.rule != noRule || it.settled || it.found == foundUnder || retention.Business(it.table) {
			continue
		}
		if slices.ContainsFunc(it.held, func(h attachment) bool { return h.over.cascades() }) {
			for _, p := range it.owners {
				p.err = errNoRule
			}
		}
	}
}

// handOut gives every person their rows: children before parents, then by table and id. A row of several persons goes
// with the first of them.
func (inv *inventory) handOut() {
	depth := make(map[ref]int)
	var deep func(r ref, seen int) int
	deep = func(r ref, seen int) int {
		if d, ok := depth[r]; ok || seen > len(inv.items) {
			return d
		}
		d := 0
		if it := inv.items[r]; it != nil {
			for _, h := range it.held {
				if inv.items[h.parent] != nil {
					d = max(d, deep(h.parent, seen+1)+1)
				}
			}
		}
		depth[r] = d
		return d
	}
	rank := make(map[*person]int, len(inv.persons))
	for i, p := range inv.persons {
		rank[p] = i
	}
	all := slices.SortedFunc(maps.Values(inv.items), func(a, b *item) int {
		return cmp.Or(cmp.Compare(deep(b.ref, 0), deep(a.ref, 0)), a.ref.compare(b.ref))
	})
	for _, it := range all {
		if it.fate == fateTakeOff {
			// The list of parties is written as a whole: one person a chunk, so that nobody is taken off before their turn.
			for _, p := range it.owners {
				p.later = p.later || rank[p] > rank[slices.MinFunc(it.owners, func(a, b *person) int { return cmp.Compare(rank[a], rank[b]) })]
			}
		}
		slices.SortFunc(it.owners, func(a, b *person) int { return cmp.Compare(rank[a], rank[b]) })
		for i, p := range it.owners {
			if i == 0 || it.fate.stays() {
				p.items = append(p.items, it)
			}
		}
	}
}

// freed is what clears the lookups by which the deletes of a person's purge would reach a row that stays; do is what becomes
// of the person's own row.
func (inv *inventory) freed(p *person, do retention.Disposition, it *item) map[string]any {
	body := make(map[string]any)
	for _, h := range it.held {
		if h.parent == p.ref && do != retention.Delete {
			continue
		}
		if parent := inv.items[h.parent]; parent != nil && parent.fate != fateDelete {
			continue
		}
		if h.over.ReferencingNav != "" {
			body[h.over.ReferencingNav+"@odata.bind"] = nil
		}
	}
	return body
}
