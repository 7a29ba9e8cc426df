package purge

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

// spareSharedValues keeps the rows that somebody else needs who has the same value: a row that is joined by a value, such as the
// consent of an address, is as much theirs as it is the purged person's. Who they are tell the identity and every rule and
// ground, of any subject table, that joins the same column.
func (inv *inventory) spareSharedValues(ctx context.Context) error {
	type source struct {
		table string
		value retention.Field
	}
	rows := make(map[source]map[string][]*item) // by the value that they are joined by
	for _, r := range slices.SortedFunc(maps.Keys(inv.items), ref.compare) {
		it := inv.items[r]
		if it.found == foundByID || len(it.held) > 0 || it.fate == fateKeep {
			continue
		}
		for at, value := range it.joined {
			from := source{it.table, at}
			if rows[from] == nil {
				rows[from] = make(map[string][]*item)
			}
			rows[from][fold(value)] = append(rows[from][fold(value)], it)
		}
	}
	type asked struct {
		subject *retention.CheckedSubject
		link    retention.Link
		rows    map[string][]*item
	}
	var all []asked
	var qs []dataverse.Query
	for _, from := range slices.SortedFunc(maps.Keys(rows), func(a, b source) int {
		return compareStrings(a.table, b.table, string(a.value), string(b.value))
	}) {
		for i := range inv.policy.Subjects {
			s := &inv.policy.Subjects[i]
			link, ok := s.Joined(from.table, from.value)
			if !ok {
				continue
			}
			var values []string
			for _, v := range slices.Sorted(maps.Keys(rows[from])) {
				values = append(values, rows[from][v][0].joined[from.value])
			}
			for some := range slices.Chunk(values, max(maxIDs/len(link.Columns), 1)) {
				all = append(all, asked{s, link, rows[from]})
				qs = append(qs, query(s.Sharing(link, some)))
			}
		}
	}
	if len(qs) == 0 {
		return nil
	}
	answers, err := inv.reader.queries(ctx, qs)
	if err != nil {
		return err
	}
	others := make(map[string][]uuid.UUID)
	theirs := make(map[ref][]*item)
	for i, answer := range answers {
		a := all[i]
		for _, row := range answer {
			who := ref{a.subject.Table, row.ID(a.subject.PrimaryID)}
			if inv.byID[who.id] != nil {
				continue
			}
			for _, c := range a.link.Columns {
				if shared := a.rows[fold(row.Text(c))]; len(shared) > 0 {
					if theirs[who] == nil {
						others[who.table] = append(others[who.table], who.id)
					}
					theirs[who] = append(theirs[who], shared...)
				}
			}
		}
	}
	if len(others) == 0 {
		return nil
	}
	justified, err := inv.justify(ctx, others)
	if err != nil {
		return err
	}
	for who, shared := range theirs {
		for _, it := range shared {
			if justified.by[who] {
				it.keep()
				it.lead(foundDirect)
			}
		}
	}
	return nil
}
