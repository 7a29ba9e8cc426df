package purge

import (
	"context"
	"slices"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/google/uuid"
)

// personRows reads the rows of persons with their versions, as far as the purge writes to them or finds rows by them.
func personRows(ctx context.Context, from reader, subject *retention.CheckedSubject, e *eraser, ids []uuid.UUID) (map[uuid.UUID]dataverse.Row, error) {
	cols := append([]string{subject.PrimaryID}, e.selects()...)
	own := []string{subject.PrimaryName, subject.Own.LegalHold, subject.Own.AnonymizedOn}
	if e.table.Attributes["modifiedby"] != nil {
		own = append(own, "_modifiedby_value")
	}
	for _, c := range own {
		if c != "" && !slices.Contains(cols, c) {
			cols = append(cols, c)
		}
	}
	for _, rule := range subject.Related { // what rows are joined by may be a column that stays
		for _, c := range rule.Person.Columns {
			if !slices.Contains(cols, c) {
				cols = append(cols, c)
			}
		}
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, maxIDs) {
		qs = append(qs, dataverse.Query{Table: subject.Table, Select: cols, Filter: idFilter(subject.PrimaryID, some), Annotations: true})
	}
	answers, err := from.queries(ctx, qs)
	if err != nil {
		return nil, err
	}
	rows := make(map[uuid.UUID]dataverse.Row, len(ids))
	for _, answer := range answers {
		for _, row := range answer {
			rows[row.ID(subject.PrimaryID)] = row
		}
	}
	return rows, nil
}
