package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/policy"
)

// The aliases by which a FetchXML query tells what its columns mean.
const (
	personAlias = "person" // the person's id; not needed where the query's own table is the subject's
	afterAlias  = "after"  // the date that the ground counts from
)

// fetch is a compiled FetchXML query and where in it persons can be named.
type fetch struct {
	text      string
	link      []int // indices of the links that lead to the table with the person's column
	attribute string
}

// restrict is the query for some persons only.
func (f *fetch) restrict(ids []uuid.UUID) string {
	query, err := fetchxml.Parse([]byte(f.text))
	if err != nil {
		panic("retention: a compiled FetchXML query does not parse: " + err.Error())
	}
	body := &query.Entity.Body
	for _, i := range f.link {
		body = &body.Links[i].Body
	}
	values := make([]string, len(ids))
	for i, id := range ids {
		values[i] = id.String()
	}
	body.Filters = append(body.Filters, fetchxml.Filter{
		Conditions: []fetchxml.Condition{{Attribute: f.attribute, Operator: "in", Values: values}},
	})
	return query.String()
}

// view is a system view.
type view struct{ name, fetch string }

// view finds a system view of the subject table by its name.
func (c *checker) view(subject *table, g *policy.Ground) (string, bool) {
	if c.views == nil {
		c.views = map[string][]view{}
	}
	views, ok := c.views[subject.LogicalName]
	if !ok {
		for row, err := range c.reader.Rows(c.ctx, dataverse.Query{Table: "savedquery", Select: []string{"name", "fetchxml"},
			Filter: fmt.Sprintf("returnedtypecode eq '%s' and querytype eq 0 and statecode eq 0", subject.LogicalName)}) {
			if err != nil {
				if c.model.err == nil {
					c.model.err = err
				}
				return "", false
			}
			views = append(views, view{row.Text("name"), row.Text("fetchxml")})
		}
		c.views[subject.LogicalName] = views
	}
	var names, found []string
	for _, v := range views {
		names = append(names, v.name)
		if v.name == g.View {
			found = append(found, v.fetch)
		}
	}
	at := g.At["view"].Pos
	switch len(found) {
	case 0:
		hint := policy.DidYouMean(g.View, names)
		if hint == "" && len(names) > 0 {
			slices.Sort(names)
			hint = "there are: " + strings.Join(names[:min(len(names), 10)], ", ")
		}
		if c.personalView(subject, g.View) {
			hint = "a personal view has that name: it belongs to a user, who may change or unshare it, so make a system view of it"
		}
		c.problem(at, fmt.Sprintf("`%s` has no system view `%s`", subject.LogicalName, g.View), hint)
		return "", false
	case 1:
		return found[0], true
	}
	c.problem(at, fmt.Sprintf("`%s` has %d system views with the name `%s`", subject.LogicalName, len(found), g.View), "give the one that is meant a name of its own")
	return "", false
}

// personalView tells whether the user sees a personal view of that name. Whoever may not read any has none.
func (c *checker) personalView(subject *table, name string) bool {
	q := dataverse.Query{Table: "userquery", Select: []string{"userqueryid"},
		Filter: fmt.Sprintf("returnedtypecode eq '%s' and name eq %s", subject.LogicalName, odata.Quote(name))}
	for _, err := range c.reader.Rows(c.ctx, q) {
		return err == nil
	}
	return false
}

