package environment

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// Leads are the persons to whom a row leads: by its own lookups, as parties, by what related rules say, and over what the row is
// part of, a note of an order over the order.
type Leads struct {
	Persons []Ref // rows of the tables of persons
	// Company are persons of a company that the row is part of: with most of what is said there they have nothing to do.
	Company []Ref
	Wholes  []Ref // what the row is part of, however far up
	// Unseen tells that something the row is part of could not be read: nobody knows to whom it leads.
	Unseen bool
}

// maxWholes is how far up it is asked what a row is part of.
const maxWholes = 6

// Leads finds to whom some rows lead.
func (t *Tables) Leads(ctx context.Context, from Reader, rows []Ref) (map[Ref]*Leads, error) {
	l := &leading{Tables: t, from: from, out: make(map[Ref]*Leads, len(rows)), roots: make(map[Ref][]Ref)}
	for _, r := range rows {
		l.out[r] = &Leads{}
		l.roots[r] = with(l.roots[r], r)
	}
	for open, level := rows, 0; len(open) > 0; level++ {
		next, err := l.step(ctx, open)
		if err != nil {
			return nil, err
		}
		if level == maxWholes && len(next) > 0 {
			for _, r := range next {
				l.unseen(r)
			}
			break
		}
		open = next
	}
	return l.out, nil
}

type leading struct {
	*Tables
	from  Reader
	out   map[Ref]*Leads
	roots map[Ref][]Ref // of which rows a row is a whole, or itself
}

func (l *leading) person(at, who Ref) {
	for _, root := range l.roots[at] {
		if personmap.Is(at.Table, personmap.Company) && at != root {
			l.out[root].Company = with(l.out[root].Company, who)
		} else {
			l.out[root].Persons = with(l.out[root].Persons, who)
		}
	}
}

func (l *leading) unseen(at Ref) {
	for _, root := range l.roots[at] {
		l.out[root].Unseen = true
	}
}

