package retention

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestReason(t *testing.T) {
	opportunity := &CheckedGround{
		Ground: &Ground{Trigger: "Opportunity closed", Why: "Follow-up of a deal", After: "actualclosedate", Keep: Period{Months: 24}},
		Date:   &DateField{Column: "actualclosedate", Name: "Actual Close Date"},
	}
	unnamed := &CheckedGround{Ground: &Ground{Why: "w", After: "actualclosedate", Keep: Period{Years: 1}}, Date: &DateField{Column: "actualclosedate", Name: "actual close date"}}
	followUp := &CheckedGround{Ground: &Ground{Trigger: "Follow-up agreed for", Why: "Asked us to come back", Until: "nord_followupon", Keep: Period{Days: 14}}, Date: &DateField{}}
	exact := &CheckedGround{Ground: &Ground{Trigger: "Follow-up agreed for", Why: "w", Until: "nord_followupon"}, Date: &DateField{}}
	primary := &CheckedGround{Ground: &Ground{Why: "Responsible for the agreement of an active customer."}}
	rules := Rules{Notice: Period{Months: 2}, ManualExtension: Period{Months: 12}}
	ended := Retention{Trigger: date("2024-05-14"), Until: date("2026-05-14")}

	tests := []struct {
		name     string
		decision Decision
		ground   *CheckedGround
		columns  Columns
		want     string
	}{
		{"a ground that ended", Decision{Action: Schedule, Retention: ended, PurgeOn: date("2026-09-01")}, opportunity, Columns{},
			"Opportunity closed 14 May 2024, kept 24 months"},
		{"a ground that ends on the purge's own day", Decision{Action: Schedule, Retention: ended, PurgeOn: date("2026-05-14")}, opportunity, Columns{},
			"Opportunity closed 14 May 2024, kept 24 months, until 14 May 2026"},
		{"without a trigger the column's name", Decision{Action: Wait, Retention: Retention{Trigger: date("2024-05-14"), Until: date("2025-05-14")}, PurgeOn: date("2026-09-01")}, unnamed, Columns{},
			"Actual close date: 14 May 2024, kept 1 year"},
		{"a date that is the end, with slack", Decision{Action: Schedule, Retention: Retention{Trigger: date("2024-05-14"), Until: date("2024-05-28")}, PurgeOn: date("2026-09-01")}, followUp, Columns{},
			"Follow-up agreed for 14 May 2024, and 14 days more"},
		{"a date that is the end", Decision{Action: Schedule, Retention: Retention{Trigger: date("2024-05-14"), Until: date("2024-05-14")}, PurgeOn: date("2026-09-01")}, exact, Columns{},
			"Follow-up agreed for 14 May 2024"},
		{"nothing", Decision{Action: Schedule, Retention: Retention{Ground: NoGround}, PurgeOn: date("2026-09-01")}, nil, Columns{},
			"Nothing registered justifies keeping this person"},
		{"kept without an end", Decision{Action: Keep, Retention: Retention{Until: Open}}, primary, Columns{},
			"Responsible for the agreement of an active customer"},
		{"kept because a date is missing", Decision{Action: Keep, Retention: Retention{Until: Open}}, opportunity, Columns{},
			"Follow-up of a deal; the date that the period would be counted from is missing (Actual Close Date)"},
		{"kept until", Decision{Action: Keep, Retention: ended}, opportunity, Columns{},
			"Opportunity closed 14 May 2024, kept 24 months, until 14 May 2026"},
		{"by hand", Decision{Action: Keep, Retention: Retention{Until: date("2026-12-01"), Ground: ByHand}, Extension: ExtensionCounts}, nil, Columns{},
			"Extended by hand until 1 December 2026"},
		{"on another row", Decision{Action: Schedule, Retention: Retention{Trigger: date("2024-05-14"), Until: date("2026-05-14"), Ground: OtherRow}, PurgeOn: date("2026-09-01")}, opportunity, Columns{},
			"Opportunity closed 14 May 2024, kept 24 months (on another row of the same person)"},
		{"an extension without a reason", Decision{Action: Schedule, Retention: Retention{Ground: NoGround}, Extension: ExtensionNoReason}, nil, Columns{ExtendedUntil: date("2026-12-01")},
			"Nothing registered justifies keeping this person. The extension until 1 December 2026 does not count, because it has no reason: enter one, or it lapses"},
		{"an extension too far ahead", Decision{Action: Schedule, Retention: ended, PurgeOn: date("2026-09-01"), Extension: ExtensionTooFar}, opportunity, Columns{ExtendedUntil: date("2030-12-01")},
			"Opportunity closed 14 May 2024, kept 24 months. The extension until 1 December 2030 does not count, because it lies more than 12 months ahead: enter an earlier date"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Reason(tt.decision, tt.ground, tt.columns, rules); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestReasonFitsItsColumn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &CheckedGround{Ground: &Ground{Why: rapid.StringN(1, 900, -1).Draw(t, "why"), Trigger: rapid.StringN(0, 900, -1).Draw(t, "trigger"), After: "a", Keep: drawPeriod(t, "keep")}, Date: &DateField{Column: "a"}}
		d := Decision{Action: Keep, Retention: Retention{Until: rapid.SampledFrom([]Date{Open, 740000}).Draw(t, "until"), Trigger: 739000}, Extension: ExtensionTooFar}
		got := Reason(d, g, Columns{ExtendedUntil: 741000}, Rules{ManualExtension: Period{Months: 12}})
		if n := utf8.RuneCountInString(got); n > MaxReason || n == 0 {
			t.Fatalf("%d letters: %s", n, got)
		}
		if strings.ContainsAny(got, "\n\t") {
			t.Fatalf("several lines: %q", got)
		}
	})
}
