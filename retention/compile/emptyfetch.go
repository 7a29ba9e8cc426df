package compile

import (
	"fmt"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/retention/policy"
)

// fetchEmpties looks through a FetchXML query for what depends on how empty columns are counted.
type fetchEmpties struct {
	*fetchCheck
	aliases map[string]*table
	told    map[string]bool
}

// empties refuses negative conditions on columns that may be empty, unless the conditions around them speak of that, and
// literals without a zone.
func (f *fetchCheck) empties(root *table, q *fetchxml.Fetch) {
	x := &fetchEmpties{fetchCheck: f, aliases: map[string]*table{}, told: map[string]bool{}}
	q.Entity.Walk(func(*fetchxml.Filter) {}, func(l *fetchxml.Link) {
		to := f.model.get(l.Name)
		for _, name := range []string{l.Name, l.Alias} {
			if name != "" && (x.aliases[name] == nil || name == l.Alias) {
				x.aliases[name] = to
			}
		}
	})
	x.body(root, "", &q.Entity.Body, f.file.Root.Child("entity", 0))
}

func (x *fetchEmpties) body(t *table, name string, b *fetchxml.Body, e *policy.Element) {
	var known []string
	for i := range b.Filters {
		known = append(known, filledBy(name, &b.Filters[i])...)
	}
	for i := range b.Filters {
		x.filter(t, name, &b.Filters[i], e.Child("filter", i), with(nil, known), nil)
	}
	for i := range b.Links {
		x.link(&b.Links[i], e.Child("link-entity", i))
	}
}

func (x *fetchEmpties) link(l *fetchxml.Link, e *policy.Element) {
	name := l.Alias
	if name == "" {
		name = l.Name
	}
	x.body(x.model.get(l.Name), name, &l.Body, e)
}

// key names a column of the query.
func key(name string, c *fetchxml.Condition) string {
	if c.EntityName != "" {
		name = c.EntityName
	}
	return name + "." + c.Attribute
}

// filledBy are the columns that surely have a value where a filter holds.
func filledBy(name string, f *fetchxml.Filter) (keys []string) {
	if f.Or && len(f.Conditions)+len(f.Filters) > 1 {
		return nil
	}
	for i := range f.Conditions {
		if c := &f.Conditions[i]; c.Operator != fetchxml.Null && !negativeOperator(c.Operator) && !saysNo(c) {
			keys = append(keys, key(name, c))
		}
	}
	for i := range f.Filters {
		keys = append(keys, filledBy(name, &f.Filters[i])...)
	}
	return keys
}

func (x *fetchEmpties) filter(t *table, name string, f *fetchxml.Filter, e *policy.Element, known, covered map[string]bool) {
	if f.Or {
		var asked []string
		for i := range f.Conditions {
			if c := &f.Conditions[i]; c.Operator == fetchxml.Null {
				asked = append(asked, key(name, c))
			}
		}
		covered = with(covered, asked)
	} else {
		known = with(known, filledBy(name, f))
	}
	for i := range f.Conditions {
		x.condition(t, name, &f.Conditions[i], e.Child("condition", i), known, covered)
	}
	for i := range f.Filters {
		x.filter(t, name, &f.Filters[i], e.Child("filter", i), known, covered)
	}
	for i := range f.Links {
		x.link(&f.Links[i], e.Child("link-entity", i))
	}
}

func (x *fetchEmpties) condition(t *table, name string, c *fetchxml.Condition, e *policy.Element, known, covered map[string]bool) {
	of := t
	if c.EntityName != "" {
		of = x.aliases[c.EntityName]
	}
	if of == nil {
		return
	}
	a := of.column(c.Attribute)
	if a == nil {
		return
	}
	x.fetchedInstant(a, c, x.file.Of(e, "value"))
	k := key(name, c)
	negative := negativeOperator(c.Operator) || a.Type == "Boolean" && saysNo(c)
	if !negative || known[k] || covered[k] || x.told[k] || !mayBeEmpty(a) && c.EntityName == "" {
		return
	}
	x.told[k] = true
	entity := ""
	if c.EntityName != "" {
		entity = fmt.Sprintf(" entityname=%q", c.EntityName)
	}
	beside := func(operator fetchxml.Operator) string {
		return fmt.Sprintf("<condition%s attribute=%q operator=%q/>", entity, c.Attribute, operator)
	}
	x.problem(x.file.Of(e, "operator"), emptyMessage(c.Attribute, of, x.emptyRows(of, wireName(a)+" eq null")),
		fmt.Sprintf("if the rule is to count them, put the condition into a filter of type or, with `%s`; if not, put `%s` beside it", beside(fetchxml.Null), beside(fetchxml.NotNull)))
}

// saysNo tells whether a condition asks for the answer no, as which one that was never given reads.
func saysNo(c *fetchxml.Condition) bool {
	return c.Operator == fetchxml.Eq && (c.Value == "0" || c.Value == "false")
}
