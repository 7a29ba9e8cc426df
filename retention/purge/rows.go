package purge

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
	"github.com/gallra/gallra/retention/purge/rows"
)

// Rows whose own period is over: once the persons of a night are through they are asked for by their dates, held against limits
// of their own, and ended, the canary first. rowswork.go has what is done about some of them.

// RowTally is what a rule did to rows whose own period was over.
type RowTally struct {
	plan.RowTotals
	Ended   int            // deleted or emptied
	Parts   int            // rows that went with them
	Skipped int            // left alone at the last look
	Failed  map[string]int // by code
	refused string         // the code of one that was begun, and refused
}

// Failures is how many rows could not be ended.
func (t *RowTally) Failures() int {
	n := 0
	for _, k := range t.Failed {
		n += k
	}
	return n
}

func totalsOf(d rows.Due) plan.RowTotals {
	t := plan.RowTotals{Rule: d.Rule.Name, Table: d.Rule.Table, Do: d.Rule.Do, Due: len(d.IDs), Stopped: make(map[string]int)}
	for why, n := range d.Stopped {
		t.Stopped[string(why)] = n
	}
	return t
}

// RowsFailed is how many rows could not be ended.
func (s *Summary) RowsFailed() int {
	n := 0
	for i := range s.Rows {
		n += s.Rows[i].Failures()
	}
	return n
}

// RowsEnded is how many rows were ended by a period of their own.
func (s *Summary) RowsEnded() int {
	n := 0
	for _, t := range s.Rows {
		n += t.Ended
	}
	return n
}

// DueRows tells what every rule would do to rows whose own period is over. It takes a client that cannot write. Evaluation is of
// all persons, on the same day.
func DueRows(ctx context.Context, client dataverse.Reader, checked *compile.Policy, l *ledger.Ledger, e *evaluate.Evaluation) ([]plan.RowTotals, []plan.GuardRail, error) {
	if len(checked.Rows) == 0 {
		return nil, nil, nil
	}
	tables, err := environment.ReadTables(ctx, client, checked)
	if err != nil {
		return nil, nil, err
	}
	f, err := finder(ctx, client, environment.From(client), tables, checked, l, e.Today, judgedBy(e, checked, l))
	if err != nil {
		return nil, nil, err
	}
	due, err := f.Find(ctx)
	if err != nil {
		return nil, nil, err
	}
	var totals []plan.RowTotals
	for _, d := range due {
		totals = append(totals, totalsOf(d))
	}
	return totals, rowRails(checked.Policy.Limits, due), nil
}

func finder(ctx context.Context, client dataverse.Reader, from environment.Reader, tables *environment.Tables, checked *compile.Policy, l *ledger.Ledger, today retention.Date,
	justify func(context.Context, map[string][]uuid.UUID) (inventory.Judgement, error)) (*rows.Finder, error) {
	f := &rows.Finder{Client: client, Reader: from, Tables: tables, Policy: checked, Today: today, Justify: justify}
	kept := make(map[ledger.KeptBy]map[uuid.UUID]bool)
	if slices.ContainsFunc(checked.Rows, func(r compile.RowRule) bool { return r.Of != "" }) {
		all, err := l.Kept(ctx, checked.Organization)
		if err != nil {
			return nil, err
		}
		for by, ids := range all { // of a class that the policy knows no more the last one tells
			if s := checked.Subject(by.Subject); s != nil {
				by.Class = s.Class(s.ClassOf(by.Class))
			}
			if kept[by] == nil {
				kept[by] = make(map[uuid.UUID]bool)
			}
			maps.Copy(kept[by], ids)
		}
	}
	f.Kept = func(subject, class, table string) map[uuid.UUID]bool {
		return kept[ledger.KeptBy{Subject: subject, Class: class, Table: table}]
	}
	return f, nil
}