// fetchGround compiles a ground that is a view or a FetchXML query.
func (c *checker) fetchGround(subject *table, g *Ground) {
	text, at := g.FetchXML, g.At["fetchXml"].Pos
	if g.View != "" {
		at = g.At["view"].Pos
		var ok bool
		if text, ok = c.view(subject, g.Ground); !ok {
			return
		}
	}
	file := policy.NewFetchFile(g.Ground, at)
	query, err := fetchxml.Parse([]byte(text))
	if err != nil {
		c.problems = append(c.problems, c.policy.NotFetch(err, g.Ground))
		return
	}
	bad := func(attribute, format string, args ...any) {
		c.problem(file.Of(file.Root, attribute), fmt.Sprintf(format, args...), "")
	}
	if g.View == "" {
		if query.Aggregate {
			bad("aggregate", "a FetchXML query that aggregates leads to no person")
			return
		}
		if query.Top > 0 || query.Count > 0 || query.Page > 0 {
			first := "page"
			switch {
			case query.Top > 0:
				first = "top"
			case query.Count > 0:
				first = "count"
			}
			bad(first, "a FetchXML query with `top`, `count` or `page` would keep only some of the persons")
			return
		}
	}
	if of := c.policy.RefusedFetch(query, g.Ground, at); len(of) > 0 {
		c.problems = append(c.problems, of...)
		return
	}
	query.Top, query.Count, query.Page, query.PagingCookie, query.ReturnTotalRecordCount = 0, 0, 0, "", false
	root := c.model.get(query.Entity.Name)
	if root == nil {
		if c.model.err == nil {
			c.problem(file.Of(file.Root.Child("entity", 0), "name"), fmt.Sprintf("unknown table `%s` in the FetchXML", query.Entity.Name), c.model.didYouMean(query.Entity.Name))
		}
		return
	}
	before := len(c.problems)
	f := &fetchCheck{checker: c, subject: subject, ground: g, file: file}
	f.empties(root, query)
	f.body(root, &query.Entity.Body, file.Root.Child("entity", 0), nil)
	if len(c.problems) > before || c.model.err != nil {
		return
	}
	if g.Person.Fields == nil {
		if root != subject {
			c.problem(file.Of(file.Root.Child("entity", 0), "name"), fmt.Sprintf("the FetchXML does not return the person's id: its table is `%s`", root.LogicalName),
				fmt.Sprintf("give the column that holds the id of the `%s` the alias %q", subject.LogicalName, personAlias))
			return
		}
		query.Entity.Attributes = append(query.Entity.Attributes, fetchxml.Attribute{Name: root.PrimaryID})
		g.Person.Fields = []Field{Field(root.PrimaryID)}
		g.fetch = &fetch{attribute: root.PrimaryID}
	}
	if g.View == "" && !g.WhenLost() && (g.Date == nil) != g.Keep.IsZero() {
		bad := func(format string, args ...any) { c.problem(at, fmt.Sprintf(format, args...), "") } // it is the policy that lacks something
		if g.Date == nil {
			bad("`keep` needs a date to count from, and the FetchXML returns none as alias %q", afterAlias)
		} else {
			bad("the FetchXML returns a date as alias %q, and `keep` does not say for how long after it", afterAlias)
		}
		return
	}
	g.fetch.text = query.String()
	g.read = Read{Table: root.LogicalName, Set: root.EntitySet, FetchXML: g.fetch.text}
	if root == subject {
		g.read.ID = g.Person.Fields[0]
	}
}

// fetchCheck holds a FetchXML query against the metadata, leaves only the columns that matter, and notes the way to the
// person's.
type fetchCheck struct {
	*checker
	subject *table
	ground  *Ground
	file    *policy.FetchFile
}

func (f *fetchCheck) body(t *table, b *fetchxml.Body, e *policy.Element, way []int) {
	var kept []fetchxml.Attribute
	for i, a := range b.Attributes {
		at := f.file.Of(e.Child("attribute", i), "name")
		column := f.column(t, a.Name, at)
		if column == nil || f.ground.View != "" {
			continue
		}
		switch a.Alias {
		case personAlias:
			leads := isLookup(column) && slices.Contains(column.Targets, f.subject.LogicalName) || column.Primary && t == f.subject
			if !leads {
				f.problem(at, fmt.Sprintf("the FetchXML's %q is `%s` of `%s`, which is no id of a `%s`", personAlias, a.Name, t.LogicalName, f.subject.LogicalName), "")
				continue
			}
			f.ground.Person.Fields = []Field{personAlias}
			f.ground.fetch = &fetch{link: slices.Clone(way), attribute: a.Name}
			kept = append(kept, a)
		case afterAlias:
			if column.Type != "DateTime" {
				f.problem(at, fmt.Sprintf("the FetchXML's %q is `%s` of `%s`, which is %s, not a date", afterAlias, a.Name, t.LogicalName, typeWords(column)), "")
				continue
			}
			f.ground.Date = &DateField{Field: afterAlias, Column: column.LogicalName, Name: column.DisplayName, Behavior: DateBehavior(column)}
			kept = append(kept, a)
		}
	}
	b.Attributes, b.AllAttributes, b.Orders = kept, false, nil
	for i := range b.Filters {
		f.filter(t, &b.Filters[i], e.Child("filter", i))
	}
	for i := range b.Links {
		f.linked(t, &b.Links[i], e.Child("link-entity", i), append(slices.Clone(way), i))
	}
}

func (f *fetchCheck) linked(t *table, l *fetchxml.Link, e *policy.Element, way []int) {
	to := f.table(l.Name, f.file.Of(e, "name"))
	if to == nil {
		return
	}
	if l.To != "" {
		f.column(t, l.To, f.file.Of(e, "to"))
	}
	if l.From != "" {
		f.column(to, l.From, f.file.Of(e, "from"))
	}
	if to != f.subject {
		f.ground.Person.Between = append(f.ground.Person.Between, to.LogicalName)
	}
	f.body(to, &l.Body, e, way)
}

func (f *fetchCheck) filter(t *table, x *fetchxml.Filter, e *policy.Element) {
	for i, c := range x.Conditions {
		if c.EntityName == "" { // otherwise it is of a link, by its alias: the service knows
			if a := f.column(t, c.Attribute, f.file.Of(e.Child("condition", i), "attribute")); a != nil {
				f.fetched(t, a, &c)
				f.labelled(a, &c, e.Child("condition", i))
			}
		}
	}
	for i := range x.Filters {
		f.filter(t, &x.Filters[i], e.Child("filter", i))
	}
	for i := range x.Links {
		f.linked(t, &x.Links[i], e.Child("link-entity", i), nil)
	}
}
