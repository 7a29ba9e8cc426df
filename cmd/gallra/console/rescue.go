package console

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
)

// rescueView is what would justify a person, in the words of the CRM, and where to enter it.
type rescueView struct {
	Words  string // an open opportunity with Anna as contact
	Why    string // what the policy says of it
	Look   string // the list of such rows in Dynamics 365; empty for what stands on the person's own row
	Create string // the form of a new one that leads to the person; empty where it would not lead there by itself
}

// rescue says what would have to be registered for a ground to keep the person.
func (c *Console) rescue(ctx context.Context, t tongue, f evaluate.Finding, page *personPage) (rescueView, error) {
	g := f.Ground
	v := rescueView{Why: policy.Sentence(g.Why)}
	name := cmp.Or(g.Table, page.Table)
	if g.View != "" || g.FetchXML != "" {
		name = page.Table
	}
	table, err := c.o.Client.Table(ctx, name)
	if err != nil {
		return v, err
	}
	rows := cmp.Or(table.DisplayName, table.LogicalName)
	if condition, ok := t.condition(table, g.Where); ok && condition != "" && g.Table != "" {
		rows += " (" + condition + ")"
	}
	switch {
	case g.View != "":
		v.Words = t.T("rescue.view", page.Name, g.View)
	case g.FetchXML != "":
		v.Words = t.T("rescue.query", page.Name)
	case g.Table == "":
		v.Words = t.T("rescue.own", page.Name)
		if condition, ok := t.condition(table, g.Where); ok && condition != "" {
			v.Words += ": " + condition
		}
	case g.Party != "":
		v.Words, v.Look = t.T("rescue.party", rows, page.Name), c.listLink(name)
	case strings.Contains(g.Link, "="):
		column, _, _ := strings.Cut(g.Link, "=")
		called, _, err := c.called(ctx, table, strings.Split(strings.TrimSpace(column), "/"))
		if err != nil {
			return v, err
		}
		v.Words, v.Look = t.T("rescue.value", rows, page.Name, called), c.listLink(name)
	default:
		path := strings.Split(g.Link, "/")
		called, lookup, err := c.called(ctx, table, path)
		if err != nil {
			return v, err
		}
		v.Words, v.Look = t.T("rescue.row", rows, page.Name, called), c.listLink(name)
		if len(path) == 1 && lookup != nil && slices.Contains(lookup.Targets, page.Table) {
			v.Create = c.newLink(name, lookup.LogicalName, page)
		}
	}
	if g.Date != nil {
		v.Words = t.T("rescue.dated", v.Words, g.DateName(), g.Keep.FirstThatLasts(page.RescueBy))
	}
	return v, nil
}

// called is what the app calls a column at the end of a path over lookups, and the column.
func (c *Console) called(ctx context.Context, table *dataverse.Table, path []string) (string, *dataverse.Attribute, error) {
	var names []string
	var last *dataverse.Attribute
	for i, name := range path {
		if table == nil || table.Attributes[name] == nil {
			return strings.Join(append(names, path[i:]...), " › "), nil, nil
		}
		last = table.Attributes[name]
		names = append(names, cmp.Or(last.DisplayName, name))
		if i+1 == len(path) {
			break
		}
		var behind *dataverse.Table
		for _, target := range last.Targets { // of a lookup to several tables the one that has what comes next
			t, err := c.o.Client.Table(ctx, target)
			if err != nil {
				return "", nil, err
			}
			if t.Attributes[path[i+1]] != nil {
				behind = t
				break
			}
		}
		table = behind
	}
	return strings.Join(names, " › "), last, nil
}

// condition is a filter in the words of the app: Status: Won or Lost. It is not ok where the filter says more than which options some
// columns have; then the policy's own sentence has to do.
func (t tongue) condition(table *dataverse.Table, where string) (string, bool) {
	if where == "" {
		return "", true
	}
	e, err := odata.ParseFilter(where)
	if err != nil {
		return "", false
	}
	terms := []odata.Expr{e}
	if l, ok := e.(*odata.Logic); ok && l.Op == odata.And {
		terms = l.Terms
	}
	var parts []string
	for _, term := range terms {
		column, options, ok := t.options(table, term)
		if !ok {
			return "", false
		}
		parts = append(parts, column+": "+strings.Join(options, " "+t.T("or")+" "))
	}
	return strings.Join(parts, ", "), true
}

// options are which options of one column a term asks for.
func (t tongue) options(table *dataverse.Table, e odata.Expr) (column string, options []string, ok bool) {
	switch e := e.(type) {
	case *odata.Logic:
		if e.Op != odata.Or {
			return "", nil, false
		}
		for _, term := range e.Terms {
			name, some, ok := t.options(table, term)
			if !ok || column != "" && column != name {
				return "", nil, false
			}
			column, options = name, append(options, some...)
		}
		return column, options, true
	case *odata.Compare:
		path, isPath := e.Left.(*odata.Path)
		literal, isLiteral := e.Right.(*odata.Literal)
		if e.Op != odata.Eq || !isPath || !isLiteral || len(path.Segments) != 1 {
			return "", nil, false
		}
		a := table.Attributes[path.Segments[0]]
		if a == nil {
			return "", nil, false
		}
		value := strings.Trim(literal.String(), "'")
		for _, o := range a.Options {
			if strconv.Itoa(o.Value) == value || a.Type == "Boolean" && value == strconv.FormatBool(o.Value != 0) {
				value = cmp.Or(o.Label, value)
				break
			}
		}
		return cmp.Or(a.DisplayName, a.LogicalName), []string{value}, true
	}
	return "", nil, false
}

// listLink is the list of a table's rows in Dynamics 365.
func (c *Console) listLink(table string) string {
	return c.o.URL + "/main.aspx?" + url.Values{"pagetype": {"entitylist"}, "etn": {table}}.Encode()
}

// newLink is the form of a new row that leads to the person. A form asks for what the lookup is to show as well: it is the kind of
// row, since a name in an address stays in the browser; what is saved is the id.
func (c *Console) newLink(table, lookup string, page *personPage) string {
	fill := url.Values{lookup: {page.ID.String()}, lookup + "name": {page.Kind}, lookup + "type": {page.Table}}
	return c.o.URL + "/main.aspx?" + url.Values{"pagetype": {"entityrecord"}, "etn": {table}, "extraqs": {fill.Encode()}}.Encode()
}
