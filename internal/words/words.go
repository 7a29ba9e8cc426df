// Package words holds what people read, in every language: a file for each subject and language in the folder texts, of
// texts by key. A language more of a subject is a file more.
//
// In a text {0}, {1} … are the arguments. Of a text that counts there is one for each form that the language has by CLDR
// (key.one, key.other, key.few …), and the number takes the form that it needs.
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
	tag      language.Tag
	numbers  *message.Printer
}

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
	return all
})

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

// Preferred is the language of a subject that fits best what a browser asks for in Accept-Language.
func Preferred(subject, accept string) string {
	all := Languages(subject)
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return all[0]
	}
	tags := make([]language.Tag, len(all))
	for i, l := range all {
		tags[i] = language.MustParse(l)
	}
	_, i, _ := language.NewMatcher(tags).Match(wanted...)
	return all[i]
}

// Lookup is the text with that key as it stands, if there is one.
func (w *Words) Lookup(key string) (string, bool) {
	text, ok := w.texts[key]
	return text, ok
}

// Keys are the keys of all texts, sorted.
func (w *Words) Keys() []string { return slices.Sorted(maps.Keys(w.texts)) }

// T is the text with that key, filled in. What has no text, since the engine has learned a word that is not translated yet,
// is the last part of the key.
func (w *Words) T(key string, args ...any) string {
	text, ok := w.texts[key]
	if !ok {
		return key[strings.LastIndexByte(key, '.')+1:]
	}
	for i, a := range args {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", w.print(a))
	}
	return text
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

// Date is a day in words, with the subject's names of months: 24 November 2026, with that between its parts.
func (w *Words) Date(day time.Time, between string) string {
	return w.Day(day, between) + between + strconv.Itoa(day.Year())
}

// Day is a day without its year.
func (w *Words) Day(day time.Time, between string) string {
	return strconv.Itoa(day.Day()) + between + w.T("month."+strconv.Itoa(int(day.Month())))
}

// Period is a length of time in words.
func (w *Words) Period(years, months, weeks, days int) string {
	var parts []string
	for _, u := range []struct {
		n   int
		key string
	}{{years, "years"}, {months, "months"}, {weeks, "weeks"}, {days, "days"}} {
		if u.n != 0 {
			parts = append(parts, w.N("period."+u.key, u.n))
		}
	}
	if len(parts) == 0 {
		return w.N("period.days", 0)
	}
	return strings.Join(parts, " ")
}
