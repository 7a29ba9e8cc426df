package inventory

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/purge/environment"
)

// PersonRows reads the rows of persons with their versions, as far as the purge writes to them or finds rows by them.
func PersonRows(ctx context.Context, from environment.Reader, subject *compile.Subject, e *Eraser, ids []uuid.UUID) (map[uuid.UUID]dataverse.Row, error) {
	cols := append([]string{subject.PrimaryID}, e.Whole().selects()...)
	own := []string{subject.PrimaryName, subject.Own.LegalHold, subject.Own.AnonymizedOn}
	if e.Table.Attributes["modifiedby"] != nil {
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
	for i := range subject.Map.Places { // what the person's own lookups lead to
		if p := &subject.Map.Places[i]; p.Kind == personmap.Behind && p.Do != personmap.Left && !slices.Contains(cols, "_"+p.Column+"_value") {
			cols = append(cols, "_"+p.Column+"_value")
		}
	}
	var qs []dataverse.Query
	for some := range slices.Chunk(ids, environment.MaxIDs) {
		qs = append(qs, dataverse.Query{Table: subject.Table, Select: cols, Filter: environment.IDFilter(subject.PrimaryID, some), Annotations: true})
	}
	answers, err := from.Queries(ctx, qs)
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
