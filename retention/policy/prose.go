package policy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
)

// Prose is text that is written line by line. Where it says something in a language, say has the words; where it may say what people
// call things, called knows, of are the persons it speaks of, and notes are what the policy says in the names of the database.
type Prose struct {
	strings.Builder
	say    *words.Words
	called Called
	of     string
	notes  []string
}

func (r *Prose) Line(format string, args ...any) {
	fmt.Fprintf(r, format+"\n", args...)
}

// line is a text of the record, after the marks that make a heading of it.
func (r *Prose) line(marks, key string, args ...any) { r.Line("%s%s", marks, r.say.T(key, args...)) }

// head is the head of a table.
func (r *Prose) head(keys ...string) {
	row, rule := "|", "|"
	for _, key := range keys {
		row += " " + r.say.T(key) + " |"
		rule += "---|"
	}
	r.Line("%s", row)
	r.Line("%s", rule)
}

func (r *Prose) period(p retention.Period) string {
	return r.say.Period(p.Years, p.Months, p.Weeks, p.Days)
}

// percent is a share as a reader of the language writes it.
func (r *Prose) percent(share float64) string {
	text := Percentage(share)
	if r.say.Language == "en" {
		return text
	}
	return strings.NewReplacer(".", ",", "%", "\u00a0%").Replace(text)
}

func (r *Prose) count(key string, n int) string { return r.say.N(key, n, r.say.Number(n)) }

// clause adds one to a text. Where a language wants a comma before it, its words begin with that.
func clause(text, of string) string {
	if strings.HasPrefix(of, ",") {
		return text + of
	}
	return text + " " + of
}

// after is for how long something is kept after whatever date is meant: 7 years from the end of the year of the gift. Beside a date
// that is itself the end, the period is time beyond it.
func (r *Prose) after(k retention.Keeping, date string, end bool) string {
	period := r.period(k.Period)
	if k.From != retention.TheDate {
		unit := map[retention.CountFrom]string{retention.EndOfMonth: "month", retention.EndOfQuarter: "quarter", retention.EndOfYear: "year"}[k.From]
		last := ""
		if k.From == retention.EndOfYear && k.YearEnds != (retention.YearEnd{}) {
			unit, last = "own-year", r.say.Day(k.YearEnds.In(2001).Time(), " ")
		}
		if k.Period.IsZero() {
			return r.say.T("until."+unit, date, last)
		}
		return r.say.T("after."+unit, period, date, last)
	}
	switch {
	case end && k.Period.IsZero():
		return r.say.T("until", date)
	case end:
		return r.say.T("beyond", period, date)
	}
	return r.say.T("after", period, date)
}

func sentenceCase(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

func codes(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// cell keeps a text within its cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

// Count is a number of things: 1 person, 2 persons.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
