package rows

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Stops tells which of some rows have to stay, and why: rows whose period by the rule is over, or parts that would go with one.
func (f *Finder) Stops(ctx context.Context, rule *compile.RowRule, rows []environment.Ref, parts bool) (map[environment.Ref]environment.Reason, error) {
	why := make(map[environment.Ref]environment.Reason)
	if len(rows) == 0 {
		return why, nil
	}
	if err := f.people(ctx, rule, rows, why); err != nil {
		return nil, err
	}
	set := make(map[environment.Ref]bool, len(rows))
	for _, r := range rows {
		set[r] = true
	}
	tables := environment.ByTable(set)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		stay := func(id uuid.UUID, reason environment.Reason) {
			if r := (environment.Ref{Table: table, ID: id}); why[r] == "" {
				why[r] = reason
			}
		}
		if rule.Of == "" || parts {
			if err := f.keepers(ctx, table, tables[table], stay); err != nil {
				return nil, err
			}
		}
		if parts {
			if err := f.periods(ctx, table, tables[table], stay); err != nil {
				return nil, err
			}
		}
	}
	return why, nil
}

// keepers finds the rows that related rules keep: those that name some rows of the table, and those with a period of their own
// that is not over. A rule that keeps a whole table is ended by `rows`.
func (f *Finder) keepers(ctx context.Context, table string, ids []uuid.UUID, stay func(uuid.UUID, environment.Reason)) error {
	for _, s := range f.Policy.Judged() {
		for j := range s.Related {
			rule := &s.Related[j]
			end := f.Policy.EndOf(s, j)
			if rule.Table != table || !rule.Keeps() || end == nil && (rule.Do != policy.Retain || rule.Filter == "") {
				continue
			}
			t, err := f.Tables.Table(ctx, table)
			if err != nil {
				return err
			}
			found, err := f.among(ctx, func(ids []uuid.UUID) compile.Read { return rule.Holding(t, ids) }, t.PrimaryID, ids)
			if err != nil {
				return err
			}
			if end != nil {
				over, err := f.over(ctx, end, slices.SortedFunc(maps.Keys(found), environment.CompareIDs))
				if err != nil {
					return err
				}
				maps.DeleteFunc(found, func(id uuid.UUID, _ dataverse.Row) bool { return over[id] })
			}
			for id := range found {
				stay(id, Kept)
			}
		}
	}
	return nil
}

// over are those of some rows whose period by a rule is over.
func (f *Finder) over(ctx context.Context, rule *compile.RowRule, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	found, err := f.among(ctx, func(ids []uuid.UUID) compile.Read { return rule.Due(f.Today, ids) }, rule.PrimaryID, ids)
	out := make(map[uuid.UUID]bool)
	for id, row := range found {
		out[id] = rule.Over(environment.FieldWritten(row, rule.Date.Field), f.Policy.Policy.TimeZone, f.Today)
	}
	return out, err
}

// periods finds the rows that a rule of `rows` decides of and whose period is not over.
func (f *Finder) periods(ctx context.Context, table string, ids []uuid.UUID, stay func(uuid.UUID, environment.Reason)) error {
	for i := range f.Policy.Rows {
		rule := &f.Policy.Rows[i]
		if rule.Of != "" || rule.Table != table {
			continue
		}
		found, err := f.among(ctx, rule.Matching, rule.PrimaryID, ids)
		if err != nil {
			return err
		}
		matched := slices.SortedFunc(maps.Keys(found), environment.CompareIDs)
		over, err := f.over(ctx, rule, matched)
		if err != nil {
			return err
		}
		for _, id := range matched {
			if !over[id] {
				stay(id, Part)
			}
		}
		ids = slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { _, is := found[id]; return is })
	}
	return nil
}

// people finds the rows on which, or on whose wholes, somebody is under a legal hold, and those on which somebody is justified.
func (f *Finder) people(ctx context.Context, rule *compile.RowRule, rows []environment.Ref, why map[environment.Ref]environment.Reason) error {
	holds, err := f.Tables.Holds(ctx, f.Reader)
	if err != nil {
		return err
	}
	if holds.None() && rule.EvenIf == policy.EvenIfJustified {
		return nil
	}
	leads, err := f.Tables.Leads(ctx, f.Reader, rows)
	if err != nil {
		return err
	}
	held, err := holds.Protects(ctx, around(rows, leads))
	if err != nil {
		return err
	}
	others := make(map[string][]uuid.UUID)
	asked := make(map[environment.Ref]bool)
	for _, r := range rows {
		l := leads[r]
		switch {
		case isHeld(held, r, l):
			why[r] = Held
		case l.Unseen:
			why[r] = Unseen
		case rule.EvenIf != policy.EvenIfJustified:
			for _, who := range l.Persons {
				if !asked[who] {
					asked[who] = true
					others[who.Table] = append(others[who.Table], who.ID)
				}
			}
		}
	}
	if len(others) == 0 {
		return nil
	}
	judged, err := f.Justify(ctx, others)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if why[r] == "" && slices.ContainsFunc(leads[r].Persons, func(who environment.Ref) bool { return judged.By[who] }) {
			why[r] = Justified
		}
	}
	return nil
}

// around are rows and everything that they lead to, each once.
func around(rows []environment.Ref, leads map[environment.Ref]*environment.Leads) []environment.Ref {
	set := make(map[environment.Ref]bool)
	for _, r := range rows {
		set[r] = true
		for _, to := range slices.Concat(leads[r].Persons, leads[r].Company, leads[r].Wholes) {
			set[to] = true
		}
	}
	return slices.SortedFunc(maps.Keys(set), environment.Ref.Compare)
}

func isHeld(held map[environment.Ref]environment.Ref, r environment.Ref, l *environment.Leads) bool {
	return slices.ContainsFunc(slices.Concat([]environment.Ref{r}, l.Persons, l.Company, l.Wholes), func(to environment.Ref) bool {
		_, is := held[to]
		return is
	})
}
