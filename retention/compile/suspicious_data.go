package compile

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// SuspiciousData is what is odd about the policy in the light of the rows that are there: a ground that nothing matches, one
// that justifies everybody, a keep rule without a row. It counts and reads no row.
func SuspiciousData(ctx context.Context, r dataverse.Reader, c *Policy) (policy.Problems, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	var counts []*policy.DataCount
	count := func(read Read, judge func(n int) (at policy.Pos, message, hint string)) *policy.DataCount {
		d := &policy.DataCount{Judge: judge}
		counts = append(counts, d)
		group.Go(func() (err error) {
			if d.N, err = r.Count(ctx, dataverse.Query{Table: read.Table, Set: read.Set, Filter: read.Filter, FetchXML: read.FetchXML}); err != nil {
				return fmt.Errorf("count the rows of %s: %w", read.Table, err)
			}
			return nil
		})
		return d
	}
	for i := range c.Subjects {
		s := &c.Subjects[i]
		persons := count(s.Persons, func(n int) (policy.Pos, string, string) {
			if n == 0 {
				return s.Pos, fmt.Sprintf("`%s` holds no persons", s.Table), ""
			}
			return policy.Pos{}, "", ""
		})
		for j := range s.Classes {
			k := &s.Classes[j]
			if k.For == "" {
				continue
			}
			count(k.Members, func(n int) (policy.Pos, string, string) {
				if n == 0 && persons.N > 0 {
					return k.Pos, fmt.Sprintf("no row of `%s` is of the class `%s`", s.Table, k.ID), "was a column, an option or a state renamed?"
				}
				return policy.Pos{}, "", ""
			})
		}
		for j := range s.Grounds {
			g := &s.Grounds[j]
			if strings.HasPrefix(g.ID, policy.Unjudged) {
				continue // the class says it
			}
			own := g.Table == "" && g.View == "" && g.FetchXML == ""
			read := g.read
			if own && g.Date != nil && g.Instead == nil && g.MissingDate == policy.MissingIgnored {
				read.Filter = And(read.Filter, g.Date.path+" ne null")
			}
			if own {
				read.Filter = And(read.Filter, s.Persons.Filter)
			}
			count(read, func(n int) (policy.Pos, string, string) {
				switch {
				case n == 0 && !g.MayBeEmpty && persons.N > 0:
					return g.Pos, fmt.Sprintf("no row matches the ground `%s`", g.ID), "was a column, an option or a state renamed? If it may really match nothing, say mayBeEmpty: true"
				case own && g.Date == nil && n >= persons.N && n > 0:
					return g.Pos, fmt.Sprintf("the ground `%s` justifies all %d persons of `%s`, without an end", g.ID, persons.N, s.Table), "then nobody is ever purged: say which of them it is about"
				}
				return policy.Pos{}, "", ""
			})
		}
		for j := range s.Related {
			rule := &s.Related[j]
			if rule.Do != policy.Retain || rule.Table == policy.AnyTable || rule.From != "" || rule.read.Set == "" {
				continue
			}
			count(rule.read, func(n int) (policy.Pos, string, string) {
				if n == 0 {
					return rule.Pos, fmt.Sprintf("no row matches this keep rule for `%s`", rule.Table), "nothing is kept by it today: is its filter right?"
				}
				return policy.Pos{}, "", ""
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var w policy.Problems
	for _, d := range counts {
		if at, message, hint := d.Judge(d.N); message != "" {
			w = append(w, c.Policy.Problem(at, message, hint))
		}
	}
	return w.Sorted(c.Policy.Files), nil
}
