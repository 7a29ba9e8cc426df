package purge

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
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
	"github.com/gallra/gallra/retention/purge/search"
)

// retiree is somebody who was purged, and what became of their row.
type retiree struct {
	environment.Ref
	do policy.Disposition
	of *compile.Subject // by whose rules they went; nil: the policy does not speak of their table any more
}

func keyOf(r environment.Ref) ledger.Key { return ledger.Key{Table: r.Table, ID: r.ID} }

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
	if more := r.retainedRows(ctx); err == nil {
		return more
	}
	return err
}

// longTerm is what a run does about long-term retention.
type longTerm struct {
	*runner
	search *search.RetainedSearch
	did    map[environment.Ref]policy.Disposition // what became of the purged persons' rows
	of     map[environment.Ref]*compile.Subject   // by whose rules they went
	goes   map[environment.Ref]*search.Retained   // rows that go by the rules
}

// retainedRows deletes what is in long-term retention of the purged, where the rules say so, and names the rest.
func (r *runner) retainedRows(ctx context.Context) error {
	l := &longTerm{runner: r, did: make(map[environment.Ref]policy.Disposition), of: make(map[environment.Ref]*compile.Subject), goes: make(map[environment.Ref]*search.Retained)}
	persons := make([]environment.Ref, len(r.retired))
	for i, p := range r.retired {
		persons[i], l.did[p.Ref], l.of[p.Ref] = p.Ref, p.do, p.of
	}
	s := r.searcher()
	defer func() { r.summary.found(s.Left) }()
	l.search = s.Retained(persons, l.looksAt)
	tables, err := l.search.RetainedTables(ctx)
	if err != nil || len(tables) == 0 {
		return err
	}
	r.progress(Progress{Phase: "retained", Total: len(tables)})
	if err := l.search.Search(ctx, tables); err != nil {
		return err
	}
	for id, f := range l.search.Found {
		t, err := r.tables.Table(ctx, id.Table)
		if err != nil {
			return err
		}
		if !f.Mixed && l.ruledToGo(t, f) {
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
	l.search.Unsearched()
	return nil
}

// mentionRest names what stays, and the party lines: no page says that these, which cannot be deleted by themselves, go
// with their retained activity.
func (l *longTerm) mentionRest() {
	for _, id := range slices.SortedFunc(maps.Keys(l.search.Found), environment.Ref.Compare) {
		if l.goes[id] == nil {
			l.search.Mention(search.Finding{Person: keyOf(l.search.Found[id].Owner), Where: "retained", Table: id.Table, ID: id.ID})
		}
	}
	for _, line := range l.search.Lines {
		l.search.Mention(search.Finding{Person: keyOf(line.Owner), Where: "retained", Table: "activityparty", ID: line.ID})
	}
}

// looksAt are the columns of a table that the conditions of its rules look at.
func (l *longTerm) looksAt(t *dataverse.Table) []string {
	out := inventory.PersonLookups(t, l.tables.Persons)
	for i := range l.Policy.Subjects {
		for j := range l.Policy.Subjects[i].Related {
			if rule := &l.Policy.Subjects[i].Related[j]; rule.Table == t.LogicalName {
				out = append(out, inventory.NewCondition(t, rule.Where).Columns()...)
			}
		}
	}
	return out
}

// ruledToGo tells whether the first rule that matches has the row deleted. Where that depends on a condition that cannot be told
// from the row, it stays. A row that is another person is left to people.
func (l *longTerm) ruledToGo(t *dataverse.Table, f *search.Retained) bool {
	subject := l.of[f.Owner]
	switch {
	case subject == nil:
		return false
	case f.Ref == f.Owner, l.tables.Persons[f.Table] && slices.Contains(f.Via, "masterid"):
		return subject.Purge == policy.Delete && l.did[f.Owner] == policy.Delete
	case l.tables.Persons[f.Table]:
		return false
	}
	for i := range subject.Related {
		rule := &subject.Related[i]
		leads := rule.Table == f.Table && (slices.Contains(f.Via, rule.Link) || rule.Party != "" && slices.Contains(f.Via, search.ViaParty))
		if rule.Table == policy.AnyTable && !personmap.Is(f.Table, personmap.Business) {
			leads = slices.ContainsFunc(t.ManyToOne, func(r dataverse.Relationship) bool {
				return r.Delete == "Cascade" && r.Referenced == f.Owner.Table && slices.Contains(f.Via, r.ReferencingAttribute)
			})
		}
		matches := inventory.NewCondition(t, rule.Where).Of(f.Row)
		// A line of a party tells not as what somebody is on the activity, and what leads by value or over other rows is not
		// followed: such a rule may match all the same.
		may := leads && rule.Link == "" && rule.Party != "any" && rule.Table != policy.AnyTable || rule.Table == f.Table && !leads && (rule.Person.ByValue() || strings.Contains(rule.Link, "/"))
		switch {
		case matches != inventory.Yes && matches != inventory.Cannot, !leads && !may:
		case rule.Do != policy.Delete:
			return false
		case !may && matches == inventory.Yes:
			return true
		}
	}
	return false
}

// spareShared keeps the rows that others need who are still justified or held: to whom a lookup leads, or who are on the
// activity. Activities whose parties are not known stay as well.
func (l *longTerm) spareShared(ctx context.Context) error {
	var ids []uuid.UUID
	who := l.search.ByID()
	others := make(map[string][]uuid.UUID)
	of := make(map[environment.Ref][]environment.Ref) // the other persons
	need := func(row, p environment.Ref) {
		if _, purged := who[p.ID]; purged || !l.tables.Persons[p.Table] {
			return
		}
		of[row] = append(of[row], p)
		if !slices.Contains(others[p.Table], p.ID) {
			others[p.Table] = append(others[p.Table], p.ID)
		}
	}
	for row, f := range l.goes {
		t, err := l.tables.Table(ctx, row.Table)
		if err != nil {
			return err
		}
		if t.Activity {
			ids = append(ids, row.ID)
		}
		if l.tables.Persons[row.Table] {
			continue
		}
		for _, name := range inventory.PersonLookups(t, l.tables.Persons) {
			need(row, environment.Ref{Table: f.Row.Target(name), ID: f.Row.ID(name)})
		}
	}
	known, err := l.partiesOf(ctx, ids, need)
	if err != nil || len(ids)+len(others) == 0 {
		return err
	}
	justified, err := l.justified(ctx, others)
	if err != nil {
		return err
	}
	maps.DeleteFunc(l.goes, func(row environment.Ref, _ *search.Retained) bool {
		return slices.Contains(ids, row.ID) && !known[row.ID] || slices.ContainsFunc(of[row], func(p environment.Ref) bool { return justified.By[p] })
	})
	return nil
}

// partiesOf calls need for whoever is on some activities, and tells whose parties are known.
func (l *longTerm) partiesOf(ctx context.Context, ids []uuid.UUID, need func(row, p environment.Ref)) (map[uuid.UUID]bool, error) {
	known := make(map[uuid.UUID]bool)
	if len(ids) == 0 {
		return known, nil
	}
	slices.SortFunc(ids, environment.CompareIDs)
	rows := make(map[uuid.UUID]environment.Ref)
	for row := range l.goes {
		rows[row.ID] = row
	}
	t, err := l.tables.Table(ctx, "activityparty")
	if err != nil {
		return nil, err
	}
	err = l.search.Each(ctx, t, []string{"activityid"}, map[string][]uuid.UUID{"activityid": ids}, []string{"activityid", "partyid"}, func(row dataverse.Row) {
		known[row.ID("activityid")] = true
		need(rows[row.ID("activityid")], environment.Ref{Table: row.Target("partyid"), ID: row.ID("partyid")})
	})
	return known, err
}

// remove deletes the rows by a job, once the ledger knows them, and looks whether they are gone.
func (l *longTerm) remove(ctx context.Context) error {
	if len(l.goes) == 0 {
		return nil
	}
	entries := make(map[ledger.Key]*ledger.Entry)
	var order []*ledger.Entry
	var rows []environment.Ref
	for _, id := range slices.SortedFunc(maps.Keys(l.goes), environment.Ref.Compare) {
		who := l.goes[id].Owner
		e := entries[keyOf(who)]
		if e == nil {
			e = &ledger.Entry{Kind: ledger.Retained, Table: who.Table, ID: who.ID, Rows: make(map[string][]uuid.UUID)}
			entries[keyOf(who)], order = e, append(order, e)
		}
		e.Rows[id.Table] = append(e.Rows[id.Table], id.ID)
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
		var stop *StopError
		if errors.As(err, &stop) {
			return err
		}
		l.Log.Warn("retained rows not deleted", "code", environment.Code(err))
	}
	remain := make(map[environment.Ref]bool)
	tables := environment.ByTable(l.goes)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		t, err := l.tables.Table(ctx, table)
		if err != nil {
			return err
		}
		if err := l.search.Each(ctx, t, []string{t.PrimaryID}, map[string][]uuid.UUID{t.PrimaryID: tables[table]}, nil, func(row dataverse.Row) {
			remain[environment.Ref{Table: table, ID: row.ID(t.PrimaryID)}] = true
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
		who := keyOf(l.goes[id].Owner)
		if remain[id] {
			failed[who] = true
			l.search.Residue(search.Finding{Person: who, Where: "retained", Table: id.Table, ID: id.ID})
			continue
		}
		l.summary.count(didDelete, id.Table, 1)
	}
	return say(func(e *ledger.Entry) ledger.Status {
		if failed[ledger.Key{Table: e.Table, ID: e.ID}] {
			return ledger.Failed
		}
		return ledger.Done
	})
}
