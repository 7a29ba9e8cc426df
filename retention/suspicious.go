package retention

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
)

// Suspicious is what is legal but odd in the policy by its looks alone. It needs no environment; [Check] finds it as well.
func (p *Policy) Suspicious() Problems {
	var w Problems
	warn := func(at Pos, message, hint string) { w = append(w, p.problem(at, message, hint)) }
	for i := range p.Subjects {
		s := &p.Subjects[i]
		for j := range s.Grounds {
			g := &s.Grounds[j]
			if longerThanTenYears(g.Keep) {
				warn(g.at["keep"].Pos, fmt.Sprintf("the ground `%s` lasts for %s", g.ID, g.Keep), "is that long needed for the purpose?")
			}
			if g.Basis == "consent" && g.After == "" && g.Until == "" && g.Keep.IsZero() {
				warn(g.at["basis"].Pos, fmt.Sprintf("the ground `%s` rests on a consent that never ends", g.ID),
					"a consent fades: count from the day it was given, by `after` and `keep`")
			}
		}
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
	return w.sorted(p.Files)
}

// longerThanTenYears compares by the calendar: 120 months are ten years, and one day more is longer.
func longerThanTenYears(p Period) bool {
	from := NewDate(2000, 1, 1)
	return from.Add(p) > from.Add(Period{Years: 10})
}

// shadowed is the rule that takes every row before the j-th rule can, -1 if there is none.
func (s *Subject) shadowed(j int) int {
	r := &s.Related[j]
	for i := range j {
		first := &s.Related[i]
		if first.Table != r.Table || first.Table == AnyTable || first.Where != "" && first.Where != r.Where {
			continue
		}
		if first.Link == r.Link && (first.Party == r.Party || first.Party == "any" && r.Party != "") {
			return i
		}
	}
	return -1
}

// SuspiciousData is what is odd about the policy in the light of the rows that are there: a ground that nothing matches, one
// that justifies everybody, a keep rule without a row. It counts and reads no row.
func SuspiciousData(ctx context.Context, r dataverse.Reader, c *Checked) (Problems, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	var counts []*dataCount
	count := func(read Read, judge func(n int) (at Pos, message, hint string)) *dataCount {
		d := &dataCount{judge: judge}
		counts = append(counts, d)
		group.Go(func() (err error) {
			if d.n, err = r.Count(ctx, dataverse.Query{Table: read.Table, Set: read.Set, Filter: read.Filter, FetchXML: read.FetchXML}); err != nil {
				return fmt.Errorf("count the rows of %s: %w", read.Table, err)
			}
			return nil
		})
		return d
	}
	for i := range c.Subjects {
		s := &c.Subjects[i]
		persons := count(s.Persons, func(n int) (Pos, string, string) {
			if n == 0 {
				return s.Pos, fmt.Sprintf("`%s` holds no persons", s.Table), ""
			}
			return Pos{}, "", ""
		})
		for j := range s.Grounds {
			g := &s.Grounds[j]
			own := g.Table == "" && g.View == "" && g.FetchXML == ""
			read := g.read
			if own && g.Date != nil && g.MissingDate == MissingIgnored {
				read.Filter = and(read.Filter, g.Date.path+" ne null")
			}
			if own {
				read.Filter = and(read.Filter, s.Persons.Filter)
			}
			count(read, func(n int) (Pos, string, string) {
				switch {
				case n == 0 && !g.MayBeEmpty && persons.n > 0:
					return g.Pos, fmt.Sprintf("no row matches the ground `%s`", g.ID), "was a column, an option or a state renamed? If it may really match nothing, say mayBeEmpty: true"
				case own && g.Date == nil && n >= persons.n && n > 0:
					return g.Pos, fmt.Sprintf("the ground `%s` justifies all %d persons of `%s`, without an end", g.ID, persons.n, s.Table), "then nobody is ever purged: say which of them it is about"
				}
				return Pos{}, "", ""
			})
		}
		for j := range s.Related {
			rule := &s.Related[j]
			if rule.Do != Retain || rule.Table == AnyTable || rule.read.Set == "" {
				continue
			}
			count(rule.read, func(n int) (Pos, string, string) {
				if n == 0 {
					return rule.Pos, fmt.Sprintf("no row matches this keep rule for `%s`", rule.Table), "nothing is kept by it today: is its filter right?"
				}
				return Pos{}, "", ""
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var w Problems
	for _, d := range counts {
		if at, message, hint := d.judge(d.n); message != "" {
			w = append(w, c.Policy.problem(at, message, hint))
		}
	}
	return w.sorted(c.Policy.Files), nil
}

// dataCount is a number of rows and what to think of it.
type dataCount struct {
	n     int
	judge func(n int) (at Pos, message, hint string)
}
