package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/purge/environment"
)

// What leads to a person and is not reached by a delete: lookups that the service only clears, parties of activities that no
// rule names, rows behind the person's own lookups, and associations. The person map says which of them a purge looks at.

// findByLinks finds the rows whose lookups lead to the persons and that a delete does not reach, and answers those for which there
// is no rule yet.
func (inv *List) findByLinks(ctx context.Context) ([]*Item, error) {
	over, err := inv.Links(ctx, inv.Reader, inv.Subject)
	if err != nil {
		return nil, err
	}
	var refs []environment.Ref
	for _, p := range inv.Persons {
		refs = append(refs, p.Ref)
	}
	return inv.pointing(ctx, refs, func(string) ([]environment.Reach, error) { return over, nil })
}

// findByParty finds activities with the persons as parties, of the kinds that only the rule '*' covers, and answers those for which
// there is no rule yet.
func (inv *List) findByParty(ctx context.Context) ([]*Item, error) {
	kinds, err := inv.Tables.Parties(ctx, inv.Reader, inv.Subject)
	if err != nil || len(kinds) == 0 {
		return nil, err
	}
	lines, err := inv.Table(ctx, "activityparty")
	if err != nil {
		return nil, err
	}
	common := ""
	for _, r := range lines.ManyToOne {
		if r.ReferencingAttribute == "activityid" && r.Referenced == "activitypointer" {
			common = r.ReferencingNav
		}
	}
	if common == "" {
		return nil, nil
	}
	var qs []dataverse.Query
	for ids := range slices.Chunk(inv.Persons, environment.MaxIDs) {
		qs = append(qs, dataverse.Query{Table: "activityparty", Select: []string{"activitypartyid", "_activityid_value", "_partyid_value"},
			Expand: common + "($select=activitytypecode)", Filter: environment.IDFilter("_partyid_value", personIDs(ids))})
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return nil, err
	}
	var fresh []*Item
	for _, row := range slices.Concat(answers...) {
		activity, _ := row[common].(map[string]any)
		kind, _ := activity["activitytypecode"].(string)
		p := inv.byID[row.ID("partyid")]
		if p == nil || !kinds[kind] {
			continue
		}
		r := environment.Ref{Table: kind, ID: row.ID("activityid")}
		known := inv.Items[r] != nil
		it := inv.add(r, NoRule, p)
		it.at("party")
		if it.lead(foundDirect); !known {
			fresh = append(fresh, it)
		}
	}
	return fresh, nil
}

// findBehind finds the rows that the persons' own lookups point at and that may be about nobody else. Those of which a rule
// speaks are dealt with by it; of the others the text is searched.
func (inv *List) findBehind(ctx context.Context) error {
	for i := range inv.Subject.Map.Places {
		place := &inv.Subject.Map.Places[i]
		if place.Kind != personmap.Behind || place.Do == personmap.Left {
			continue
		}
		owners := make(map[uuid.UUID][]*Person)
		for _, p := range inv.Persons {
			if id := p.Row.ID(place.Column); id != uuid.Nil {
				owners[id] = append(owners[id], p)
			}
		}
		ids := slices.SortedFunc(maps.Keys(owners), func(a, b uuid.UUID) int { return environment.CompareStrings(a.String(), b.String()) })
		if len(ids) == 0 {
			continue
		}
		rule := place.Rule
		if rule >= 0 && inv.Subject.Related[rule].Where != "" {
			matches, err := inv.matching(ctx, rule, ids)
			if err != nil {
				return err
			}
			ids = matches
		}
		for _, id := range ids {
			for _, p := range owners[id] {
				if p.Row.Target(place.Column) != "" && p.Row.Target(place.Column) != place.Table {
					continue // a lookup to several tables
				}
				if rule < 0 {
					it := inv.add(environment.Ref{Table: place.Table, ID: id}, NoRule, p)
					it.at(place.Column)
					it.Fate, it.settled, it.behind = Keep, true, true
					continue
				}
				it := inv.add(environment.Ref{Table: place.Table, ID: id}, rule, p)
				it.at(place.Column)
				it.behind = true
				it.lead(foundByID)
			}
		}
	}
	return nil
}

