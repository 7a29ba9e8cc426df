package purge_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gallra/gallra/retention/purge"
)

// rowsNamed are the rows that runs have named, in whatever way, and of how many more of a person they have told.
func rowsNamed(summaries ...*purge.Summary) (named map[string]bool, counted map[string]int) {
	named, counted = make(map[string]bool), make(map[string]int)
	for _, s := range summaries {
		for _, f := range slices.Concat(s.Mentions, s.Residue) {
			named[f.ID.String()] = true
			counted[f.Person.ID.String()] += f.More
		}
	}
	return named, counted
}

// rowsWith are the rows that hold a text.
func (w *world) rowsWith(text string) map[string]bool {
	out := make(map[string]bool)
	for _, at := range w.server.Find(text) {
		if at.Where == "row" {
			out[at.Table+" "+at.ID] = true
		}
	}
	return out
}

// associations associates persons, over every many-to-many relationship of their table, with somebody justified or a row about them.
func (s *solution) associations(all []solutionPerson, kept solutionPerson) {
	for _, m := range s.many {
		for _, p := range all {
			if p.table == m.table {
				s.associate(m, p, kept)
			}
		}
	}
}

// purgesNamed runs until the persons are purged. Where a text of theirs still stands, outside tables that the policy leaves, a
// run has named the row; and of whoever is justified every row is there.
func (s *solution) purgesNamed(gone []solutionPerson, kept solutionPerson, left map[string]bool) {
	t := s.t
	t.Helper()
	s.update("contact", kept.name, row{"gallra_retainuntil": s.server.Now().AddDate(0, 11, 0).Format(time.DateOnly), "gallra_retainreason": "Works here"})
	before := s.rowsWith(kept.full)
	first := s.run()
	s.advance(62)
	second := s.run()
	s.advance(1)
	third := s.run()
	if n := len(second.Failures) + len(third.Failures); n > 0 || second.Stop != nil {
		t.Errorf("failures %v %v, stop %v\n%s", second.Failures, third.Failures, second.Stop, s.shape())
	}
	s.nothingSilent(gone, kept, left, before, []*purge.Summary{first, second, third})
	if second.Purged() != len(gone) {
		t.Errorf("%d were purged, want %d: %v\n%s", second.Purged(), len(gone), s.outcomes(), s.shape())
	}
}

// nothingSilent looks for texts of those who are purged outside rows that runs have named, and for rows of who stays.
func (s *solution) nothingSilent(gone []solutionPerson, kept solutionPerson, left, before map[string]bool, runs []*purge.Summary) {
	t := s.t
	t.Helper()
	named, counted := rowsNamed(runs...)
	for _, p := range gone {
		silent := make(map[string]string)
		for _, text := range []string{p.full, p.mail, p.phone} {
			for at := range s.rowsWith(text) {
				if table, id, _ := strings.Cut(at, " "); !named[id] && table != "activityparty" && table != "attachment" && !left[table] && !s.leftWith(p.table, at) {
					silent[at] = text
				}
			}
		}
		if more := counted[id(p.name).String()]; len(silent) > more {
			for at := range silent {
				table, id, _ := strings.Cut(at, " ")
				t.Errorf("%s %s still stands in %s, and nothing was said of the row (%d are only counted)\n%s\n%s", p.table, p.name, at, more, s.around(table, id), s.shape())
			}
		}
	}
	for _, m := range s.many {
		for _, row := range s.dump(m.name) {
			for _, p := range gone {
				if text := fmt.Sprint(row); strings.Contains(text, idText(p.name)) {
					t.Errorf("%s %s is still associated over %s: %s\n%s", p.table, p.name, m.name, text, s.shape())
				}
			}
		}
	}
	after := s.rowsWith(kept.full)
	for at := range before {
		// The lines of an activity are written anew when somebody is taken off, and a connection is of both.
		if table, _, _ := strings.Cut(at, " "); !after[at] && table != "activityparty" && table != "connection" {
			t.Errorf("of who is justified %s is gone\n%s", at, s.shape())
		}
	}
}
