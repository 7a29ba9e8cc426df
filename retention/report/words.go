package report

import (
	"cmp"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/search"
)

// Lang is a language of a report.
type Lang string

// English is the language of whoever asks for none.
const English Lang = "en"

func (l Lang) words() *words.Words { return words.In("report", string(l)) }

// T is a text in the language, filled in.
func (l Lang) T(key string, args ...any) string { return l.words().T(key, args...) }

// Date is a date in words: 24 November 2026.
func (l Lang) Date(d retention.Date) string {
	if d.IsZero() || d == retention.Open {
		return d.Words()
	}
	return l.words().Date(d.Time(), " ")
}

// Day is a date without its year, for the labels of weeks: 24 Nov.
func (l Lang) Day(d retention.Date) string {
	return l.words().ShortDay(d.Time(), " ")
}

// known is the text of a word of the engine's, or the word where it has none.
func (l Lang) known(prefix, word string) string {
	if text, ok := l.words().Lookup(prefix + word); ok {
		return text
	}
	return word
}

// ActionWord says in two words what a plan means to do.
func (l Lang) ActionWord(a retention.Action) string { return l.known("action.", string(a)) }

// StateWords is what is to be done about a person, and the code of what is in the way.
func (l Lang) StateWords(p *Person) string {
	if p.Stuck == "" {
		return l.ActionWord(p.Action)
	}
	return l.ActionWord(p.Action) + ": " + p.Stuck
}

// RailWords says what a guard rail that stopped a run is about.
func (l Lang) RailWords(r policy.Rail) string { return l.known("rail.", string(r)) }

// WhatWords says what happened to a person.
func (l Lang) WhatWords(w What) string { return l.known("what.", string(w)) }

// TableWord is a table's name for people: the known ones in words, others as they are called.
func (l Lang) TableWord(table string) string { return l.known("table.", table) }

// StatusWord says how a run ended.
func (l Lang) StatusWord(status string) string {
	if status == "" {
		return l.T("status.none")
	}
	return l.known("status.", status)
}

// BasisWord is a lawful basis with its letter of article 6(1).
func (l Lang) BasisWord(basis string) string { return l.known("basis.", basis) }

// GroundName is what a ground is called by: its trigger, its id where it has none, or that nothing ever justified somebody.
func (l Lang) GroundName(g *Ground) string {
	switch g.ID {
	case "":
		return l.T("ground.none")
	case retention.ManualExtension:
		return l.T("ground.extended")
	}
	return cmp.Or(g.Trigger, g.ID)
}

// Period is a length of time in words: 2 months.
func (l Lang) Period(p retention.Period) string {
	return l.words().Period(p.Years, p.Months, p.Weeks, p.Days)
}

// PlaceName is what a place out of reach is called. Its English is the place's own.
func (l Lang) PlaceName(p search.Place) string {
	if text, ok := l.words().Lookup("place." + string(p.Key)); ok {
		return text
	}
	return p.Name
}

// PlaceRemedy is what can be done about it.
func (l Lang) PlaceRemedy(p search.Place) string {
	key := "place." + string(p.Key) + ".remedy"
	if _, ok := l.words().Lookup(key); !ok {
		return p.Remedy
	}
	return l.T(key, p.Detail)
}
