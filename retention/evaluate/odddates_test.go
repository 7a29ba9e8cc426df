package evaluate_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/evaluate"
)

// TestDatesFarAhead: a date of the year 9999 is what systems write that have none, and counts as none; one far ahead counts, and is
// told with its person; a sum that would leave the calendar is its last day.
func TestDatesFarAhead(t *testing.T) {
	const own, deals = "until: nord_followupon, keep: 14 days", "table: opportunity, link: parentcontactid, after: actualclosedate, keep: 6 months"
	anna := []uuid.UUID{idOf("contact", "Anna")}
	tests := []struct {
		name, ground, date, says string
		odd                      evaluate.OddDates
	}{
		{"within reach", own, "2056-11-24", "until 2056-12-08: keep", evaluate.OddDates{}},
		{"a day beyond it", own, "2056-11-25", "until 2056-12-09: keep", evaluate.OddDates{Far: anna}},
		{"far ahead", own, "2206-03-01", "until 2206-03-15: keep", evaluate.OddDates{Far: anna}},
		{"the last date, on the person", own, "9999-12-31", announced, evaluate.OddDates{Endless: anna}},
		{"the last date, a day earlier by its zone", own, "9999-12-30", announced, evaluate.OddDates{Endless: anna}},
		{"the last date, on a related row that has to have one", deals, "9999-12-31", keptOpen, evaluate.OddDates{Endless: anna}},
		{"the last date, where such rows are ignored", deals + ", missingDate: ignore", "9999-12-31", announced, evaluate.OddDates{Endless: anna}},
		{"a sum beyond the calendar", "until: nord_followupon, keep: 3 years", "9998-12-31", "until 9999-12-31: keep", evaluate.OddDates{Far: anna}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := planFor(t, judgementDay, "Europe/Stockholm", "  contact: {purge: anonymize, grounds: [{id: g, basis: contract, why: W, "+tt.ground+"}]}\n",
				nil, person("Anna", "nord_followupon", tt.date), record("opportunity", "a", "parentcontactid", ref("contact", "Anna"), "actualclosedate", tt.date))
			if got := said(t, p, "Anna"); got != tt.says {
				t.Errorf("%s: want %s", got, tt.says)
			}
			if diff := cmp.Diff(tt.odd, p.Grounds[0].OddDates, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +told):\n%s", diff)
			}
		})
	}
}
