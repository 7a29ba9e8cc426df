package purge

import (
	"maps"
	"slices"

	"github.com/google/uuid"
)

// stages is what of a person's rows has gone ahead of them in change sets of its own, and what those change sets left
// for the last one.
type stages struct {
	rows   map[string][]uuid.UUID
	counts map[string]int
	gone   []ref
	// written are rows that a change set has handled and that stay. None is handled twice.
	written map[ref]bool
	// last are rows that go or change with the person, in the last change set.
	last map[ref]bool
	// kept are rows that need no change; of these binding cannot be freed.
	kept    map[ref]bool
	binding []ref
	// decided is what was decided of the rows before the first change set; the ledger has it with that one.
	decided  map[ref]decision
	recorded bool
	effects
}

func newStages() *stages {
	return &stages{rows: make(map[string][]uuid.UUID), counts: make(map[string]int),
		written: make(map[ref]bool), last: make(map[ref]bool), kept: make(map[ref]bool), decided: make(map[ref]decision)}
}

// looked tells whether an earlier look has dealt with the row.
func (s *stages) looked(r ref) bool {
	return s != nil && (s.written[r] || s.last[r] || s.kept[r])
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
			if !p.stages.looked(it.ref) {
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
		case p.stages != nil && (p.stages.written[r] || p.stages.kept[r]),
			p.stages != nil && p.stages.last[r] && p.many:
			inv.leave(r)
		case p.stages != nil && p.stages.last[r]:
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
