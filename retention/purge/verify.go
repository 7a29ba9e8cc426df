package purge

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

func byTable[V any](rows map[ref]V) map[string][]uuid.UUID {
	out := make(map[string][]uuid.UUID)
	for _, r := range slices.SortedFunc(maps.Keys(rows), ref.compare) {
		out[r.table] = append(out[r.table], r.id)
	}
	return out
}

// expectedGone are the rows that should be gone, and whose they were.
func expectedGone(done []purged) map[ref]ledger.Key {
	gone := make(map[ref]ledger.Key)
	for i := range done {
		p := &done[i]
		for _, g := range p.gone {
			gone[g] = p.key()
		}
		if !p.stands {
			gone[p.ref] = p.key()
		}
	}
	return gone
}

// goneRows looks whether the rows that should be gone are gone.
func (s *searcher) goneRows(ctx context.Context, done []purged) error {
	gone := expectedGone(done)
	tables := byTable(gone)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		t, err := s.tables.table(ctx, table)
		if errors.Is(err, dataverse.ErrNoTable) {
			continue // it has gone meanwhile, and its rows with it
		}
		if err != nil {
			return err
		}
		var qs []dataverse.Query
		for ids := range slices.Chunk(tables[table], maxIDs) {
			qs = append(qs, dataverse.Query{Table: table, Select: []string{t.PrimaryID}, Filter: idFilter(t.PrimaryID, ids)})
		}
		answers, err := s.reader.queries(ctx, qs)
		if err != nil {
			return err
		}
		for _, row := range slices.Concat(answers...) {
			id := row.ID(t.PrimaryID)
			s.residue(Finding{Person: gone[ref{table, id}], Where: "row", Table: table, ID: id})
		}
	}
	return nil
}

// anonymousRows reads the rows that stay, all that the service tells of them: a locked column is silently left unchanged
// by an update, and one that no update was sent for is unchanged as well.
func (s *searcher) anonymousRows(ctx context.Context, subject *retention.CheckedSubject, t *dataverse.Table, traces *traces, done []purged) error {
	stay := make(map[uuid.UUID]*purged)
	var ids []uuid.UUID
	for i := range done {
		if p := &done[i]; p.stands {
			stay[p.id], ids = p, append(ids, p.id)
		}
	}
	if len(stay) == 0 {
		return nil
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, maxIDs) {
		qs = append(qs, dataverse.Query{Table: subject.Table, Filter: idFilter(subject.PrimaryID, some)})
	}
	answers, err := s.reader.queries(ctx, qs)
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
		f := Finding{Person: p.key(), Where: "column", Table: p.table, ID: id, Count: len(left)}
		switch {
		case len(left) == 0:
		case retyped(subject, t, left, p.before, row) && writtenSince(row, s.actor, p.actors):
			f.Where = "refilled"
			s.mention(f)
		default:
			s.residue(f)
		}
	}
	return s.hidden(ctx, t, rule.spared, nil)
}

// personRule is what must not be left in the row of a person that stays.
func (s *searcher) personRule(subject *retention.CheckedSubject, t *dataverse.Table) residueRule {
	return residueRule{table: t, spared: slices.Concat(subject.Retain, ownColumns(subject.Own)), persons: s.tables.persons, values: true, fixed: true}
}

// binnedFull says of rows that could not be emptied until when the recycle bin keeps them: it is final when that gives them
// up.
func (s *searcher) binnedFull(done []purged) {
	for i := range done {
		for _, b := range done[i].binned {
			days, _ := s.tables.settings.Binned(b.table)
			s.mention(Finding{Person: done[i].key(), Where: "bin-until", Table: b.table, ID: b.id, Count: days})
		}
	}
}

// recycleBin looks into the recycle bin. Rows may be in it, but empty: with no text other than a placeholder.
func (s *searcher) recycleBin(ctx context.Context, subject *retention.CheckedSubject, traces *traces, done []purged) error {
	if !s.tables.settings.RecycleBin {
		return nil
	}
	gone := expectedGone(done)
	for i := range done {
		for _, b := range done[i].binned { // said already
			delete(gone, b)
		}
	}
	tables := byTable(gone)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		if s.tables.binned(table) {
			if err := s.binned(ctx, table, tables[table], gone, traces); err != nil {
				return err
			}
		}
	}
	return s.deletedNames(ctx, subject, gone, done)
}

