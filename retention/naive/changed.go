package naive

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// Change is a change of a column that the audit history has: of which row, what stood there before, and when.
type Change struct {
	Table, ID, Column, Old string
	At                     time.Time
}

var changedColumn = regexp.MustCompile(`^(last )?changed\((\w+)\)$`)

// change is the column whose change a ground counts from, and what the change does: "ends" takes the ground away, "counts" is when it
// begins to run while the row still matches.
func (g Ground) change() (column, when string) {
	if m := changedColumn.FindStringSubmatch(g["until"]); m != nil {
		return m[2], "ends"
	}
	m := changedColumn.FindStringSubmatch(g["after"])
	switch {
	case m == nil:
		return "", ""
	case m[1] == "" && (m[2] == g["link"] || m[2] == "statecode" && strings.Contains(g["where"], "statecode eq 0")):
		return m[2], "ends"
	}
	return m[2], "counts"
}

// history is what the audit history tells of a ground from a day on: by row, or by the person from whom a change took it.
func (p Policy) history(t testing.TB, crm *CRM, g Ground, from time.Time) map[string]time.Time {
	column, when := g.change()
	days := map[string]time.Time{}
	for _, c := range crm.History {
		on := p.day(t, "", c.At.UTC().Format("2006-01-02T15:04:05Z"))
		if c.Table != g["table"] || c.Column != column || on.Before(from) {
			continue
		}
		row, there := crm.ByID[c.ID]
		who := ""
		switch {
		case when == "counts":
			who = c.ID
		case column == g["link"]:
			// The row matches apart from that, or nobody knows what it said then.
			counts := !there || crm.matches(t, row, without(g["where"], column))
			for _, later := range crm.History {
				if later.Table == c.Table && later.ID == c.ID && strings.Contains(g["where"], later.Column) {
					counts = counts || !p.day(t, "", later.At.UTC().Format("2006-01-02T15:04:05Z")).Before(on)
				}
			}
			if counts {
				who = c.Old
			}
		case there && !crm.matches(t, row, g["where"]) && crm.matches(t, row, without(g["where"], column)):
			who = row.lookup(g["link"])
		}
		if who != "" && on.After(days[who]) {
			days[who] = on
		}
	}
	return days
}

// without is a filter of terms joined by and without those that ask of one column.
func without(where, column string) string {
	var rest []string
	for term := range strings.SplitSeq(where, " and ") {
		if !strings.Contains(term, column) {
			rest = append(rest, term)
		}
	}
	return strings.Join(rest, " and ")
}
