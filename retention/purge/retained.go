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

// retiree is somebody who was purged, and what became of their row.
type retiree struct {
	ref
	do retention.Disposition
}

func keyOf(r ref) ledger.Key { return ledger.Key{Table: r.table, ID: r.id} }

// afterwards searches long-term retention once the run has purged whom it could. A guard rail that stopped it before stops
// this as well; the canary's does not, since it was purged.
func (r *runner) afterwards(ctx context.Context, err error) error {
	var stop *StopError
	canary := errors.As(err, &stop) && slices.ContainsFunc(stop.Rails, func(g retention.GuardRail) bool { return g.Rail == Residue })
	if err != nil && !canary || len(r.retired) == 0 {
		return err
	}
	if rail, unknown := r.unapproved(ctx); rail != nil || unknown != nil {
		return errors.Join(err, unknown) // who may not purge may not do this either
	}
	if more := r.retainedRows(ctx); err == nil {
		return more
	}
	return err
}

// longTerm is what a run does about long-term retention.
type longTerm struct {
	*runner
	search *retainedSearch
	did    map[ref]retention.Disposition // what became of the purged persons' rows
	goes   map[ref]*retained             // rows that go by the rules
}

// retainedRows deletes what is in long-term retention of the purged, where the rules say so, and names the rest.
func (r *runner) retainedRows(ctx context.Context) error {
	l := &longTerm{runner: r, did: make(map[ref]retention.Disposition), goes: make(map[ref]*retained)}
	persons := make([]ref, len(r.retired))
	for i, p := range r.retired {
		persons[i], l.did[p.ref] = p.ref, p.do
	}
	s := r.searcher()
	defer func() { r.summary.found(s.left) }()
	l.search = s.retained(persons, l.looksAt)
	tables, err := l.search.retainedTables(ctx)
	if err != nil || len(tables) == 0 {
		return err
	}
	r.progress(Progress{Phase: "retained", Total: len(tables)})
	if err := l.search.search(ctx, tables); err != nil {
		return err
	}
	for id, f := range l.search.found {
		t, err := r.tables.table(ctx, id.table)
		if err != nil {
			return err
		}
		if !f.mixed && l.ruledToGo(t, f) {
			l.goes[id] = f
		}
	}
	if err := l.spareShared(ctx); err != nil {
		return err
	}
	l.mentionRest()
	if err := l.remove(ctx); err != nil {
		return err
	}
	l.search.unsearched()
	return nil
}

// mentionRest names what stays, and the party lines: no page says that these, which cannot be deleted by themselves, go
// with their retained activity.
func (l *longTerm) mentionRest() {
	for _, id := range slices.SortedFunc(maps.Keys(l.search.found), ref.compare) {
		if l.goes[id] == nil {
			l.search.mention(Finding{Person: keyOf(l.search.found[id].owner), Where: "retained", Table: id.table, ID: id.id})
		}
	}
	for _, line := range l.search.lines {
		l.search.mention(Finding{Person: keyOf(line.owner), Where: "retained", Table: "activityparty", ID: line.id})
	}
}

// looksAt are the columns of a table that the conditions of its rules look at.
func (l *longTerm) looksAt(t *dataverse.Table) []string {
	var out []string
	for i := range l.Policy.Subjects {
		for j := range l.Policy.Subjects[i].Related {
			if rule := &l.Policy.Subjects[i].Related[j]; rule.Table == t.LogicalName {
				out = append(out, newCondition(t, rule.Where).columns()...)
			}
		}
	}
	return out
}

// ruledToGo tells whether the first rule that matches has the row deleted. Where that depends on a condition that cannot be told
// from the row, it stays. A row that is another person is left to people.
func (l *longTerm) ruledToGo(t *dataverse.Table, f *retained) bool {
	subject := l.Policy.Subject(f.owner.table)
	switch {
	case subject == nil:
		return false
	case f.ref == f.owner, l.tables.persons[f.table] && slices.Contains(f.via, "masterid"):
		return subject.Purge == retention.Delete && l.did[f.owner] == retention.Delete
	case l.tables.persons[f.table]:
		return false
	}
	for i := range subject.Related {
		rule := &subject.Related[i]
		leads := rule.Table == f.table && (slices.Contains(f.via, rule.Link) || rule.Party != "" && slices.Contains(f.via, viaParty))
		if rule.Table == retention.AnyTable && !retention.Business(f.table) {
			leads = slices.ContainsFunc(t.ManyToOne, func(r dataverse.Relationship) bool {
				return r.Delete == "Cascade" && r.Referenced == f.owner.table && slices.Contains(f.via, r.ReferencingAttribute)
			})
		}
		matches := newCondition(t, rule.Where).of(f.row)
		// A line of a party tells not as what somebody is on the activity, and what leads by value or over other rows is not
		// followed: such a rule may match all the same.
		may := leads && rule.Link == "" && rule.Party != "any" && rule.Table != retention.AnyTable || rule.Table == f.table && !leads && (rule.Person.ByValue() || strings.Contains(rule.Link, "/"))
		switch {
		case matches != yes && matches != cannot, !leads && !may:
		case rule.Do != retention.Delete:
			return false
		case !may && matches == yes:
			return true
		}
	}
	return false
}

