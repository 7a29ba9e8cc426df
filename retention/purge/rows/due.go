package rows

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// Why a row stays although its period is over.
const (
	Held      environment.Reason = "legal-hold" // a hold on a person on the row, or on what the row is part of
	Justified environment.Reason = "justified"  // a person on the row is justified
	Kept      environment.Reason = "kept"       // a related rule keeps it that names some rows of the table, or whose own period is not over
	Part      environment.Reason = "not-over"   // a part of it has a period of its own, which is not over
	Unseen    environment.Reason = "unseen"     // what it is part of cannot be read: nobody knows to whom it leads
)

// Finder finds rows whose period is over.
type Finder struct {
	Client dataverse.Reader
	Reader environment.Reader
	Tables *environment.Tables
	Policy *compile.Policy
	Today  retention.Date
	// Kept tells which rows of a table were kept when persons of a subject table and class were purged, as far as that is proven.
	Kept func(subject, class, table string) map[uuid.UUID]bool
	// Justify tells who of some persons is justified.
	Justify func(ctx context.Context, others map[string][]uuid.UUID) (inventory.Judgement, error)
}

// Due is what a rule would end.
type Due struct {
	Rule    *compile.RowRule
	IDs     []uuid.UUID
	Stopped map[environment.Reason]int // rows whose period is over and that stay
	Rows    int                        // of the whole table; counted only where something is due
}

// chunk is how many rows are judged together.
const chunk = 5000

// Find finds what every rule would end, in the order of the rules. A row is ended by one rule a night, the first that may.
func (f *Finder) Find(ctx context.Context) ([]Due, error) {
	var all []Due
	taken := make(map[environment.Ref]bool)
	totals := make(map[string]int)
	ended := make(map[*compile.RowRule]map[uuid.UUID]bool) // by the ends of related rules, before other subjects are asked
	for i := range f.Policy.Rows {
		rule := &f.Policy.Rows[i]
		if rule.Of == "" {
			continue
		}
		ids, err := f.candidates(ctx, rule, nil)
		if err != nil {
			return nil, err
		}
		ended[rule] = make(map[uuid.UUID]bool, len(ids))
		for _, id := range ids {
			ended[rule][id] = true
		}
	}
	for i := range f.Policy.Rows {
		rule := &f.Policy.Rows[i]
		due := Due{Rule: rule, Stopped: make(map[environment.Reason]int)}
		var ids []uuid.UUID
		var err error
		if rule.Of != "" {
			for id := range ended[rule] {
				if f.keptElsewhere(rule, id, ended) {
					due.Stopped[Kept]++
					continue
				}
				ids = append(ids, id)
			}
			slices.SortFunc(ids, environment.CompareIDs)
		} else if ids, err = f.candidates(ctx, rule, nil); err != nil {
			return nil, err
		}
		ids = slices.DeleteFunc(ids, func(id uuid.UUID) bool { return taken[environment.Ref{Table: rule.Table, ID: id}] })
		for some := range slices.Chunk(ids, chunk) {
			refs := refsOf(rule.Table, some)
			why, err := f.Stops(ctx, rule, refs, false)
			if err != nil {
				return nil, err
			}
			for _, r := range refs {
				if reason, stays := why[r]; stays {
					due.Stopped[reason]++ // by this rule: another may let it go in spite of that
				} else {
					due.IDs, taken[r] = append(due.IDs, r.ID), true
				}
			}
		}
		if len(due.IDs) > 0 {
			if _, counted := totals[rule.Table]; !counted {
				if totals[rule.Table], err = f.Client.Count(ctx, dataverse.Query{Table: rule.Table, Set: rule.EntitySet}); err != nil {
					return nil, fmt.Errorf("count the rows of %s: %w", rule.Table, err)
				}
			}
			due.Rows = totals[rule.Table]
		}
		all = append(all, due)
	}
	return all, nil
}

// Still are those of some rows that a rule would still end, as far as the rows themselves tell: they match, and their period is
// over.
func (f *Finder) Still(ctx context.Context, rule *compile.RowRule, ids []uuid.UUID) ([]uuid.UUID, error) {
	return f.candidates(ctx, rule, ids)
}