// judgedBy tells from an evaluation of everybody who is justified.
func judgedBy(e *evaluate.Evaluation, checked *compile.Policy, l *ledger.Ledger) func(context.Context, map[string][]uuid.UUID) (inventory.Judgement, error) {
	o := evaluate.EvaluateOptions{Today: e.Today, Traces: l.Trace}
	return func(_ context.Context, others map[string][]uuid.UUID) (inventory.Judgement, error) {
		out := inventory.Judgement{By: make(map[environment.Ref]bool)}
		for table, ids := range others {
			for _, id := range ids {
				who := environment.Ref{Table: table, ID: id}
				if checked.Subject(table) == nil {
					out.By[who] = true // persons whom the policy does not judge
					continue
				}
				if p, found := e.Person(table, id, o); found {
					d := retention.Decide(p.Person, checked.RulesFor(table, p.Class), o.Today)
					out.By[who] = p.Unreadable || d.Until > o.Today || d.Action == retention.Hold || p.LegalHold || p.HeldWith
				}
			}
		}
		return out, nil
	}
}

// rowRails holds what the rules would end against the limits.
func rowRails(l policy.Limits, all []rows.Due) []plan.GuardRail {
	var rails []plan.GuardRail
	n := 0
	byTable := make(map[string]int)
	for _, d := range all {
		n += len(d.IDs)
		byTable[d.Rule.Table] += len(d.IDs)
	}
	if n > l.Rows {
		rails = append(rails, plan.NewRail(policy.RowsTooMany, "rows-too-many", words.Count("rows", n), l.Rows, strconv.Itoa(n)))
	}
	told := make(map[string]bool)
	for _, d := range all {
		table := d.Rule.Table
		if ended := byTable[table]; ended > 0 && !told[table] && float64(ended) > l.RowShare*float64(d.Rows)+1e-9 && d.Rows > 0 {
			told[table] = true
			share := min(float64(ended)/float64(d.Rows), 1)
			rails = append(rails, plan.NewRail(policy.RowsTooLarge, "rows-too-large", ended, d.Rows, table, policy.Percentage(share), policy.Percentage(l.RowShare)).At(table, ""))
		}
	}
	return rails
}

// endRows ends the rows whose own period is over.
func (r *runner) endRows(ctx context.Context, e *evaluate.Evaluation) error {
	if len(r.Policy.Rows) == 0 {
		return nil
	}
	r.progress(Progress{Phase: "rows"})
	f, err := finder(ctx, r.Client, environment.Batched{Client: r.Client}, r.tables, r.Policy, r.Ledger, r.Today, judgedBy(e, r.Policy, r.Ledger))
	if err != nil {
		return err
	}
	due, err := f.Find(ctx)
	if err != nil {
		return err
	}
	total := 0
	for i := range due {
		if r.OnlyRows != nil && !r.OnlyRows(due[i].Rule.Name, len(due[i].IDs)) {
			due[i].IDs = nil
		}
		total += len(due[i].IDs)
		r.summary.Rows = append(r.summary.Rows, RowTally{RowTotals: totalsOf(due[i]), Failed: make(map[string]int)})
	}
	if total == 0 {
		return nil
	}
	if rails := rowRails(r.limits(), due); len(rails) > 0 {
		if err := r.halt(rails); err != nil {
			return err
		}
	}
	if err := r.sees(ctx, true); err != nil {
		return err
	}
	f.Justify = r.grounded // from here on persons are judged anew
	canary, done, residue := r.Policy.Policy.Limits.Canary, 0, len(r.summary.Residue)
	for i := range due {
		for ids := due[i].IDs; len(ids) > 0; {
			size := r.Chunk
			if left := canary - r.summary.RowsEnded(); left > 0 {
				size = min(size, left)
			}
			some := ids[:min(size, len(ids))]
			ids = ids[len(some):]
			first := r.summary.RowsEnded() < canary
			if err := r.endSome(ctx, f, i, due[i].Rule, some); err != nil {
				return err
			}
			if left := len(r.summary.Residue) - residue; first && left > 0 {
				return r.stop(rowResidueRail(left, due[i].Rule.Table))
			}
			if code := r.summary.Rows[i].refused; first && code != "" && done+len(some) < total {
				return r.stop(rowRefusedRail(code, due[i].Rule.Table))
			}
			done += len(some)
			r.progress(Progress{Phase: "rows", Done: done, Total: total})
		}
	}
	return nil
}

