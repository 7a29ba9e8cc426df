package report_test

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/report"
)

// The page draws where persons can stand, and says beneath in a table what the picture shows, whatever tables are called.
func TestPlacesOnThePage(t *testing.T) {
	w := theDay(t)
	r := w.report(true, swedish)
	if strings.Contains(page(t, r), "<section id=\"map\"") {
		t.Error("a report without maps has a section for them")
	}
	var err error
	r.Maps, err = w.checked.Maps(t.Context(), w.client)
	w.must(err)
	hostile := `x"><script>alert(1)</script>`
	r.Maps[0].Places = append(r.Maps[0].Places, personmap.Place{Kind: personmap.Lookup, Table: hostile, Column: hostile, Via: hostile, Why: hostile, Do: personmap.Undecided, Rule: personmap.NoRule, Rows: 1})
	text := page(t, r)
	for _, want := range []string{`<svg xmlns="http://www.w3.org/2000/svg"`, `role="img" aria-labelledby="map-contact"`, `<title id="map-contact">`, `aria-labelledby="map-lead"`,
		"<code>email.party</code>", "raderas", "OBESLUTAT", "uppsättningen sales", "Ytterligare platser har inga rader"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(text, "<script") {
		t.Error("a name became a script")
	}
	for _, m := range r.Maps {
		v, err := report.NewPlaceMap(m, report.English, nil)
		w.must(err)
		held := 0
		for _, p := range m.Places {
			if p.Rows != 0 {
				held++
			}
		}
		if len(v.Rows) != held || v.Empty != len(m.Places)-held || held < 5 {
			t.Errorf("%s: %d rows in the table, %d places hold rows of %d", m.Subject, len(v.Rows), held, len(m.Places))
		}
	}
}
