package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/odata"
)

// changedForm is a date that is the day on which a column changed.
var changedForm = regexp.MustCompile(`^(last )?changed\(\s*([A-Za-z0-9_]+)\s*\)$`)

// Changed is the column whose last change the ground counts from; empty: it counts from something else.
func (g *Ground) Changed() string {
	if m := changedForm.FindStringSubmatch(g.After + g.Until); m != nil {
		return m[2]
	}
	return ""
}

// UntilChanged tells whether the ground holds for as long as a row matches, and from the change on that ended it: the change is what
// takes the ground away. Otherwise a row that matches counts from its last change. `until` says so; so does a column that leads to the
// person, and a state whose rows are made with the one that the ground asks for. `last changed` says that it counts from the change.
func (g *Ground) UntilChanged() bool {
	column := g.Changed()
	switch {
	case column == "", strings.HasPrefix(g.After, "last "):
		return false
	case g.Until != "", g.leadsBy() == column:
		return true
	case column == "statecode" || column == "statuscode":
		return slices.Contains(g.AsksOf(), "statecode") && !g.laterState()
	}
	return false
}

// SinceChanged tells whether a row that matches counts from the day on which a column changed last.
func (g *Ground) SinceChanged() bool { return g.Changed() != "" && !g.UntilChanged() }

// leadsBy is the column of the row by which it leads to the person.
func (g *Ground) leadsBy() string {
	column, _, _ := strings.Cut(g.Link, "/")
	return strings.TrimSuffix(strings.TrimPrefix(column, "_"), "_value")
}

// terms are what the filter asks for together.
func (g *Ground) terms() []odata.Expr {
	e, err := odata.ParseFilter(g.Where)
	if g.Where == "" || err != nil {
		return nil
	}
	return conjuncts(e)
}

func conjuncts(e odata.Expr) []odata.Expr {
	l, ok := e.(*odata.Logic)
	if !ok || l.Op != odata.And {
		return []odata.Expr{e}
	}
	var out []odata.Expr
	for _, x := range l.Terms {
		out = append(out, conjuncts(x)...)
	}
	return out
}

// AsksOf are the row's own columns that the filter names.
func (g *Ground) AsksOf() []string { return namesOf(g.terms()...) }

func namesOf(terms ...odata.Expr) (names []string) {
	for _, e := range terms {
		odata.Walk(e, func(x odata.Expr) bool {
			if p, ok := x.(*odata.Path); ok && len(p.Segments) > 0 {
				names = append(names, strings.TrimSuffix(strings.TrimPrefix(p.Segments[0], "_"), "_value"))
			}
			if f, ok := x.(*odata.Function); ok && f.Property() != "" {
				names = append(names, f.Property())
			}
			return true
		})
	}
	return names
}

// laterState tells whether the filter asks for a state that rows are not made with.
func (g *Ground) laterState() bool {
	for _, e := range g.terms() {
		c, ok := e.(*odata.Compare)
		if !ok {
			continue
		}
		p, isPath := c.Left.(*odata.Path)
		v, isValue := c.Right.(*odata.Literal)
		if !isPath || !isValue || len(p.Segments) != 1 || p.Segments[0] != "statecode" {
			continue
		}
		first := v.String() == "0"
		if c.Op == odata.Eq && !first || c.Op == odata.Ne && first || c.Op == odata.Gt {
			return true
		}
	}
	return false
}

// WithoutColumn is the filter without what it asks of one column; the rest is what must still hold once that has changed.
func WithoutColumn(where, column string) string {
	g := Ground{Where: where}
	var rest []string
	for _, e := range g.terms() {
		if names := namesOf(e); !slices.Contains(names, column) && !(column == "statecode" && slices.Contains(names, "statuscode")) && !(column == "statuscode" && slices.Contains(names, "statecode")) {
			rest = append(rest, "("+e.String()+")")
		}
	}
	return strings.Join(rest, " and ")
}

// changed finds what is wrong with a ground that counts from the change of a column.
func (l *loader) changed(g *Ground, bad func(key, message, hint string)) {
	key := "after"
	if g.Until != "" {
		key = "until"
	}
	column := g.Changed()
	if column == "" {
		if strings.Contains(g.After+g.Until, "changed(") {
			bad(key, fmt.Sprintf("`%s` is not the change of a column", g.After+g.Until), "such as after: changed(primarycontactid): one column of the ground's own rows")
		}
		return
	}
	switch {
	case g.View != "" || g.FetchXML != "": // told already
	case strings.HasPrefix(g.Until, "last "):
		bad(key, "`until` ends with the change of a column, whichever it is", fmt.Sprintf("until: changed(%s)", column))
	case g.UntilChanged() && (g.Party != "" || strings.Contains(g.Link, "=")):
		bad(key, "a change takes rows away that lead to the person by lookups", fmt.Sprintf("`link` a lookup, or after: last changed(%s) for a time after the change of a row that still matches", column))
	case g.Table == "" && g.Where == "" && g.Until != "":
		l.problem(g.Pos, fmt.Sprintf("the ground `%s` holds for everybody, without an end", g.ID), "say by `where` which of the person's rows it is about")
	case !strings.HasPrefix(g.After, "last ") && !g.UntilChanged() && slices.Contains(g.AsksOf(), column) && column != "statecode" && column != "statuscode":
		bad(key, fmt.Sprintf("`where` asks of `%s` itself, and nobody knows whether rows count for as long as they match or from their last change on", column),
			fmt.Sprintf("until: changed(%s) keeps persons for as long as a row matches, and `keep` from the change on; after: last changed(%s) for `keep` after the change, although the row still matches", column, column))
	}
	if _, said := g.At["missingDate"]; said && g.UntilChanged() {
		bad("missingDate", "a ground that holds until a column changes has no date that could be missing", "the first run that finds it ended counts where nothing else is known")
	}
	if !g.AtMost.IsZero() {
		bad("atMost", "`atMost` bounds a date of the row, and the change of a column is none", "")
	}
}
