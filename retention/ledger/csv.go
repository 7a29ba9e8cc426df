package ledger

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// WriteCSV writes all entries as a table for an auditor, and tells how many there were. The chain is checked on the way.
// What a spreadsheet would take for a formula is written as text.
func (l *Ledger) WriteCSV(ctx context.Context, w io.Writer) (entries int, err error) {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	entries, err = l.exported(ctx, func(r Record, run, hash string) error { return out.Write(csvRow(r, run, hash)) })
	if err != nil {
		return entries, err
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return entries, fmt.Errorf("ledger: %w", err)
	}
	return entries, nil
}

func csvRow(r Record, run, hash string) []string {
	row := make([]string, 0, len(columns))
	for _, cell := range r.cells(run, hash) {
		row = append(row, plain(cellText(cell)))
	}
	return row
}

// plain keeps a spreadsheet from taking a text for a formula: a leading apostrophe makes it text.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

func csvID(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func csvDate(d retention.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func csvNumber(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// csvRows is the touched rows: email 1234… 5678…; lead 9abc….
func csvRows(rows map[string][]uuid.UUID) string {
	var all []string
	for _, table := range slices.Sorted(maps.Keys(rows)) {
		text := table
		for _, id := range rows[table] {
			text += " " + id.String()
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// csvCounts is the counts: delete email: 3; keep quote: 1.
func csvCounts(counts map[string]int) string {
	var all []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, what+": "+strconv.Itoa(counts[what]))
	}
	return strings.Join(all, "; ")
}

// csvFacts is what changed in the environment: bin contact=30; delete contact.annotation.objectid=Cascade.
func csvFacts(facts map[string]string) string {
	var all []string
	for _, what := range slices.Sorted(maps.Keys(facts)) {
		all = append(all, what+"="+facts[what])
	}
	return strings.Join(all, "; ")
}
