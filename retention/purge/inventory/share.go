package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// spareOthers looks for other people. Who else is on the activities that are to be deleted or emptied, or whom their lookups and those of
// other rows lead to: where one of them is still justified, a row that would go stays, and the purged are taken off it; one that would
// lose columns stays as it is, unless its rule says evenIf: justified and nobody on it is held. And related rows that are persons themselves, such as
// the leads whose customer a contact is: where they are justified, or their own notice is not over, they are kept whatever
// the rule says.
func (inv *List) spareOthers(ctx context.Context) error {
	others := make(map[string][]uuid.UUID)
	ask := func(table string, id uuid.UUID) {
		if inv.Tables.Persons[table] && inv.byID[id] == nil && !slices.Contains(others[table], id) {
			others[table] = append(others[table], id)
		}
	}
	var persons, shared []*Item
	for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
		switch it := inv.Items[r]; {
		case it.Fate == Keep:
		case inv.Tables.Persons[it.Table]:
			persons = append(persons, it)
			ask(it.Table, it.ID)
		case it.Fate != Delete && it.Fate != Anonymize:
		default:
			shared = append(shared, it)
			for _, who := range inv.leadsTo(it) {
				ask(who.Table, who.ID)
			}
		}
	}
	for _, it := range shared {
		for _, row := range it.Parties {
			ask(row.Target("partyid"), row.ID("partyid"))
		}
	}
	if len(others) == 0 {
		return nil
	}
	justified, err := inv.judged(ctx, others)
	if err != nil {
		return err
	}
	for _, it := range persons {
		if justified.By[it.Ref] || inv.Noticed && justified.NotYet[it.Ref] {
			it.keep()
			it.lead(foundDirect)
		}
	}
	for _, it := range shared {
		needs := justified.neededBy(inv.evenIfJustified(it))
		if !slices.ContainsFunc(inv.leadsTo(it), needs) && !slices.ContainsFunc(it.Parties, func(p dataverse.Row) bool {
			return needs(environment.Ref{Table: p.Target("partyid"), ID: p.ID("partyid")})
		}) {
			continue
		}
		it.needed = true
		if it.Fate == Delete {
			it.Fate = TakeOff
		} else {
			it.keep()
			it.lead(foundDirect)
		}
	}
	return nil
}

// spareUnderNeeded spares the rows that lead to their persons only over a row which others need, such as the check-in of a registration of
// two: they are as much the others'.
func (inv *List) spareUnderNeeded() {
	for again := true; again; {
		again = false
		for _, it := range inv.Items {
			if it.Fate != Delete && it.Fate != Anonymize || inv.evenIfJustified(it) || inv.Tables.Persons[it.Table] || inv.leadsItself(it) ||
				!it.HangsOn(func(parent environment.Ref) bool { on := inv.Items[parent]; return on != nil && on.needed }) {
				continue
			}
			it.keep()
			if it.Rule != NoRule { // what no rule names was found under the row, and is no more than a part of it
				it.lead(foundDirect)
			}
			it.needed, again = true, true
		}
	}
}

// leadsItself tells whether a row leads to one of its persons by itself: by a lookup, a party, a value, or since their own row points at it.
func (inv *List) leadsItself(it *Item) bool {
	own := func(who environment.Ref) bool {
		return slices.ContainsFunc(it.Owners, func(p *Person) bool { return p.Ref == who })
	}
	return it.behind || len(it.joined) > 0 || slices.ContainsFunc(inv.leadsTo(it), own) || slices.ContainsFunc(it.Parties, func(p dataverse.Row) bool {
		return own(environment.Ref{Table: p.Target("partyid"), ID: p.ID("partyid")})
	})
}

// evenIfJustified tells that the columns of a row go by the law of its rule, whoever else on it is justified.
func (inv *List) evenIfJustified(it *Item) bool {
	return it.Fate == Anonymize && inv.Subject.Related[it.Rule].EvenIf == policy.EvenIfJustified
}

// readPartiesOfGoing reads who is on the activities that are to be deleted or emptied.
func (inv *List) readPartiesOfGoing(ctx context.Context) error {
	var activities []*Item
	for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
		it := inv.Items[r]
		if it.Fate != Delete && it.Fate != Anonymize || inv.Tables.Persons[it.Table] {
			continue
		}
		def, err := inv.Table(ctx, it.Table)
		if err != nil {
			return err
		}
		if def.Activity && environment.PartiesNav(def) != "" {
			activities = append(activities, it)
		}
	}
	return inv.readParties(ctx, activities)
}

// readParties reads who takes part in activities.
func (inv *List) readParties(ctx context.Context, activities []*Item) error {
	byID := make(map[uuid.UUID]*Item, len(activities))
	var qs []dataverse.Query
	for group := range slices.Chunk(activities, environment.MaxIDs) {
		for _, it := range group {
			byID[it.ID] = it
		}
		qs = append(qs, dataverse.Query{Table: "activityparty", Filter: environment.IDFilter("_activityid_value", itemIDs(group)), Annotations: true,
			Select: []string{"activitypartyid", "_activityid_value", "_partyid_value", "participationtypemask", "addressused", "unresolvedpartyname"}})
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(answers...) {
		if it := byID[row.ID("activityid")]; it != nil {
			it.Parties = append(it.Parties, row)
		}
	}
	for _, it := range activities {
		slices.SortFunc(it.Parties, func(a, b dataverse.Row) int {
			return strings.Compare(a.Text("activitypartyid"), b.Text("activitypartyid"))
		})
	}
	return nil
}
