package purge

import (
	"maps"
	"slices"
)

// looks is what earlier looks at a person with many rows have dealt with.
type looks struct {
	// written are rows that a change set has handled and that stay. None is handled twice.
	written map[ref]bool
	// last are rows that go or change with the person, in the last change set.
	last map[ref]bool
	// kept are rows that need no change; of these binding cannot be freed.
	kept    map[ref]bool
	binding []ref
}

func newLooks() *looks {
	return &looks{written: make(map[ref]bool), last: make(map[ref]bool), kept: make(map[ref]bool)}
}

// dealtWith tells whether an earlier look has dealt with the row.
func (l *looks) dealtWith(r ref) bool {
	return l != nil && (l.written[r] || l.last[r] || l.kept[r])
}

// portion leaves as many rows of a person as one look can handle. In a chunk of several persons, who has more than that
// is set aside altogether; for a person alone, rows that earlier looks have dealt with make room for the others, and when
// there are no others the rows of the last change set are back.
func (inv *inventory) portion() {
	if inv.window == 0 || len(inv.persons) == 0 {
		return
	}
	rows := make(map[*person]int)
	for _, it := range inv.items {
		for _, p := range it.owners {
			if !p.before.dealtWith(it.ref) {
				rows[p]++
			}
		}
	}
	for _, p := range inv.persons {
		p.many = rows[p] > inv.window
	}
	if len(inv.persons) > 1 {
		inv.setAside()
		return
	}
	p := inv.persons[0]
	room := inv.window
	for _, r := range slices.SortedFunc(maps.Keys(inv.items), ref.compare) {
		switch {
		case p.before != nil && (p.before.written[r] || p.before.kept[r]),
			p.before != nil && p.before.last[r] && p.many:
			inv.leave(r)
		case p.before != nil && p.before.last[r]:
		case room > 0:
			room--
		default:
			inv.leave(r)
		}
	}
}

func (inv *inventory) leave(r ref) {
	inv.listed[r] = inv.items[r]
	delete(inv.items, r)
}

// setAside takes the persons with many rows out of the chunk. They stay known as persons whose turn has come.
func (inv *inventory) setAside() {
	for r, it := range inv.items {
		it.owners = slices.DeleteFunc(it.owners, func(p *person) bool { return p.many })
		if len(it.owners) == 0 {
			delete(inv.items, r)
		}
	}
}
