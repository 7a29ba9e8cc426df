package search

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge/environment"
)

// expectedGone are the rows that should be gone, and whose they were.
func expectedGone(done []Purged) map[environment.Ref]ledger.Key {
	gone := make(map[environment.Ref]ledger.Key)
	for i := range done {
		p := &done[i]
		for _, g := range p.Gone {
			gone[g] = p.key()
		}
		if !p.Stands {
			gone[p.Ref] = p.key()
		}
	}
	return gone
}

// goneRows looks whether the rows that should be gone are gone.
func (s *Searcher) goneRows(ctx context.Context, done []Purged) error {
	gone := expectedGone(done)
	tables := environment.ByTable(gone)
	var of []*dataverse.Table
	var qs []dataverse.Query
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		t, err := s.Tables.Table(ctx, table)
		if errors.Is(err, dataverse.ErrNoTable) {
			continue // it has gone meanwhile, and its rows with it
		}
		if err != nil {
			return err
		}
		for ids := range slices.Chunk(tables[table], environment.MaxIDs) {
			of = append(of, t)
			qs = append(qs, dataverse.Query{Table: table, Select: []string{t.PrimaryID}, Filter: environment.IDFilter(t.PrimaryID, ids)})
		}
	}
	answers, err := s.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for i, rows := range answers {
		for _, row := range rows {
			r := environment.Ref{Table: of[i].LogicalName, ID: row.ID(of[i].PrimaryID)}
			s.Residue(Finding{Person: gone[r], Where: "row", Table: r.Table, ID: r.ID})
		}
	}
	return nil
}

// anonymousRows reads the rows that stay, all that the service tells of them: a locked column is silently left unchanged
// by an update, and one that no update was sent for is unchanged as well.
func (s *Searcher) anonymousRows(ctx context.Context, subject *compile.Subject, t *dataverse.Table, traces *traces, done []Purged) error {
	stay := make(map[uuid.UUID]*Purged)
	var ids []uuid.UUID
	for i := range done {
		if p := &done[i]; p.Stands {
			stay[p.ID], ids = p, append(ids, p.ID)
		}
	}
	if len(stay) == 0 {
		return nil
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, environment.MaxIDs) {
		qs = append(qs, dataverse.Query{Table: subject.Table, Filter: environment.IDFilter(subject.PrimaryID, some)})
	}
	answers, err := s.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	rows := make(map[uuid.UUID]dataverse.Row)
	for _, row := range slices.Concat(answers...) {
		rows[row.ID(subject.PrimaryID)] = row
	}
	rule := s.personRule(subject, t)
	for _, id := range ids {
		p, row := stay[id], rows[id]
		if row == nil {
			continue
		}
		rule.tells = func(text string) bool { return traces.tells(text, p.key()) }
		left := rule.columns(id, row)
		f := Finding{Person: p.key(), Where: "column", Table: p.Table, ID: id, Count: len(left)}
		switch {
		case len(left) == 0:
		case Retyped(subject, t, left, p.Before, row) && WrittenSince(row, s.Actor, p.Actors):
			f.Where = "refilled"
			s.Mention(f)
		default:
			s.Residue(f)
		}
	}
	return s.hidden(ctx, rule, nil)
}

// personRule is what must not be left in the row of a person that stays.
func (s *Searcher) personRule(subject *compile.Subject, t *dataverse.Table) residueRule {
	return residueRule{table: t, spared: slices.Concat(subject.Retain, environment.OwnColumns(subject.Own)), coarse: subject.Coarse, persons: s.Tables.Persons, values: true, fixed: true}
}

// binnedFull says of rows that could not be emptied until when the recycle bin keeps them: it is final when that gives them
// up.
func (s *Searcher) binnedFull(done []Purged) {
	for i := range done {
		for _, b := range done[i].Binned {
			days, _ := s.Tables.Settings.Binned(b.Table)
			s.Mention(Finding{Person: done[i].key(), Where: "bin-until", Table: b.Table, ID: b.ID, Count: days})
		}
	}
}

// inBin are the rows that the recycle bin may hold, but empty: with no text other than a placeholder.
func (s *Searcher) inBin(done []Purged) map[environment.Ref]ledger.Key {
	if !s.Tables.Settings.RecycleBin {
		return nil
	}
	gone := expectedGone(done)
	for i := range done {
		for _, b := range done[i].Binned { // said already
			delete(gone, b)
		}
	}
	return gone
}

