package environment

import (
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// What gallra writes into an environment, and knows again as its own.

// JobName begins the name of every bulk delete job, before the run's id: by it a run finds the jobs of one that was cut.
const JobName = "gallra "

// Placeholder stands in required columns of an anonymised row.
const Placeholder = compile.Placeholder

// shortPlaceholder is that of columns too short for the other.
const shortPlaceholder = "-"

// RequiredPlaceholder is the placeholder of a required column of some length; zero is any.
func RequiredPlaceholder(length int) string {
	if length > 0 && length < len(Placeholder) {
		return shortPlaceholder
	}
	return Placeholder
}

// UniquePlaceholder is the placeholder of a column that no two rows may have the same of: the end of the id tells them apart.
func UniquePlaceholder(id uuid.UUID, length int) string {
	return ending("purged "+strings.ReplaceAll(id.String(), "-", ""), length)
}

func ending(text string, length int) string {
	if length > 0 && len(text) > length {
		return text[len(text)-length:]
	}
	return text
}

// IsPlaceholder tells whether a text is one that stands where something was erased from the row. One of another row may come
// back: an address row's stands in the person's column of the same name.
func IsPlaceholder(text string, id uuid.UUID, length int) bool {
	return text == Placeholder || text == RequiredPlaceholder(length) || text == ending(Placeholder, length) || // as it was written once
		text == UniquePlaceholder(id, length)
}

// OwnColumns are the names of the columns that gallra owns.
func OwnColumns(c policy.ColumnNames) []string {
	return []string{c.PurgeScheduledOn, c.PurgeNoticedOn, c.PurgeReason, c.RetainUntil, c.RetainReason, c.LegalHold, c.AnonymizedOn}
}
