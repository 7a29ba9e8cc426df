package compile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/policy"
)

// source is where a rule's rows come from: the table that is asked, and how it leads to the table that the rule
// speaks of. They differ for parties, whose lines are asked for instead of the activities.
type source struct {
	asked  *table
	prefix []string // navigation properties from the asked table to the rule's
	table  *table   // the rule's
	typed  string   // filter that leaves only lines of the rule's table
}

// where checks a rule's filter and makes it one for the asked table.
func (c *checker) where(text string, at policy.Place, s source) string {
	if text == "" {
		return ""
	}
	e, err := odata.ParseFilter(text)
	if err != nil {
		c.problems = append(c.problems, c.policy.NotFilter(err, text, at))
		return ""
	}
	renamed := c.rename(e, s.table)
	told := c.labels(e, s.table, text, at)
	errs := odata.Problems(e, s.table.LogicalName, c.model)
	for _, err := range errs {
		c.filterProblem(err, s.table, text, at, told)
	}
	if len(errs)+len(told) > 0 {
		return ""
	}
	(&empties{checker: c, text: text, at: at, told: map[string]bool{}}).walk(e, false, around{table: s.table})
	c.choices(e, s.table)
	if len(s.prefix) > 0 {
		if !c.prefix(e, s, text, at) {
			return ""
		}
		renamed = true
	}
	if renamed {
		return e.String()
	}
	return text // as written
}

// rename puts the environment's navigation properties where the filter names a lookup by its column (a path such as
// msevtmgt_eventid/statecode) or by column and target.
func (c *checker) rename(e odata.Expr, t *table) (renamed bool) {
	odata.Walk(e, func(n odata.Expr) bool {
		switch n := n.(type) {
		case *odata.Lambda:
			renamed = c.renamePath(n.Path, t) || renamed
			if n.Body != nil && c.renameLambda(n, t) {
				renamed = true
			}
			return false
		case *odata.Path:
			renamed = c.renamePath(n, t) || renamed
		}
		return true
	})
	return renamed
}

// renameLambda renames within a lambda's body the paths that begin at its variable.
func (c *checker) renameLambda(l *odata.Lambda, t *table) (renamed bool) {
	for _, nav := range l.Path.Segments {
		if t == nil {
			return false
		}
		n, ok := t.Navigation(nav)
		if !ok {
			return false
		}
		t = c.model.get(n.Table)
	}
	if t == nil {
		return false
	}
	odata.Walk(l.Body, func(n odata.Expr) bool {
		p, ok := n.(*odata.Path)
		if !ok || len(p.Segments) < 2 || p.Segments[0] != l.Var {
			return true
		}
		rest := &odata.Path{Segments: p.Segments[1:]}
		if c.renamePath(rest, t) {
			p.Segments = append([]string{l.Var}, rest.Segments...)
			renamed = true
		}
		return true
	})
	return renamed
}

func (c *checker) renamePath(p *odata.Path, t *table) (renamed bool) {
	for i := 0; i < len(p.Segments)-1 && t != nil; i++ {
		if n, ok := t.Navigation(p.Segments[i]); ok {
			t = c.model.get(n.Table)
			continue
		}
		var next *table
		nav := ""
		for _, r := range t.relationships(p.Segments[i]) {
			target := c.model.get(r.Referenced)
			if target == nil || !target.knows(p.Segments[i+1]) {
				continue
			}
			if nav != "" {
				return renamed // several tables have the name: which is meant has to be written
			}
			nav, next = r.ReferencingNav, target
		}
		if nav == "" {
			return renamed
		}
		segments := slices.Clone(p.Segments)
		segments[i] = nav
		p.Segments, t, renamed = segments, next, true
	}
	return renamed
}

// knows tells whether a segment of a path can stand on the table.
func (t *table) knows(segment string) bool {
	if _, ok := t.navigations[segment]; ok {
		return true
	}
	return t.properties[segment] != nil || len(t.relationships(segment)) > 0
}

// prefix makes a filter on the rule's table one on the asked table.
func (c *checker) prefix(e odata.Expr, s source, text string, at policy.Place) bool {
	ok := true
	odata.Walk(e, func(n odata.Expr) bool {
		switch n := n.(type) {
		case *odata.Lambda:
			c.problem(at.Inside(text, n.Pos()), "a filter beside `party` cannot look into a collection", "Dataverse refuses a collection behind a lookup; use `fetchXml`")
			ok = false
			return false
		case *odata.Function:
			c.problem(at.Inside(text, n.Pos()), fmt.Sprintf("a filter beside `party` cannot use %s", n.Name), "write it with eq, ge, le and the like, or use `fetchXml`")
			ok = false
			return false
		case *odata.Path:
			n.Segments = append(slices.Clone(s.prefix), n.Segments...)
		}
		return true
	})
	return ok
}

// filterProblem words what the odata package found in a filter, where nothing is told yet.
func (c *checker) filterProblem(err error, t *table, text string, at policy.Place, told map[int]bool) {
	var name *odata.NameError
	var option *odata.OptionError
	var typed *odata.TypeError
	switch {
	case errors.As(err, &name) && told[name.Pos], errors.As(err, &option) && told[option.Pos], errors.As(err, &typed) && told[typed.Pos]:
	case errors.As(err, &name):
		message, hint := c.nameProblem(name)
		c.problem(at.Inside(text, name.Pos), message, hint)
	case errors.As(err, &option):
		c.problem(at.Inside(text, option.Pos), fmt.Sprintf("`%s` has no option %s", option.Property, option.Value), "its options are "+c.options(t, option))
	case errors.As(err, &typed):
		c.problem(at.Inside(text, typed.Pos), "the filter does not fit the columns' types: "+typed.Msg, "")
	default:
		c.problem(at.Pos, "the filter is refused: "+err.Error(), "")
	}
}

// options are the values of a choice with what they are called.
func (c *checker) options(t *table, e *odata.OptionError) string {
	if ways, _ := c.model.ways(t, strings.Split(e.Property, "/")); len(ways) == 1 {
		return optionList(ways[0].column)
	}
	var out []string
	for _, v := range e.Options {
		out = append(out, fmt.Sprint(v))
	}
	return shortened(out)
}

func (c *checker) nameProblem(e *odata.NameError) (message, hint string) {
	if e.On == "" {
		return fmt.Sprintf("unknown table `%s`", e.Name), c.model.didYouMean(e.Name)
	}
	message = fmt.Sprintf("unknown column `%s` of `%s`", e.Name, e.On)
	t := c.model.get(e.On)
	if t == nil {
		return message, ""
	}
	if a := t.column(e.Name); a != nil && isLookup(a) {
		return message, fmt.Sprintf("a lookup's value is `%s`", wireName(a))
	}
	if rels := t.relationships(e.Name); len(rels) > 1 {
		var navs []string
		for _, r := range rels {
			if c.model.get(r.Referenced) != nil {
				navs = append(navs, r.ReferencingNav)
			}
		}
		return "`" + e.Name + "` may point at several tables", "write which: " + strings.Join(navs, ", ")
	}
	known := t.lookupColumns()
	for name := range t.properties {
		known = append(known, name)
	}
	for name := range t.navigations {
		known = append(known, name)
	}
	return message, t.didYouMean(e.Name, known)
}
