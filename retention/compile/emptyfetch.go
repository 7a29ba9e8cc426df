package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/retention/policy"
)

// fetchEmpties looks through a FetchXML query for what depends on how empty columns are counted.
type fetchEmpties struct {
	*fetchCheck
	aliases map[string]*table
	told    map[string]bool
	named   map[string]int  // how many links have the name
	loose   map[string]bool // links that a row may be without, by name
}

// empties refuses negative conditions on columns that may be empty, unless the conditions around them speak of that, and
// literals without a zone.
func (f *fetchCheck) empties(root *table, q *fetchxml.Fetch) {
	x := &fetchEmpties{fetchCheck: f, aliases: map[string]*table{}, told: map[string]bool{}, named: map[string]int{}, loose: map[string]bool{}}
	q.Entity.Walk(func(*fetchxml.Filter) {}, func(l *fetchxml.Link) {
		to := f.model.get(l.Name)
		for _, name := range []string{l.Name, l.Alias} {
			if name != "" && (x.aliases[name] == nil || name == l.Alias) {
				x.aliases[name] = to
			}
		}
		x.named[nameOf(l)]++
	})
	x.outer(q.Entity.Links, false)
	x.body(root, "", &q.Entity.Body, f.file.Root.Child("entity", 0), with(nil, x.joined("", &q.Entity.Body)))
}

// nameOf is by what conditions elsewhere name a link.
func nameOf(l *fetchxml.Link) string {
	if l.Alias == "" {
		return l.Name
	}
	return l.Alias
}

// keyOf is the name of a link that is its own: conditions elsewhere cannot tell two apart that have one name.
func (x *fetchEmpties) keyOf(l *fetchxml.Link) string {
	if name := nameOf(l); x.named[name] == 1 {
		return name
	}
	return fmt.Sprintf("%p", l)
}

// outer notes the links of which a row of the answer may be without a row.
func (x *fetchEmpties) outer(links []fetchxml.Link, loose bool) {
	for i := range links {
		l := &links[i]
		loose := loose || !joins(l) || x.named[nameOf(l)] > 1
		x.loose[nameOf(l)] = x.loose[nameOf(l)] || loose
		x.outer(l.Links, loose)
	}
}

// joins tells whether every row of the answer has a row of the link.
func joins(l *fetchxml.Link) bool {
	return l.Type == "" || l.Type == fetchxml.Inner || l.Type == fetchxml.Natural
}

// joined are the columns that surely have a value in every row of the answer: by the filters of the table, and by those of the links
// that every row has.
func (x *fetchEmpties) joined(name string, b *fetchxml.Body) (keys []string) {
	for i := range b.Filters {
		keys = append(keys, filledBy(name, &b.Filters[i])...)
	}
	for i := range b.Links {
		if l := &b.Links[i]; joins(l) {
			keys = append(keys, x.joined(x.keyOf(l), &l.Body)...)
		}
	}
	return keys
}

// body takes what is known of the rows of the answer.
func (x *fetchEmpties) body(t *table, name string, b *fetchxml.Body, e *policy.Element, known map[string]bool) {
	var own []string
	for i := range b.Filters {
		own = append(own, filledBy(name, &b.Filters[i])...)
	}
	for i := range b.Filters {
		x.filter(t, name, &b.Filters[i], e.Child("filter", i), with(known, own), nil)
	}
	for i := range b.Links {
		x.link(&b.Links[i], e.Child("link-entity", i), known)
	}
}

func (x *fetchEmpties) link(l *fetchxml.Link, e *policy.Element, known map[string]bool) {
	x.body(x.model.get(l.Name), x.keyOf(l), &l.Body, e, known)
}

// key names a column of the query.
func key(name string, c *fetchxml.Condition) string {
	if c.EntityName != "" {
		name = c.EntityName
	}
	return name + "." + c.Attribute
}

// filledBy are the columns that surely have a value where a filter holds: one of every term of an or, and of any term of an and.
func filledBy(name string, f *fetchxml.Filter) (keys []string) {
	var terms [][]string
	for i := range f.Conditions {
		var term []string
		if c := &f.Conditions[i]; c.Operator != fetchxml.Null && !negativeOperator(c.Operator) && !saysNo(c) {
			term = append(term, key(name, c))
			if c.ValueOf != "" && !strings.Contains(c.ValueOf, ".") {
				term = append(term, name+"."+c.ValueOf)
			}
		}
		terms = append(terms, term)
	}
	for i := range f.Filters {
		terms = append(terms, filledBy(name, &f.Filters[i]))
	}
	for range f.Links {
		terms = append(terms, nil) // says nothing of these columns
	}
	for i, term := range terms {
		if !f.Or || i == 0 {
			keys = append(keys, term...)
			continue
		}
		keys = slices.DeleteFunc(keys, func(k string) bool { return !slices.Contains(term, k) })
	}
	return keys
}

// emptyBy are the columns of which a term of an or asks whether they are empty.
func emptyBy(name string, f *fetchxml.Filter) (keys []string) {
	if !f.Or && len(f.Conditions)+len(f.Filters)+len(f.Links) > 1 {
		return nil
	}
	for i := range f.Conditions {
		if c := &f.Conditions[i]; c.Operator == fetchxml.Null {
			keys = append(keys, key(name, c))
		}
	}
	for i := range f.Filters {
		keys = append(keys, emptyBy(name, &f.Filters[i])...)
	}
	return keys
}

func (x *fetchEmpties) filter(t *table, name string, f *fetchxml.Filter, e *policy.Element, known, covered map[string]bool) {
	if f.Or {
		covered = with(covered, emptyBy(name, f))
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
		x.link(&f.Links[i], e.Child("link-entity", i), nil)
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
	if !negative || known[k] || covered[k] || x.told[k] || !mayBeEmpty(a) && !x.loose[c.EntityName] {
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
	x.unsafe(x.file.Of(e, "operator"), emptyMessage(c.Attribute, of, x.emptyRows(of, wireName(a)+" eq null")),
		fmt.Sprintf("if the rule is to count them, put the condition into a filter of type or, with `%s`; if not, put `%s` beside it", beside(fetchxml.Null), beside(fetchxml.NotNull)))
}

// saysNo tells whether a condition asks for the answer no, as which one that was never given reads.
func saysNo(c *fetchxml.Condition) bool {
	return c.Operator == fetchxml.Eq && (c.Value == "0" || c.Value == "false")
}