// step reads to whom some rows lead, and answers what they are part of.
func (l *leading) step(ctx context.Context, rows []Ref) ([]Ref, error) {
	set := make(map[Ref]bool, len(rows))
	for _, r := range rows {
		set[r] = true
	}
	var next []Ref
	tables := ByTable(set)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		ids := tables[table]
		if l.Persons[table] {
			for _, id := range ids {
				l.person(Ref{table, id}, Ref{table, id})
			}
			continue
		}
		def, err := l.Table(ctx, table)
		if err != nil {
			return nil, err
		}
		more, err := l.lookups(ctx, def, ids)
		if err != nil {
			return nil, err
		}
		next = append(next, more...)
		if err := l.parties(ctx, def, ids); err != nil {
			return nil, err
		}
		if err := l.rules(ctx, table, ids); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// lookups follows the lookups of rows to persons, and to what they are part of.
func (l *leading) lookups(ctx context.Context, def *dataverse.Table, ids []uuid.UUID) (next []Ref, err error) {
	cols := []string{def.PrimaryID}
	wholes := make(map[string]bool) // columns
	for _, over := range compile.PartOf(def) {
		wholes[over.ReferencingAttribute] = true
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(def.Attributes)) {
		a := def.Attributes[name]
		if !a.ForRead || a.Type != "Lookup" && a.Type != "Customer" {
			continue
		}
		if wholes[name] || slices.ContainsFunc(a.Targets, func(to string) bool { return l.Persons[to] }) {
			cols, names = append(cols, "_"+name+"_value"), append(names, name)
		}
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, MaxIDs) {
		qs = append(qs, dataverse.Query{Table: def.LogicalName, Set: def.EntitySet, Select: cols, Filter: IDFilter(def.PrimaryID, some), Annotations: true})
	}
	answers, err := l.from.Queries(ctx, qs)
	if err != nil && !forbidden(err) {
		return nil, err
	}
	seen := make(map[uuid.UUID]bool)
	for _, row := range slices.Concat(answers...) {
		at := Ref{def.LogicalName, row.ID(def.PrimaryID)}
		seen[at.ID] = true
		for _, name := range names {
			to := Ref{row.Target(name), row.ID(name)}
			switch {
			case to.ID == uuid.Nil:
			case l.Persons[to.Table]:
				l.person(at, to)
			case to.Table == "" || wholes[name] && !l.Exists(to.Table):
				l.unseen(at)
			case wholes[name]:
				next = append(next, l.whole(at, to)...)
			}
		}
	}
	for _, id := range ids {
		if !seen[id] {
			l.unseen(Ref{def.LogicalName, id})
		}
	}
	return next, nil
}

// whole notes what a row is part of, and answers it unless it was asked for already.
func (l *leading) whole(part, of Ref) []Ref {
	fresh := l.roots[of] == nil
	for _, root := range l.roots[part] {
		if root == of || slices.Contains(l.roots[of], root) {
			continue
		}
		l.roots[of] = append(l.roots[of], root)
		l.out[root].Wholes = append(l.out[root].Wholes, of)
		if !fresh { // asked for another row in this step or before: ask once more, for this one
			fresh = true
		}
	}
	if !fresh {
		return nil
	}
	return []Ref{of}
}

// parties finds who takes part in activities.
func (l *leading) parties(ctx context.Context, def *dataverse.Table, ids []uuid.UUID) error {
	if !def.Activity {
		return nil
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, MaxIDs) {
		qs = append(qs, dataverse.Query{Table: "activityparty", Select: []string{"activitypartyid", "_activityid_value", "_partyid_value"}, Filter: IDFilter("_activityid_value", some), Annotations: true})
	}
	answers, err := l.from.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(answers...) {
		if who := (Ref{row.Target("partyid"), row.ID("partyid")}); l.Persons[who.Table] {
			l.person(Ref{def.LogicalName, row.ID("activityid")}, who)
		}
	}
	return nil
}

// rules follows what the related rules of all subjects say of rows of a table: over other rows, as the row behind a person's own
// lookup, and by values.
func (l *leading) rules(ctx context.Context, table string, ids []uuid.UUID) error {
	var qs []dataverse.Query
	var take []func(dataverse.Row)
	values := make(map[joinedBy]map[string][]Ref)
	texts := make(map[joinedBy][]string)
	for i := range l.Policy.Subjects {
		s := &l.Policy.Subjects[i]
		for j := range s.Related {
			rule := &s.Related[j]
			if rule.Table != table || rule.Do == policy.Leave {
				continue
			}
			for some := range slices.Chunk(ids, MaxIDs) {
				if rule.Behind != "" {
					qs = append(qs, dataverse.Query{Table: s.Table, Set: s.EntitySet, Select: []string{s.PrimaryID, rule.Behind}, Filter: IDFilter(rule.Behind, some)})
					take = append(take, func(row dataverse.Row) {
						l.person(Ref{table, row.ID(rule.Behind)}, Ref{s.Table, row.ID(s.PrimaryID)})
					})
					continue
				}
				read := rule.Leading(some)
				qs = append(qs, Query(read))
				take = append(take, func(row dataverse.Row) {
					at := Ref{table, FieldID(row, read.ID)}
					for _, f := range rule.Person.Fields {
						if id := FieldID(row, f); id != uuid.Nil {
							l.person(at, Ref{s.Table, id})
						}
					}
					if text := strings.TrimSpace(FieldText(row, rule.Person.Value)); rule.Person.ByValue() && text != "" {
						by := joinedBy{s.Table, rule.Person.Value}
						if values[by] == nil {
							values[by] = make(map[string][]Ref)
						}
						if values[by][Fold(text)] == nil {
							texts[by] = append(texts[by], text)
						}
						values[by][Fold(text)] = with(values[by][Fold(text)], at)
					}
				})
			}
		}
	}
	answers, err := l.from.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, answer := range answers {
		for _, row := range answer {
			take[i](row)
		}
	}
	return l.sharing(ctx, table, values, texts)
}

// joinedBy is a field of a table's rows by whose value they lead to persons of a subject.
type joinedBy struct {
	subject string
	value   compile.Field
}

// sharing finds the persons who have the values of rows.
func (l *leading) sharing(ctx context.Context, table string, values map[joinedBy]map[string][]Ref, texts map[joinedBy][]string) error {
	for _, by := range slices.SortedFunc(maps.Keys(values), func(a, b joinedBy) int {
		return CompareStrings(a.subject, b.subject, string(a.value), string(b.value))
	}) {
		s := l.Policy.Subject(by.subject)
		link, ok := s.Joined(table, by.value)
		if !ok {
			continue
		}
		var qs []dataverse.Query
		for some := range slices.Chunk(texts[by], max(MaxIDs/len(link.Columns), 1)) {
			var padding compile.Padding
			if link.Text {
				var err error
				if padding, err = l.Padding(ctx, s.Table, link.Columns, some); err != nil {
					return err
				}
			}
			qs = append(qs, Query(s.Sharing(link, some, padding)))
		}
		answers, err := l.from.Queries(ctx, qs)
		if err != nil {
			return err
		}
		for _, row := range slices.Concat(answers...) {
			who := Ref{s.Table, row.ID(s.PrimaryID)}
			for _, c := range link.Columns {
				for _, at := range values[by][Fold(row.Text(c))] {
					l.person(at, who)
				}
			}
		}
	}
	return nil
}

// forbidden tells whether the service would not answer: the user may not read the table.
func forbidden(err error) bool {
	var e *dataverse.Error
	return errors.As(err, &e) && e.Status == http.StatusForbidden
}