// matching are those of some rows that a rule's filter matches.
func (inv *List) matching(ctx context.Context, rule int, ids []uuid.UUID) ([]uuid.UUID, error) {
	r := &inv.Subject.Related[rule]
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, environment.MaxIDs) {
		qs = append(qs, environment.Query(r.Reading(some, nil, nil)))
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return nil, err
	}
	var out []uuid.UUID
	for _, row := range slices.Concat(answers...) {
		out = append(out, environment.FieldID(row, r.Person.Fields[0]))
	}
	return out, nil
}

// spareBehind keeps the rows behind the persons' own lookups that somebody else points at as well, whoever that is.
func (inv *List) spareBehind(ctx context.Context) error {
	byTable := make(map[string][]*Item)
	for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
		if it := inv.Items[r]; it.behind && it.Fate != Keep {
			byTable[it.Table] = append(byTable[it.Table], it)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		over, err := inv.Tables.Pointing(ctx, inv.Reader, table)
		if err != nil {
			return err
		}
		type asked struct{ over environment.Reach }
		var all []asked
		var qs []dataverse.Query
		for _, r := range over {
			for some := range slices.Chunk(byTable[table], environment.MaxIDs) {
				all = append(all, asked{r})
				qs = append(qs, dataverse.Query{Table: r.Referencing, Set: r.Child.EntitySet, Select: []string{r.Child.PrimaryID, r.Wire}, Filter: environment.IDFilter(r.Wire, itemIDs(some))})
			}
		}
		answers, err := inv.Reader.Queries(ctx, qs)
		if err != nil {
			return err
		}
		for i, rows := range answers {
			for _, row := range rows {
				from := environment.Ref{Table: all[i].over.Referencing, ID: row.ID(all[i].over.Child.PrimaryID)}
				it := inv.Items[environment.Ref{Table: table, ID: row.ID(all[i].over.Wire)}]
				if it == nil {
					continue
				}
				if other := inv.Items[from]; other != nil && other.Fate == Delete {
					continue // goes as well
				}
				if p := inv.byID[from.ID]; p != nil && slices.Contains(it.Owners, p) {
					continue // the person's own lookup
				}
				it.keep()
				it.lead(foundDirect)
			}
		}
	}
	return nil
}

// findAssociations finds what the persons are associated with over many-to-many relationships.
func (inv *List) findAssociations(ctx context.Context) error {
	over, err := inv.Tables.Associations(ctx, inv.Reader, inv.Subject)
	if err != nil || len(over) == 0 {
		return err
	}
	type asked struct {
		own, other, nav, table, place string
	}
	var all []asked
	var qs []dataverse.Query
	for _, m := range over {
		place := m.Intersect + "." + m.SchemaName
		ends := []asked{{m.Entity1Attribute, m.Entity2Attribute, m.Entity1Nav, m.Entity2, place}, {m.Entity2Attribute, m.Entity1Attribute, m.Entity2Nav, m.Entity1, place}}
		for i, end := range ends {
			if i == 0 && m.Entity1 != inv.Subject.Table || i == 1 && m.Entity2 != inv.Subject.Table || end.nav == "" {
				continue
			}
			for ids := range slices.Chunk(inv.Persons, environment.MaxIDs) {
				all = append(all, end)
				qs = append(qs, dataverse.Query{Table: m.Intersect, Set: inv.Tables.Summary(m.Intersect).EntitySet, Select: []string{end.own, end.other}, Filter: environment.IDFilter(end.own, personIDs(ids))})
			}
		}
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, rows := range answers {
		for _, row := range rows {
			if p := inv.byID[row.ID(all[i].own)]; p != nil {
				p.Associated = append(p.Associated, Association{all[i].nav, all[i].place, environment.Ref{Table: all[i].table, ID: row.ID(all[i].other)}})
			}
		}
	}
	for _, p := range inv.Persons {
		slices.SortFunc(p.Associated, func(a, b Association) int {
			return environment.CompareStrings(a.Nav, b.Nav, a.ID.String(), b.ID.String())
		})
	}
	return nil
}
