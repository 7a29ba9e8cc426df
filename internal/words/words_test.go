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

// ofEngine are the keys whose English the engine has itself.
var ofEngine = map[string]string{"report": "place."}

// Every text is there in every language of its subject, with the same places to fill in, and says something.
func TestEveryLanguageSaysTheSame(t *testing.T) {
	subjects := read()
	for subject, languages := range subjects {
		if got := strings.Join(Languages(subject), " "); got != "en da de fi nb sv" {
			t.Fatalf("%s comes in %s", subject, got)
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
			takes := map[string]bool{} // the forms that a number of things can take
			for n := range 200 {
				takes[w.form(n)] = true
			}
			for key, text := range w.texts {
				if text == "" {
					t.Errorf("%s.%s: %s says nothing", subject, lang, key)
				}
				if form := pluralForm.FindString(key); form != "" && !takes[form[1:]] {
					t.Errorf("%s.%s: %s is a form that no number of things takes", subject, lang, key)
				}
				if _, twice := w.common[key]; twice && subject != common {
					t.Errorf("%s.%s: %s is said for all subjects", subject, lang, key)
				}
			}
			for key := range places {
				_, plain := w.texts[key]
				if own := ofEngine[subject]; own != "" && lang == source && strings.HasPrefix(key, own) {
					if plain {
						t.Errorf("%s.%s: %s is the engine's to say", subject, lang, key)
					}
					continue
				}
				if plain {
					continue
				}
				for form := range takes {
					if _, ok := w.texts[key+"."+form]; !ok {
						t.Errorf("%s.%s: %s is missing, or the form %s of it", subject, lang, key, form)
					}
				}
			}
		}
	}
}

func TestNumbersAndDates(t *testing.T) {
	day := time.Date(2026, 11, 4, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ got, want string }{
		{In("console", "en").Number(1234567), "1,234,567"}, {In("console", "sv").Number(1234567), "1\u00a0234\u00a0567"}, {In("console", "sv").Number(-1234), "−1\u00a0234"},
		{In("console", "en").Number(-1234), "−1,234"}, {In("console", "sv").Number(999), "999"}, {Number(-1234567), "-1\u202f234\u202f567"}, {Number(12), "12"},
		{In("console", "de").Number(1234567), "1.234.567"}, {In("console", "da").Number(1234567), "1.234.567"},
		{In("console", "fi").Number(1234567), "1\u00a0234\u00a0567"}, {In("console", "nb").Number(1234567), "1\u00a0234\u00a0567"},
		{In("report", "en").Date(day, " "), "4 November 2026"}, {In("report", "sv").Date(day, " "), "4 november 2026"}, {In("report", "da").Date(day, " "), "4. november 2026"},
		{In("report", "nb").Date(day, " "), "4. november 2026"}, {In("report", "fi").Date(day, " "), "4. marraskuuta 2026"}, {In("report", "de").Date(day, " "), "4. November 2026"},
		{In("console", "en").ShortDay(day, "\u00a0"), "4\u00a0Nov"}, {In("console", "de").ShortDate(day, "\u00a0"), "4.\u00a0Nov.\u00a02026"},
		{In("report", "sv").Period(0, 2, 0, 1), "2 månader 1 dag"}, {In("report", "en").Period(0, 0, 0, 0), "0 days"}, {In("report", "fi").Period(1, 0, 2, 0), "1 vuosi 2 viikkoa"},
		{In("report", "en").N("chart.persons", 1), "1 person"}, {In("console", "sv").N("period.days", 1000), "1\u00a0000 dagar"},
		{In("report", "xx").Language, "en"}, {In("report", "en").T("status.unheard-of"), "unheard-of"},
		{Preferred("sv-SE,sv;q=0.9,en;q=0.5"), "sv"}, {Preferred("fr"), "en"}, {Preferred(";;"), "en"}, {Preferred("no"), "nb"}, {Preferred("nn-NO,nb;q=0.9"), "nb"},
		{Preferred("de-AT"), "de"}, {Preferred("fi"), "fi"}, {Preferred("da-DK,da"), "da"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// A language is found by what people call it; a near one is none.
func TestFind(t *testing.T) {
	for name, want := range map[string]string{"sv": "sv", "SV": "sv", "sv-SE": "sv", "sv_FI": "sv", "no": "nb", "nb": "nb", "en-GB": "en", "de-CH": "de", "fr": "", "": "", "is": "", "xx": "", "svenska": ""} {
		if got, ok := Find(name); got != want && (ok || want != "") || ok != (want != "") {
			t.Errorf("%s: %s %v, want %s", name, got, ok, want)
		}
	}
	codes := map[int]bool{}
	for _, lang := range All() {
		code := In(common, lang).Code()
		if got, ok := OfCode(code); got != lang || !ok || codes[code] {
			t.Errorf("%s has the code %d, which is of %s", lang, code, got)
		}
		codes[code] = true
	}
	if _, ok := OfCode(1036); ok {
		t.Error("French is spoken")
	}
}
