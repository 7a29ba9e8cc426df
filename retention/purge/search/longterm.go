package search

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/purge/environment"
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

// Retained is a row in long-term retention that leads to a purged person.
type Retained struct {
	environment.Ref
	Row   dataverse.Row
	Owner environment.Ref
	Via   []string // the lookups that lead to the person; none: it is the person's own row
	Mixed bool     // it leads to purged persons of several tables, whose rules may differ
}

// RetainedSearch is the search of one run.
type RetainedSearch struct {
	*Searcher
	persons []environment.Ref                 // who was purged
	columns func(t *dataverse.Table) []string // of a retained row that are read beside its lookups
	queries int                               // that may still be sent
	Found   map[environment.Ref]*Retained
	onMail  map[uuid.UUID][]environment.Ref // by activity: who is a party of it
	Lines   []retainedLine                  // the party lines that lead to the purged
	skipped map[string]bool                 // tables that were not, or not wholly, searched
}

// retainedLine is a party line in long-term retention.
type retainedLine struct {
	ID    uuid.UUID
	Owner environment.Ref
}

// Retained looks for rows in long-term retention that lead to some persons.
func (s *Searcher) Retained(persons []environment.Ref, columns func(*dataverse.Table) []string) *RetainedSearch {
	return &RetainedSearch{Searcher: s, persons: persons, columns: columns, queries: maxRetainedQueries, Found: make(map[environment.Ref]*Retained)}
}

// Search searches some tables, activity parties first: they tell which activities somebody is on.
func (s *RetainedSearch) Search(ctx context.Context, tables []string) error {
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

// RetainedTables are the tables that have retained rows and can lead to a person.
func (s *RetainedSearch) RetainedTables(ctx context.Context) ([]string, error) {
	if !s.Tables.Exists("retentionoperationdetail") {
		return nil, nil
	}
	seen := make(map[string]bool)
	q := dataverse.Query{Table: "retentionoperationdetail", Select: []string{"retentionoperationdetailid", "entitylogicalname"}, Filter: "retentioncount gt 0"}
	for row, err := range s.Client.Rows(ctx, q) {
		switch {
		case errors.Is(err, dataverse.ErrForbidden):
			s.unread(Place{Key: LongTermUnread, Name: retainedPlace, Remedy: "They were not searched, because the user may not read what has been retained (retentionoperationdetail): give it that right, or look for the ids in the ledger with the filter Change to retained data and delete by a bulk delete job."})
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("read what has been retained: %w", err)
		}
		if name := row.Text("entitylogicalname"); s.Tables.Exists(name) {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

// parties finds the retained activities that purged persons are on.
func (s *RetainedSearch) parties(ctx context.Context) error {
	s.onMail = make(map[uuid.UUID][]environment.Ref)
	t, err := s.Tables.Table(ctx, "activityparty")
	if err != nil {
		return err
	}
	who := s.ByID()
	return s.Each(ctx, t, []string{"partyid"}, map[string][]uuid.UUID{"partyid": s.ids(nil)}, []string{"activityid", "partyid"}, func(row dataverse.Row) {
		if p, ok := who[row.ID("partyid")]; ok {
			a := row.ID("activityid")
			s.onMail[a] = append(s.onMail[a], p)
			s.Lines = append(s.Lines, retainedLine{row.ID("activitypartyid"), p})
		}
	})
}

func (s *RetainedSearch) ByID() map[uuid.UUID]environment.Ref {
	all := make(map[uuid.UUID]environment.Ref, len(s.persons))
	for _, p := range s.persons {
		all[p.ID] = p
	}
	return all
}

// ids are those of the purged, of the tables that are named or of all.
func (s *RetainedSearch) ids(targets []string) []uuid.UUID {
	var ids []uuid.UUID
	for _, p := range s.persons {
		if targets == nil || slices.Contains(targets, p.Table) {
			ids = append(ids, p.ID)
		}
	}
	slices.SortFunc(ids, environment.CompareIDs)
	return slices.Compact(ids)
}

// table finds the retained rows of a table that lead to the purged, and their own.
func (s *RetainedSearch) table(ctx context.Context, table string) error {
	t, err := s.Tables.Table(ctx, table)
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
		ids := slices.SortedFunc(maps.Keys(s.onMail), environment.CompareIDs)
		if !slices.Contains(conditions, t.PrimaryID) {
			conditions = append(conditions, t.PrimaryID)
		}
		by[t.PrimaryID] = append(by[t.PrimaryID], ids...)
	}
	if len(conditions) == 0 {
		return nil
	}
	who := s.ByID()
	columns := slices.Clone(lookups)
	for _, c := range s.columns(t) {
		if !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	return s.Each(ctx, t, conditions, by, columns, func(row dataverse.Row) {
		f := s.Found[environment.Ref{Table: table, ID: row.ID(t.PrimaryID)}]
		if f == nil {
			f = &Retained{Ref: environment.Ref{Table: table, ID: row.ID(t.PrimaryID)}}
		}
		f.Row = row
		add := func(p environment.Ref, via string) {
			f.Mixed = f.Mixed || f.Owner.Table != "" && f.Owner.Table != p.Table
			f.Owner = p
			if via != "" && !slices.Contains(f.Via, via) {
				f.Via = append(f.Via, via)
			}
			s.Found[f.Ref] = f
		}
		for _, l := range lookups {
			if p, ok := who[row.ID(l)]; ok {
				add(p, l)
			}
		}
		for _, p := range s.onMail[f.ID] {
			add(p, ViaParty)
		}
		if p, ok := who[f.ID]; ok && p.Table == table {
			f.Via = nil
			add(p, "")
		}
	})
}

// ViaParty stands among the lookups for a line of the activity's parties.
const ViaParty = "(party)"

// Each sends queries of a table's retained rows, as many as are left for today, and hands over the rows.
func (s *RetainedSearch) Each(ctx context.Context, t *dataverse.Table, conditions []string, by map[string][]uuid.UUID, columns []string, fn func(dataverse.Row)) error {
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
		for row, err := range s.Client.Rows(ctx, dataverse.Query{Table: t.LogicalName, FetchXML: retainedFetch(t, columns, some), Annotations: true}) {
			var refused *dataverse.Error
			switch {
			case errors.As(err, &refused) && refused.Status >= 400 && refused.Status < 500 && refused.Status != 401 && refused.Status != 429:
				s.Log.Warn("retained rows cannot be read", "table", t.LogicalName, "code", environment.Code(err))
				s.skip(t.LogicalName)
				return nil
			case err != nil:
				return fmt.Errorf("read retained %s: %w", t.LogicalName, err)
			}
			fn(row)
		}
	}
}

func (s *RetainedSearch) skip(table string) {
	if s.skipped == nil {
		s.skipped = make(map[string]bool)
	}
	s.skipped[table] = true
}

// Unsearched names the tables that were not wholly searched.
func (s *RetainedSearch) Unsearched() {
	if len(s.skipped) > 0 {
		tables := strings.Join(slices.Sorted(maps.Keys(s.skipped)), ", ")
		s.unread(Place{Key: LongTermUnfinished, Name: retainedPlace, Detail: tables, Remedy: "They were not all searched, since an environment answers few such queries a day: " + tables +
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
