package compile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// An objection to advertising is the proof that nobody may write to an address any more. It stands on a row of its own with the
// bare address; once it is gone, the address is written to again as soon as it comes back.

// objection is an option of a choice that says so.
type objection struct {
	column string
	value  int
	label  string
}

// called is how a company calls such an option of a table of its own.
var called = regexp.MustCompile(`(?i)\b(opt(ed)?[ -]?out|unsubscribed?|objected|suppressed|avregistrerad|avanmäld|abgemeldet|widersprochen|désinscrit|désabonné|frameldt|avmeldt)\b`)

// objections are the options of a table by which its rows say that somebody has objected.
func objections(t *table) []objection {
	if o, known := personmap.ObjectionOf(t.LogicalName); known {
		return []objection{{o.Column, o.Value, o.Label}}
	}
	var out []objection
	for _, name := range t.columns() {
		a := t.Attributes[name]
		for _, o := range a.Options {
			if a.Type == "Picklist" && called.MatchString(o.Label) {
				out = append(out, objection{name, o.Value, o.Label})
			}
		}
	}
	return out
}

func (o objection) filter() string { return fmt.Sprintf("%s eq %d", o.column, o.value) }

// deletesObjections warns of rules that delete rows by which somebody has objected, or take the address out of them.
func (c *checker) deletesObjections(s *Subject) {
	for j := range s.Related {
		r := &s.Related[j]
		column, _, byValue := strings.Cut(r.Link, "=")
		column = strings.TrimSpace(column)
		t := c.model.get(r.Table)
		if t == nil || !byValue || r.Do != policy.Delete && !(r.Do == policy.Anonymize && slices.Contains(r.Erase, column)) {
			continue
		}
		for _, o := range objections(t) {
			if c.says(r, o, no) || slices.ContainsFunc(s.Related[:j], func(before Rule) bool { return before.covers(r) && c.says(&before, o, yes) }) {
				continue
			}
			does := "deletes"
			if r.Do == policy.Anonymize {
				does = "takes the address out of"
			}
			c.warn(r.Pos, fmt.Sprintf("this rule %s objections, rows of `%s` that say %s (%s): without them the address is written to again", does, r.Table, o.label, o.filter()),
				fmt.Sprintf("put before it: {table: %s, link: '%s', where: %s, do: keep, why: An objection}", r.Table, r.Link, o.filter()))
		}
	}
}

// covers tells whether a rule's link finds every row that another's does.
func (r *Rule) covers(other *Rule) bool {
	if r.Table == other.Table && r.Do == policy.Leave && r.Link == "" {
		return true
	}
	column, persons, byValue := strings.Cut(r.Link, "=")
	otherColumn, otherPersons, _ := strings.Cut(other.Link, "=")
	if r.Table != other.Table || !byValue || strings.TrimSpace(column) != strings.TrimSpace(otherColumn) {
		return false
	}
	has := strings.Split(strings.ReplaceAll(persons, " ", ""), ",")
	return !slices.ContainsFunc(strings.Split(strings.ReplaceAll(otherPersons, " ", ""), ","), func(p string) bool { return !slices.Contains(has, p) })
}

// truth is what is known of a condition.
type truth int8

const (
	no      truth = -1
	unknown truth = 0
	yes     truth = 1
)

// says tells whether a rule's filter is certain to be true, or false, of a row with the option.
func (c *checker) says(r *Rule, o objection, want truth) bool {
	if r.Where == "" {
		return want == yes
	}
	e, err := odata.ParseFilter(r.Where)
	return err == nil && of(e, o) == want
}

// of is what a condition is of a row of which nothing is known but an option.
func of(e odata.Expr, o objection) truth {
	switch e := e.(type) {
	case *odata.Compare:
		for _, side := range [][2]odata.Expr{{e.Left, e.Right}, {e.Right, e.Left}} {
			if isColumn(side[0], o.column) && (e.Op == odata.Eq || e.Op == odata.Ne) {
				return equals(side[1], o.value) * map[odata.Op]truth{odata.Eq: yes, odata.Ne: no}[e.Op]
			}
		}
	case *odata.In:
		if isColumn(e.X, o.column) {
			found := no
			for _, item := range e.List {
				if t := equals(item, o.value); t != no {
					found = t
				}
				if found == yes {
					break
				}
			}
			return found
		}
	case *odata.Not:
		return -of(e.X, o)
	case *odata.Logic: // the least of the terms for and, the greatest for or
		all := make([]truth, len(e.Terms))
		for i, term := range e.Terms {
			all[i] = of(term, o)
		}
		if e.Op == odata.Or {
			return slices.Max(all)
		}
		return slices.Min(all)
	}
	return unknown
}

func isColumn(e odata.Expr, name string) bool {
	p, ok := e.(*odata.Path)
	return ok && len(p.Segments) == 1 && p.Segments[0] == name
}

func equals(e odata.Expr, value int) truth {
	l, ok := e.(*odata.Literal)
	if !ok {
		return unknown
	}
	switch n := l.Value.(type) {
	case int64:
		if n == int64(value) {
			return yes
		}
		return no
	case nil:
		return no
	}
	return unknown
}
