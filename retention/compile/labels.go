package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/policy"
)

// People know tables, columns and options by what the app calls them; a policy is written in names and numbers, which stay the
// same in every language.

// didYouMean suggests a column: the one that the app calls by the name, or one that is spelled alike.
func (t *table) didYouMean(name string, known []string) string {
	var called []string
	for _, logical := range t.columns() {
		if strings.EqualFold(t.Attributes[logical].DisplayName, name) {
			called = append(called, "`"+logical+"`")
		}
	}
	if len(called) > 0 {
		return "did you mean " + strings.Join(called[:min(len(called), 3)], " or ") + "?"
	}
	return policy.DidYouMean(name, known)
}

// didYouMean suggests a table, as of a column.
func (m *model) didYouMean(name string) string {
	known := m.names()
	if logical := m.labels[strings.ToLower(name)]; logical != "" {
		return "did you mean `" + logical + "`?"
	}
	return policy.DidYouMean(name, known)
}

// labels tells of options that a filter names by what they are called, and answers where: what else is found wrong there
// follows from it.
func (c *checker) labels(e odata.Expr, t *table, text string, at policy.Place) map[int]bool {
	told := map[int]bool{}
	var look func(e odata.Expr, t *table)
	// against tells of the values that a column is compared with.
	against := func(whole int, column odata.Expr, values []odata.Expr, t *table) {
		a := c.columnOf(column, t)
		if a == nil || len(a.Options) == 0 {
			return
		}
		for _, v := range values {
			name, named := c.label(v, t)
			if named && c.notOption(a, name, at.Inside(text, v.Pos())) {
				told[whole], told[column.Pos()], told[v.Pos()] = true, true, true
			}
		}
	}
	look = func(e odata.Expr, t *table) {
		odata.Walk(e, func(n odata.Expr) bool {
			switch n := n.(type) {
			case *odata.Lambda:
				if body := c.behind(n, t); body != nil {
					look(n.Body, body)
				}
				return false
			case *odata.Compare:
				against(n.Pos(), n.Left, []odata.Expr{n.Right}, t)
				against(n.Pos(), n.Right, []odata.Expr{n.Left}, t)
			case *odata.In:
				against(n.Pos(), n.X, n.List, t)
			case *odata.Function:
				if f := n.Property(); f != "" {
					c.listedLabels(n, f, t, against)
				}
			}
			return true
		})
	}
	look(e, t)
	return told
}

// listedLabels is [checker.labels] of a query function's list, in which numbers stand as texts.
func (c *checker) listedLabels(f *odata.Function, property string, t *table, against func(int, odata.Expr, []odata.Expr, *table)) {
	list, ok := f.Param("PropertyValues").(*odata.Array)
	if !ok {
		return
	}
	var values []odata.Expr
	for _, item := range list.Items {
		if text, _ := item.Value.(string); text != "" {
			if _, err := strconv.Atoi(text); err != nil {
				values = append(values, item)
			}
		}
	}
	against(f.Pos(), &odata.Path{Position: odata.Position(f.Pos()), Segments: strings.Split(property, "/")}, values, t)
}

// columnOf is the column that an operand names.
func (c *checker) columnOf(e odata.Expr, t *table) *dataverse.Attribute {
	p, ok := e.(*odata.Path)
	if !ok || len(p.Segments) == 0 {
		return nil
	}
	a, _ := c.attributeAt(p.Segments, t)
	if a == nil && len(p.Segments) > 1 { // the variable of a lambda
		a, _ = c.attributeAt(p.Segments[1:], t)
	}
	return a
}

// label is the text that an operand would be as a label: one in quotes, or a bare word that is no column.
func (c *checker) label(e odata.Expr, t *table) (string, bool) {
	switch e := e.(type) {
	case *odata.Literal:
		text, ok := e.Value.(string)
		return text, ok && e.Kind == odata.String
	case *odata.Path:
		return e.Segments[0], len(e.Segments) == 1 && !t.knows(e.Segments[0])
	}
	return "", false
}

// notOption tells that a column's option is named by a text, and how it is written.
func (c *checker) notOption(a *dataverse.Attribute, name string, at policy.Pos) bool {
	i := slices.IndexFunc(a.Options, func(o dataverse.Option) bool {
		return strings.EqualFold(o.Label, name) || strconv.Itoa(o.Value) == name
	})
	switch {
	case a.Type == "MultiSelectPicklist" && (i < 0 || strconv.Itoa(a.Options[i].Value) == name):
		return false // its filters are texts of numbers
	case a.Type == "Boolean":
		hint := "write true or false"
		if i >= 0 {
			hint = fmt.Sprintf("write %t, which is %s", a.Options[i].Value != 0, a.Options[i].Label)
		}
		c.problem(at, fmt.Sprintf("`%s` is true or false, not '%s'", a.LogicalName, name), hint)
		return true
	}
	hint := "its options are " + optionList(a)
	if i >= 0 {
		hint = fmt.Sprintf("write %d, which is %s; %s", a.Options[i].Value, a.Options[i].Label, hint)
	}
	c.problem(at, fmt.Sprintf("an option of `%s` is a number, not '%s'", a.LogicalName, name), hint)
	return true
}

// optionList are the options of a choice with what they are called.
func optionList(a *dataverse.Attribute) string {
	var out []string
	for _, o := range a.Options {
		out = append(out, fmt.Sprintf("%d (%s)", o.Value, o.Label))
	}
	return shortened(out)
}

func shortened(options []string) string {
	if len(options) > 20 {
		options = append(options[:20], "…")
	}
	return strings.Join(options, ", ")
}

// testOption is the hint for a test's row that names an option by what it is called.
func testOption(a *dataverse.Attribute, v any) (why, hint string) {
	name, text := v.(string)
	if !text || len(a.Options) == 0 || a.Type == "MultiSelectPicklist" {
		return "", ""
	}
	i := slices.IndexFunc(a.Options, func(o dataverse.Option) bool { return strings.EqualFold(o.Label, name) })
	if a.Type == "Boolean" {
		if i >= 0 {
			hint = fmt.Sprintf("write %t, which is %s", a.Options[i].Value != 0, a.Options[i].Label)
		}
		return fmt.Sprintf("it is true or false, not '%s'", name), hint
	}
	if i >= 0 {
		hint = fmt.Sprintf("write %d, which is %s", a.Options[i].Value, a.Options[i].Label)
	}
	return fmt.Sprintf("an option is a number, not '%s'", name), cmp.Or(hint, "its options are "+optionList(a))
}

// labelled tells of options that a condition of a FetchXML query names by what they are called.
func (f *fetchCheck) labelled(a *dataverse.Attribute, condition *fetchxml.Condition, e *policy.Element) {
	if len(a.Options) == 0 || !slices.Contains([]fetchxml.Operator{fetchxml.Eq, fetchxml.Ne, fetchxml.In, fetchxml.NotIn}, condition.Operator) {
		return
	}
	texts := append([]string{condition.Value}, condition.Values...)
	for i, text := range texts {
		_, err := strconv.Atoi(text)
		if text == "" || err == nil || a.Type == "Boolean" && (text == "true" || text == "false") {
			continue
		}
		at := f.file.Of(e, "value")
		if i > 0 {
			at = f.file.Of(e.Child("value", i-1), "")
		}
		f.notOption(a, text, at)
	}
}
