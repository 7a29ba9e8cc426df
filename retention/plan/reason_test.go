package plan

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/internal/words/wordstest"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

func TestReason(t *testing.T) {
	opportunity := &compile.Ground{
		Ground: &policy.Ground{Trigger: "Opportunity closed", Why: "Follow-up of a deal", After: "actualclosedate", Keep: retention.Keeping{Period: retention.Period{Months: 24}}},
		Date:   &compile.DateField{Column: "actualclosedate", Name: "Actual Close Date"},
	}
	unnamed := &compile.Ground{Ground: &policy.Ground{Why: "w", After: "actualclosedate", Keep: retention.Keeping{Period: retention.Period{Years: 1}}}, Date: &compile.DateField{Column: "actualclosedate", Name: "actual close date"}}
	followUp := &compile.Ground{Ground: &policy.Ground{Trigger: "Follow-up agreed for", Why: "Asked us to come back", Until: "nord_followupon", Keep: retention.Keeping{Period: retention.Period{Days: 14}}}, Date: &compile.DateField{}}
	exact := &compile.Ground{Ground: &policy.Ground{Trigger: "Follow-up agreed for", Why: "w", Until: "nord_followupon"}, Date: &compile.DateField{}}
	primary := &compile.Ground{Ground: &policy.Ground{Why: "Responsible for the agreement of an active customer."}}
	rules := retention.Rules{Notice: retention.Period{Months: 2}, ManualExtension: retention.Period{Months: 12}}
	ended := retention.Term{Trigger: date("2024-05-14"), Until: date("2026-05-14")}

	tests := []struct {
		name     string
		decision retention.Decision
		ground   *compile.Ground
		columns  retention.Columns
		want     string
	}{
		{"a ground that ended", retention.Decision{Action: retention.Schedule, Term: ended, PurgeOn: date("2026-09-01")}, opportunity, retention.Columns{},
			"Opportunity closed 14 May 2024, kept 24 months"},
		{"a ground that ends on the purge's own day", retention.Decision{Action: retention.Schedule, Term: ended, PurgeOn: date("2026-05-14")}, opportunity, retention.Columns{},
			"Opportunity closed 14 May 2024, kept 24 months, until 14 May 2026"},
		{"without a trigger the column's name", retention.Decision{Action: retention.Wait, Term: retention.Term{Trigger: date("2024-05-14"), Until: date("2025-05-14")}, PurgeOn: date("2026-09-01")}, unnamed, retention.Columns{},
			"Actual close date: 14 May 2024, kept 1 year"},
		{"a date that is the end, with slack", retention.Decision{Action: retention.Schedule, Term: retention.Term{Trigger: date("2024-05-14"), Until: date("2024-05-28")}, PurgeOn: date("2026-09-01")}, followUp, retention.Columns{},
			"Follow-up agreed for 14 May 2024, and 14 days more"},
		{"a date that is the end", retention.Decision{Action: retention.Schedule, Term: retention.Term{Trigger: date("2024-05-14"), Until: date("2024-05-14")}, PurgeOn: date("2026-09-01")}, exact, retention.Columns{},
			"Follow-up agreed for 14 May 2024"},
		{"nothing", retention.Decision{Action: retention.Schedule, Term: retention.Term{Ground: retention.NoGround}, PurgeOn: date("2026-09-01")}, nil, retention.Columns{},
			"Nothing registered justifies keeping this person"},
		{"kept without an end", retention.Decision{Action: retention.Keep, Term: retention.Term{Until: retention.Open}}, primary, retention.Columns{},
			"Responsible for the agreement of an active customer"},
		{"kept because a date is missing", retention.Decision{Action: retention.Keep, Term: retention.Term{Until: retention.Open}}, opportunity, retention.Columns{},
			"Follow-up of a deal; the date that the period would be counted from is missing (Actual Close Date)"},
		{"kept until", retention.Decision{Action: retention.Keep, Term: ended}, opportunity, retention.Columns{},
			"Opportunity closed 14 May 2024, kept 24 months, until 14 May 2026"},
		{"by hand", retention.Decision{Action: retention.Keep, Term: retention.Term{Until: date("2026-12-01"), Ground: retention.ByHand}, Extension: retention.ExtensionCounts}, nil, retention.Columns{},
			"Extended by hand until 1 December 2026"},
		{"on another row", retention.Decision{Action: retention.Schedule, Term: retention.Term{Trigger: date("2024-05-14"), Until: date("2026-05-14"), Ground: retention.OtherRow}, PurgeOn: date("2026-09-01")}, opportunity, retention.Columns{},
			"Opportunity closed 14 May 2024, kept 24 months (on another row of the same person)"},
		{"an extension without a reason", retention.Decision{Action: retention.Schedule, Term: retention.Term{Ground: retention.NoGround}, Extension: retention.ExtensionNoReason}, nil, retention.Columns{ExtendedUntil: date("2026-12-01")},
			"Nothing registered justifies keeping this person. The extension until 1 December 2026 does not count, because it has no reason: enter one, or it lapses"},
		{"an extension too far ahead", retention.Decision{Action: retention.Schedule, Term: ended, PurgeOn: date("2026-09-01"), Extension: retention.ExtensionTooFar}, opportunity, retention.Columns{ExtendedUntil: date("2030-12-01")},
			"Opportunity closed 14 May 2024, kept 24 months. The extension until 1 December 2030 does not count, because it lies more than 12 months ahead: enter an earlier date"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Reason(words.In("reason", "en"), tt.decision, tt.ground, tt.columns, rules); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The same sentence in each language of gallra's, with the policy's own words and its dates as the language writes them.
func TestReasonInEveryLanguage(t *testing.T) {
	g := &compile.Ground{
		Ground: &policy.Ground{Trigger: "Möte", Why: "{1} uppföljning", After: "actualend", Keep: retention.Keeping{Period: retention.Period{Years: 7}, From: retention.EndOfYear}},
		Date:   &compile.DateField{Column: "actualend", Name: "Slut"},
	}
	d := retention.Decision{Action: retention.Schedule, Term: retention.Term{Trigger: date("2019-05-04"), Until: date("2027-01-01")}, PurgeOn: date("2027-03-01"), Extension: retention.ExtensionNoReason}
	none := retention.Decision{Action: retention.Schedule, Term: retention.Term{Ground: retention.NoGround}, PurgeOn: date("2027-03-01")}
	missing := retention.Decision{Action: retention.Keep, Term: retention.Term{Until: retention.Open}}
	for lang, want := range map[string][3]string{
		"en": {"Möte 4 May 2019, kept 7 years from the end of 2019. The extension until 3 June 2027 does not count, because it has no reason: enter one, or it lapses",
			"Nothing registered justifies keeping this person", "{1} uppföljning; the date that the period would be counted from is missing (Slut)"},
		"sv": {"Möte 4 maj 2019, behålls 7 år från slutet av 2019. Förlängningen till 3 juni 2027 gäller inte, eftersom den saknar skäl: skriv ett, annars faller den bort",
			"Inget som är registrerat motiverar att personen behålls", "{1} uppföljning; datumet som fristen skulle räknas från saknas (Slut)"},
		"da": {"Möte 4. maj 2019, beholdes 7 år fra udgangen af 2019. Forlængelsen til 3. juni 2027 gælder ikke, fordi den mangler en begrundelse: skriv en, ellers bortfalder den",
			"Intet registreret begrunder at beholde denne person", "{1} uppföljning; den dato, som fristen skulle regnes fra, mangler (Slut)"},
		"nb": {"Möte 4. mai 2019, beholdes 7 år fra utgangen av 2019. Forlengelsen til 3. juni 2027 gjelder ikke, fordi den mangler en begrunnelse: skriv en, ellers faller den bort",
			"Ingenting registrert begrunner at denne personen beholdes", "{1} uppföljning; datoen som fristen skulle regnes fra, mangler (Slut)"},
		"fi": {"Möte 4. toukokuuta 2019, säilytysaika 7 vuotta vuoden 2019 lopusta. Jatko 3. kesäkuuta 2027 asti ei ole voimassa, koska siltä puuttuu syy: kirjoita syy, muuten se raukeaa",
			"Mikään kirjattu ei ole peruste säilyttää tätä henkilöä", "{1} uppföljning; päivä, josta säilytysaika laskettaisiin, puuttuu (Slut)"},
		"de": {"Möte 4. Mai 2019, Frist 7 Jahre ab Ende 2019. Die Verlängerung bis 3. Juni 2027 zählt nicht, weil ihr die Begründung fehlt: Tragen Sie eine ein, sonst verfällt sie",
			"Nichts Erfasstes rechtfertigt es, diese Person zu behalten", "{1} uppföljning; das Datum, ab dem die Frist zählen würde, fehlt (Slut)"},
	} {
		w := Reasons(&policy.Policy{Language: lang})
		got := [3]string{Reason(w, d, g, retention.Columns{ExtendedUntil: date("2027-06-03")}, retention.Rules{}), Reason(w, none, nil, retention.Columns{}, retention.Rules{}), Reason(w, missing, g, retention.Columns{}, retention.Rules{})}
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", lang, strings.Join(got[:], "\n"), strings.Join(want[:], "\n"))
		}
	}
}

// Every text of a reason is there, and every one is said; those about a hold are said by package purge.
func TestReasonsAreSaid(t *testing.T) {
	wordstest.Check(t, "reason", []string{"reason.go", "plan.go"}, []string{"hold", "stage.", "from.", "to."})
}

func TestReasonFitsItsColumn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &compile.Ground{Ground: &policy.Ground{Why: rapid.StringN(1, 900, -1).Draw(t, "why"), Trigger: rapid.StringN(0, 900, -1).Draw(t, "trigger"), After: "a", Keep: retention.Keeping{Period: drawPeriod(t, "keep")}}, Date: &compile.DateField{Column: "a"}}
		d := retention.Decision{Action: retention.Keep, Term: retention.Term{Until: rapid.SampledFrom([]retention.Date{retention.Open, 740000}).Draw(t, "until"), Trigger: 739000}, Extension: retention.ExtensionTooFar}
		got := Reason(words.In("reason", rapid.SampledFrom(words.All()).Draw(t, "language")), d, g, retention.Columns{ExtendedUntil: 741000}, retention.Rules{ManualExtension: retention.Period{Months: 12}})
		if n := utf8.RuneCountInString(got); n > policy.MaxReason || n == 0 {
			t.Fatalf("%d letters: %s", n, got)
		}
		if strings.ContainsAny(got, "\n\t") {
			t.Fatalf("several lines: %q", got)
		}
	})
}