// candidates are the rows that a rule decides of and whose date has come, of some rows only unless ids is nil; ordered by id.
func (f *Finder) candidates(ctx context.Context, rule *compile.RowRule, ids []uuid.UUID) ([]uuid.UUID, error) {
	var kept map[uuid.UUID]bool
	if rule.Of != "" {
		if kept = f.Kept(rule.Of, rule.Class, rule.Table); len(kept) == 0 {
			return nil, nil
		}
	}
	filled := ""
	if rule.Do == policy.Anonymize {
		t, err := f.Tables.Table(ctx, rule.Table)
		if err != nil {
			return nil, err
		}
		filled = inventory.EraseRow(t, rule).Filled()
	}
	var out []uuid.UUID
	take := func(row dataverse.Row) {
		id := row.ID(rule.PrimaryID)
		if id != uuid.Nil && (kept == nil || kept[id]) && rule.Over(environment.FieldWritten(row, rule.Date.Field), f.Policy.Policy.TimeZone, f.Today) {
			out = append(out, id)
		}
	}
	if ids == nil {
		read := rule.Due(f.Today, nil)
		read.Filter = compile.And(read.Filter, filled)
		for row, err := range f.Client.Rows(ctx, read.Query()) {
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", rule.Table, err)
			}
			take(row)
		}
	} else {
		var qs []dataverse.Query
		for some := range slices.Chunk(ids, environment.MaxIDs) {
			read := rule.Due(f.Today, some)
			read.Filter = compile.And(read.Filter, filled)
			qs = append(qs, read.Query())
		}
		answers, err := f.Reader.Queries(ctx, qs)
		if err != nil {
			return nil, err
		}
		for _, row := range slices.Concat(answers...) {
			take(row)
		}
	}
	slices.SortFunc(out, environment.CompareIDs)
	return f.decided(ctx, rule, slices.Compact(out))
}

// decided leaves the rows of which no rule before this one decides: of the rules of `rows` for the table, or of those by which a
// subject's rows stay.
func (f *Finder) decided(ctx context.Context, rule *compile.RowRule, ids []uuid.UUID) ([]uuid.UUID, error) {
	t, err := f.Tables.Table(ctx, rule.Table)
	if err != nil || len(ids) == 0 {
		return ids, err
	}
	var before []func([]uuid.UUID) compile.Read
	if rule.Of != "" {
		of := f.Policy.Subject(rule.Of)
		for i := range rule.Rule {
			if r := &of.For(of.ClassOf(rule.Class)).Related[i]; r.Keeps() && r.Table == rule.Table {
				before = append(before, func(ids []uuid.UUID) compile.Read { return r.Holding(t, ids) })
			}
		}
	} else {
		for i := range f.Policy.Rows {
			r := &f.Policy.Rows[i]
			if r == rule {
				break
			}
			if r.Of == "" && r.Table == rule.Table {
				before = append(before, r.Matching)
			}
		}
	}
	for _, read := range before {
		found, err := f.among(ctx, read, t.PrimaryID, ids)
		if err != nil {
			return nil, err
		}
		ids = slices.DeleteFunc(ids, func(id uuid.UUID) bool { _, is := found[id]; return is })
	}
	return ids, nil
}

// among reads those of some rows that a query finds.
func (f *Finder) among(ctx context.Context, read func([]uuid.UUID) compile.Read, primary string, ids []uuid.UUID) (map[uuid.UUID]dataverse.Row, error) {
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, environment.MaxIDs) {
		qs = append(qs, environment.Query(read(some)))
	}
	answers, err := f.Reader.Queries(ctx, qs)
	if err != nil {
		return nil, err
	}
	out := make(map[uuid.UUID]dataverse.Row)
	for _, row := range slices.Concat(answers...) {
		out[row.ID(primary)] = row
	}
	return out, nil
}

// keptElsewhere tells whether a purge of persons of another subject or class has kept the row as well, and no rule of theirs ends it.
func (f *Finder) keptElsewhere(rule *compile.RowRule, id uuid.UUID, ended map[*compile.RowRule]map[uuid.UUID]bool) bool {
	for _, s := range f.Policy.Judged() {
		if s.Table == rule.Of && s.ClassID == rule.Class || !f.Kept(s.Table, s.ClassID, rule.Table)[id] {
			continue
		}
		over := false
		for other, ids := range ended {
			over = over || other.Of == s.Table && other.Class == s.ClassID && other.Table == rule.Table && ids[id]
		}
		if !over {
			return true
		}
	}
	return false
}

func refsOf(table string, ids []uuid.UUID) []environment.Ref {
	refs := make([]environment.Ref, len(ids))
	for i, id := range ids {
		refs[i] = environment.Ref{Table: table, ID: id}
	}
	return refs
}
