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
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
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

// retiree is somebody who was purged, and what became of their row.
type retiree struct {
	ref
	do policy.Disposition
}

func (p retiree) key() ledger.Key { return ledger.Key{Table: p.table, ID: p.id} }

// retained is a row in long-term retention that leads to a purged person.
type retained struct {
	ref
	owner retiree
	via   []string // the lookups that lead to the person; none: it is the person's own row
	mixed bool     // it leads to purged persons of several tables, whose rules may differ
	goes  bool     // by the rules
}

// afterwards searches long-term retention once the run has purged whom it could. A guard rail that stopped it before stops
// this as well; the canary's does not, since it was purged.
func (r *runner) afterwards(ctx context.Context, err error) error {
	var stop *StopError
	canary := errors.As(err, &stop) && slices.ContainsFunc(stop.Rails, func(g plan.GuardRail) bool { return g.Rail == Residue })
	if err != nil && !canary || len(r.retired) == 0 {
		return err
	}
	if rail, unknown := r.unapproved(ctx); rail != nil || unknown != nil {
		return errors.Join(err, unknown) // who may not purge may not do this either
	}
	if more := r.longTerm(ctx); err == nil {
		return more
	}
	return err
}

// longTerm deletes what is in long-term retention of the purged, where the rules say so, and names the rest.
func (r *runner) longTerm(ctx context.Context) error {
	s := &retainedSearch{runner: r, left: maxRetainedQueries, found: make(map[ref]*retained)}
	tables, err := s.tables(ctx)
	if err != nil || len(tables) == 0 {
		return err
	}
	r.progress(Progress{Phase: "retained", Total: len(tables)})
	if slices.Contains(tables, "activityparty") {
		if err := s.parties(ctx); err != nil {
			return err
		}
	}
	for _, table := range tables {
		if table != "activityparty" {
			if err := s.search(ctx, table); err != nil {
				return err
			}
		}
	}
	if err := s.share(ctx); err != nil {
		return err
	}
	return s.end(ctx)
}

// retainedSearch is the search of one run.
type retainedSearch struct {
	*runner
	left   int // queries
	found  map[ref]*retained
	onMail map[uuid.UUID][]retiree // by activity: who is a party of it
	lines  []dataverse.Row         // the party lines that lead to the purged
	unread map[string]bool         // tables that were not, or not wholly, searched
}

