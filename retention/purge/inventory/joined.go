package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/purge/environment"
)

// spareSharedValues keeps the rows that somebody else needs who has the same value: a row that is joined by a value, such as the
// consent of an address, is as much theirs as the purged person's. They are found by the identity, and by every rule and
// ground of any subject table that joins the same column.
func (inv *List) spareSharedValues(ctx context.Context) error {
	all, qs, err := inv.othersWithTheValues(ctx, inv.joinedByValue())
	if len(qs) == 0 || err != nil {
		return err
	}
	answers, err := inv.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	others := make(map[string][]uuid.UUID)
	theirs := make(map[environment.Ref][]*Item)
	for i, answer := range answers {
		a := all[i]
		for _, row := range answer {
			who := environment.Ref{Table: a.subject.Table, ID: row.ID(a.subject.PrimaryID)}
			if inv.byID[who.ID] != nil {
				continue
			}
			for _, c := range a.link.Columns {
				if shared := a.rows[environment.Fold(row.Text(c))]; len(shared) > 0 {
					if theirs[who] == nil {
						others[who.Table] = append(others[who.Table], who.ID)
					}
					theirs[who] = append(theirs[who], shared...)
				}
			}
		}
	}
	if len(others) == 0 {
		return nil
	}
	justified, err := inv.judged(ctx, others)
	if err != nil {
		return err
	}
	for who, shared := range theirs {
		for _, it := range shared {
			if justified.neededBy(inv.evenIfJustified(it))(who) {
				it.keep()
				it.lead(foundDirect)
			}
		}
	}
	return nil
}

// valueSource is a column by which rows of a table are joined to persons.
type valueSource struct {
	table string
	value compile.Field
}

// joinedByValue are the rows that only a value joins to the persons, by where the value stands and by the value.
func (inv *List) joinedByValue() map[valueSource]map[string][]*Item {
	rows := make(map[valueSource]map[string][]*Item)
	for _, r := range slices.SortedFunc(maps.Keys(inv.Items), environment.Ref.Compare) {
		it := inv.Items[r]
		if it.Found == foundByID || len(it.Held) > 0 || it.Fate == Keep {
			continue
		}
		for at, value := range it.joined {
			from := valueSource{it.Table, at}
			if rows[from] == nil {
				rows[from] = make(map[string][]*Item)
			}
			rows[from][environment.Fold(value)] = append(rows[from][environment.Fold(value)], it)
		}
	}
	return rows
}

// askedValues is a question for persons of a subject table who have one of the values of rows.
type askedValues struct {
	subject *compile.Subject
	link    compile.Link
	rows    map[string][]*Item
}

// othersWithTheValues are the queries for everybody who has one of the values, of any subject table that is joined by them.
func (inv *List) othersWithTheValues(ctx context.Context, rows map[valueSource]map[string][]*Item) (all []askedValues, qs []dataverse.Query, err error) {
	for _, from := range slices.SortedFunc(maps.Keys(rows), func(a, b valueSource) int {
		return environment.CompareStrings(a.table, b.table, string(a.value), string(b.value))
	}) {
		for i := range inv.Policy.Subjects {
			s := &inv.Policy.Subjects[i]
			link, ok := s.Joined(from.table, from.value)
			if !ok {
				continue
			}
			var values []string
			for _, v := range slices.Sorted(maps.Keys(rows[from])) {
				values = append(values, rows[from][v][0].joined[from.value])
			}
			for some := range slices.Chunk(values, max(environment.MaxIDs/len(link.Columns), 1)) {
				var padding compile.Padding
				if link.Text {
					if padding, err = inv.Padding(ctx, s.Table, link.Columns, some); err != nil {
						return nil, nil, err
					}
				}
				all = append(all, askedValues{s, link, rows[from]})
				qs = append(qs, environment.Query(s.Sharing(link, some, padding)))
			}
		}
	}
	return all, qs, nil
}
