package evaluate

import (
	"slices"

	"github.com/gallra/gallra/retention"
)

// One human being can have several rows: rows of any subject table whose identity columns hold the same value, and
// rows that were merged into another. They are judged together: what justifies one of them justifies all, and a legal
// hold on one of them keeps all from being purged.

// member is one row of the evaluation: a table and an index in it.
type member struct {
	table int32
	at    int32
}

// join gives every row what its human being is given on any of their rows.
func (e *Evaluation) join() {
	rules := e.Checked.Policy.Rules()
	for _, t := range e.tables {
		t.markUnread()
	}
	for _, group := range e.humanBeings() {
		best := retention.Term{Ground: retention.NoGround}
		holds, unread := 0, false
		for _, m := range group {
			t := e.tables[m.table]
			c := t.columns(m.at)
			best = best.Later(t.entries.at(int(m.at)).retention())
			if c.ExtensionOn(e.Today, rules) == retention.ExtensionCounts {
				best = best.Later(retention.Term{Until: c.ExtendedUntil, Ground: retention.ByHand})
			}
			if c.LegalHold {
				holds++
			}
			unread = unread || t.unread(m.at)
		}
		for _, m := range group {
			t := e.tables[m.table]
			t.entries.at(int(m.at)).set(best)
			if unread {
				t.unreadable[m.at] = true
			}
			t.entries.at(int(m.at)).held = holds > 1 || holds == 1 && !t.columns(m.at).LegalHold
		}
	}
}

// Together names for every row of somebody who has several the first of them. Whoever is missing has one row.
func (e *Evaluation) Together() map[PersonRef]PersonRef {
	ref := func(m member) PersonRef {
		t := e.tables[m.table]
		return PersonRef{Table: t.subject.Table, ID: t.entries.at(int(m.at)).id}
	}
	out := map[PersonRef]PersonRef{}
	for _, group := range e.humanBeings() {
		for _, m := range group {
			out[ref(m)] = ref(group[0])
		}
	}
	return out
}

// humanBeings are the groups of more than one row.
func (e *Evaluation) humanBeings() [][]member {
	u := union{}
	e.sameIdentity(func(a, b member) { u.join(a, b) })
	for i, t := range e.tables {
		for at, master := range t.masters {
			if to, ok := t.find(master); ok {
				u.join(member{int32(i), to}, member{int32(i), at})
			}
		}
	}
	return u.groups()
}

// sameIdentity calls fn for neighbours among the rows that have the same identity. The tables' values are sorted, so
// they are merged instead of being put into a map: most persons have one row.
func (e *Evaluation) sameIdentity(fn func(a, b member)) {
	at := make([]int, len(e.tables))
	here := func(i int) *hashed {
		l := e.tables[i].values[e.tables[i].subject.Identity]
		if l == nil || at[i] == l.len() {
			return nil
		}
		return l.at(at[i])
	}
	var last member
	var lastHash uint64
	seen := false
	for {
		next := -1
		var h *hashed
		for i := range e.tables {
			if x := here(i); x != nil && (h == nil || x.value() < h.value()) {
				next, h = i, x
			}
		}
		if h == nil {
			return
		}
		at[next]++
		m := member{int32(next), h.person}
		if seen && h.value() == lastHash {
			fn(last, m)
		}
		last, lastHash, seen = m, h.value(), true
	}
}

// union is a union-find; only rows that were ever joined take memory.
type union map[member]member

func (u union) root(m member) member {
	for {
		p, ok := u[m]
		if !ok || p == m {
			return m
		}
		u[m] = u.parent(p)
		m = p
	}
}

func (u union) parent(m member) member {
	if p, ok := u[m]; ok {
		return p
	}
	return m
}

func (u union) join(a, b member) {
	ra, rb := u.root(a), u.root(b)
	for _, m := range []member{a, b, ra, rb} {
		if _, ok := u[m]; !ok {
			u[m] = m
		}
	}
	if ra != rb {
		u[rb] = ra
	}
}

func (u union) groups() [][]member {
	byRoot := map[member][]member{}
	for m := range u {
		r := u.root(m)
		byRoot[r] = append(byRoot[r], m)
	}
	out := make([][]member, 0, len(byRoot))
	for _, g := range byRoot {
		slices.SortFunc(g, func(a, b member) int {
			if a.table != b.table {
				return int(a.table - b.table)
			}
			return int(a.at - b.at)
		})
		out = append(out, g)
	}
	return out
}