// binned looks into the rows of a table that the recycle bin keeps.
func (s *searcher) binned(ctx context.Context, table string, ids []uuid.UUID, gone map[ref]ledger.Key, traces *traces) error {
	t, err := s.tables.table(ctx, table)
	if errors.Is(err, dataverse.ErrNoTable) {
		return nil // it has gone meanwhile, and its rows with it
	}
	if err != nil {
		return err
	}
	rule := residueRule{table: t}
	if subject := s.policy.Subject(table); subject != nil {
		rule.fixed, rule.spared = true, ownColumns(subject.Own)
	}
	for some := range slices.Chunk(ids, maxIDs) {
		for row, err := range s.client.Rows(ctx, dataverse.Query{Table: table, FetchXML: binFetch(t, some)}) {
			if err != nil {
				return err
			}
			id := row.ID(t.PrimaryID)
			who := gone[ref{table, id}]
			rule.tells = func(text string) bool { return traces.tells(text, who) }
			if n := len(rule.columns(id, row)); n > 0 {
				s.residue(Finding{Person: who, Where: "bin", Table: table, ID: id, Count: n})
			}
		}
	}
	return nil
}

// deletedNames looks for the names of deleted rows that the recycle bin keeps beside them.
func (s *searcher) deletedNames(ctx context.Context, subject *retention.CheckedSubject, gone map[ref]ledger.Key, done []purged) error {
	if !s.tables.exists("deleteditemreference") {
		return nil
	}
	names := make(map[ledger.Key]string) // what a row that cannot be emptied must not be called
	for i := range done {
		names[done[i].key()] = fold(done[i].before.Text(subject.PrimaryName))
	}
	all := slices.SortedFunc(maps.Keys(gone), ref.compare)
	for some := range slices.Chunk(all, maxIDs) {
		ids := make([]uuid.UUID, len(some))
		who := make(map[uuid.UUID]ref)
		for i, g := range some {
			ids[i], who[g.id] = g.id, g
		}
		q := dataverse.Query{Table: "deleteditemreference", Select: []string{"deleteditemreferenceid", "name", "_deletedobject_value"}, Filter: idFilter("_deletedobject_value", ids)}
		for row, err := range s.client.Rows(ctx, q) {
			if err != nil {
				return err
			}
			g := who[row.ID("deletedobject")]
			t, err := s.tables.table(ctx, g.table)
			if errors.Is(err, dataverse.ErrNoTable) {
				continue
			}
			if err != nil {
				return err
			}
			name := row.Text("name")
			primary := t.Attributes[t.PrimaryName]
			emptied := s.policy.Subject(g.table) != nil || primary != nil && primary.ForUpdate
			if name == "" || strings.Contains(name, "purged") || !emptied && fold(name) != names[gone[g]] {
				continue // a connection may well be named after the company that it leads to
			}
			s.residue(Finding{Person: gone[g], Where: "deleted-name", Table: g.table, ID: g.id})
		}
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
func (s *searcher) auditHistory(ctx context.Context, done []purged) error {
	if !s.tables.settings.Audited {
		return nil
	}
	touched := make(map[ref]ledger.Key)
	for i := range done {
		for table, ids := range done[i].touched {
			for _, id := range ids {
				touched[ref{table, id}] = done[i].key()
			}
		}
	}
	owner := make(map[uuid.UUID]ref)
	var ids []uuid.UUID
	for _, t := range slices.SortedFunc(maps.Keys(touched), ref.compare) {
		owner[t.id] = t
		ids = append(ids, t.id)
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, maxIDs) {
		qs = append(qs, dataverse.Query{Table: "audit", Select: []string{"auditid", "_objectid_value"}, Filter: "(" + idFilter("_objectid_value", some) + ") and operation ne 4 and action ne 111"})
	}
	answers, err := s.reader.queries(ctx, qs)
	if err != nil {
		return err
	}
	count := make(map[ref]int)
	for _, row := range slices.Concat(answers...) {
		count[owner[row.ID("objectid")]]++
	}
	for _, t := range slices.SortedFunc(maps.Keys(count), ref.compare) {
		s.mention(Finding{Person: touched[t], Where: "audit", Table: t.table, ID: t.id, Count: count[t]})
	}
	return nil
}
