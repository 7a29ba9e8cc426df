package compile

import (
	"maps"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/odata"
)

// Placeholder stands in required columns of an anonymised row, and uniquePlaceholder begins what stands in those of which no two
// rows may have the same.
const (
	Placeholder       = "(purged)"
	uniquePlaceholder = "purged "
)

// maxBearing is how many columns are asked for: a query may hold 500 conditions, of which each takes three at most, and up to a
// hundred ids stand beside them. Tables have some sixty.
const maxBearing = 120

// bears finds the columns by which a row says whose it is. Anybody can set the mark of an anonymised row, so it hides nobody by
// itself: a row that bears one of them is a person's.
func (c *checker) bears(t *table, out *Subject) {
	keys := map[string]bool{}
	for _, k := range t.Keys {
		for _, name := range k.Attributes {
			keys[name] = true
		}
	}
	var terms []string
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		a := t.Attributes[name]
		if !bearing(t, a) || slices.Contains(out.Retain, name) || len(terms) == maxBearing {
			continue
		}
		term := name + " ne null and " + name + " ne " + odata.Quote(Placeholder)
		if keys[name] {
			term += " and not startswith(" + name + "," + odata.Quote(uniquePlaceholder) + ")"
		}
		terms, out.Bearing = append(terms, "("+term+")"), append(out.Bearing, name)
	}
	out.Persons.Filter = out.Own.AnonymizedOn + " eq null"
	if len(terms) > 0 {
		out.Persons.Filter += " or " + strings.Join(terms, " or ")
	}
}

// bearing tells whether a purge empties a text that says who somebody is, and a filter can ask for it.
func bearing(t *table, a *dataverse.Attribute) bool {
	switch {
	case a.Type != "String" && a.Type != "Memo", a.AttributeOf != "", a.Primary:
		return false
	case !a.ForCreate && !a.ForUpdate, !a.ForRead, a.Secured:
		return false
	case a.MaxLength > 0 && a.MaxLength < len(Placeholder), a.MaxLength >= 1<<20: // short ones have another placeholder, large ones are not asked for
		return false
	}
	return identifies(a) || a.LogicalName == t.PrimaryName
}

// Bears tells whether a row says whose it is. The row needs the columns of Bearing.
func (s *Subject) Bears(row dataverse.Row) bool {
	return slices.ContainsFunc(s.Bearing, func(name string) bool {
		text := row.Text(name)
		return text != "" && text != Placeholder && !strings.HasPrefix(text, uniquePlaceholder)
	})
}

// PersonsApart is Persons as two queries: of those who are not marked, whose answer changes only with their rows, and of those who are
// and bear something, who are few. What somebody bears may stand in rows of its own, of addresses.
func (s *Subject) PersonsApart() []Read {
	if s.Own.AnonymizedOn == "" {
		return []Read{s.Persons}
	}
	unmarked, marked := s.Persons, s.Persons
	unmarked.Filter, marked.Filter = s.Own.AnonymizedOn+" eq null", s.Marked().Filter
	return []Read{unmarked, marked}
}

// Marked reads the rows that bear the mark of an anonymised row and say all the same whose they are.
func (s *Subject) Marked() dataverse.Query {
	return dataverse.Query{Table: s.Table, Set: s.EntitySet, Select: append([]string{s.PrimaryID}, s.Bearing...),
		Filter: And(s.Own.AnonymizedOn+" ne null", s.Persons.Filter)}
}
