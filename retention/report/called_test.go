package report_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/report"
)

// surroundings are what the world adds to the record of its policy.
func (w *world) surroundings(lang string) *policy.Surroundings {
	w.Helper()
	called := report.NewCalled(w.Context(), w.client)
	in := &policy.Surroundings{Called: called, Where: map[string][]policy.Standing{}, Data: map[string][]policy.DataCategory{}}
	maps, err := w.checked.Maps(w.Context(), w.client)
	w.must(err)
	for _, m := range maps {
		v, err := report.NewPlaceMap(m, report.Lang(lang), called)
		w.must(err)
		in.Where[m.Name()], in.Data[m.Name()] = v.Standing(), called.Categories(m.Subject, m)
	}
	return in
}

// TestTheRecordSpeaksAsPeopleDo holds the record of the model policy in every language: outside of the footnotes stands no name of
// the database and no filter, and each footnote is asked for.
func TestTheRecordSpeaksAsPeopleDo(t *testing.T) {
	w := newWorld(t)
	w.checked.Policy.Hash = "sha256:…"
	var english string
	for _, lang := range words.All() {
		var b bytes.Buffer
		w.must(w.checked.Policy.WriteRecordIn(&b, lang, w.surroundings(lang)))
		got, golden := b.String(), "testdata/record."+lang+".md"
		if *update {
			w.must(os.WriteFile(golden, []byte(got), 0o644))
		}
		want, err := os.ReadFile(golden)
		w.must(err)
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("run go test ./retention/report -run TheRecordSpeaks -update (-want +got):\n%s", diff)
		}
		// Where a language has a comma before a condition, and blanks or marks within numbers.
		for in, want := range map[string]string{"da": " som »Parent Contact Id«, hvor »State Code« er »Open«", "fi": " kohdassa ”Parent Contact Id”, silloin kun ”State Code” on ”Open”", "nb": "sletter høyst 25\u00a0000 personer", "en": "purges at most 25,000 persons"} {
			if in == lang && !strings.Contains(got, want) {
				t.Errorf("%s: the record does not say %q", lang, want)
			}
		}
		for in, odd := range map[string]string{"fi": "tämän päivän jälkeen", "nb": "på stedet i stedet", "da": "på stedet i stedet"} {
			if in == lang && strings.Contains(got, odd) {
				t.Errorf("%s: the record says %q", lang, odd)
			}
		}
		text, notes, found := strings.Cut(got, "\n[^1]: ")
		if !found {
			t.Fatalf("%s: no footnotes", lang)
		}
		for _, technical := range regexp.MustCompile("`[^`]*`").FindAllString(text, -1) {
			if technical != "`sha256:…`" && technical != "`"+w.checked.Policy.Environment.Organization+"`" {
				t.Errorf("%s: the text says %s", lang, technical)
			}
		}
		for _, odd := range []string{" eq ", "statecode", "primarycontactid", "%!", "{0}", "spoken", "filter."} {
			if strings.Contains(text, odd) {
				t.Errorf("%s: the text says %q", lang, odd)
			}
		}
		if !strings.Contains(notes, "`statecode eq 0 and customertypecode eq 3`") {
			t.Errorf("%s: the footnotes lack a filter", lang)
		}
		for _, m := range regexp.MustCompile(`(?m)^\[(\^\d+)\]: `).FindAllStringSubmatch(got, -1) {
			if strings.Count(text, "["+m[1]+"]") == 0 {
				t.Errorf("%s: nothing asks for footnote %s", lang, m[1])
			}
		}
		if lang == words.All()[0] {
			english = text
			continue
		}
		if strings.Count(text, "\n") != strings.Count(english, "\n") || strings.Count(text, "|") != strings.Count(english, "|") {
			t.Errorf("%s has other lines than English", lang)
		}
		for _, said := range []string{" that name the person", " is “", " where ", "as long as", " deleted", "set of rules"} {
			if strings.Contains(text, said) {
				t.Errorf("%s says %q", lang, said)
			}
		}
	}
}