// tables are those of which there are retained rows and which can lead to a person.
func (s *retainedSearch) tables(ctx context.Context) ([]string, error) {
	if !s.runner.tables.exists("retentionoperationdetail") {
		return nil, nil
	}
	seen := make(map[string]bool)
	q := dataverse.Query{Table: "retentionoperationdetail", Select: []string{"retentionoperationdetailid", "entitylogicalname"}, Filter: "retentioncount gt 0"}
	for row, err := range s.Client.Rows(ctx, q) {
		switch {
		case errors.Is(err, dataverse.ErrForbidden):
			s.runner.unread(Place{retainedPlace, "They were not searched, because the user may not read what has been retained (retentionoperationdetail): give it that right, or look for the ids in the ledger with the filter Change to retained data and delete by a bulk delete job."})
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("read what has been retained: %w", err)
		}
		if name := row.Text("entitylogicalname"); s.runner.tables.exists(name) {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

// parties finds the retained activities that purged persons are on.
func (s *retainedSearch) parties(ctx context.Context) error {
	s.onMail = make(map[uuid.UUID][]retiree)
	t, err := s.runner.tables.table(ctx, "activityparty")
	if err != nil {
		return err
	}
	who := s.byID()
	return s.each(ctx, t, []string{"partyid"}, map[string][]uuid.UUID{"partyid": s.ids(nil)}, []string{"activityid", "partyid"}, func(row dataverse.Row) {
		if p, ok := who[row.ID("partyid")]; ok {
			a := row.ID("activityid")
			s.onMail[a] = append(s.onMail[a], p)
			s.lines = append(s.lines, row)
		}
	})
}

func (s *retainedSearch) byID() map[uuid.UUID]retiree {
	all := make(map[uuid.UUID]retiree, len(s.retired))
	for _, p := range s.retired {
		all[p.id] = p
	}
	return all
}

// ids are those of the purged, of the tables that are named or of all.
func (s *retainedSearch) ids(targets []string) []uuid.UUID {
	var ids []uuid.UUID
	for _, p := range s.retired {
		if targets == nil || slices.Contains(targets, p.table) {
			ids = append(ids, p.id)
		}
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// search finds the retained rows of a table that lead to the purged, and their own.
func (s *retainedSearch) search(ctx context.Context, table string) error {
	t, err := s.runner.tables.table(ctx, table)
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
		ids := slices.SortedFunc(maps.Keys(s.onMail), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
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
	for _, c := range s.looksAt(t) {
		if !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	return s.each(ctx, t, conditions, by, columns, func(row dataverse.Row) {
		f := &retained{ref: ref{table, row.ID(t.PrimaryID)}}
		if known := s.found[f.ref]; known != nil {
			f = known
		}
		add := func(p retiree, via string) {
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
		if f.owner.table != "" {
			f.goes = !f.mixed && s.rule(t, f, row)
		}
	})
}

// viaParty stands among the lookups for a line of the activity's parties.
const viaParty = "(party)"

// looksAt are the columns of a table that the conditions of its rules look at.
func (s *retainedSearch) looksAt(t *dataverse.Table) []string {
	var out []string
	for i := range s.Policy.Subjects {
		for j := range s.Policy.Subjects[i].Related {
			if rule := &s.Policy.Subjects[i].Related[j]; rule.Table == t.LogicalName {
				out = append(out, newCondition(t, rule.Where).columns()...)
			}
		}
	}
	return out
}

// rule tells whether the first rule that matches has the row deleted. Where that depends on a condition that cannot be told
// from the row, it stays. A row that is another person is left to people.
func (s *retainedSearch) rule(t *dataverse.Table, f *retained, row dataverse.Row) bool {
	subject := s.Policy.Subject(f.owner.table)
	switch {
	case subject == nil:
		return false
	case f.ref == f.owner.ref, s.runner.tables.persons[f.table] && slices.Contains(f.via, "masterid"):
		return subject.Purge == policy.Delete && f.owner.do == policy.Delete
	case s.runner.tables.persons[f.table]:
		return false
	}
	for i := range subject.Related {
		rule := &subject.Related[i]
		leads := rule.Table == f.table && (slices.Contains(f.via, rule.Link) || rule.Party != "" && slices.Contains(f.via, viaParty))
		if rule.Table == policy.AnyTable && !compile.Business(f.table) {
			leads = slices.ContainsFunc(t.ManyToOne, func(r dataverse.Relationship) bool {
				return r.Delete == "Cascade" && r.Referenced == f.owner.table && slices.Contains(f.via, r.ReferencingAttribute)
			})
		}
		matches := newCondition(t, rule.Where).of(row)
		// A line of a party tells not as what somebody is on the activity, and what leads by value or over other rows is not
		// followed: such a rule may match all the same.
		may := leads && rule.Link == "" && rule.Party != "any" && rule.Table != policy.AnyTable || rule.Table == f.table && !leads && (rule.Person.ByValue() || strings.Contains(rule.Link, "/"))
		switch {
		case matches != yes && matches != cannot, !leads && !may:
		case rule.Do != policy.Delete:
			return false
		case !may && matches == yes:
			return true
		}
	}
	return false
}

// share keeps the activities that others are on who are still justified. Those whose parties are not known stay as well.
func (s *retainedSearch) share(ctx context.Context) error {
	var ids []uuid.UUID
	for _, f := range s.found {
		t, err := s.runner.tables.table(ctx, f.table)
		if err != nil {
			return err
		}
		if f.goes && t.Activity {
			ids = append(ids, f.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	t, err := s.runner.tables.table(ctx, "activityparty")
	if err != nil {
		return err
	}
	who := s.byID()
	on := make(map[uuid.UUID][]ref) // the other persons
	known := make(map[uuid.UUID]bool)
	others := make(map[string][]uuid.UUID)
	err = s.each(ctx, t, []string{"activityid"}, map[string][]uuid.UUID{"activityid": ids}, []string{"activityid", "partyid"}, func(row dataverse.Row) {
		a, p := row.ID("activityid"), ref{row.Target("partyid"), row.ID("partyid")}
		known[a] = true
		if _, purged := who[p.id]; purged || !s.runner.tables.persons[p.table] {
			return
		}
		on[a] = append(on[a], p)
		if !slices.Contains(others[p.table], p.id) {
			others[p.table] = append(others[p.table], p.id)
		}
	})
	if err != nil {
		return err
	}
	justified, err := s.justified(ctx, others)
	if err != nil {
		return err
	}
	for _, f := range s.found {
		if !f.goes || !slices.Contains(ids, f.id) {
			continue
		}
		f.goes = known[f.id] && !slices.ContainsFunc(on[f.id], func(p ref) bool { return justified.by[p] })
	}
	return nil
}

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
		if s.left == 0 {
			s.skip(t.LogicalName)
			return nil
		}
		s.left--
		for row, err := range s.Client.Rows(ctx, dataverse.Query{Table: t.LogicalName, FetchXML: retainedFetch(t, columns, some), Annotations: true}) {
			var refused *dataverse.Error
			switch {
			case errors.As(err, &refused) && refused.Status >= 400 && refused.Status < 500 && refused.Status != 401 && refused.Status != 429:
				s.Log.Warn("retained rows cannot be read", "table", t.LogicalName, "code", code(err))
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
	if s.unread == nil {
		s.unread = make(map[string]bool)
	}
	s.unread[table] = true
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

// end has the rows that go deleted by a job, after the ledger knows them, looks whether they are gone, and names the rest.
func (s *retainedSearch) end(ctx context.Context) error {
	r := s.runner
	goes := make(map[ref]*retained)
	for _, id := range slices.SortedFunc(maps.Keys(s.found), ref.compare) {
		f := s.found[id]
		if f.goes {
			goes[id] = f
			continue
		}
		r.summary.Mentions = append(r.summary.Mentions, Finding{Person: f.owner.key(), Where: "retained", Table: f.table, ID: f.id})
	}
	// No page says that party lines, which cannot be deleted by themselves, go with their retained activity.
	who := s.byID()
	for _, line := range s.lines {
		r.summary.Mentions = append(r.summary.Mentions, Finding{Person: who[line.ID("partyid")].key(), Where: "retained", Table: "activityparty", ID: line.ID("activitypartyid")})
	}
	if err := s.remove(ctx, goes); err != nil {
		return err
	}
	if len(s.unread) > 0 {
		r.unread(Place{retainedPlace, "They were not all searched, since an environment answers few such queries a day: " + strings.Join(slices.Sorted(maps.Keys(s.unread)), ", ") +
			". Look there for the ids in the ledger with the filter Change to retained data, and delete what is found by a bulk delete job of retained data."})
	}
	return nil
}

func (s *retainedSearch) remove(ctx context.Context, goes map[ref]*retained) error {
	r := s.runner
	if len(goes) == 0 {
		return nil
	}
	entries := make(map[ledger.Key]*ledger.Entry)
	var order []*ledger.Entry
	var rows []ref
	for _, id := range slices.SortedFunc(maps.Keys(goes), ref.compare) {
		who := goes[id].owner
		e := entries[who.key()]
		if e == nil {
			e = &ledger.Entry{Kind: ledger.Retained, Table: who.table, ID: who.id, Rows: make(map[string][]uuid.UUID)}
			entries[who.key()], order = e, append(order, e)
		}
		e.Rows[id.table] = append(e.Rows[id.table], id.id)
		rows = append(rows, id)
	}
	say := func(status func(*ledger.Entry) ledger.Status) error {
		var list []ledger.Entry
		for _, e := range order {
			entry := *e
			if entry.Status = status(e); entry.Status != "" {
				entry.Rows = nil
			}
			list = append(list, entry)
		}
		return r.Ledger.Append(list...)
	}
	if err := say(func(*ledger.Entry) ledger.Status { return "" }); err != nil {
		return err
	}
	if err := r.bulkDeleteFrom(ctx, "retained", rows); err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // the next run looks again
		}
		r.Log.Warn("retained rows not deleted", "code", code(err))
	}
	remain := make(map[ref]bool)
	tables := byTable(goes)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		t, err := r.tables.table(ctx, table)
		if err != nil {
			return err
		}
		if err := s.each(ctx, t, []string{t.PrimaryID}, map[string][]uuid.UUID{t.PrimaryID: tables[table]}, nil, func(row dataverse.Row) {
			remain[ref{table, row.ID(t.PrimaryID)}] = true
		}); err != nil {
			return err
		}
	}
	var targets []sweepTarget // their move into retention was a delete, which the audit history has with all values
	for _, e := range order {
		targets = append(targets, sweepTarget{ledger.Key{Table: e.Table, ID: e.ID}, e.Rows})
	}
	if err := r.sweep(ctx, targets); err != nil {
		return err
	}
	failed := make(map[ledger.Key]bool)
	for _, id := range rows {
		who := goes[id].owner.key()
		if remain[id] {
			failed[who] = true
			r.residue(Finding{Person: who, Where: "retained", Table: id.table, ID: id.id})
			continue
		}
		r.summary.count(didDelete, id.table, 1)
	}
	return say(func(e *ledger.Entry) ledger.Status {
		if failed[ledger.Key{Table: e.Table, ID: e.ID}] {
			return ledger.Failed
		}
		return ledger.Done
	})
}
