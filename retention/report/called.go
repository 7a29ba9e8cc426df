package report

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// Called tells what people call tables, columns and options, by the definitions of an environment: a [policy.Called]. A definition
// that cannot be read is none, and Err says why.
type Called struct {
	Err    error
	ctx    context.Context
	reader dataverse.Reader
	tables map[string]*dataverse.Table
}

// NewCalled asks the reader for definitions as names are wanted.
func NewCalled(ctx context.Context, r dataverse.Reader) *Called {
	return &Called{ctx: ctx, reader: r, tables: map[string]*dataverse.Table{}}
}

// get is the table's definition; nil where there is none.
func (c *Called) get(name string) *dataverse.Table {
	if t, known := c.tables[name]; known || c.Err != nil {
		return t
	}
	t, err := c.reader.Table(c.ctx, name)
	if err != nil && !errors.Is(err, dataverse.ErrNoTable) {
		c.Err = err
	}
	c.tables[name] = t
	return t
}

// Table implements [policy.Called].
func (c *Called) Table(name string) (string, bool) {
	t := c.get(name)
	switch {
	case t == nil:
		return "", false
	case t.DisplayCollectionName != "":
		return t.DisplayCollectionName, true
	case t.DisplayName != "":
		return t.DisplayName, true
	}
	return name, true
}

// Column implements [policy.Called].
func (c *Called) Column(table, name string) (policy.CalledColumn, bool) {
	t := c.get(table)
	if t == nil {
		return policy.CalledColumn{}, false
	}
	logical := strings.TrimSuffix(strings.TrimPrefix(name, "_"), "_value")
	if a := t.Attributes[name]; a != nil {
		return calledColumn(t, a, ""), true
	} else if a := t.Attributes[logical]; a != nil && logical != name {
		return calledColumn(t, a, ""), true
	}
	for _, r := range t.ManyToOne {
		if r.ReferencingNav == name || r.ReferencingAttribute+"_"+r.Referenced == name {
			if a := t.Attributes[r.ReferencingAttribute]; a != nil {
				return calledColumn(t, a, r.Referenced), true
			}
		}
	}
	to := ""
	for _, r := range t.OneToMany {
		if r.ReferencedNav == name {
			to = r.Referencing
		}
	}
	for _, r := range t.ManyToMany {
		switch name {
		case r.Entity1Nav:
			to = r.Entity2
		case r.Entity2Nav:
			to = r.Entity1
		}
	}
	rows, found := c.Table(to)
	return policy.CalledColumn{Label: rows, To: []string{to}}, to != "" && found
}

func calledColumn(t *dataverse.Table, a *dataverse.Attribute, to string) policy.CalledColumn {
	column := policy.CalledColumn{Label: a.DisplayName, To: slices.Clone(a.Targets), Date: a.Type == "DateTime"}
	if column.Label == "" {
		column.Label = a.SchemaName
	}
	if to != "" {
		column.To = []string{to}
	}
	for _, r := range t.ManyToOne {
		if to == "" && r.ReferencingAttribute == a.LogicalName && !slices.Contains(column.To, r.Referenced) {
			column.To = append(column.To, r.Referenced)
		}
	}
	for _, o := range a.Options {
		if column.Options == nil {
			column.Options = map[int]string{}
		}
		column.Options[o.Value] = o.Label
	}
	return column
}

