package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// findByRules finds the rows that the policy's rules lead to.
func (inv *List) findByRules(ctx context.Context) error {
	type asked struct {
		rule  int
		qs    dataverse.Query
		read  compile.Read
		byVal map[string][]*Person
	}
	var all []asked
	for ids := range slices.Chunk(inv.Persons, environment.MaxIDs) {
		for i := range inv.Subject.Related {
			rule := &inv.Subject.Related[i]
			if rule.Table == policy.AnyTable || rule.Do == policy.Leave || rule.Behind != "" {
				continue
			}
			a := asked{rule: i}
			var read compile.Read
			if rule.Person.ByValue() {
				a.byVal = make(map[string][]*Person)
				var values []string
				for _, p := range ids {
					for _, c := range rule.Person.Columns {
						if v := p.Row.Text(c); environment.Fold(v) != "" {
							if a.byVal[environment.Fold(v)] == nil {
								values = append(values, strings.TrimSpace(v))
							}
							a.byVal[environment.Fold(v)] = append(a.byVal[environment.Fold(v)], p)
						}
					}
				}
				if len(values) == 0 {
					continue
				}
				padding, err := inv.RulePadding(ctx, rule, values)
				if err != nil {
					return err
				}
				read = rule.Reading(nil, values, padding)
			} else {
				read = rule.Reading(personIDs(ids), nil, nil)
			}
			a.read, a.qs = read, environment.Query(read)
			all = append(all, a)
		}
	}
	qs := make([]dataverse.Query, len(all))
	for i := range all {
		qs[i] = all[i].qs
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, rows := range answers {
		a := all[i]
		rule := &inv.Subject.Related[a.rule]
		for _, row := range rows {
			id := environment.FieldID(row, a.read.ID)
			if id == uuid.Nil {
				continue
			}
			var owners []*Person
			if rule.Person.ByValue() {
				owners = a.byVal[environment.Fold(environment.FieldText(row, rule.Person.Value))]
			} else {
				for _, f := range rule.Person.Fields {
					if p := inv.byID[environment.FieldID(row, f)]; p != nil {
						owners = append(owners, p)
					}
				}
			}
			for _, p := range owners {
				if p.ID == id { // a rule on the subject table itself may lead back to the person
					continue
				}
				it := inv.add(environment.Ref{Table: rule.Table, ID: id}, a.rule, p)
				it.at(rule.Column())
				if !rule.Person.ByValue() {
					it.lead(foundByID)
					continue
				}
				if it.joined == nil {
					it.joined = make(map[compile.Field]string)
				}
				it.joined[rule.Person.Value] = strings.TrimSpace(environment.FieldText(row, rule.Person.Value))
			}
		}
	}
	return nil
}

// findMade lists the rows that gallra has made for the persons.
func (inv *List) findMade() {
	for _, p := range inv.Persons {
		for _, r := range p.Made {
			it := inv.add(r, NoRule, p)
			it.Fate, it.settled = Delete, true
			it.lead(foundByID)
		}
	}
}

func personIDs(ps []*Person) []uuid.UUID {
	ids := make([]uuid.UUID, len(ps))
	for i, p := range ps {
		ids[i] = p.ID
	}
	return ids
}

// add puts a row on the list. The first rule that leads to it decides.
func (inv *List) add(r environment.Ref, rule int, owner *Person) *Item {
	it := inv.Items[r]
	if it == nil {
		it = &Item{Ref: r, Rule: rule}
		inv.Items[r] = it
	}
	it.Rule = min(it.Rule, rule)
	it.lead(foundDirect)
	if rule != NoRule {
		it.lead(foundByValue)
	}
	if !slices.Contains(it.Owners, owner) {
		it.Owners = append(it.Owners, owner)
	}
	return it
}

// findByDelete finds the rows that a delete of the persons would take along, or be refused because of, in tables that matter.
func (inv *List) findByDelete(ctx context.Context, matters func(table string) bool) ([]*Item, error) {
	var refs []environment.Ref
	for _, p := range inv.Persons {
		refs = append(refs, p.Ref)
	}
	return inv.children(ctx, refs, matters)
}

// findUnder finds the rows that hang on others of the list, level by level: on rows that go, which take them along or leave them
// without their link, and on rows that stay, whose parts can tell who it was as well.
func (inv *List) findUnder(ctx context.Context) error {
	asked := make(map[environment.Ref]bool)
	for {
		var going, staying []environment.Ref
		for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
			it := inv.Items[r]
			inv.decide(it)
			switch {
			case asked[r], personmap.Is(r.Table, personmap.Part), inv.Tables.Persons[r.Table]:
				continue
			case it.Fate == Delete:
				going = append(going, r)
			default:
				staying = append(staying, r)
			}
			asked[r] = true
		}
		if len(going)+len(staying) == 0 {
			return nil
		}
		// Rows whose link to one that goes the service clears, and parts of rows that stay, are nobody's to delete: their text
		// is searched.
		unlinked, hanging, err := inv.Hanging(ctx, inv.Reader, tablesOf(going), tablesOf(staying))
		if err != nil {
			return err
		}
		var fresh, parts []*Item
		err = inv.together(ctx,
			func(ctx context.Context) (err error) {
				fresh, err = inv.children(ctx, going, func(string) bool { return true })
				return err
			},
			func(ctx context.Context) error {
				_, err := inv.pointing(ctx, going, func(table string) ([]environment.Reach, error) { return unlinked[table], nil })
				return err
			},
			func(ctx context.Context) (err error) {
				parts, err = inv.pointing(ctx, staying, func(table string) ([]environment.Reach, error) { return hanging[table], nil })
				return err
			})
		if err != nil {
			return err
		}
		if err := inv.judge(ctx, fresh); err != nil {
			return err
		}
		for _, it := range parts {
			if it.Fate == Undecided {
				it.Fate, it.settled = Keep, true
			}
		}
	}
}

