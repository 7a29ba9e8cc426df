package notify

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
)

// Language is what owners read, in one language. Words in braces are filled in.
type Language struct {
	Code   int    `yaml:"language"` // the Windows language code
	Title  string `yaml:"title"`
	One    string `yaml:"one"`    // {first}
	Many   string `yaml:"many"`   // {count}, {first}
	Advice string `yaml:"advice"` //
	Open   string `yaml:"open"`   // {table}, {count}
	Date   string `yaml:"date"`   // yyyy, mm or m, dd or d
	Person string `yaml:"person"` // what opens the person, and where there are several First the one whose day comes first; empty: nothing does
	First  string `yaml:"first"`
}

// Languages are those that are built in, and those of the named files, which win.
func Languages(files ...string) ([]Language, error) {
	var list []Language
	for _, built := range words.Languages("notify") {
		w := words.In("notify", built)
		l := Language{Title: w.T("title"), One: w.T("one"), Many: w.T("many"), Advice: w.T("advice"), Open: w.T("open"), Date: w.T("date"), Person: w.T("person"), First: w.T("first")}
		l.Code = w.Code()
		if err := l.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", built, err)
		}
		list = append(list, l)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a language: %w", err)
		}
		l, err := parseLanguage(bytes.TrimPrefix(b, []byte("\ufeff"))) // which editors of Windows put first
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		list = append([]Language{l}, list...)
	}
	return list, nil
}

func parseLanguage(b []byte) (Language, error) {
	var l Language
	if err := yaml.UnmarshalWithOptions(b, &l, yaml.Strict()); err != nil {
		return l, fmt.Errorf("no language: %w", err)
	}
	return l, l.check()
}

// check tells whether a language has all that it needs, and room for it.
func (l *Language) check() error {
	for _, f := range []struct {
		name, text string
		needs      []string
		most       int
	}{
		{"title", l.Title, nil, 100}, {"one", l.One, []string{"{first}"}, 200}, {"many", l.Many, []string{"{count}", "{first}"}, 200},
		{"advice", l.Advice, nil, 200}, {"open", l.Open, []string{"{table}", "{count}"}, 60}, {"date", l.Date, []string{"yyyy", "m", "d"}, 20},
		{"person", l.Person, nil, 60}, {"first", l.First, nil, 60},
	} {
		if f.text == "" && (f.name == "person" || f.name == "first") {
			continue
		}
		if f.text == "" {
			return fmt.Errorf("%s is missing", f.name)
		}
		if len([]rune(f.text)) > f.most {
			return fmt.Errorf("%s is longer than %d letters", f.name, f.most)
		}
		for _, word := range f.needs {
			if !strings.Contains(f.text, word) {
				return fmt.Errorf("%s must contain %s", f.name, word)
			}
		}
	}
	if l.Code <= 0 {
		return fmt.Errorf("language is the Windows language code, such as 1033")
	}
	return nil
}

// primary is the language without its region: every kind of English is 9.
func primary(code int) int { return code & 0x3ff }

// pick is the language with that code, else its nearest kin, else the next code's.
func pick(list []Language, codes ...int) Language {
	for _, code := range codes {
		for _, same := range []func(int) bool{func(c int) bool { return c == code }, func(c int) bool { return primary(c) == primary(code) }} {
			for _, l := range list {
				if code > 0 && same(l.Code) {
					return l
				}
			}
		}
	}
	return list[0]
}

func (l Language) date(d retention.Date) string {
	text := d.String() // yyyy-mm-dd
	year, month, day := text[:4], text[5:7], text[8:10]
	return strings.NewReplacer("yyyy", year, "mm", month, "dd", day, "m", strings.TrimPrefix(month, "0"), "d", strings.TrimPrefix(day, "0")).Replace(l.Date)
}

func (l Language) body(count int, first retention.Date) string {
	text := l.Many
	if count == 1 {
		text = l.One
	}
	return strings.NewReplacer("{count}", strconv.Itoa(count), "{first}", l.date(first)).Replace(text) + " " + l.Advice
}

func (l Language) open(table string, count int) string {
	return strings.NewReplacer("{table}", table, "{count}", strconv.Itoa(count)).Replace(l.Open)
}

// person is what opens the person whose day comes first, of so many.
func (l Language) person(count int) string {
	if count == 1 {
		return l.Person
	}
	return l.First
}
