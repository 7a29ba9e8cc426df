package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// makers are the prefixes of columns that come with Microsoft's own solutions: custom by their definition, and nobody's to map.
var makers = []string{"msdyn", "msevtmgt", "msgdpr", "msft", "mspp", "msa_", "adx_"}

// ofThePlatform tells whether a column is the service's own or one of a solution that comes with it. Whatever stands in it
// means something to somebody else: a description, a birth date, a wish not to be written to.
func ofThePlatform(a *dataverse.Attribute) bool {
	if !a.Custom {
		return true
	}
	return slices.ContainsFunc(makers, func(prefix string) bool { return strings.HasPrefix(a.LogicalName, prefix) })
}

// mapping is a column that gallra writes of its own accord, night by night.
type mapping struct{ role, name, standard string }

func written(c policy.ColumnNames) []mapping {
	d := policy.DefaultColumns
	return []mapping{
		{"purgeScheduledOn", c.PurgeScheduledOn, d.PurgeScheduledOn},
		{"purgeNoticedOn", c.PurgeNoticedOn, d.PurgeNoticedOn},
		{"purgeReason", c.PurgeReason, d.PurgeReason},
		{"anonymizedOn", c.AnonymizedOn, d.AnonymizedOn},
	}
}

// readElsewhere refuses a mapped column that gallra writes and that the subject's own rules read: each date that is
// announced would change who is justified. A column that is the table's name or its identity is refused likewise.
func (c *checker) readElsewhere(t *table, out *Subject) {
	rules := &seen{model: c.model, columns: map[string]map[string]bool{}}
	for i := range out.Grounds {
		rules.ground(&out.Grounds[i])
	}
	for i := range out.Related {
		rules.rule(&out.Related[i])
	}
	for i := range out.Classes {
		rules.read(out.Classes[i].Members)
	}
	for _, m := range written(out.Columns) {
		if m.name == m.standard {
			continue
		}
		switch {
		case m.name == t.PrimaryName, m.name == out.Identity:
			c.problem(c.columnsAt(out), fmt.Sprintf("`%s` of `%s` says who the person is, and %s would be written over it", m.name, out.Table, m.role), "map an empty column of your own, or leave it to gallra provision")
		case rules.columns[out.Table][m.name]:
			c.problem(c.columnsAt(out), fmt.Sprintf("`%s` of `%s` is read by the rules of the policy, and %s would be written over it", m.name, out.Table, m.role), "map an empty column of your own, or leave it to gallra provision")
		}
	}
}

// columnsAt is where the names of the columns stand.
func (c *checker) columnsAt(out *Subject) policy.Pos {
	at := out.Subject.At["columns"].Pos
	if at.Line == 0 {
		at = c.policy.At["columns"].Pos
	}
	if at.Line == 0 {
		at = out.Pos
	}
	return at
}

// Foreign is a column of the company's own that gallra writes, and the rows with something in it that gallra cannot be seen
// to have written: none of the columns that are gallra's own alone says anything about them.
type Foreign struct {
	Role, Column string
	Rows         dataverse.Query
}

// Foreign are the subject's columns that have to be proven empty, but for what the ledger knows, before a run writes there.
func (s *Subject) Foreign() []Foreign {
	own := written(s.Columns)[:3] // they are written together
	var untouched string
	for _, m := range own {
		if m.name == m.standard && !slices.Contains(s.Unprovisioned, m.name) {
			untouched = And(untouched, m.name+" eq null")
		}
	}
	var all []Foreign
	for _, m := range written(s.Columns) {
		if m.name == m.standard {
			continue
		}
		filter := m.name + " ne null"
		if m.role != "anonymizedOn" {
			filter = And(And(filter, untouched), s.Persons.Filter)
		}
		all = append(all, Foreign{m.role, m.name, dataverse.Query{Table: s.Table, Set: s.EntitySet, Select: []string{s.PrimaryID}, Filter: filter}})
	}
	return all
}
