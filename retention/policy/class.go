package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gallra/gallra/retention"
)

// Unjudged begins the id of the ground that keeps the persons of a class that the policy does not judge.
const Unjudged = "not-judged-"

// notice is the notice that a subject or class names, or else the one that stands around it.
func (l *loader) notice(f placed, own, around retention.Period) retention.Period {
	if !f.has("notice") {
		return around
	}
	if own.IsZero() && !l.blamed(f.At["notice"].Pos) {
		l.problem(f.At["notice"].Pos, "a notice of no time is no notice", "at least 1 day")
	}
	return own
}

// classes reads the classes of a subject. Afterwards the subject's grounds are those of all classes.
func (l *loader) classes(s *Subject, f *fileSubject, path string, ids map[string]Pos) {
	if len(f.Classes) == 0 {
		if !l.blamed(f.At["classes"].Pos) {
			l.problem(f.At["classes"].Pos, "`classes` has no entries", "")
		}
		return
	}
	common, inherited := s.Grounds, false
	seen := map[string]Pos{}
	for i := range f.Classes {
		k := &f.Classes[i]
		last := i == len(f.Classes)-1
		bad := func(key, message, hint string) { l.problem(k.At[key].Pos, message, hint) }
		if first, ok := seen[k.ID]; ok && k.ID != "" {
			bad("id", fmt.Sprintf("two classes of `%s` have the id `%s`, the other at %s", s.Table, k.ID, first), "plans and the ledger name classes by id")
		} else if k.has("id") {
			seen[k.ID] = k.At["id"].Pos
		}
		if k.ID != "" && (!groundID.MatchString(k.ID) || len(k.ID) > 40) {
			bad("id", fmt.Sprintf("`%s` cannot be the id of a class", k.ID), "at most 40 of a-z, 0-9 and -, a letter first")
		}
		switch {
		case last && k.has("for"):
			bad("for", "the last class has a filter, and nobody knows what becomes of everybody else", "add a last class without `for`")
		case !last && !k.has("for"):
			l.problem(k.Pos, fmt.Sprintf("the class `%s` takes everybody, and those after it nobody", k.ID), "say by `for` which persons it is about; only the last class has none")
		}
		l.where(k.For, k.At["for"], ofCaller) // one that moves with today is meant to: minors come of age
		c := Class{ID: k.ID, Who: k.Who, For: k.For, Why: k.Why, Unjudged: k.has("judged") && !k.Judged, Pos: k.Pos, At: k.At}
		rules := *s
		rules.Classes, rules.Pos, rules.At = nil, k.Pos, map[string]Place{}
		for _, at := range []map[string]Place{s.At, k.At} {
			for key, place := range at {
				rules.At[key] = place
			}
		}
		c.Rules = &rules
		if c.Unjudged {
			l.unjudged(s, &c, k, bad)
			s.Classes = append(s.Classes, c)
			continue
		}
		if k.has("why") {
			bad("why", "`why` is for judged: false; grounds have reasons of their own", "")
		}
		rules.Purge = Disposition(cmp.Or(k.Purge, string(s.Purge)))
		rules.WhenBound = WhenBound(cmp.Or(k.WhenBound, string(s.WhenBound)))
		if k.has("whenBound") && rules.Purge == Anonymize {
			bad("whenBound", "`whenBound` is for purge: delete; an anonymised row stays where it is", "")
		}
		rules.Notice = l.notice(k.placed, k.Notice, s.Notice)
		if k.has("retain") {
			rules.Retain = k.Retain
		}
		if k.has("coarsen") {
			rules.Coarsen = k.Coarsen
		}
		if k.has("stages") {
			rules.Stages = l.stages(k.Stages, k.At["stages"].Pos)
		}
		switch {
		case k.has("ask"):
			rules.Ask = l.ask(&k.Ask, rules.Notice)
		case rules.Ask != nil && k.has("notice"): // the subject's word under a notice of the class's own
			rules.Ask = l.ask(&f.Ask, rules.Notice)
		}
		if k.has("related") {
			rules.Related = l.rules(k.Related)
		}
		switch {
		case k.has("grounds"):
			rules.Grounds = l.grounds(s.Table, k.Grounds, path, ids)
			s.Grounds = append(s.Grounds, rules.Grounds...)
		case len(f.Grounds) == 0:
			l.problem(k.Pos, fmt.Sprintf("the class `%s` has no grounds, and neither has the subject: nothing would justify anybody", k.ID), "`grounds: []` says so, if that is meant")
		default:
			rules.Grounds, inherited = common, true
		}
		s.Classes = append(s.Classes, c)
	}
	for i := range s.Classes { // what a request for erasure does with somebody who is not judged
		if last := s.Classes[len(s.Classes)-1].Rules; s.Classes[i].Unjudged {
			r := s.Classes[i].Rules
			r.Purge, r.WhenBound, r.Notice, r.Retain, r.Coarsen, r.Related, r.Stages, r.Ask = last.Purge, last.WhenBound, last.Notice, last.Retain, last.Coarsen, last.Related, nil, nil
		}
	}
	if len(common) > 0 && !inherited {
		l.problem(f.At["grounds"].Pos, "no class takes the subject's grounds: each has its own", "leave them out, or let a class do without `grounds`")
	}
}

// unjudged makes the ground that keeps the persons of a class that the policy does not judge.
func (l *loader) unjudged(s *Subject, c *Class, k *fileClass, bad func(key, message, hint string)) {
	for _, key := range []string{"purge", "whenBound", "notice", "retain", "coarsen", "grounds", "related", "stages", "ask"} {
		if k.has(key) {
			bad(key, fmt.Sprintf("`%s` has no meaning beside judged: false", key), "")
		}
	}
	if !k.has("why") {
		bad("judged", "judged: false needs `why`: the record states why the policy does not judge these persons", "")
	}
	if k.For == "" {
		bad("judged", "the last class is everybody else, and nobody would be judged", "")
	}
	g := Ground{ID: Unjudged + c.ID, Why: c.Why, Where: c.For, MissingDate: MissingKeeps, Pos: k.Pos,
		At: map[string]Place{"where": k.At["for"], "why": k.At["why"], "id": k.At["id"]}}
	c.Rules.Grounds = []Ground{g}
	s.Grounds = append(s.Grounds, g)
}

// AllRelated are the rules for related rows of the subject and of its classes, each once.
func (s *Subject) AllRelated() []RelatedRule {
	all := slices.Clone(s.Related)
	for i := range s.Classes {
		for _, r := range s.Classes[i].Rules.Related {
			if !slices.ContainsFunc(all, func(o RelatedRule) bool { return o.Pos == r.Pos }) {
				all = append(all, r)
			}
		}
	}
	return all
}

// Judged is the subject's rules as they are for each class: the subject itself where all persons are alike.
func (s *Subject) Judged() []*Subject {
	if len(s.Classes) == 0 {
		return []*Subject{s}
	}
	var out []*Subject
	for i := range s.Classes {
		out = append(out, s.Classes[i].Rules)
	}
	return out
}
