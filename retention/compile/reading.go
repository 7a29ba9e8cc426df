package compile

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// Query is the Read as the client takes it.
func (r Read) Query() dataverse.Query {
	if r.FetchXML != "" {
		return dataverse.Query{Table: r.Table, Set: r.Set, FetchXML: r.FetchXML}
	}
	return dataverse.Query{Table: r.Table, Set: r.Set, Select: r.Select, Expand: r.Expand, Filter: r.Filter}
}

// All is the query for every row of the ground, whatever its date.
func (g *Ground) All() Read { return g.read }

// Blanks are what may surround a value without making it another one: space, tab, and the space that does not break,
// which comes along when an address is copied from a web page.
const Blanks = " \t\u00a0"

// Lasting leaves out of a query what the server can tell to have ended by today: what it can decide about time, it
// decides. A row without the date comes back as well, unless such rows are ignored.
func (g *Ground) Lasting(r Read, today retention.Date) Read {
	if bound := g.bound(today); bound != "" {
		r.Filter = And(r.Filter, bound)
	}
	return r
}

// Unlinked is the query for rows that would justify somebody if they said whom: deals without a contact. It exists where
// one lookup, to persons only, leads to the person.
func (g *Ground) Unlinked() (dataverse.Query, bool) {
	if len(g.links) != 1 || g.Person.ByValue() || g.linked != g.links[0]+" ne null" {
		return dataverse.Query{}, false
	}
	r := g.read
	r.Select, r.Expand = []string{string(r.ID)}, ""
	r.Filter = strings.Replace(r.Filter, g.linked, g.links[0]+" eq null", 1)
	return r.Query(), true
}

// ReadingFor is the query for the ground's rows of some persons, ended ones included. For a join by value the values
// of the persons' columns are needed instead of their ids. A query must not hold more than [MaxPersons] of them. The
// answer may hold rows of other persons too; they are to be passed over. Padding is what [Ground.Padding] says of the values.
func (g *Ground) ReadingFor(ids []uuid.UUID, values []string, padding Padding) Read {
	r := g.read
	if g.fetch != nil {
		r.FetchXML = g.fetch.restrict(ids)
		return r
	}
	r.Filter = And(r.Filter, restrict(g.Person, g.links, ids, values, padding))
	return r
}

// Padding are the conditions for values with blanks around them, of the ground's rows.
func (g *Ground) Padding(ctx context.Context, r dataverse.Reader, known *PaddedTexts, values []string) (Padding, error) {
	if !g.Person.ByValue() || !g.Person.Text {
		return nil, nil
	}
	return known.Padding(ctx, r, g.read.Table, g.links, values)
}

// Finds is what a ground that is a view or a FetchXML query finds persons by: the query without its columns and its order.
func (g *Ground) Finds() string { return g.read.FetchXML }

// Reading is the query for the rule's rows of some persons, as in [CheckedGround.ReadingFor].
func (c *Rule) Reading(ids []uuid.UUID, values []string, padding Padding) Read {
	r := c.read
	r.Filter = And(r.Filter, restrict(c.Person, c.links, ids, values, padding))
	return r
}

// Padding are the conditions for values with blanks around them, of the rule's rows.
func (c *Rule) Padding(ctx context.Context, r dataverse.Reader, known *PaddedTexts, values []string) (Padding, error) {
	if !c.Person.ByValue() || !c.Person.Text {
		return nil, nil
	}
	return known.Padding(ctx, r, c.read.Table, c.links, values)
}

// Linking is the query for those of some rows that lead to some persons by the rule's link, whatever its filter says of
// them. There is none for a join by value.
func (c *Rule) Linking(persons, rows []uuid.UUID) Read {
	r := c.read
	terms := make([]string, len(rows))
	for i, id := range rows {
		terms[i] = string(r.ID) + " eq " + id.String()
	}
	r.Filter = And(And(c.bare, restrict(c.Person, c.links, persons, nil, nil)), strings.Join(terms, " or "))
	return r
}

