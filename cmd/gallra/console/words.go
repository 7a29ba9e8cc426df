package console

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/gallra/gallra/retention"
)

//go:embed words/*.json
var wordFiles embed.FS

// languages are those that the console speaks, the first where a browser asks for none of them.
var languages = []string{"en", "sv"}

// catalogue holds every text of the console in every language.
type catalogue map[string]map[string]string

func readWords() (catalogue, error) {
	all := catalogue{}
	for _, l := range languages {
		text, err := wordFiles.ReadFile("words/" + l + ".json")
		if err != nil {
			return nil, err
		}
		words := map[string]string{}
		if err := json.Unmarshal(text, &words); err != nil {
			return nil, fmt.Errorf("words/%s.json: %w", l, err)
		}
		all[l] = words
	}
	return all, nil
}

// preferred is the language that a browser asks for.
func preferred(r *http.Request) string {
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return languages[0]
	}
	matcher := language.NewMatcher([]language.Tag{language.English, language.Swedish})
	_, i, _ := matcher.Match(tags...)
	return languages[i]
}

// tongue says things in one language.
type tongue struct {
	lang  string
	words map[string]string
}

// T is the text with that key; {0}, {1} … in it are the arguments.
func (t tongue) T(key string, args ...any) string {
	text, ok := t.words[key]
	if !ok { // a word of the engine's that nobody has translated yet
		return key[strings.LastIndexByte(key, '.')+1:]
	}
	for i, a := range args {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", t.print(a))
	}
	return text
}

// N is the text for a number of things: key.one or key.other.
func (t tongue) N(key string, n int) string {
	if n == 1 {
		return t.T(key+".one", n)
	}
	return t.T(key+".other", n)
}

func (t tongue) print(a any) string {
	switch a := a.(type) {
	case int:
		return t.num(a)
	case retention.Date:
		return t.date(a)
	case retention.Period:
		return t.period(a)
	case time.Time:
		return t.moment(a)
	}
	return fmt.Sprint(a)
}

// num is a number with its thousands apart.
func (t tongue) num(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	gap := ","
	if t.lang == "sv" {
		gap = "\u00a0"
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + gap + s[i:]
	}
	return sign + s
}

// date is a date as a reader of the language writes it.
func (t tongue) date(d retention.Date) string {
	switch {
	case d.IsZero():
		return "–"
	case d == retention.Open:
		return t.T("date.open")
	}
	at := d.Time()
	return fmt.Sprintf("%d\u00a0%s\u00a0%d", at.Day(), t.T("month."+strconv.Itoa(int(at.Month()))), at.Year())
}

// day is a date without its year.
func (t tongue) day(d retention.Date) string {
	at := d.Time()
	return fmt.Sprintf("%d\u00a0%s", at.Day(), t.T("month."+strconv.Itoa(int(at.Month()))))
}

func (t tongue) moment(at time.Time) string { return at.Format("2006-01-02 15:04") }

// period is a length of time in words.
func (t tongue) period(p retention.Period) string {
	var parts []string
	for _, u := range []struct {
		n   int
		key string
	}{{p.Years, "years"}, {p.Months, "months"}, {p.Weeks, "weeks"}, {p.Days, "days"}} {
		if u.n != 0 {
			parts = append(parts, t.N("period."+u.key, u.n))
		}
	}
	if len(parts) == 0 {
		return t.N("period.days", 0)
	}
	return strings.Join(parts, " ")
}

// one is what people call a row of a subject table.
func (t tongue) one(name string) string {
	if word, ok := t.words["one."+name]; ok {
		return word
	}
	return name
}

// table is what people call a subject table, or its own name where it is none of the usual ones.
func (t tongue) table(name string) string {
	if word, ok := t.words["table."+name]; ok {
		return word
	}
	return name
}
