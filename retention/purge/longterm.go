package purge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// Long-term retention: a policy of the environment moves rows that are no longer worked with out of the tables. Nobody can
// change them any more, their lookups keep the names of that day, and only a bulk delete job takes them away. They are read
// by FetchXML, one table a query without joins, and an environment answers few such queries a day (30 by one page, 100 by
// another). So they are searched once a run, at its end, for everybody whom it has purged and those of the run before.
// Pages: data-retention-view, delete-data-bulk.

const (
	// maxRetainedQueries is how many queries of retained rows a run sends.
	maxRetainedQueries = 20
	// maxRetainedIDs is how many ids one such query names.
	maxRetainedIDs = 400
)

// retainedPlace is the place that is named where not all retained rows could be searched.
const retainedPlace = "Long-term retained rows"

// retained is a row in long-term retention that leads to a purged person.
type retained struct {
	ref
	row   dataverse.Row
	owner ref
	via   []string // the lookups that lead to the person; none: it is the person's own row
	mixed bool     // it leads to purged persons of several tables, whose rules may differ
}

// retainedSearch is the search of one run.
type retainedSearch struct {
	*searcher
	persons []ref                             // who was purged
	columns func(t *dataverse.Table) []string // of a retained row that are read beside its lookups
	queries int                               // that may still be sent
	found   map[ref]*retained
	onMail  map[uuid.UUID][]ref // by activity: who is a party of it
	lines   []retainedLine      // the party lines that lead to the purged
	skipped map[string]bool     // tables that were not, or not wholly, searched
}

// retainedLine is a party line in long-term retention.
type retainedLine struct {
	id    uuid.UUID
	owner ref
}

// retained looks for rows in long-term retention that lead to some persons.
func (s *searcher) retained(persons []ref, columns func(*dataverse.Table) []string) *retainedSearch {
	return &retainedSearch{searcher: s, persons: persons, columns: columns, queries: maxRetainedQueries, found: make(map[ref]*retained)}
}

// search searches some tables, activity parties first: they tell which activities somebody is on.
func (s *retainedSearch) search(ctx context.Context, tables []string) error {
	if slices.Contains(tables, "activityparty") {
		if err := s.parties(ctx); err != nil {
			return err
		}
	}
	for _, table := range tables {
		if table != "activityparty" {
			if err := s.table(ctx, table); err != nil {
				return err
			}
		}
	}
	return nil
}

