// Package words holds what people read, in every language: a file for each subject and language in the folder texts, of
// texts by key. A language more of a subject is a file more.
//
// In a text {0}, {1} … are the arguments. Of a text that counts there is one for each form that the language has by CLDR
// (key.one, key.other, key.few …), and the number takes the form that it needs. What every subject says, dates and lengths of
// time above all, stands once, in the subject common, and counts as a text of each.
//
// Every language of a subject has the same keys with the same places to fill in, and none that nobody asks for:
// TestEveryLanguageSaysTheSame and the tests that use package wordstest hold this.
package words

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed texts/*.json
var files embed.FS

// Words are the texts of a subject in one language.
type Words struct {
	Language string // en, sv …
	texts    map[string]string
	common   map[string]string
	tag      language.Tag
	numbers  *message.Printer
}

// common is the subject of what all others say as well.
const common = "common"

// source is the language that others are translated from, and the one of whoever asks for none.
const source = "en"

// read are the texts by subject and language. They are part of the program: one that cannot be read is a mistake in it,
// as a regular expression is that does not compile.
var read = sync.OnceValue(func() map[string]map[string]*Words {
	all := map[string]map[string]*Words{}
	names, err := fs.Glob(files, "texts/*.json")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		subject, lang, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(name, "texts/"), ".json"), ".")
		w := &Words{Language: lang, texts: map[string]string{}, tag: language.MustParse(lang)}
		text, err := files.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(text, &w.texts)
		}
		if err != nil {
			panic(fmt.Errorf("%s: %w", name, err))
		}
		w.numbers = message.NewPrinter(w.tag)
		if all[subject] == nil {
			all[subject] = map[string]*Words{}
		}
		all[subject][lang] = w
	}
	for _, languages := range all {
		for lang, w := range languages {
			w.common = all[common][lang].texts
		}
	}
	return all
})

// All are the languages that everything is said in, English first.
func All() []string { return Languages(common) }

// Find is the language that somebody means who writes it as sv, SV, sv-SE or no; not found where gallra does not speak it.
func Find(name string) (lang string, found bool) {
	tag, err := language.Parse(strings.ReplaceAll(name, "_", "-"))
	if err != nil {
		return "", false
	}
	base, _ := tag.Base()
	for _, lang := range All() {
		if lang == base.String() || lang == "nb" && (base.String() == "no" || base.String() == "nn") {
			return lang, true
		}
	}
	return "", false
}

var matcher = sync.OnceValue(func() language.Matcher {
	all := All()
	tags := make([]language.Tag, len(all))
	for i, l := range all {
		tags[i] = language.MustParse(l)
	}
	return language.NewMatcher(tags)
})

// OfCode is the language with that Windows code; not found where gallra does not speak it.
func OfCode(code int) (lang string, found bool) {
	for _, lang := range All() {
		if In(common, lang).Code() == code {
			return lang, true
		}
	}
	return "", false
}

// Languages are those that a subject comes in, English first.
func Languages(subject string) []string {
	all := slices.Sorted(maps.Keys(read()[subject]))
	if i := slices.Index(all, source); i > 0 {
		all = slices.Insert(slices.Delete(all, i, i+1), 0, source)
	}
	return all
}

// In are the texts of a subject in a language, or in English where it does not come in that.
func In(subject, lang string) *Words {
	if w, ok := read()[subject][lang]; ok {
		return w
	}
	return read()[subject][source]
}

// Preferred is the language that fits best what a browser asks for in Accept-Language.
func Preferred(accept string) string {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return source
	}
	_, i, _ := matcher().Match(wanted...)
	return All()[i]
}

// Lookup is the text with that key as it stands, if there is one.
func (w *Words) Lookup(key string) (string, bool) {
	text, ok := w.texts[key]
	if !ok {
		text, ok = w.common[key]
	}
	return text, ok
}

// Keys are the keys of the subject's own texts, sorted.
func (w *Words) Keys() []string { return slices.Sorted(maps.Keys(w.texts)) }

// T is the text with that key, filled in. What has no text, since the engine has learned a word that is not translated yet,
// is the last part of the key.
func (w *Words) T(key string, args ...any) string {
	text, ok := w.Lookup(key)
	if !ok {
		return key[strings.LastIndexByte(key, '.')+1:]
	}
	if len(args) == 0 {
		return text
	}
	filled := make([]string, 0, 2*len(args))
	for i, a := range args {
		filled = append(filled, "{"+strconv.Itoa(i)+"}", w.print(a))
	}
	return strings.NewReplacer(filled...).Replace(text) // at once: what is filled in may hold braces itself
}

func (w *Words) print(a any) string {
	if n, ok := a.(int); ok {
		return w.Number(n)
	}
	return fmt.Sprint(a)
}

// N is the text for a number of things in the form that the number takes, filled in with the number or with what is given
// instead.
func (w *Words) N(key string, n int, shown ...any) string {
	if len(shown) == 0 {
		shown = []any{n}
	}
	return w.T(key+"."+w.form(n), shown...)
}

var forms = map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}

// form is the plural form of a number; other where the language makes no difference.
func (w *Words) form(n int) string {
	if form, ok := forms[plural.Cardinal.MatchPlural(w.tag, max(n, -n), 0, 0, 0, 0)]; ok {
		return form
	}
	return "other"
}

// Number is a number as a reader of the language writes it.
func (w *Words) Number(n int) string { return strings.Replace(w.numbers.Sprint(n), "-", "−", 1) }

var english = message.NewPrinter(language.English)

// Number is a number with narrow spaces between its thousands, which reads well in every language.
func Number(n int) string { return strings.ReplaceAll(english.Sprint(n), ",", "\u202f") }

// Tag is the language for whoever sorts or formats by it.
func (w *Words) Tag() language.Tag { return w.tag }

// Code is the language as Windows and Dataverse number it (LCID).
func (w *Words) Code() int {
	code, _ := strconv.Atoi(w.T("lcid")) // which a test reads
	return code
}

// Date is a day in words: 24 November 2026, with that between its parts.
func (w *Words) Date(day time.Time, between string) string {
	return w.dated("pattern.date", "month.", day, between)
}

// Day is a day without its year: 24 November.
func (w *Words) Day(day time.Time, between string) string {
	return w.dated("pattern.day", "month.", day, between)
}

// ShortDate is a day with its month cut short: 24 Nov 2026.
func (w *Words) ShortDate(day time.Time, between string) string {
	return w.dated("pattern.date", "month.short.", day, between)
}

// ShortDay is a day without its year: 24 Nov.
func (w *Words) ShortDay(day time.Time, between string) string {
	return w.dated("pattern.day", "month.short.", day, between)
}

func (w *Words) dated(pattern, month string, day time.Time, between string) string {
	pattern = strings.ReplaceAll(w.T(pattern), " ", between)
	return strings.NewReplacer("{0}", strconv.Itoa(day.Day()), "{1}", w.T(month+strconv.Itoa(int(day.Month()))), "{2}", strconv.Itoa(day.Year())).Replace(pattern)
}

// Period is a length of time in words, with its numbers as a policy has them.
func (w *Words) Period(years, months, weeks, days int) string {
	var parts []string
	for _, u := range []struct {
		n   int
		key string
	}{{years, "years"}, {months, "months"}, {weeks, "weeks"}, {days, "days"}} {
		if u.n != 0 {
			parts = append(parts, w.N("period."+u.key, u.n, strconv.Itoa(u.n)))
		}
	}
	if len(parts) == 0 {
		return w.N("period.days", 0)
	}
	return strings.Join(parts, " ")
}
