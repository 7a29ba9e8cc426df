package inventory

import (
	"maps"
	"slices"

	"github.com/gallra/gallra/retention/purge/environment"
)

// Looks is what earlier looks at a person with many rows have dealt with.
type Looks struct {
	// Written are rows that a change set has handled and that stay. None is handled twice.
	Written map[environment.Ref]bool
	// Last are rows that go or change with the person, in the last change set.
	Last map[environment.Ref]bool
	// Kept are rows that need no change; of these binding cannot be freed.
	Kept    map[environment.Ref]bool
	Binding []environment.Ref
}

func NewLooks() *Looks {
	return &Looks{Written: make(map[environment.Ref]bool), Last: make(map[environment.Ref]bool), Kept: make(map[environment.Ref]bool)}
}

// dealtWith tells whether an earlier look has dealt with the row.
func (l *Looks) dealtWith(r environment.Ref) bool {
	return l != nil && (l.Written[r] || l.Last[r] || l.Kept[r])
}

// portion leaves as many rows of a person as one look can handle. In a chunk of several persons, who has more than that
// is set aside altogether; for a person alone, rows that earlier looks have dealt with make room for the others, and when
// there are no others the rows of the last change set are back.
func (inv *List) portion() {
	if inv.Window == 0 || len(inv.Persons) == 0 {
		return
	}
	rows := make(map[*Person]int)
	for _, it := range inv.Items {
		for _, p := range it.Owners {
			if !p.Before.dealtWith(it.Ref) {
				rows[p]++
			}
		}
	}
	for _, p := range inv.Persons {
		p.Rows = rows[p]
		p.Many = p.Rows > inv.Window
	}
	if len(inv.Persons) > 1 {
		inv.setAside()
		return
	}
	p := inv.Persons[0]
	room := inv.Window
	for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
		switch {
		case p.Before != nil && (p.Before.Written[r] || p.Before.Kept[r]),
			p.Before != nil && p.Before.Last[r] && p.Many:
			inv.leave(r)
		case p.Before != nil && p.Before.Last[r]:
		case room > 0:
			room--
		default:
			inv.leave(r)
		}
	}
}

func (inv *List) leave(r environment.Ref) {
	inv.listed[r] = inv.Items[r]
	delete(inv.Items, r)
}

// setAside takes the persons with many rows out of the chunk, and rows that earlier looks at a person have dealt with. The persons
// stay known as persons whose turn has come.
func (inv *List) setAside() {
	for r, it := range inv.Items {
		dealt := false
		it.Owners = slices.DeleteFunc(it.Owners, func(p *Person) bool {
			before := p.Before != nil && (p.Before.Written[r] || p.Before.Kept[r])
			dealt = dealt || before
			return before || p.Many
		})
		switch {
		case len(it.Owners) > 0:
		case dealt:
			inv.leave(r)
		default:
			delete(inv.Items, r)
		}
	}
}