// Categories are the categories of data (article 30(1)(c)) of a subject table: what its own row can hold, by its columns, and what
// stands in other tables, by the places of the map that hold rows. The map may be nil: nobody has counted then.
func (c *Called) Categories(table string, m *personmap.Map) []policy.DataCategory {
	what := map[string][]string{}
	add := func(kind, label string) {
		if label != "" && !slices.Contains(what[kind], label) {
			what[kind] = append(what[kind], label)
		}
	}
	if t := c.get(table); t != nil {
		columns := make([]*dataverse.Attribute, 0, len(t.Attributes))
		for _, a := range t.Attributes {
			columns = append(columns, a)
		}
		slices.SortFunc(columns, func(a, b *dataverse.Attribute) int { return strings.Compare(a.LogicalName, b.LogicalName) })
		for _, a := range columns {
			add(columnKind(a), a.DisplayName)
		}
	}
	if m != nil {
		for i := range m.Places {
			if p := &m.Places[i]; p.Rows != 0 && p.Kind != personmap.Mirror {
				if rows, found := c.Table(p.Table); found {
					add(c.tableKind(p), rows)
				}
			}
		}
	}
	delete(what, "")
	var out []policy.DataCategory
	for _, kind := range policy.DataKinds() {
		if len(what[kind]) > 0 {
			out = append(out, policy.DataCategory{Kind: kind, What: what[kind]})
		}
	}
	return out
}

// words by which the columns of the standard tables are told apart; the first line that has one decides.
var columnWords = []struct {
	kind  string
	words []string
}{
	{"wishes", []string{"donot", "preferred", "followemail", "marketingonly"}},
	{"phone", []string{"phone", "fax", "pager", "callback"}},
	{"mail", []string{"emailaddress", "websiteurl", "ftpsite"}},
	{"address", []string{"address1_", "address2_", "address3_"}},
	{"family", []string{"birthdate", "anniversary", "spouse", "children", "familystatus", "gender"}},
	{"work", []string{"jobtitle", "department", "companyname", "accountrole", "manager", "assistant", "educationcode"}},
	{"numbers", []string{"governmentid", "employeeid", "externaluseridentifier", "externalidentifier"}},
	{"money", []string{"income", "credit", "budget", "revenue"}},
	{"name", []string{"firstname", "lastname", "middlename", "fullname", "nickname", "salutation", "suffix"}},
}

// columnKind is the category that a column of a person's row belongs to; empty where it says nothing of a person, or where it is the
// service's own.
func columnKind(a *dataverse.Attribute) string {
	if a.AttributeOf != "" || !a.ForRead || !a.ForUpdate || a.Primary || a.Type == "Uniqueidentifier" || a.Type == "EntityName" {
		if a.Type != "Image" && a.LogicalName != "fullname" {
			return ""
		}
	}
	switch {
	case a.Type == "Image" || a.Type == "File":
		return "picture"
	case a.Type == "Memo" && !a.Logical:
		return "text"
	case strings.EqualFold(a.Format, "Email") || strings.EqualFold(a.Format, "Url"):
		return "mail"
	case strings.EqualFold(a.Format, "Phone"):
		return "phone"
	case a.Custom && !ownMark(a.LogicalName):
		return "own"
	case a.Type == "Money":
		return "money"
	}
	for _, line := range columnWords {
		if slices.ContainsFunc(line.words, func(w string) bool { return strings.Contains(a.LogicalName, w) }) {
			return line.kind
		}
	}
	return ""
}

// ownMark tells gallra's own columns.
func ownMark(column string) bool { return strings.HasPrefix(column, "gallra_") }

// tableKind is the category of what stands in a table that leads to persons.
func (c *Called) tableKind(p *personmap.Place) string {
	t := c.get(p.Table)
	switch {
	case p.Kind == personmap.Party || t != nil && t.Activity:
		return "messages"
	case p.Do == personmap.Judged:
		return "persons"
	}
	for _, line := range []struct {
		kind  string
		words []string
	}{
		{"consents", []string{"consent", "gdpr"}},
		{"events", []string{"msevtmgt_"}},
		{"marketing", []string{"list", "campaign", "msdynmkt_", "msdyncrm_", "leadscore"}},
		{"notes", []string{"annotation", "post", "sharepoint", "attachment", "feedback"}},
		{"persons", []string{"connection", "contact", "lead"}},
		{"business", []string{"opportunity", "quote", "order", "invoice", "contract", "entitlement", "incident", "account"}},
	} {
		if slices.ContainsFunc(line.words, func(w string) bool { return strings.Contains(p.Table, w) }) {
			return line.kind
		}
	}
	return "further"
}
