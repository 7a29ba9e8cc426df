package purge

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

// Forecast is what a purge of one person would do.
type Forecast struct {
	Table string
	ID    uuid.UUID
	Do    retention.Disposition // with the person's row
	// Bound tells that a kept row cannot be freed, so that the person is anonymised instead of deleted, or left alone
	// if the policy says so. By are those rows' tables.
	Bound bool
	By    []string
	// Counts are the related rows by what would be done and table, such as "delete email".
	Counts map[string]int
	// Code says why the person would be left alone; empty if they would not.
	Code string
}

// Preview tells what a purge of some persons of a subject table would do to the rows that belong to them. It takes a
// client that cannot write. Persons who are not there are left out.
func Preview(ctx context.Context, client dataverse.Reader, policy *retention.Checked, today retention.Date, table string, ids []uuid.UUID) ([]Forecast, error) {
	subject := policy.Subject(table)
	tables, err := readTables(ctx, client, policy)
	if err != nil {
		return nil, err
	}
	def, err := tables.table(ctx, table)
	if err != nil {
		return nil, err
	}
	own := erasePerson(def, subject.Retain, ownColumns(subject.Own), tables.persons)
	from := oneByOne{client}
	var out []Forecast
	for some := range slices.Chunk(ids, maxIDs) {
		rows, err := personRows(ctx, from, subject, own, some)
		if err != nil {
			return nil, err
		}
		var persons []*person
		for _, id := range some {
			if rows[id] != nil {
				persons = append(persons, &person{ref: ref{table, id}, row: rows[id]})
			}
		}
		inv := &inventory{tables: tables, reader: from, subject: subject, persons: persons,
			justify: func(ctx context.Context, others map[string][]uuid.UUID) (judgement, error) {
				return justified(ctx, client, policy, today, nil, others)
			}}
		if err := inv.take(ctx); err != nil {
			return nil, err
		}
		for _, p := range persons {
			f := Forecast{Table: table, ID: p.id, Do: subject.Purge, Bound: subject.Purge == retention.Delete && p.bound()}
			for _, b := range p.binding {
				if !slices.Contains(f.By, b.table) {
					f.By = append(f.By, b.table)
				}
			}
			w, err := (&builder{inventory: inv}).own(ctx, p, own, marks(subject, today))
			switch {
			case p.err != nil:
				f.Code = code(p.err)
			case err != nil:
				f.Code = code(err)
			case f.Bound && subject.WhenBound == retention.BoundFail:
				f.Code = string(errBound)
			}
			if err == nil {
				f.Do, f.Counts = w.do, w.counts
			}
			out = append(out, f)
		}
	}
	return out, nil
}
