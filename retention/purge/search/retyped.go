package search

import (
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
)

// WrittenSince tells whether somebody else than gallra has written to the row last: actor runs it now, and actors have
// run it before.
func WrittenSince(row dataverse.Row, actor uuid.UUID, actors []uuid.UUID) bool {
	by := row.ID("modifiedby")
	return by != uuid.Nil && actor != uuid.Nil && by != actor && !slices.Contains(actors, by)
}

// Retyped tells whether the columns of an anonymous row that are not empty can be somebody's work since: they can be
// written to, and none is locked, which one is that holds what it held before it was to be emptied.
func Retyped(subject *compile.Subject, t *dataverse.Table, columns []string, before, row dataverse.Row) bool {
	known := before != nil && before.Null(subject.Own.AnonymizedOn)
	return !slices.ContainsFunc(columns, func(name string) bool {
		a := t.Attributes[name]
		column := wireName(a)
		return !a.ForUpdate || known && !before.Null(column) && before[column] == row[column]
	})
}
