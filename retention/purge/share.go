package purge

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// Kinds of activity parties that the service makes by itself, from the activity's own columns.
const (
	partyRegarding = 8
	partyOwner     = 9
)

// share looks for other people. Who else is on the activities that are to be deleted: where one of them is still
// justified, the activity stays, and the purged are taken off it. And related rows that are persons themselves, such as
// the leads whose customer a contact is: where they are justified, or their own notice is not over, they are kept whatever
// the rule says.
func (inv *inventory) share(ctx context.Context) error {
	others := make(map[string][]uuid.UUID)
	ask := func(table string, id uuid.UUID) {
		if inv.tables.persons[table] && inv.byID[id] == nil && !slices.Contains(others[table], id) {
			others[table] = append(others[table], id)
		}
	}
	var activities, persons []*item
	for _, r := range slices.SortedFunc(maps.Keys(inv.items), ref.compare) {
		switch it := inv.items[r]; {
		case it.do == policy.Retain:
		case inv.tables.persons[it.table]:
			persons = append(persons, it)
			ask(it.table, it.id)
		case it.def.Activity && it.do == policy.Delete && partiesNav(it.def) != "":
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
			it.do, it.binned, it.direct = policy.Retain, false, true
		}
	}
	for _, it := range activities {
		it.shared = justified.by[ref{it.row.Target("regardingobjectid"), it.row.ID("regardingobjectid")}] ||
			slices.ContainsFunc(it.parties, func(p dataverse.Row) bool { return justified.by[ref{p.Target("partyid"), p.ID("partyid")}] })
	}
	return nil
}

// without is the party list of a shared activity without some persons: all that the service does not make by itself.
func (inv *inventory) without(ctx context.Context, it *item, gone func(uuid.UUID) bool) ([]map[string]any, error) {
	parties, err := inv.table(ctx, "activityparty")
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, row := range it.parties {
		mask, _ := row.Int("participationtypemask")
		id := row.ID("partyid")
		if mask == partyRegarding || mask == partyOwner || gone(id) {
			continue
		}
		p := map[string]any{"participationtypemask": mask}
		if id != uuid.Nil {
			target, err := inv.table(ctx, row.Target("partyid"))
			if err != nil {
				return nil, err
			}
			p[lookupNav(parties, "partyid", target.LogicalName)+"@odata.bind"] = rowPath(target.EntitySet, id)
		}
		for _, c := range []string{"addressused", "unresolvedpartyname"} {
			if v := row.Text(c); v != "" {
				p[c] = v
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// addresses are the addresses under which a person is on the activity.
func (it *item) addresses(gone func(uuid.UUID) bool) []string {
	var out []string
	for _, row := range it.parties {
		if a := fold(row.Text("addressused")); a != "" && gone(row.ID("partyid")) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// strip takes addresses out of a list of recipients as e-mails keep it, separated by semicolons.
func strip(list string, addresses []string) string {
	parts := strings.Split(list, ";")
	kept := slices.DeleteFunc(slices.Clone(parts), func(s string) bool {
		return slices.ContainsFunc(addresses, func(a string) bool { return fold(s) == a || strings.Contains(fold(s), "<"+a+">") })
	})
	if len(kept) == len(parts) {
		return list
	}
	return strings.Join(kept, ";")
}
