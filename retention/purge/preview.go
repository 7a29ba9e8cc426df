package purge

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
)

// Forecast is what a purge of one person would do.
type Forecast struct {
	Table string
	ID    uuid.UUID
	Do    policy.Disposition // with the person's row
	// Bound tells that a kept row cannot be freed, so that the person is anonymised instead of deleted, or left alone
	// if the policy says so. By are those rows' tables.
	Bound bool
	By    []string
	// Counts are the related rows by what would be done and table, such as "delete email"; Places by the place of the person
	// map, such as "delete email.party".
	Counts, Places map[string]int
	// Code says why the person would be left alone; empty if they would not.
	Code string
}

// Preview tells what a purge of some persons of a subject table would do to the rows that belong to them. It takes a
// client that cannot write. Persons who are not there are left out.
func Preview(ctx context.Context, client dataverse.Reader, checked *compile.Policy, today retention.Date, table string, ids []uuid.UUID) ([]Forecast, error) {
	subject := checked.Subject(table)
	tables, err := environment.ReadTables(ctx, client, checked)
	if err != nil {
		return nil, err
	}
	justify := func(ctx context.Context, others map[string][]uuid.UUID) (inventory.Judgement, error) {
		return justified(ctx, client, checked, evaluate.EvaluateOptions{Today: today}, others, everybody)
	}
	classes, err := evaluate.Classes(ctx, client, subject, ids)
	if err != nil {
		return nil, err
	}
	var out []Forecast
	for number, rules := range subject.Judged() {
		own := slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return classes(id) != number })
		for some := range slices.Chunk(own, environment.MaxIDs) {
			more, err := forecast(ctx, environment.OneByOne{Client: client}, tables, rules, justify, today, some)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
	}
	if len(subject.Classes) > 0 {
		slices.SortStableFunc(out, func(a, b Forecast) int { return cmp.Compare(slices.Index(ids, a.ID), slices.Index(ids, b.ID)) })
	}
	return out, nil
}

// everybody may go: a preview asks for no approval.
func everybody(environment.Ref, retention.Date) bool { return true }

// forecast previews some persons together.
func forecast(ctx context.Context, from environment.Reader, tables *environment.Tables, subject *compile.Subject,
	justify func(context.Context, map[string][]uuid.UUID) (inventory.Judgement, error), today retention.Date, ids []uuid.UUID) ([]Forecast, error) {
	def, err := tables.Table(ctx, subject.Table)
	if err != nil {
		return nil, err
	}
	own := inventory.ErasePerson(def, subject, tables.Persons)
	rows, err := inventory.PersonRows(ctx, from, subject, own, ids)
	if err != nil {
		return nil, err
	}
	holds, err := tables.Holds(ctx, from)
	if err != nil {
		return nil, err
	}
	held, err := holds.Protects(ctx, refsOf(subject.Table, ids))
	if err != nil {
		return nil, err
	}
	var persons []*inventory.Person
	for _, id := range ids {
		if rows[id] != nil {
			persons = append(persons, &inventory.Person{Ref: environment.Ref{Table: subject.Table, ID: id}, Row: rows[id], Holds: holds})
		}
	}
	inv := &inventory.List{Tables: tables, Reader: from, Subject: subject, Persons: persons, Justify: justify}
	if err := inv.Take(ctx); err != nil {
		return nil, err
	}
	var out []Forecast
	for _, p := range persons {
		f := Forecast{Table: subject.Table, ID: p.ID, Do: subject.Purge, Bound: subject.Purge == policy.Delete && p.Bound()}
		for _, b := range p.Binding {
			if !slices.Contains(f.By, b.Table) {
				f.By = append(f.By, b.Table)
			}
		}
		w, err := (&builder{List: inv}).own(ctx, p, own, marks(subject, today))
		_, protected := held[p.Ref]
		switch {
		case protected:
			f.Code = string(errHeld)
		case p.Err != nil:
			f.Code = environment.Code(p.Err)
		case err != nil:
			f.Code = environment.Code(err)
		case f.Bound && subject.WhenBound == policy.BoundFail:
			f.Code = string(errBound)
		}
		if err == nil {
			f.Do, f.Places, f.Counts = w.do, w.counts, make(map[string]int)
			for what, n := range w.counts {
				table, _, _ := strings.Cut(what, ".")
				f.Counts[table] += n
			}
		}
		out = append(out, f)
	}
	return out, nil
}
