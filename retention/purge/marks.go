package purge

import (
	"strings"

	"github.com/gallra/gallra/retention"
	"github.com/google/uuid"
)

// What gallra writes into an environment, and knows again as its own.

// jobName begins the name of every bulk delete job, before the run's id: by it a run finds the jobs of one that was cut.
const jobName = "gallra "

// placeholder stands in required columns of an anonymised row.
const placeholder = "(purged)"

// requiredPlaceholder is the placeholder of a required column of some length; zero is any.
func requiredPlaceholder(length int) string { return ending(placeholder, length) }

// uniquePlaceholder is the placeholder of a column that no two rows may have the same of: the end of the id tells them apart.
func uniquePlaceholder(id uuid.UUID, length int) string {
	return ending("purged "+strings.ReplaceAll(id.String(), "-", ""), length)
}

func ending(text string, length int) string {
	if length > 0 && len(text) > length {
		return text[len(text)-length:]
	}
	return text
}

// isPlaceholder tells whether a text is one that stands where something was erased from the row. One of another row may come
// back: an address row's stands in the person's column of the same name.
func isPlaceholder(text string, id uuid.UUID, length int) bool {
	return text == placeholder || text == requiredPlaceholder(length) || text == uniquePlaceholder(id, length)
}

// ownColumns are the names of the columns that gallra owns.
func ownColumns(c retention.ColumnNames) []string {
	return []string{c.PurgeScheduledOn, c.PurgeNoticedOn, c.PurgeReason, c.RetainUntil, c.RetainReason, c.LegalHold, c.AnonymizedOn}
}
