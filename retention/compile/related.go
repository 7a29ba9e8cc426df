package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// spelledOut is the subject with the rules of the sets that it names in their place, as far as the environment has the tables.
func (c *checker) spelledOut(t *table, s *policy.Subject) *policy.Subject {
	if !slices.ContainsFunc(s.Related, func(r policy.RelatedRule) bool { return r.Set != "" }) {
		return s
	}
	own := *s
	own.Related = nil
	for i := range s.Related {
		r := &s.Related[i]
		set := policy.SetOf(r.Set)
		if set == nil {
			own.Related = append(own.Related, *r)
			continue
		}
		for j := range set.Rules {
			own.Related = append(own.Related, c.ofSet(t, r, &set.Rules[j])...)
		}
	}
	return &own
}

// ofSet are the rules that a rule of a set becomes for a subject: none where nothing leads to it.
func (c *checker) ofSet(t *table, at *policy.RelatedRule, r *policy.SetRule) []policy.RelatedRule {
	if !slices.Contains(c.model.names(), r.Table) {
		return nil
	}
	rule := policy.RelatedRule{Table: r.Table, Party: r.Party, Where: r.Where, Do: r.Do, Erase: r.Erase, Why: r.Why, From: at.Set, Pos: at.Pos, At: map[string]policy.Place{}}
	for key := range maps.Keys(at.At) {
		rule.At[key] = at.At[key]
	}
	for _, key := range []string{"table", "link", "party", "where", "do"} {
		rule.At[key] = at.At["set"]
	}
	var out []policy.RelatedRule
	add := func(link string) {
		rule := rule
		rule.Link = link
		if c.holds(t, rule) {
			out = append(out, rule)
		}
	}
	switch {
	case r.Party != "":
		add("")
	case r.Lookups:
		for _, over := range t.OneToMany {
			if over.Referencing == r.Table && over.ReferencingAttribute != "" {
				add(over.ReferencingAttribute)
			}
		}
		slices.SortFunc(out, func(a, b policy.RelatedRule) int { return strings.Compare(a.Link, b.Link) })
		out = slices.CompactFunc(out, func(a, b policy.RelatedRule) bool { return a.Link == b.Link })
	case r.Link != "":
		add(r.Link)
	case r.Value != "":
		var columns []string
		for _, name := range []string{"emailaddress1", "emailaddress2", "emailaddress3"} {
			if t.Attributes[name] != nil {
				columns = append(columns, name)
			}
		}
		if len(columns) > 0 {
			add(r.Value + " = " + strings.Join(columns, ", "))
		}
	}
	return out
}

// holds tells whether a rule of a set can be said in this environment.
func (c *checker) holds(t *table, r policy.RelatedRule) bool {
	problems, warnings := len(c.problems), len(c.warnings)
	c.rule(t, &r)
	ok := len(c.problems) == problems
	c.problems, c.warnings = c.problems[:problems], c.warnings[:warnings]
	return ok
}

// left checks a rule that leaves rows as they are.
func (c *checker) left(subject *table, r *policy.RelatedRule) {
	t := c.table(r.Table, r.At["table"].Pos)
	if t == nil {
		return
	}
	policySubject := c.policy.Subject(subject.LogicalName)
	for _, over := range subject.OneToMany {
		if over.Referencing != r.Table || r.Link != "" && r.Link != over.ReferencingAttribute || policySubject.Purge != policy.Delete {
			continue
		}
		if over.Delete == "Cascade" || over.Delete == "Restrict" {
			does := "takes its rows along"
			if over.Delete == "Restrict" {
				does = "is refused because of its rows"
			}
			c.problem(r.At["do"].Pos, fmt.Sprintf("`%s` cannot be left: a delete of a `%s` %s (%s)", r.Table, subject.LogicalName, does, over.ReferencingAttribute), "say do: keep or do: delete")
			return
		}
	}
	if r.Link != "" {
		c.column(t, r.Link, r.At["link"].Pos)
	}
}

// behindPerson compiles a rule about the row that a lookup of the person's own row points at.
func (c *checker) behindPerson(subject *table, out *Rule) {
	r := out.RelatedRule
	t := c.table(r.Table, r.At["table"].Pos)
	a := c.column(subject, r.Behind, r.At["behind"].Pos)
	if t == nil || a == nil || c.notByRule(t.Table, r) || !c.carriedOut(t.Table, r) {
		return
	}
	at := r.At["behind"].Pos
	switch {
	case !isLookup(a) || !slices.Contains(a.Targets, r.Table):
		c.problem(at, fmt.Sprintf("`%s` of `%s` does not lead to a `%s`: it is %s", r.Behind, subject.LogicalName, r.Table, typeWords(a)), c.suggestBehind(subject, r.Table))
		return
	case personmap.Is(r.Table, personmap.Business) || c.policy.Subject(r.Table) != nil:
		c.problem(at, fmt.Sprintf("rows of `%s` are of the business, or persons in their own right: they do not go with somebody who points at them", r.Table), "")
		return
	case r.Do != policy.Retain && !personmap.Freeable(subject.LogicalName, a):
		c.problem(at, fmt.Sprintf("`%s` of `%s` may not be empty, so the row behind it cannot go first", r.Behind, subject.LogicalName), "say do: keep, or make the column optional")
		return
	}
	s := source{asked: t, table: t}
	out.Behind, out.links = wireName(a), []string{t.PrimaryID}
	out.Person = Link{Fields: []Field{Field(t.PrimaryID)}}
	out.bare = c.compile(s, r.Where, r.At, &out.read, nil, nil)
	out.Filter = r.Where
	out.Erase = c.erased(t, r)
}

// suggestBehind names the lookups of the person that lead to the table.
func (c *checker) suggestBehind(subject *table, to string) string {
	var names []string
	for _, a := range subject.Attributes {
		if isLookup(a) && slices.Contains(a.Targets, to) {
			names = append(names, a.LogicalName)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "these do: " + strings.Join(names, ", ")
}
