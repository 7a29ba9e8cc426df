package purge

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// spareOthers looks for other people. Who else is on the activities that are to be deleted: where one of them is still
// justified, the activity stays, and the purged are taken off it. And related rows that are persons themselves, such as
// the leads whose customer a contact is: where they are justified, or their own notice is not over, they are kept whatever
// the rule says.
func (inv *inventory) spareOthers(ctx context.Context) error {
	others := make(map[string][]uuid.UUID)
	ask := func(table string, id uuid.UUID) {
		if inv.tables.persons[table] && inv.byID[id] == nil && !slices.Contains(others[table], id) {
			others[table] = append(others[table], id)
		}
	}
	var activities, persons []*item
	for _, r := range slices.SortedFunc(maps.Keys(inv.items), ref.compare) {
		switch it := inv.items[r]; {
		case it.fate == fateKeep:
		case inv.tables.persons[it.table]:
			persons = append(persons, it)
			ask(it.table, it.id)
		case it.def.Activity && it.fate == fateDelete && partiesNav(it.def) != "":
			activities = append(activities, it)
		}
	}
	byID := make(map[uuid.UUID]*item, len(activities))
	var qs []dataverse.Query
	for group := range slices.Chunk(activities, maxIDs) {
		for _, it := range group {
			byID[it.id] = it
		}
		qs = append(qs, dataverse.Query{Table: "activityparty", Filter: idFilter("_activityid_value", itemIDs(group)), Annotations: true,
			Select: []string{"activitypartyid", "_activityid_value", "_partyid_value", "participationtypemask", "addressused", "unresolvedpartyname"}})
	}
	answers, err := inv.reader.queries(ctx, qs)
	if err != nil {
		return err
	}
	for _, rows := range answers {
		for _, row := range rows {
			if it := byID[row.ID("activityid")]; it != nil {
				it.parties = append(it.parties, row)
				ask(row.Target("partyid"), row.ID("partyid"))
			}
		}
	}
	for _, it := range activities {
		slices.SortFunc(it.parties, func(a, b dataverse.Row) int {
			return strings.Compare(a.Text("activitypartyid"), b.Text("activitypartyid"))
		})
		ask(it.row.Target("regardingobjectid"), it.row.ID("regardingobjectid"))
	}
	if len(others) == 0 {
		return nil
	}
	justified, err := inv.justify(ctx, others)
	if err != nil {
		return err
	}
	for _, it := range persons {
		if justified.by[it.ref] || inv.noticed && justified.notYet[it.ref] {
			it.keep()
			it.lead(foundDirect)
		}
	}
	for _, it := range activities {
		if justified.by[ref{it.row.Target("regardingobjectid"), it.row.ID("regardingobjectid")}] ||
			slices.ContainsFunc(it.parties, func(p dataverse.Row) bool { return justified.by[ref{p.Target("partyid"), p.ID("partyid")}] }) {
			it.fate = fateTakeOff
		}
	}
	return nil
}
