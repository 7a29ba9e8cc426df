package words

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	placeholder = regexp.MustCompile(`\{[a-z0-9]+\}`)
	pluralForm  = regexp.MustCompile(`\.(zero|one|two|few|many|other)$`)
)

// engine are the keys whose English the engine has itself.
var engine = map[string]string{"report": "place."}

// Every text is there in every language of its subject, with the same places to fill in, and says something.
func TestEveryLanguageSaysTheSame(t *testing.T) {
	subjects := read()
	if len(subjects) != 5 {
		t.Fatalf("%d subjects", len(subjects))
	}
	for subject, languages := range subjects {
		if languages[source] == nil || len(languages) < 2 {
			t.Fatalf("%s comes in %v", subject, Languages(subject))
		}
		places := map[string][]string{}
		for _, w := range languages {
			for key, text := range w.texts {
				found := placeholder.FindAllString(text, -1)
				slices.Sort(found)
				if form := pluralForm.FindString(key); form == ".one" {
					continue // may say the number in a word
				} else if form != "" {
					key = strings.TrimSuffix(key, form)
				}
				if before, ok := places[key]; ok && !slices.Equal(before, found) {
					t.Errorf("%s: %s is filled in with %v here and with %v there", subject, key, before, found)
				}
				places[key] = found
			}
		}
		for lang, w := range languages {
			for key, text := range w.texts {
				if text == "" {
					t.Errorf("%s.%s: %s says nothing", subject, lang, key)
				}
			}
			for key := range places {
				_, plain := w.texts[key]
				if own := engine[subject]; own != "" && lang == source && strings.HasPrefix(key, own) {
					if plain {
						t.Errorf("%s.%s: %s is the engine's to say", subject, lang, key)
					}
					continue
				}
				if plain {
					continue
				}
				for n := range 200 { // every form that a number of things can take
					if _, ok := w.texts[key+"."+w.form(n)]; !ok {
						t.Errorf("%s.%s: %s is missing, or the form of it for %d", subject, lang, key, n)
						break
					}
				}
			}
		}
	}
}

func TestNumbersAndDates(t *testing.T) {
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ got, want string }{
		{In("console", "en").Number(1234567), "1,234,567"}, {In("console", "sv").Number(1234567), "1\u00a0234\u00a0567"}, {In("console", "sv").Number(-1234), "−1\u00a0234"},
		{In("console", "en").Number(-1234), "−1,234"}, {In("console", "sv").Number(999), "999"}, {Number(-1234567), "-1\u202f234\u202f567"}, {Number(12), "12"},
		{In("report", "sv").Date(day, " "), "24 november 2026"}, {In("console", "en").Day(day, "\u00a0"), "24\u00a0Nov"},
		{In("report", "sv").Period(0, 2, 0, 1), "2 månader 1 dag"}, {In("report", "en").Period(0, 0, 0, 0), "0 days"},
		{In("report", "en").N("chart.persons", 1), "1 person"}, {In("console", "sv").N("period.days", 1000), "1\u00a0000 dagar"},
		{In("report", "xx").Language, "en"}, {In("report", "en").T("status.unheard-of"), "unheard-of"},
		{Preferred("console", "sv-SE,sv;q=0.9,en;q=0.5"), "sv"}, {Preferred("console", "fr"), "en"}, {Preferred("console", ";;"), "en"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
