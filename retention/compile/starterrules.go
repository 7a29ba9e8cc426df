package compile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// rules are suggestions for every place where a person stands: the sets of the apps that the environment has, a rule for each
// place of the company's own that holds rows and that the last rule `*` does not cover, and that last rule.
func (s *Starter) rules(ctx context.Context, t *table) ([]starterRule, error) {
	c := s.checker
	subject := c.policy.Subject(t.LogicalName)
	draft := &policy.Subject{Table: t.LogicalName, Purge: subject.Purge, Identity: subject.Identity, At: map[string]policy.Place{}}
	var out []starterRule
	for _, set := range policy.Sets() {
		rule := policy.RelatedRule{Set: set.Name, At: map[string]policy.Place{}}
		spelled := c.spelledOut(t, &policy.Subject{Table: t.LogicalName, Purge: subject.Purge, Related: []policy.RelatedRule{rule}})
		if len(spelled.Related) > 0 {
			out = append(out, starterRule{rule, set.Says})
			draft.Related = append(draft.Related, spelled.Related...)
		}
	}
	draft.Related = append(draft.Related, policy.RelatedRule{Table: policy.AnyTable, Do: policy.Delete})
	var own []starterRule
	for { // what hangs on rows for which there is a rule now is a place as well
		more, err := s.ownRules(ctx, t, draft, own)
		if err != nil {
			return nil, err
		}
		if len(more) == 0 {
			break
		}
		own = append(own, more...)
		for _, r := range more {
			draft.Related = append([]policy.RelatedRule{r.RelatedRule}, draft.Related...)
		}
	}
	s.childrenFirst(own)
	return append(own, out...), nil
}

// ownRules are rules for the places that a draft says nothing of, besides those that stand already.
func (s *Starter) ownRules(ctx context.Context, t *table, draft *policy.Subject, known []starterRule) (own []starterRule, err error) {
	m, err := s.checker.everywhere(t, draft)
	if err != nil {
		return nil, fmt.Errorf("write a starter policy: %w", err)
	}
	add := func(rule starterRule) {
		same := func(r starterRule) bool {
			return r.Table == rule.Table && r.Link == rule.Link && r.Behind == rule.Behind && r.Do == rule.Do
		}
		if !slices.ContainsFunc(known, same) && !slices.ContainsFunc(own, same) && s.says(t, &rule.RelatedRule) {
			own = append(own, rule)
		}
	}
	goes := map[string]bool{}
	for _, p := range m.Places {
		goes[p.Table] = goes[p.Table] || p.Do == personmap.Deleted || p.Do == personmap.WithRow
	}
	for _, p := range m.Places {
		if p.Rows == 0 || p.Rule != personmap.NoRule {
			continue
		}
		rule := policy.RelatedRule{Table: p.Table, Do: policy.Delete, At: map[string]policy.Place{}}
		comment := ""
		switch {
		case p.Kind == personmap.Value && p.Do == personmap.Undecided:
			rule.Link, comment = p.Column+" = "+addressesOf(t), "linked to the person by nothing but an address"
			if keep := s.keptObjections(rule); keep.Where != "" {
				add(starterRule{keep, "somebody has objected"})
			}
		case p.Kind == personmap.Lookup && p.Do == personmap.Unlinked && p.Link != "":
			if !goes[p.Via] {
				continue // once there is a rule for what it hangs on
			}
			for _, link := range p.Links[1:] {
				other := rule
				other.Link = link
				add(starterRule{other, "hangs on rows that go"})
			}
			rule.Link, comment = p.Link, "hangs on rows that go"
		case p.Kind == personmap.Behind:
			shared, err := s.shared(ctx, t, p.Column)
			if err != nil {
				return nil, err
			}
			if rule.Behind, comment = p.Column, "goes with the person, unless somebody else points at it"; shared {
				rule.Behind, rule.Do, rule.Why = "", policy.Leave, "A list that many persons point at"
				comment = "several persons point at one row"
			}
		default:
			continue
		}
		add(starterRule{rule, comment})
	}
	return own, nil
}

// keptObjections is the rule that keeps those of a rule's rows by which somebody has objected; without a filter where there are
// none.
func (s *Starter) keptObjections(rule policy.RelatedRule) policy.RelatedRule {
	var said []string
	if t := s.checker.model.get(rule.Table); t != nil {
		for _, o := range objections(t) {
			said = append(said, o.filter())
		}
	}
	rule.Where, rule.Do, rule.Why = strings.Join(said, " or "), policy.Retain, "An objection: without it the address would be written to again"
	return rule
}

// addressesOf are the columns that a person's addresses stand in, as a link by value names them.
func addressesOf(t *table) string {
	list := ""
	for _, name := range []string{"emailaddress1", "emailaddress2", "emailaddress3"} {
		if t.Attributes[name] != nil {
			if list != "" {
				list += ", "
			}
			list += name
		}
	}
	return list
}

// says tells whether a rule can be said in this environment.
func (s *Starter) says(t *table, r *policy.RelatedRule) bool {
	before := len(s.checker.problems)
	s.checker.rule(t, r)
	ok := len(s.checker.problems) == before
	s.checker.problems = s.checker.problems[:before]
	return ok
}

// sampled is how many persons are looked at to tell a list that many point at from a row of each.
const sampled = 500

// shared tells whether several persons point at the same row.
func (s *Starter) shared(ctx context.Context, t *table, column string) (bool, error) {
	wire := "_" + column + "_value"
	seen := map[uuid.UUID]bool{}
	for row, err := range s.reader.Rows(ctx, dataverse.Query{Table: t.LogicalName, Set: t.EntitySet, Select: []string{wire}, Filter: wire + " ne null", Top: sampled}) {
		if err != nil {
			return false, fmt.Errorf("write a starter policy: read what %s leads to: %w", column, err)
		}
		id := row.ID(column)
		if seen[id] {
			return true, nil
		}
		seen[id] = true
	}
	return false, nil
}

// childrenFirst brings rows that point at others before those.
func (s *Starter) childrenFirst(rules []starterRule) {
	points := func(a, b string) bool {
		t := s.checker.model.get(a)
		return a != b && t != nil && slices.ContainsFunc(t.ManyToOne, func(r dataverse.Relationship) bool { return r.Referenced == b })
	}
	for i := 0; i < len(rules); i++ {
		for j := i + 1; j < len(rules); j++ {
			if points(rules[j].Table, rules[i].Table) && !points(rules[i].Table, rules[j].Table) {
				child := rules[j]
				copy(rules[i+1:j+1], rules[i:j])
				rules[i] = child
			}
		}
	}
}