// tablesOf are the tables of some rows, each once.
func tablesOf(rows []environment.Ref) []string {
	var out []string
	for _, r := range rows {
		if !slices.Contains(out, r.Table) {
			out = append(out, r.Table)
		}
	}
	return out
}

// children lists the rows that a delete of the parents would reach, and answers those for which there is no rule yet.
func (inv *List) children(ctx context.Context, parents []environment.Ref, matters func(table string) bool) ([]*Item, error) {
	return inv.pointing(ctx, parents, func(table string) ([]environment.Reach, error) {
		over, err := inv.Reaches(ctx, table)
		return slices.DeleteFunc(over, func(r environment.Reach) bool { return !matters(r.Referencing) }), err
	})
}

// pointing lists the rows that point at the parents over some lookups, and answers those for which there is no rule yet.
func (inv *List) pointing(ctx context.Context, parents []environment.Ref, lookups func(table string) ([]environment.Reach, error)) ([]*Item, error) {
	type asked struct {
		over    environment.Reach
		parents []uuid.UUID
		rule    int
	}
	byTable := make(map[string][]uuid.UUID)
	for _, r := range parents {
		byTable[r.Table] = append(byTable[r.Table], r.ID)
	}
	var all []asked
	var qs []dataverse.Query
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		over, err := lookups(table)
		if err != nil {
			return nil, err
		}
		for _, r := range over {
			for ids := range slices.Chunk(byTable[table], environment.MaxIDs) {
				all = append(all, asked{r, ids, NoRule})
				qs = append(qs, dataverse.Query{Table: r.Referencing, Set: r.Child.EntitySet, Select: []string{r.Child.PrimaryID, r.Wire}, Filter: environment.IDFilter(r.Wire, ids)})
			}
		}
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return nil, err
	}
	var fresh []*Item
	for i, rows := range answers {
		over := all[i].over
		for _, row := range rows {
			parent := environment.Ref{Table: over.Referenced, ID: row.ID(over.Wire)}
			r := environment.Ref{Table: over.Referencing, ID: row.ID(over.Child.PrimaryID)}
			it := inv.Items[r]
			if p := inv.byID[r.ID]; p != nil {
				continue // another person of the chunk, who is purged in their own right
			}
			if it == nil {
				// One that was left for later is part of what goes now, so it comes with it.
				if it = inv.listed[r]; it == nil {
					it = &Item{Ref: r, Rule: NoRule}
				}
				if it.Rule == NoRule {
					fresh = append(fresh, it)
				}
				delete(inv.listed, r)
				inv.Items[r] = it
			}
			for _, owner := range inv.ownersOf(parent) {
				if !slices.Contains(it.Owners, owner) {
					it.Owners = append(it.Owners, owner)
				}
			}
			it.Held = append(it.Held, attachment{parent, over})
			it.at(over.ReferencingAttribute)
			if inv.byID[parent.ID] != nil {
				it.lead(foundDirect)
			}
		}
	}
	return fresh, nil
}

func (inv *List) ownersOf(r environment.Ref) []*Person {
	if p := inv.byID[r.ID]; p != nil && p.Ref == r {
		return []*Person{p}
	}
	if it := inv.Items[r]; it != nil {
		return it.Owners
	}
	return nil
}