func rowResidueRail(n int, table string) plan.GuardRail {
	return plan.NewRail(Residue, "residue.rows", n).At(table, "")
}

func rowRefusedRail(code, table string) plan.GuardRail {
	return plan.NewRail(Residue, "refused.rows", code).At(table, "")
}

// resumeRows finds out what became of the rows that earlier runs began to end, and answers whose audit history is to be looked for
// again. A row that is still there goes when its turn comes again: its date has not changed.
func (r *runner) resumeRows(ctx context.Context) ([]sweepTarget, error) {
	var sweeps []sweepTarget
	open := make(map[string][]ledger.EndedRow)
	for _, e := range r.Ledger.EndedRows() {
		if e.Concluded {
			sweeps = append(sweeps, sweepTarget{e.Key, e.Rows})
		} else {
			open[e.Table] = append(open[e.Table], e)
		}
	}
	if len(open) == 0 {
		return sweeps, nil
	}
	if err := r.awaitJobs(ctx); err != nil {
		return nil, err
	}
	var entries []ledger.Entry
	for _, begun := range open {
		for _, e := range begun {
			done, gone, err := r.becameOf(ctx, &e)
			if err != nil {
				return nil, err
			}
			out := ledger.Entry{Kind: ledger.Ended, Table: e.Table, ID: e.ID, Ground: e.Rule, Do: e.Do, Status: ledger.Done}
			if !done {
				out.Status, out.Code = ledger.Skipped, string(errNotBegun)
			}
			entries = append(entries, out)
			if done || len(gone) > 0 {
				sweeps = append(sweeps, sweepTarget{e.Key, gone})
			}
			r.summary.Resumed.Rows++
		}
	}
	return sweeps, r.Ledger.Append(entries...)
}

// becameOf reads whether a row was ended, and which of the rows that were to be touched are gone or were written to.
func (r *session) becameOf(ctx context.Context, e *ledger.EndedRow) (done bool, gone map[string][]uuid.UUID, err error) {
	gone = make(map[string][]uuid.UUID)
	for table, ids := range e.Rows {
		there, err := r.there(ctx, table, ids)
		if err != nil {
			return false, nil, err
		}
		for _, id := range ids {
			if !there[id] {
				gone[table] = append(gone[table], id)
			}
		}
	}
	if e.Do == policy.Delete {
		return slices.Contains(gone[e.Table], e.ID), gone, nil
	}
	i := slices.IndexFunc(r.Policy.Rows, func(x compile.RowRule) bool { return x.Name == e.Rule && x.Table == e.Table })
	if i < 0 || slices.Contains(gone[e.Table], e.ID) {
		return false, gone, nil
	}
	t, err := r.tables.Table(ctx, e.Table)
	if err != nil {
		return false, nil, err
	}
	filled := inventory.EraseRow(t, &r.Policy.Rows[i]).Filled()
	n, err := r.Client.Count(ctx, dataverse.Query{Table: e.Table, Set: t.EntitySet, Filter: compile.And(environment.IDFilter(t.PrimaryID, []uuid.UUID{e.ID}), filled)})
	if err != nil || n > 0 {
		return false, gone, err
	}
	return true, e.Rows, nil
}

// there reads which of some rows are there.
func (r *session) there(ctx context.Context, table string, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	t, err := r.tables.Table(ctx, table)
	if err != nil {
		return nil, err
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, environment.MaxIDs) {
		qs = append(qs, dataverse.Query{Table: table, Set: t.EntitySet, Select: []string{t.PrimaryID}, Filter: environment.IDFilter(t.PrimaryID, some)})
	}
	answers, err := environment.Batched{Client: r.Client}.Queries(ctx, qs)
	out := make(map[uuid.UUID]bool)
	for _, row := range slices.Concat(answers...) {
		out[row.ID(t.PrimaryID)] = true
	}
	return out, err
}