// spareShared keeps the activities that others are on who are still justified. Those whose parties are not known stay as
// well.
func (l *longTerm) spareShared(ctx context.Context) error {
	var ids []uuid.UUID
	for row := range l.goes {
		t, err := l.tables.table(ctx, row.table)
		if err != nil {
			return err
		}
		if t.Activity {
			ids = append(ids, row.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.SortFunc(ids, compareIDs)
	t, err := l.tables.table(ctx, "activityparty")
	if err != nil {
		return err
	}
	who := l.search.byID()
	on := make(map[uuid.UUID][]ref) // the other persons
	known := make(map[uuid.UUID]bool)
	others := make(map[string][]uuid.UUID)
	err = l.search.each(ctx, t, []string{"activityid"}, map[string][]uuid.UUID{"activityid": ids}, []string{"activityid", "partyid"}, func(row dataverse.Row) {
		a, p := row.ID("activityid"), ref{row.Target("partyid"), row.ID("partyid")}
		known[a] = true
		if _, purged := who[p.id]; purged || !l.tables.persons[p.table] {
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
	justified, err := l.justified(ctx, others)
	if err != nil {
		return err
	}
	maps.DeleteFunc(l.goes, func(row ref, _ *retained) bool {
		return slices.Contains(ids, row.id) && (!known[row.id] || slices.ContainsFunc(on[row.id], func(p ref) bool { return justified.by[p] }))
	})
	return nil
}

// remove deletes the rows by a job, once the ledger knows them, and looks whether they are gone.
func (l *longTerm) remove(ctx context.Context) error {
	if len(l.goes) == 0 {
		return nil
	}
	entries := make(map[ledger.Key]*ledger.Entry)
	var order []*ledger.Entry
	var rows []ref
	for _, id := range slices.SortedFunc(maps.Keys(l.goes), ref.compare) {
		who := l.goes[id].owner
		e := entries[keyOf(who)]
		if e == nil {
			e = &ledger.Entry{Kind: ledger.Retained, Table: who.table, ID: who.id, Rows: make(map[string][]uuid.UUID)}
			entries[keyOf(who)], order = e, append(order, e)
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
		return l.Ledger.Append(list...)
	}
	if err := say(func(*ledger.Entry) ledger.Status { return "" }); err != nil {
		return err
	}
	if err := l.bulkDeleteFrom(ctx, "retained", rows); err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // the next run looks again
		}
		l.Log.Warn("retained rows not deleted", "code", code(err))
	}
	remain := make(map[ref]bool)
	tables := byTable(l.goes)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		t, err := l.tables.table(ctx, table)
		if err != nil {
			return err
		}
		if err := l.search.each(ctx, t, []string{t.PrimaryID}, map[string][]uuid.UUID{t.PrimaryID: tables[table]}, nil, func(row dataverse.Row) {
			remain[ref{table, row.ID(t.PrimaryID)}] = true
		}); err != nil {
			return err
		}
	}
	var targets []sweepTarget // their move into retention was a delete, which the audit history has with all values
	for _, e := range order {
		targets = append(targets, sweepTarget{ledger.Key{Table: e.Table, ID: e.ID}, e.Rows})
	}
	if err := l.sweep(ctx, targets); err != nil {
		return err
	}
	failed := make(map[ledger.Key]bool)
	for _, id := range rows {
		who := keyOf(l.goes[id].owner)
		if remain[id] {
			failed[who] = true
			l.search.residue(Finding{Person: who, Where: "retained", Table: id.table, ID: id.id})
			continue
		}
		l.summary.count(didDelete, id.table, 1)
	}
	return say(func(e *ledger.Entry) ledger.Status {
		if failed[ledger.Key{Table: e.Table, ID: e.ID}] {
			return ledger.Failed
		}
		return ledger.Done
	})
}
