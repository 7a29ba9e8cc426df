package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/purge"
)

// leftWords say of each kind of finding what it is and what to do about it.
var leftWords = map[string]string{
	"row":          "rows that should be gone",
	"column":       "columns that should be empty",
	"bin":          "texts in the recycle bin",
	"deleted-name": "names of deleted rows in the recycle bin",
	"party-line":   "party lines of persons who were taken off the activity",

	"same-address":  "other persons with the same e-mail address: if they are the same human being, gallra erase TABLE ID",
	"same-number":   "other persons with the same phone number, in whatever notation: look before you take them for the same human being",
	"party":         "party lines of activities that keep the name or the address of that day: look at the activity, and name its kind by a rule with party",
	"feed":          "posts of the activity feed that bear the name or an address: delete them",
	"written-since": "rows that somebody wrote to after they were anonymised and before their delete: the person who stood there is purged, the row is judged as a new one, with the whole notice",
	"refilled":      "rows that were anonymised in place and hold something again: " + words.Say("doctor.refilled.do").String(),
	"made":          "rows that came into being with the purge and bear the name, an address or a number: a plug-in or a workflow wrote them; delete them, and have it write no names",

	"kept-name":    "kept rows, and activities that the person was taken off, that bear the name",
	"kept-address": "kept rows that bear an e-mail address",
	"kept-number":  "kept rows that bear a phone number",
	"kept-unread":  "kept rows that were not read, because one person has so many",
	"job":          "system jobs that name the person: delete them when they have ended",
	"retained":     "long-term retained rows that no rule takes: delete them by a bulk delete job of retained data",
	"audit":        "rows whose audit history came late: the next run deletes it",
	"bin-until":    "rows that the recycle bin keeps until its days are over",
}

// left tells what is left of purged persons, by kind, each with the first rows.
func (a *streams) left(w *lines, s *purge.Summary) {
	for _, f := range s.Residue {
		w.printf("%s %s of %s %s in %s %s\n", a.screen().in(red, "LEFT BEHIND:"), cmp.Or(leftWords[f.Where], f.Where), f.Person.Table, f.Person.ID, f.Table, f.ID)
	}
	const shown = 5
	kinds := s.Mentioned()
	if len(kinds) > 0 {
		w.printf("what may still mention purged persons:\n")
	}
	for _, kind := range sortedKeys(kinds) {
		w.printf("  %d %s\n", kinds[kind], cmp.Or(leftWords[kind], kind))
		n := 0
		for _, f := range s.Mentions {
			if f.Where == kind && f.ID != uuid.Nil && n < shown {
				n++
				w.printf("    %s %s\n", f.Table, f.ID)
			}
		}
		if more := kinds[kind] - n; more > 0 && n == shown {
			w.printf("    and %d more\n", more)
		}
	}
	told := map[string]bool{}
	for _, x := range s.Aside {
		text := x.Table
		if x.Do == personmap.Left {
			text += ": " + x.Why
		} else {
			text += ": the service lets nobody read its rows"
		}
		if len(told) == 0 {
			w.printf("not looked at, so that persons may still stand there:\n")
		}
		if !told[text] {
			told[text] = true
			w.printf("  %s\n", text)
		}
	}
	if len(s.Unread) > 0 {
		w.printf("not searched, or not to the end, so that there may be more:\n")
		for _, p := range s.Unread {
			w.printf("  %s: %s\n", p.Name, p.Remedy)
		}
	}
}

// leftLine is a finding as a line for machines.
type leftLine struct {
	Kind    string    `json:"kind"`
	Residue bool      `json:"residue"` // it should be gone; otherwise it may stay
	Where   string    `json:"where"`
	Table   string    `json:"table"`
	ID      uuid.UUID `json:"id"`
	Person  leftOf    `json:"of"`
	Count   int       `json:"count,omitempty"`
	More    int       `json:"more,omitempty"`
}

type leftOf struct {
	Table string    `json:"table"`
	ID    uuid.UUID `json:"id"`
}

func leftLines(s *purge.Summary) []leftLine {
	var out []leftLine
	for i, f := range slices.Concat(s.Residue, s.Mentions) {
		out = append(out, leftLine{"left", i < len(s.Residue), f.Where, f.Table, f.ID, leftOf{f.Person.Table, f.Person.ID}, f.Count, f.More})
	}
	return out
}

// placeLine is a line for machines of what became of the rows of a place.
type placeLine struct {
	Kind       string `json:"kind"`
	Table      string `json:"table"`
	Place      string `json:"place"`
	Deleted    int    `json:"deleted"`
	Anonymized int    `json:"anonymized"`
	Kept       int    `json:"kept"`
	Freed      int    `json:"freed"`
	Shared     int    `json:"shared"`
}

// asideLine is a line for machines of a place that no purge looks at.
type asideLine struct {
	Kind    string              `json:"kind"`
	Subject string              `json:"subject"`
	Table   string              `json:"table"`
	Place   string              `json:"place"`
	Do      personmap.Treatment `json:"do"`
	Why     string              `json:"why"`
}

// placeLines are what a purge accounts for: what it did place by place, and the places that it did not look at.
func placeLines(s *purge.Summary) []any {
	var out []any
	for _, t := range s.Places {
		out = append(out, tallyLine(t))
	}
	for _, x := range s.Aside {
		out = append(out, asideLine{"aside", x.Subject, x.Table, x.Place, x.Do, x.Why})
	}
	return out
}

func tallyLine(t purge.TableTally) placeLine {
	table, _, _ := strings.Cut(t.Table, ".")
	return placeLine{"tally", table, t.Table, t.Deleted, t.Anonymized, t.Kept, t.Freed, t.Shared}
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
