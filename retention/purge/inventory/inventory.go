package inventory

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// List is everything that belongs to a chunk of persons.
type List struct {
	*environment.Tables
	Reader  environment.Reader
	Subject *compile.Subject
	Persons []*Person
	byID    map[uuid.UUID]*Person
	Items   map[environment.Ref]*Item
	erasers map[eraserKey]*Eraser
	// Anonymous tells that the persons' own rows are anonymous already: what is left of their rows is listed.
	Anonymous bool
	// RulesAlone tells that the persons stay: rows that no rule leads to are not looked for.
	RulesAlone bool
	Window     int                       // how many rows of a person are looked at together; zero: all
	listed     map[environment.Ref]*Item // rows that are left for a later look
	Justify    func(ctx context.Context, others map[string][]uuid.UUID) (Judgement, error)
	holds      *environment.Holds
	Noticed    bool // the persons' turn has come by their dates, so that of everybody who goes with them it must have, too
}

// Judgement says whether something still justifies each person and, if not, whether their own day is yet to come. Of whoever nothing but
// stages to come justifies, it says how far they are.
type Judgement struct {
	By, NotYet map[environment.Ref]bool
	Past       map[environment.Ref]Stages
	held       map[environment.Ref]environment.Ref // of these, whom a legal hold protects
}

// neededBy tells whether a person needs a row that they share: whoever is justified, or nobody but who is held.
func (j Judgement) neededBy(heldAlone bool) func(environment.Ref) bool {
	return func(who environment.Ref) bool {
		_, held := j.held[who]
		return held || !heldAlone && j.By[who]
	}
}

// Stages is how many stages of their class a person has behind them. The class is its number in the policy.
type Stages struct{ Class, Done int }

// Disposition is what becomes of a person's row: one that a kept row binds is anonymised in place.
func (inv *List) Disposition(p *Person) policy.Disposition {
	if inv.Subject.Purge == policy.Delete && p.Bound() {
		return policy.Anonymize
	}
	return inv.Subject.Purge
}

// together runs finders that read at the same time in common requests.
func (inv *List) together(ctx context.Context, finders ...func(context.Context) error) error {
	own := inv.Reader
	defer func() { inv.Reader = own }()
	fns := make([]func(environment.Reader) error, len(finders))
	for i, find := range finders {
		fns[i] = func(from environment.Reader) error {
			inv.Reader = from
			return find(ctx)
		}
	}
	return environment.Together(ctx, own, fns...)
}

// Take lists what belongs to the persons and decides what becomes of it, in the order in which one decision rests on
// another. Their rows must have been read.
func (inv *List) Take(ctx context.Context) error {
	inv.Items, inv.erasers, inv.listed = make(map[environment.Ref]*Item), make(map[eraserKey]*Eraser), make(map[environment.Ref]*Item)
	inv.byID = make(map[uuid.UUID]*Person, len(inv.Persons))
	for _, p := range inv.Persons {
		inv.byID[p.ID] = p
		p.Items, p.Binding, p.Later, p.Many, p.Associated = nil, nil, false, false, nil
	}
	if err := inv.Probe(ctx, inv.Reader, inv.Subject); err != nil {
		return err
	}
	var reached, linked, parties []*Item
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error {
			if inv.RulesAlone {
				return inv.together(ctx, inv.readHolds, inv.findByRules)
			}
			return inv.together(ctx,
				inv.readHolds, // on whom a legal hold stands
				func(ctx context.Context) error { // what the policy's rules lead to
					if err := inv.findByRules(ctx); err != nil {
						return err
					}
					return inv.findByDecisions(ctx) // what was decided of before, and no rule's filter leads to any more
				},
				inv.findBehind,       // what the persons' own lookups lead to
				inv.findAssociations, // what they are associated with
				func(ctx context.Context) (err error) { // what a delete of the persons would take along, or be refused because of
					reached, err = inv.findByDelete(ctx, func(table string) bool {
						return inv.Subject.Purge == policy.Delete || personmap.Is(table, personmap.Part)
					})
					return err
				},
				func(ctx context.Context) (err error) { // what leads to them besides
					linked, err = inv.findByLinks(ctx)
					return err
				},
				func(ctx context.Context) (err error) {
					parties, err = inv.findByParty(ctx)
					return err
				})
		},
		func(ctx context.Context) error { // as much as one look can handle; the rest is left for a later one
			inv.portion()
			inv.findMade()
			fresh := slices.Concat(reached, linked, parties)
			return inv.judge(ctx, slices.DeleteFunc(fresh, func(it *Item) bool { return inv.Items[it.Ref] != it }))
		},
		inv.findUnder, // what hangs on these, level by level
		func(context.Context) error { // decisions of rows that are nobody's any more
			inv.forgetDecisions()
			return nil
		},
		inv.pairConnections, // the halves of a connection go or stay together
		func(ctx context.Context) error { // the rows themselves, as far as writing them needs it, and who is on activities
			return inv.together(ctx, inv.readDetails, inv.readPartiesOfGoing)
		},
		inv.spareOthers,       // who else needs an activity, or is a person in their own right
		inv.spareBehind,       // who else points at a row behind a person's own lookup
		inv.spareSharedValues, // who else has the value that a row is joined by
		inv.spareHeld,         // whose legal hold protects a row
		func(context.Context) error { // what hangs on rows that others need
			inv.spareUnderNeeded()
			return nil
		},
		inv.bindKept, // kept rows that cannot be freed keep what they hang on
		func(context.Context) error { // rows that hang on what is kept stay; who has rows that no rule names is skipped
			inv.spareUnderKept()
			inv.skipUnruled()
			return nil
		},
		inv.spareFiles, // files that an e-mail shows which stays
		inv.sealClosed, // closed rows that may not be written to
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	inv.handOut() // to each person, in the order of the deletes
	return nil
}