// Leading is the query for where the rule's link leads from some rows, whatever its filter says of them.
func (c *Rule) Leading(rows []uuid.UUID) Read {
	r := c.read
	terms := make([]string, len(rows))
	for i, id := range rows {
		terms[i] = string(r.ID) + " eq " + id.String()
	}
	r.Filter = And(c.bare, strings.Join(terms, " or "))
	return r
}

// MaxPersons is how many persons one query may be restricted to: their ids fill an address of 32 KB, and a query
// may hold 500 conditions.
const MaxPersons = 100

// restrict is the filter that leaves only rows of the given persons.
func restrict(l Link, paths []string, ids []uuid.UUID, values []string, padding Padding) string {
	var b []byte
	or := func() {
		if len(b) > 0 {
			b = append(b, " or "...)
		}
	}
	for _, path := range paths {
		if l.ByValue() {
			for _, v := range values {
				if l.Text {
					v = odata.Quote(v)
				}
				or()
				b = append(append(append(b, path...), " eq "...), v...)
			}
			if l.Text && len(values) > 0 {
				for _, term := range padding.terms(path) {
					or()
					b = append(b, term...)
				}
			}
			continue
		}
		b = slices.Grow(b, len(ids)*(len(path)+len(" eq  or ")+36))
		for _, id := range ids {
			or()
			text, _ := id.MarshalText() // never fails, and unlike String allocates nothing
			b = append(append(append(b, path...), " eq "...), text...)
		}
	}
	return string(b)
}

// Joined is how rows of a table lead to persons of the subject by the value that stands in a field of theirs: by the columns of
// every rule and ground that joins it, and by the identity; false if by none.
func (s *Subject) Joined(table string, value Field) (l Link, ok bool) {
	l = Link{Value: value, Text: true}
	join := func(of string, by Link) {
		if of != table || by.Value != value || !by.ByValue() {
			return
		}
		l.Text = by.Text
		for _, c := range by.Columns {
			if !slices.Contains(l.Columns, c) {
				l.Columns = append(l.Columns, c)
			}
		}
	}
	for _, r := range s.Related {
		join(r.Table, r.Person)
	}
	for _, g := range s.Grounds {
		join(g.Table, g.Person)
	}
	if s.Identity != "" && l.Text && !slices.Contains(l.Columns, s.Identity) {
		l.Columns = append(l.Columns, s.Identity)
	}
	return l, len(l.Columns) > 0
}

// Sharing reads the persons who have one of the values in a column that the link joins.
func (s *Subject) Sharing(l Link, values []string, padding Padding) Read {
	r := s.Persons
	r.Filter = And(r.Filter, restrict(l, l.Columns, nil, values, padding))
	return r
}

// And joins two filters.
func And(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return "(" + a + ") and (" + b + ")"
}

// bound is the filter on the ground's date that leaves out rows whose retention has ended by today; "" if there is
// none to be had.
func (g *Ground) bound(today retention.Date) string {
	if g.Date == nil || g.read.FetchXML != "" {
		return ""
	}
	first := g.Keep.FirstThatMatters(today)
	if first < earliestBound {
		return ""
	}
	literal := first.String()
	switch {
	case g.Date.Year:
		literal = strconv.Itoa(first.Time().Year())
	case g.Date.Behavior != retention.DateOnly:
		literal += "T00:00:00Z"
	}
	filter := g.Date.path + " ge " + literal
	if g.MissingDate == policy.MissingIgnored && g.Instead == nil {
		return filter
	}
	// A row that has no date keeps its person; so does one whose way to the date is broken.
	filter += " or " + g.Date.path + " eq null"
	for _, lookup := range g.Date.lookups {
		filter += " or " + lookup + " eq null"
	}
	return filter
}

// earliestBound: a bound before it would leave out nothing, and SQL Server's dates begin in 1753.
var earliestBound = retention.NewDate(1800, 1, 1)
