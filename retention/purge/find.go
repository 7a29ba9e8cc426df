package purge

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/google/uuid"
)

// findByRules finds the rows that the policy's rules lead to.
func (inv *inventory) findByRules(ctx context.Context) error {
	type asked struct {
		rule  int
		qs    dataverse.Query
		read  retention.Read
		byVal map[string][]*person
	}
	var all []asked
	for ids := range slices.Chunk(inv.persons, maxIDs) {
		for i := range inv.subject.Related {
			rule := &inv.subject.Related[i]
			if rule.Table == retention.AnyTable {
				continue
			}
			a := asked{rule: i}
			var read retention.Read
			if rule.Person.ByValue() {
				a.byVal = make(map[string][]*person)
				var values []string
				for _, p := range ids {
					for _, c := range rule.Person.Columns {
						if v := p.row.Text(c); fold(v) != "" {
							if a.byVal[fold(v)] == nil {
								values = append(values, strings.TrimSpace(v))
							}
							a.byVal[fold(v)] = append(a.byVal[fold(v)], p)
						}
					}
				}
				if len(values) == 0 {
					continue
				}
				read = rule.Reading(nil, values)
			} else {
				read = rule.Reading(personIDs(ids), nil)
			}
			a.read, a.qs = read, query(read)
			all = append(all, a)
		}
	}
	qs := make([]dataverse.Query, len(all))
	for i := range all {
		qs[i] = all[i].qs
	}
	answers, err := inv.reader.queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, rows := range answers {
		a := all[i]
		rule := &inv.subject.Related[a.rule]
		for _, row := range rows {
			id := fieldID(row, a.read.ID)
			if id == uuid.Nil {
				continue
			}
			var owners []*person
			if rule.Person.ByValue() {
				owners = a.byVal[fold(fieldText(row, rule.Person.Value))]
			} else {
				for _, f := range rule.Person.Fields {
					if p := inv.byID[fieldID(row, f)]; p != nil {
						owners = append(owners, p)
					}
				}
			}
			for _, p := range owners {
				if p.id == id { // a rule on the subject table itself may lead back to the person
					continue
				}
				it := inv.add(ref{rule.Table, id}, a.rule, p)
				if !rule.Person.ByValue() {
					it.lead(foundByID)
					continue
				}
				if it.joined == nil {
					it.joined = make(map[retention.Field]string)
				}
				it.joined[rule.Person.Value] = strings.TrimSpace(fieldText(row, rule.Person.Value))
			}
		}
	}
	return nil
}

func personIDs(ps []*person) []uuid.UUID {
	ids := make([]uuid.UUID, len(ps))
	for i, p := range ps {
		ids[i] = p.id
	}
	return ids
}

// add puts a row on the list. The first rule that leads to it decides.
func (inv *inventory) add(r ref, rule int, owner *person) *item {
	it := inv.items[r]
	if it == nil {
		it = &item{ref: r, rule: rule}
		inv.items[r] = it
	}
	it.rule = min(it.rule, rule)
	it.lead(foundDirect)
	if rule != noRule {
		it.lead(foundByValue)
	}
	if !slices.Contains(it.owners, owner) {
		it.owners = append(it.owners, owner)
	}
	return it
}

// findByDelete finds the rows that a delete of the persons would take along, or be refused because of.
func (inv *inventory) findByDelete(ctx context.Context) ([]*item, error) {
	var refs []ref
	for _, p := range inv.persons {
		refs = append(refs, p.ref)
	}
	return inv.children(ctx, refs)
}

// findUnderDeleted finds the rows that hang on rows that are to be deleted, level by level.
func (inv *inventory) findUnderDeleted(ctx context.Context) error {
	asked := make(map[ref]bool)
	for {
		var parents []ref
		for _, r := range slices.SortedFunc(maps.Keys(inv.items), ref.compare) {
			it := inv.items[r]
			inv.decide(it)
			if it.fate == fateDelete && !asked[r] && !withPerson[r.table] {
				asked[r] = true
				parents = append(parents, r)
			}
		}
		if len(parents) == 0 {
			return nil
		}
		fresh, err := inv.children(ctx, parents)
		if err != nil {
			return err
		}
		if err := inv.judge(ctx, fresh); err != nil {
			return err
		}
	}
}

// children lists the rows that a delete of the parents would reach, and answers those for which there is no rule yet.
func (inv *inventory) children(ctx context.Context, parents []ref) ([]*item, error) {
	type asked struct {
		over    reach
		parents []uuid.UUID
		rule    int
	}
	byTable := make(map[string][]uuid.UUID)
	for _, r := range parents {
		byTable[r.table] = append(byTable[r.table], r.id)
	}
	var all []asked
	var qs []dataverse.Query
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		over, err := inv.reaches(ctx, table)
		if err != nil {
			return nil, err
		}
		for _, r := range over {
			for ids := range slices.Chunk(byTable[table], maxIDs) {
				all = append(all, asked{r, ids, noRule})
				qs = append(qs, dataverse.Query{Table: r.Referencing, Set: r.child.EntitySet, Select: []string{r.child.PrimaryID, r.wire}, Filter: idFilter(r.wire, ids)})
			}
		}
	}
	answers, err := inv.reader.queries(ctx, qs)
	if err != nil {
		return nil, err
	}
	var fresh []*item
	for i, rows := range answers {
		over := all[i].over
		for _, row := range rows {
			parent := ref{over.Referenced, row.ID(over.wire)}
			r := ref{over.Referencing, row.ID(over.child.PrimaryID)}
			it := inv.items[r]
			if p := inv.byID[r.id]; p != nil {
				continue // another person of the chunk, who is purged in their own right
			}
			if it == nil {
				// One that was left for later is part of what goes now, so it comes with it.
				if it = inv.listed[r]; it == nil {
					it = &item{ref: r, rule: noRule}
				}
				if it.rule == noRule {
					fresh = append(fresh, it)
				}
				delete(inv.listed, r)
				inv.items[r] = it
			}
			for _, owner := range inv.ownersOf(parent) {
				if !slices.Contains(it.owners, owner) {
					it.owners = append(it.owners, owner)
				}
			}
			it.held = append(it.held, attachment{parent, over})
			if inv.byID[parent.id] != nil {
				it.lead(foundDirect)
			}
		}
	}
	return fresh, nil
}

func (inv *inventory) ownersOf(r ref) []*person {
	if p := inv.byID[r.id]; p != nil && p.ref == r {
		return []*person{p}
	}
	if it := inv.items[r]; it != nil {
		return it.owners
	}
	return nil
}
