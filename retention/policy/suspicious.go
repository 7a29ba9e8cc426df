package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gallra/gallra/retention"
)

// Suspicious is what is legal but odd in the policy by its looks alone. It needs no environment; [Check] finds it as well.
func (p *Policy) Suspicious() Problems {
	var w Problems
	warn := func(at Pos, message, hint string) { w = append(w, p.Problem(at, message, hint)) }
	for i := range p.Subjects {
		s := &p.Subjects[i]
		for j := range s.Grounds {
			g := &s.Grounds[j]
			if longerThanTenYears(g.Keep.Period) && g.Basis != "legal-obligation" { // which a law sets
				warn(g.At["keep"].Pos, fmt.Sprintf("the ground `%s` lasts for %s", g.ID, g.Keep), "is that long needed for the purpose?")
			}
			if g.Basis == "consent" && g.After == "" && g.Until == "" && g.Keep.IsZero() {
				warn(g.At["basis"].Pos, fmt.Sprintf("the ground `%s` rests on a consent that never ends", g.ID),
					"a consent fades: count from the day it was given, by `after` and `keep`")
			}
			if _, said := g.At["missingDate"]; g.Basis == "consent" && g.After+g.Until != "" && !g.WhenLost() && !said && g.MissingDate == MissingKeeps && !always(g.After+g.Until) {
				warn(g.At["basis"].Pos, fmt.Sprintf("the ground `%s` rests on a consent, and keeps whoever has none: a row without `%s` is kept until somebody enters it", g.ID, g.After+g.Until),
					"missingDate: ignore, unless a consent without a date is meant to count")
			}
		}
		for _, k := range s.Judged() {
			if k.Ask != nil && !k.answers() {
				warn(k.Ask.At["before"].Pos, "persons are asked, and no ground is a consent or a date on their own row: an answer would keep nobody but by an extension by hand",
					"a ground for the answer, such as until: a date that was agreed")
			}
		}
		s.suspiciousRelated(warn)
		for j := range s.Classes {
			k := s.Classes[j].Rules
			if len(k.Related) > 0 && (len(s.Related) == 0 || &k.Related[0] != &s.Related[0]) && !s.Classes[j].Unjudged { // not those of the subject
				k.suspiciousRelated(warn)
			}
		}
	}
	p.suspiciousRows(warn)
	return w.Sorted(p.Files)
}

// answers tells whether somebody who is asked can answer by what is a ground.
func (s *Subject) answers() bool {
	return slices.ContainsFunc(s.Grounds, func(g Ground) bool {
		return g.Basis == "consent" || g.Table == "" && g.View == "" && g.FetchXML == "" && g.After+g.Until != ""
	})
}

// always tells whether every row has the date.
func always(path string) bool {
	column := path[strings.LastIndex(path, "/")+1:]
	return column == "createdon" || column == "modifiedon"
}

// suspiciousRelated warns of rules that an earlier one leaves nothing to.
func (s *Subject) suspiciousRelated(warn func(at Pos, message, hint string)) {
	for j := range s.Related {
		if before := s.shadowed(j); before >= 0 {
			r, first := &s.Related[j], &s.Related[before]
			what := fmt.Sprintf("this rule for `%s` never applies", r.Table)
			if r.Do == Retain {
				what = fmt.Sprintf("this keep rule for `%s` never applies", r.Table)
			}
			warn(r.Pos, fmt.Sprintf("%s: the rule at %s matches all its rows, and the first that matches decides", what, first.Pos), "put the special case first")
		}
	}
}

// longerThanTenYears compares by the calendar: 120 months are ten years, and one day more is longer.
func longerThanTenYears(p retention.Period) bool {
	from := retention.NewDate(2000, 1, 1)
	return from.Add(p) > from.Add(retention.Period{Years: 10})
}

// shadowed is the rule that takes every row before the j-th rule can, -1 if there is none.
func (s *Subject) shadowed(j int) int {
	r := &s.Related[j]
	for i := range j {
		first := &s.Related[i]
		if first.Table != r.Table || first.Table == AnyTable || first.Set != r.Set || first.Behind != r.Behind || first.Where != "" && first.Where != r.Where {
			continue
		}
		if first.Link == r.Link && (first.Party == r.Party || first.Party == "any" && r.Party != "") {
			return i
		}
	}
	return -1
}

// DataCount is a number of rows and what to think of it.
type DataCount struct {
	N     int
	Judge func(n int) (at Pos, message, hint string)
}
