package compile

import (
	"slices"

	"github.com/gallra/gallra/retention/policy"
)

// classes compiles the classes of a subject and answers their rules. The subject itself then stands for all of them: it deletes if
// one of them does, its related rules are those of all, and what one of them retains it retains.
func (c *checker) classes(t *table, out *Subject, related func(*Subject, []policy.RelatedRule)) (rules []*Subject) {
	if len(out.Subject.Classes) == 0 {
		return nil
	}
	all := *out.Subject
	all.Purge, all.Retain, all.Related = policy.Anonymize, nil, nil
	read := map[policy.Pos]bool{} // rules that classes share
	for i := range out.Subject.Classes {
		k := &out.Subject.Classes[i]
		own := c.spelledOut(t, k.Rules)
		r := *out
		r.Subject, r.Related, r.Classes, r.Number, r.ClassID = own, nil, nil, i, k.ID
		c.survives(t, own)
		r.Coarse = c.coarsened(t, own)
		r.Stages = c.stages(t, &r)
		r.Ask = c.ask(own)
		for _, x := range r.Coarse {
			if !slices.ContainsFunc(out.Coarse, func(known Coarse) bool { return known.Column == x.Column }) {
				out.Coarse = append(out.Coarse, x)
			}
		}
		related(&r, own.Related)
		class := Class{Class: k, Rules: &r, holds: make([]bool, len(out.Grounds))}
		for j := range out.Grounds {
			class.holds[j] = slices.ContainsFunc(own.Grounds, func(g policy.Ground) bool { return g.ID == out.Grounds[j].ID })
		}
		if k.For != "" {
			s := source{asked: t, table: t}
			c.compile(s, k.For, map[string]policy.Place{"where": k.At["for"]}, &class.Members, nil, nil)
			class.Members.Select, class.Members.Expand = []string{t.PrimaryID}, ""
		}
		out.Classes, rules = append(out.Classes, class), append(rules, &r)
		if own.Purge == policy.Delete && !k.Unjudged {
			all.Purge = policy.Delete
		}
		for _, name := range own.Retain {
			if !slices.Contains(all.Retain, name) {
				all.Retain = append(all.Retain, name)
			}
		}
		for j := range own.Related {
			if !read[own.Related[j].Pos] || own.Related[j].From != "" {
				all.Related, out.Related = append(all.Related, own.Related[j]), append(out.Related, r.Related[j])
			}
		}
		for j := range own.Related {
			read[own.Related[j].Pos] = true
		}
	}
	out.Subject = &all
	for i := range rules { // what was found of the table since holds for all
		rules[i].Grounds = out.Grounds
	}
	return rules
}
