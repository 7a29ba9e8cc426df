package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// doWords is what a rule does with rows whose own period is over.
var doWords = map[policy.Disposition]string{policy.Delete: "delete", policy.Anonymize: "anonymise"}

// stoppedWords tells how many rows stay although their period is over, and why.
func stoppedWords(stopped map[string]int) string {
	var parts []string
	for _, why := range sortedKeys(stopped) {
		parts = append(parts, fmt.Sprintf("%d %s", stopped[why], why))
	}
	return strings.Join(parts, ", ")
}

// plannedRows shows what a run would do to rows whose own period is over.
func (a *streams) plannedRows(w *lines, all []plan.RowTotals) {
	if len(all) == 0 {
		return
	}
	rows := [][]string{}
	for _, r := range all {
		rows = append(rows, []string{r.Rule, r.Table, doWords[r.Do], strconv.Itoa(r.Due), stoppedWords(r.Stopped)})
	}
	w.printf("\nrows whose own period is over\n%s\n", a.table([]string{"rule", "table", "would", "rows", "stay all the same"}, rows))
}

// endedRows shows what a run did to them.
func (a *streams) endedRows(w *lines, all []purge.RowTally) {
	if len(all) == 0 {
		return
	}
	rows := [][]string{}
	for _, r := range all {
		rows = append(rows, []string{r.Rule, r.Table, doWords[r.Do], strconv.Itoa(r.Due), strconv.Itoa(r.Ended), strconv.Itoa(r.Parts), strconv.Itoa(r.Skipped),
			stoppedWords(r.Failed), stoppedWords(r.Stopped)})
	}
	w.printf("\nrows whose own period is over\n%s\n", a.table([]string{"rule", "table", "do", "due", "ended", "with them", "left alone", "failed", "stay all the same"}, rows))
}

// rowLine is a line for machines of a rule for rows with a period of their own.
type rowLine struct {
	Kind    string             `json:"kind"` // rows
	Rule    string             `json:"rule"`
	Table   string             `json:"table"`
	Do      policy.Disposition `json:"do"`
	Due     int                `json:"due"`
	Stopped map[string]int     `json:"stopped"`
	Ended   int                `json:"ended"`
	Parts   int                `json:"parts"`
	Skipped int                `json:"skipped"`
	Failed  map[string]int     `json:"failed"`
}

func rowLines(s *purge.Summary) []any {
	var out []any
	for _, r := range s.Rows {
		out = append(out, rowLine{"rows", r.Rule, r.Table, r.Do, r.Due, r.Stopped, r.Ended, r.Parts, r.Skipped, r.Failed})
	}
	return out
}
