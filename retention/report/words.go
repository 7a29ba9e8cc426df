package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// Lang is a language of a report.
type Lang string

// The languages.
const (
	English Lang = "en"
	Swedish Lang = "sv"
)

// ParseLang reads the name of a language.
func ParseLang(s string) (Lang, error) {
	switch l := Lang(strings.ToLower(s)); l {
	case English, Swedish:
		return l, nil
	}
	return "", fmt.Errorf("%q is not a language of the reports: en or sv", s)
}

// untranslated hears of sentences that are missing; a test sets it.
var untranslated func(english string)

// T is a sentence in the language; with arguments it is a format. A test finds every sentence that is not translated.
func (l Lang) T(english string, args ...any) string {
	text := english
	if l == Swedish {
		t, ok := swedish[english]
		switch {
		case ok:
			text = t
		case untranslated != nil:
			untranslated(english)
		}
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// Date is a date in words: 24 November 2026.
func (l Lang) Date(d retention.Date) string {
	if d.IsZero() || d == retention.Open || l != Swedish {
		return d.Words()
	}
	y, m, day := d.Time().Date()
	return fmt.Sprintf("%d %s %d", day, swedishMonths[m-1], y)
}

// Day is a date without its year, for the labels of weeks: 24 Nov.
func (l Lang) Day(d retention.Date) string {
	_, m, day := d.Time().Date()
	name := m.String()
	if l == Swedish {
		name = swedishMonths[m-1]
	}
	return strconv.Itoa(day) + " " + name[:3]
}

var swedishMonths = []string{"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"}

// ActionWord says in two words what a plan means to do.
func (l Lang) ActionWord(a retention.Action) string { return l.T(actionWords[a]) }

var actionWords = map[retention.Action]string{
	retention.Purge:    "Due now",
	retention.Schedule: "New",
	retention.Move:     "Moves later",
	retention.Wait:     "Announced",
	retention.Clear:    "Rescued",
	retention.Hold:     "Legal hold",
	retention.Keep:     "Kept",
}

// RailWords says what a guard rail that stopped a run is about.
func (l Lang) RailWords(r policy.Rail) string {
	if words, ok := railWords[r]; ok {
		return l.T(words)
	}
	return string(r)
}

var railWords = map[policy.Rail]string{
	policy.TooMany:     "More persons would be purged than limits.purges allows",
	policy.TooLarge:    "A larger share of the table would be purged than limits.share allows",
	policy.GroundEmpty: "A ground that used to match rows matches none",
	purge.Residue:      "The canary: something was left of the first persons that were purged",
}

// whatWords are what happened to persons.
var whatWords = map[What]string{
	WasDeleted:    "Purged: deleted",
	WasAnonymized: "Purged: anonymised",
	WasRescued:    "Rescued",
	HasFailed:     "Failed, stays scheduled",
	WasLeft:       "Left alone at the last look",
}

// WhatWords says what happened to a person.
func (l Lang) WhatWords(w What) string { return l.T(whatWords[w]) }

// TableWord is a table's name for people: the known ones in words, others as they are called.
func (l Lang) TableWord(table string) string {
	if w, ok := tableWords[table]; ok {
		return l.T(w)
	}
	return table
}

var tableWords = map[string]string{"contact": "Contact", "lead": "Lead"}

// statusWords say how a run ended.
var statusWords = map[string]string{
	"done": "done", "failed": "failed", "stopped": "stopped by a guard rail", "partial": "done, with failures", "interrupted": "interrupted", "": "without an end",
}

// StatusWord says how a run ended.
func (l Lang) StatusWord(status string) string {
	if w, ok := statusWords[status]; ok {
		return l.T(w)
	}
	return status
}

// basisWords are the letters of article 6(1).
var basisWords = map[string]string{
	"consent": "(a) consent", "contract": "(b) contract", "legal-obligation": "(c) legal obligation", "vital-interests": "(d) vital interests",
	"public-task": "(e) public task", "legitimate-interests": "(f) legitimate interests",
}

// BasisWord is a lawful basis with its letter.
func (l Lang) BasisWord(basis string) string {
	if w, ok := basisWords[basis]; ok {
		return l.T(w)
	}
	return basis
}

// GroundName is a ground's id, or that nothing ever justified somebody.
func (l Lang) GroundName(g *Ground) string {
	switch g.ID {
	case "":
		return l.T("No ground ever")
	case retention.ManualExtension:
		return l.T("Extended by hand")
	}
	return g.ID
}

// Period is a length of time in words: 2 months.
func (l Lang) Period(p retention.Period) string {
	if l != Swedish {
		return p.String()
	}
	var parts []string
	for _, u := range []struct {
		n         int
		one, more string
	}{{p.Years, "år", "år"}, {p.Months, "månad", "månader"}, {p.Weeks, "vecka", "veckor"}, {p.Days, "dag", "dagar"}} {
		switch {
		case u.n == 1:
			parts = append(parts, "1 "+u.one)
		case u.n > 1:
			parts = append(parts, strconv.Itoa(u.n)+" "+u.more)
		}
	}
	if len(parts) == 0 {
		return "0 dagar"
	}
	return strings.Join(parts, " ")
}
