package search

import (
	"context"
	"maps"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/purge/environment"
)

// keptRows reads what stays by the rules, as far as it still tells who it was.
func (s *Searcher) keptRows(ctx context.Context, of *traces, done []Purged, mention func(Finding)) error {
	owners := make(map[environment.Ref][]ledger.Key)
	for i := range done {
		p := &done[i]
		who := p.key()
		n := 0
		for _, table := range slices.Sorted(maps.Keys(p.Kept)) {
			for _, id := range p.Kept[table] {
				if n++; n <= maxKept {
					owners[environment.Ref{Table: table, ID: id}] = with(owners[environment.Ref{Table: table, ID: id}], who)
				}
			}
		}
		for _, a := range p.Off { // the person is off it, and its text stays
			owners[a] = with(owners[a], who)
		}
		if n > maxKept {
			mention(Finding{Person: who, Where: "kept-unread", Table: p.Table, ID: p.ID, Count: n - maxKept})
		}
	}
	return s.tell(ctx, of, owners, mention)
}

// tell reads rows and counts the columns that still tell whose they were: by name, by address, by number.
func (s *Searcher) tell(ctx context.Context, of *traces, owners map[environment.Ref][]ledger.Key, mention func(Finding)) error {
	tables := environment.ByTable(owners)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		t, err := s.Tables.Table(ctx, table)
		if err != nil {
			return err
		}
		size := environment.MaxIDs
		columns := textColumns(t, func(a *dataverse.Attribute) bool {
			if a.MaxLength >= environment.LargeText {
				if table != "email" || a.LogicalName != "description" {
					return false // documents: bodies of attachments
				}
				size = maxBodies
			}
			return true
		})
		phones := phoneColumns(t)
		for group := range slices.Chunk(tables[table], size) {
			// One query a request: bodies can be long.
			q := dataverse.Query{Table: table, Select: append([]string{t.PrimaryID}, columns...), Filter: environment.IDFilter(t.PrimaryID, group)}
			for row, err := range s.Client.Rows(ctx, q) {
				if err != nil {
					return err
				}
				id := row.ID(t.PrimaryID)
				for _, who := range owners[environment.Ref{Table: table, ID: id}] {
					for where, n := range of.in(row, columns, phones, who) {
						mention(Finding{Person: who, Where: where, Table: table, ID: id, Count: n})
					}
				}
			}
		}
	}
	return nil
}

// mostSteps is how far it is followed what hangs on a row.
const mostSteps = 6

// under looks into what hangs on rows that an address or a number was found in: nothing else leads to those rows, so no purge has
// come to them.
func (s *Searcher) under(ctx context.Context, of *traces, found map[environment.Ref][]ledger.Key, mention func(Finding)) error {
	return s.below(ctx, of, found, mostSteps, mention, func(names []string) (map[string][]environment.Reach, error) {
		_, parts, err := s.Tables.Hanging(ctx, s.Reader, nil, names)
		return parts, err
	})
}

// atCompanies looks into what hangs on companies that led to the purged persons and stay, whose main contact somebody was. Most of what is
// said there is about others: one step far, and a last name alone tells nothing.
func (s *Searcher) atCompanies(ctx context.Context, of *traces, done []Purged, mention func(Finding)) error {
	led := make(map[environment.Ref][]ledger.Key)
	for i := range done {
		for _, table := range personmap.Tables(personmap.Company) {
			if s.Tables.Persons[table] {
				continue // a person of its own, and so is what hangs on it
			}
			for _, id := range done[i].Kept[table] {
				at := environment.Ref{Table: table, ID: id}
				led[at] = with(led[at], done[i].key())
			}
		}
	}
	whole := *of
	whole.surnames = nil
	return s.below(ctx, &whole, led, 1, mention, func(names []string) (map[string][]environment.Reach, error) {
		return s.Tables.AtCompanies(ctx, s.Reader, names)
	})
}

// below looks into what hangs on rows, some steps far.
func (s *Searcher) below(ctx context.Context, of *traces, found map[environment.Ref][]ledger.Key, steps int, mention func(Finding), hanging func(names []string) (map[string][]environment.Reach, error)) error {
	known := maps.Clone(found)
	rows := make(map[ledger.Key]int)
	for step := 0; step < steps && len(found) > 0; step++ {
		tables := environment.ByTable(found)
		names := slices.Sorted(maps.Keys(tables))
		parts, err := hanging(names)
		if err != nil {
			return err
		}
		var over []environment.Reach
		var qs []dataverse.Query
		for _, name := range names {
			for _, r := range parts[name] {
				for some := range slices.Chunk(tables[name], environment.MaxIDs) {
					over = append(over, r)
					qs = append(qs, dataverse.Query{Table: r.Referencing, Set: r.Child.EntitySet, Select: []string{r.Child.PrimaryID, r.Wire}, Filter: environment.IDFilter(r.Wire, some)})
				}
			}
		}
		answers, err := s.Reader.Queries(ctx, qs)
		if err != nil {
			return err
		}
		next := make(map[environment.Ref][]ledger.Key)
		for i, answer := range answers {
			for _, row := range answer {
				child := environment.Ref{Table: over[i].Referencing, ID: row.ID(over[i].Child.PrimaryID)}
				if known[child] != nil {
					continue
				}
				for _, who := range found[environment.Ref{Table: over[i].Referenced, ID: row.ID(over[i].Wire)}] {
					if rows[who]++; rows[who] <= maxKept {
						next[child] = with(next[child], who)
					}
				}
			}
		}
		if err := s.tell(ctx, of, next, mention); err != nil {
			return err
		}
		maps.Copy(known, next)
		found = next
	}
	for who, n := range rows {
		if n > maxKept {
			mention(Finding{Person: who, Where: "kept-unread", Table: who.Table, ID: who.ID, Count: n - maxKept})
		}
	}
	return nil
}