// retainedTables are those of which there are retained rows and which can lead to a person.
func (s *retainedSearch) retainedTables(ctx context.Context) ([]string, error) {
	if !s.tables.exists("retentionoperationdetail") {
		return nil, nil
	}
	seen := make(map[string]bool)
	q := dataverse.Query{Table: "retentionoperationdetail", Select: []string{"retentionoperationdetailid", "entitylogicalname"}, Filter: "retentioncount gt 0"}
	for row, err := range s.client.Rows(ctx, q) {
		switch {
		case errors.Is(err, dataverse.ErrForbidden):
			s.unread(Place{retainedPlace, "They were not searched, because the user may not read what has been retained (retentionoperationdetail): give it that right, or look for the ids in the ledger with the filter Change to retained data and delete by a bulk delete job."})
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("read what has been retained: %w", err)
		}
		if name := row.Text("entitylogicalname"); s.tables.exists(name) {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

// parties finds the retained activities that purged persons are on.
func (s *retainedSearch) parties(ctx context.Context) error {
	s.onMail = make(map[uuid.UUID][]ref)
	t, err := s.tables.table(ctx, "activityparty")
	if err != nil {
		return err
	}
	who := s.byID()
	return s.each(ctx, t, []string{"partyid"}, map[string][]uuid.UUID{"partyid": s.ids(nil)}, []string{"activityid", "partyid"}, func(row dataverse.Row) {
		if p, ok := who[row.ID("partyid")]; ok {
			a := row.ID("activityid")
			s.onMail[a] = append(s.onMail[a], p)
			s.lines = append(s.lines, retainedLine{row.ID("activitypartyid"), p})
		}
	})
}

func (s *retainedSearch) byID() map[uuid.UUID]ref {
	all := make(map[uuid.UUID]ref, len(s.persons))
	for _, p := range s.persons {
		all[p.id] = p
	}
	return all
}

// ids are those of the purged, of the tables that are named or of all.
func (s *retainedSearch) ids(targets []string) []uuid.UUID {
	var ids []uuid.UUID
	for _, p := range s.persons {
		if targets == nil || slices.Contains(targets, p.table) {
			ids = append(ids, p.id)
		}
	}
	slices.SortFunc(ids, compareIDs)
	return slices.Compact(ids)
}

// table finds the retained rows of a table that lead to the purged, and their own.
func (s *retainedSearch) table(ctx context.Context, table string) error {
	t, err := s.tables.table(ctx, table)
	if err != nil {
		return err
	}
	by := make(map[string][]uuid.UUID)
	var lookups []string
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		a := t.Attributes[name]
		if (a.Type != "Lookup" && a.Type != "Customer") || !a.ForRead || a.AttributeOf != "" {
			continue
		}
		if ids := s.ids(a.Targets); len(ids) > 0 && len(a.Targets) > 0 {
			lookups, by[name] = append(lookups, name), ids
		}
	}
	conditions := slices.Clone(lookups)
	if own := s.ids([]string{table}); len(own) > 0 {
		conditions, by[t.PrimaryID] = append(conditions, t.PrimaryID), own
	}
	if t.Activity && len(s.onMail) > 0 {
		ids := slices.SortedFunc(maps.Keys(s.onMail), compareIDs)
		if !slices.Contains(conditions, t.PrimaryID) {
			conditions = append(conditions, t.PrimaryID)
		}
		by[t.PrimaryID] = append(by[t.PrimaryID], ids...)
	}
	if len(conditions) == 0 {
		return nil
	}
	who := s.byID()
	columns := slices.Clone(lookups)
	for _, c := range s.columns(t) {
		if !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	return s.each(ctx, t, conditions, by, columns, func(row dataverse.Row) {
		f := s.found[ref{table, row.ID(t.PrimaryID)}]
		if f == nil {
			f = &retained{ref: ref{table, row.ID(t.PrimaryID)}}
		}
		f.row = row
		add := func(p ref, via string) {
			f.mixed = f.mixed || f.owner.table != "" && f.owner.table != p.table
			f.owner = p
			if via != "" && !slices.Contains(f.via, via) {
				f.via = append(f.via, via)
			}
			s.found[f.ref] = f
		}
		for _, l := range lookups {
			if p, ok := who[row.ID(l)]; ok {
				add(p, l)
			}
		}
		for _, p := range s.onMail[f.id] {
			add(p, viaParty)
		}
		if p, ok := who[f.id]; ok && p.table == table {
			f.via = nil
			add(p, "")
		}
	})
}

// viaParty stands among the lookups for a line of the activity's parties.
const viaParty = "(party)"

// each sends queries of a table's retained rows, as many as are left for today, and hands over the rows.
func (s *retainedSearch) each(ctx context.Context, t *dataverse.Table, conditions []string, by map[string][]uuid.UUID, columns []string, fn func(dataverse.Row)) error {
	size := max(1, maxRetainedIDs/len(conditions))
	for start := 0; ; start += size {
		some := make(map[string][]uuid.UUID)
		for _, c := range conditions {
			if ids := by[c]; start < len(ids) {
				some[c] = ids[start:min(start+size, len(ids))]
			}
		}
		if len(some) == 0 {
			return nil
		}
		if s.queries == 0 {
			s.skip(t.LogicalName)
			return nil
		}
		s.queries--
		for row, err := range s.client.Rows(ctx, dataverse.Query{Table: t.LogicalName, FetchXML: retainedFetch(t, columns, some), Annotations: true}) {
			var refused *dataverse.Error
			switch {
			case errors.As(err, &refused) && refused.Status >= 400 && refused.Status < 500 && refused.Status != 401 && refused.Status != 429:
				s.log.Warn("retained rows cannot be read", "table", t.LogicalName, "code", code(err))
				s.skip(t.LogicalName)
				return nil
			case err != nil:
				return fmt.Errorf("read retained %s: %w", t.LogicalName, err)
			}
			fn(row)
		}
	}
}

func (s *retainedSearch) skip(table string) {
	if s.skipped == nil {
		s.skipped = make(map[string]bool)
	}
	s.skipped[table] = true
}

// unsearched names the tables that were not wholly searched.
func (s *retainedSearch) unsearched() {
	if len(s.skipped) > 0 {
		s.unread(Place{retainedPlace, "They were not all searched, since an environment answers few such queries a day: " + strings.Join(slices.Sorted(maps.Keys(s.skipped)), ", ") +
			". Look there for the ids in the ledger with the filter Change to retained data, and delete what is found by a bulk delete job of retained data."})
	}
}

func retainedFetch(t *dataverse.Table, columns []string, by map[string][]uuid.UUID) string {
	var b strings.Builder
	b.WriteString(`<fetch datasource="retained"><entity name="` + t.LogicalName + `"><attribute name="` + t.PrimaryID + `"/>`)
	for _, c := range columns {
		if c != t.PrimaryID {
			b.WriteString(`<attribute name="` + c + `"/>`)
		}
	}
	b.WriteString(`<filter type="or">`)
	for _, c := range slices.Sorted(maps.Keys(by)) {
		b.WriteString(`<condition attribute="` + c + `" operator="in">`)
		for _, id := range by[c] {
			b.WriteString("<value>" + id.String() + "</value>")
		}
		b.WriteString(`</condition>`)
	}
	b.WriteString(`</filter></entity></fetch>`)
	return b.String()
}
