package inventory

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/purge/environment"
)

// A row with several lookups to persons is the row of each of them. While one is justified or held it stays, and the lookups
// of whoever is purged are emptied. One that may not be empty binds the person, whose row is then anonymised in place.

func (inv *List) personLookups(t *dataverse.Table) []string {
	return PersonLookups(t, inv.Tables.Persons)
}

// PersonLookups are a table's lookups to the tables of persons. A connection is nothing but the link between two, and goes
// with either.
func PersonLookups(t *dataverse.Table, persons map[string]bool) []string {
	if t.LogicalName == "connection" || personmap.Is(t.LogicalName, personmap.Part) {
		return nil
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		a := t.Attributes[name]
		if a.ForRead && (a.Type == "Lookup" || a.Type == "Customer") && slices.ContainsFunc(a.Targets, func(to string) bool { return persons[to] }) {
			out = append(out, name)
		}
	}
	return out
}

// leadsTo are the persons to whom the lookups of a row lead.
func (inv *List) leadsTo(it *Item) []environment.Ref {
	var out []environment.Ref
	for _, name := range inv.personLookups(it.Def) {
		if id := it.Row.ID(name); id != uuid.Nil {
			out = append(out, environment.Ref{Table: it.Row.Target(name), ID: id})
		}
	}
	return out
}

// Emptied is what clears the lookups to a person of a row that stays without them, and the lookups that may not be empty.
// Where the service follows the parties of an activity with a lookup, it is not written.
func (inv *List) Emptied(it *Item, who uuid.UUID) (body map[string]any, bound []string) {
	body = make(map[string]any)
	for _, name := range inv.personLookups(it.Def) {
		if it.Row.ID(name) != who {
			continue
		}
		a := it.Def.Attributes[name]
		nav := environment.LookupNav(it.Def, name, it.Row.Target(name))
		switch {
		case nav != "" && personmap.Freeable(it.Table, a):
			body[nav+"@odata.bind"] = nil
		case !it.Def.Activity || a.ForUpdate:
			bound = append(bound, name)
		}
	}
	return body, bound
}
