package purge

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// inventory is everything that belongs to a chunk of persons.
type inventory struct {
	*tables
	reader  reader
	subject *retention.CheckedSubject
	persons []*person
	byID    map[uuid.UUID]*person
	items   map[ref]*item
	erasers map[eraserKey]*eraser
	// anonymous tells that the persons' own rows are anonymous already: what is left of their rows is listed.
	anonymous bool
	window    int           // how many rows of a person are looked at together; zero: all
	listed    map[ref]*item // rows that are left for a later look
	justify   func(ctx context.Context, others map[string][]uuid.UUID) (judgement, error)
	noticed   bool // the persons' turn has come by their dates, so that of everybody who goes with them it must have, too
}

// judgement says whether something still justifies each person and, if not, whether their own day is yet to come.
type judgement struct{ by, notYet map[ref]bool }

// disposition is what becomes of a person's row: one that a kept row binds is anonymised in place.
func (inv *inventory) disposition(p *person) retention.Disposition {
	if inv.subject.Purge == retention.Delete && p.bound() {
		return retention.Anonymize
	}
	return inv.subject.Purge
}

// take lists what belongs to the persons and decides what becomes of it, in the order in which one decision rests on
// another. Their rows must have been read.
func (inv *inventory) take(ctx context.Context) error {
	inv.items, inv.erasers, inv.listed = make(map[ref]*item), make(map[eraserKey]*eraser), make(map[ref]*item)
	inv.byID = make(map[uuid.UUID]*person, len(inv.persons))
	for _, p := range inv.persons {
		inv.byID[p.id] = p
		p.items, p.binding, p.later, p.many = nil, nil, false, false
	}
	var reached []*item
	for _, step := range []func(context.Context) error{
		inv.findByRules,     // what the policy's rules lead to
		inv.findByDecisions, // what was decided of before, and no rule's filter leads to any more
		func(ctx context.Context) (err error) { // what a delete of the persons would take along, or be refused because of
			if inv.subject.Purge == retention.Delete {
				reached, err = inv.findByDelete(ctx)
			}
			return err
		},
		func(ctx context.Context) error { // as much as one look can handle; the rest is left for a later one
			inv.portion()
			return inv.judge(ctx, slices.DeleteFunc(reached, func(it *item) bool { return inv.items[it.ref] != it }))
		},
		inv.findUnderDeleted, // what hangs on rows that go, level by level
		func(context.Context) error { // decisions of rows that are nobody's any more
			inv.forgetDecisions()
			return nil
		},
		inv.pairConnections,   // the halves of a connection go or stay together
		inv.readDetails,       // the rows themselves, as far as writing them needs it
		inv.spareOthers,       // who else needs an activity, or is a person in their own right
		inv.spareSharedValues, // who else has the value that a row is joined by
		inv.bindKept,          // kept rows that cannot be freed keep what they hang on
		func(context.Context) error { // rows that hang on what is kept stay; who has rows that no rule names is skipped
			inv.spareUnderKept()
			inv.skipUnruled()
			return nil
		},
		inv.sealClosed, // closed rows that may not be written to
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	inv.handOut() // to each person, in the order of the deletes
	return nil
}