// binned looks into the rows that the recycle bin keeps.
func (s *Searcher) binned(ctx context.Context, traces *traces, done []Purged) error {
	gone := s.inBin(done)
	tables := environment.ByTable(gone)
	var rules []*residueRule
	var qs []dataverse.Query
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		if !s.Tables.Binned(table) {
			continue
		}
		t, err := s.Tables.Table(ctx, table)
		if errors.Is(err, dataverse.ErrNoTable) {
			continue // it has gone meanwhile, and its rows with it
		}
		if err != nil {
			return err
		}
		rule := &residueRule{table: t}
		if subject := s.Policy.Subject(table); subject != nil {
			rule.fixed, rule.spared = true, environment.OwnColumns(subject.Own)
		}
		for some := range slices.Chunk(tables[table], environment.MaxIDs) {
			rules = append(rules, rule)
			qs = append(qs, dataverse.Query{Table: table, FetchXML: binFetch(t, some)})
		}
	}
	read := make(map[*residueRule]bool)
	err := s.Reader.Each(ctx, qs, func(i int, row dataverse.Row) bool {
		rule := rules[i]
		read[rule] = true
		id := row.ID(rule.table.PrimaryID)
		who := gone[environment.Ref{Table: rule.table.LogicalName, ID: id}]
		if traces != nil {
			rule.tells = func(text string) bool { return traces.tells(text, who) }
		}
		if n := len(rule.columns(id, row)); n > 0 {
			s.Residue(Finding{Person: who, Where: "bin", Table: rule.table.LogicalName, ID: id, Count: n})
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, rule := range slices.Compact(rules) {
		if read[rule] {
			if err := s.hidden(ctx, *rule, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// deletedNames looks for the names of deleted rows that the recycle bin keeps beside them.
func (s *Searcher) deletedNames(ctx context.Context, subject *compile.Subject, done []Purged) error {
	gone := s.inBin(done)
	if !s.Tables.Exists("deleteditemreference") {
		return nil
	}
	names := make(map[ledger.Key]string) // what a row that cannot be emptied must not be called
	for i := range done {
		names[done[i].key()] = environment.Fold(done[i].Before.Text(subject.PrimaryName))
	}
	all := slices.SortedFunc(maps.Keys(gone), environment.Ref.Compare)
	who := make(map[uuid.UUID]environment.Ref)
	var qs []dataverse.Query
	for some := range slices.Chunk(all, environment.MaxIDs) {
		ids := make([]uuid.UUID, len(some))
		for i, g := range some {
			ids[i], who[g.ID] = g.ID, g
		}
		qs = append(qs, dataverse.Query{Table: "deleteditemreference", Select: []string{"deleteditemreferenceid", "name", "_deletedobject_value"}, Filter: environment.IDFilter("_deletedobject_value", ids)})
	}
	answers, err := s.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(answers...) {
		g := who[row.ID("deletedobject")]
		t, err := s.Tables.Table(ctx, g.Table)
		if errors.Is(err, dataverse.ErrNoTable) {
			continue
		}
		if err != nil {
			return err
		}
		name := row.Text("name")
		primary := t.Attributes[t.PrimaryName]
		emptied := s.Policy.Subject(g.Table) != nil || primary != nil && primary.ForUpdate
		if name == "" || strings.Contains(name, "purged") || !emptied && environment.Fold(name) != names[gone[g]] {
			continue // a connection may well be named after the company that it leads to
		}
		s.Residue(Finding{Person: gone[g], Where: "deleted-name", Table: g.Table, ID: g.ID})
	}
	return nil
}

func binFetch(t *dataverse.Table, ids []uuid.UUID) string {
	var b strings.Builder
	b.WriteString(`<fetch datasource="bin"><entity name="` + t.LogicalName + `"><all-attributes/>`)
	b.WriteString(`<filter><condition attribute="` + t.PrimaryID + `" operator="in">`)
	for _, id := range ids {
		b.WriteString("<value>" + id.String() + "</value>")
	}
	b.WriteString(`</condition></filter></entity></fetch>`)
	return b.String()
}

// auditHistory counts audit history that is there all the same. Dataverse writes it with a delay, so it does not stop
// the run: the next one looks again.
func (s *Searcher) auditHistory(ctx context.Context, done []Purged) error {
	if !s.Tables.Settings.Audited {
		return nil
	}
	touched := make(map[environment.Ref]ledger.Key)
	for i := range done {
		for table, ids := range done[i].Touched {
			for _, id := range ids {
				touched[environment.Ref{Table: table, ID: id}] = done[i].key()
			}
		}
	}
	owner := make(map[uuid.UUID]environment.Ref)
	var ids []uuid.UUID
	for _, t := range slices.SortedFunc(maps.Keys(touched), environment.Ref.Compare) {
		owner[t.ID] = t
		ids = append(ids, t.ID)
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, environment.MaxIDs) {
		qs = append(qs, environment.History(some))
	}
	answers, err := s.Reader.Queries(ctx, qs)
	if err != nil {
		return err
	}
	count := make(map[environment.Ref]int)
	for _, row := range slices.Concat(answers...) {
		count[owner[row.ID("objectid")]]++
	}
	for _, t := range slices.SortedFunc(maps.Keys(count), environment.Ref.Compare) {
		s.Mention(Finding{Person: touched[t], Where: "audit", Table: t.Table, ID: t.ID, Count: count[t]})
	}
	return nil
}
