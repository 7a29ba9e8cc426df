package inventory

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Eraser knows what anonymising does to the columns of a table.
type Eraser struct {
	Table   *dataverse.Table
	columns []column // ordered by name
	whole   *Eraser  // see Whole
}

// Whole is what is erased of a row that is deleted afterwards: also what would survive on an anonymous one, since the recycle bin
// and the audit history would keep it.
func (e *Eraser) Whole() *Eraser {
	if e.whole == nil {
		return e
	}
	return e.whole
}

// column is one that goes.
type column struct {
	attr     *dataverse.Attribute
	wire     string          // how it reads: the name, or _name_value of a lookup
	required bool            // gets a placeholder instead of null
	unique   bool            // part of an alternate key: the placeholder must be one of its own
	blind    bool            // cannot be trusted to be read, so it is always written
	large    bool            // documents and bodies: written without being read
	coarse   *compile.Coarse // what of it survives; nil: nothing
	navs     map[string]string
}

// ErasePerson erases everything personal in a subject's row: every writable text, memo, image, file, date, choice and
// number, the links to persons, and those to rows that a rule takes along, unless it is retained. Columns that nobody thought of are among them.
func ErasePerson(t *dataverse.Table, s *compile.Subject, persons map[string]bool) *Eraser {
	e := erasePerson(t, s, s.Retain, persons)
	if len(s.Retain)+len(s.Coarse) > 0 {
		e.whole = erasePerson(t, s, nil, persons)
	}
	for i := range e.columns {
		for j := range s.Coarse {
			if e.columns[i].attr.LogicalName == s.Coarse[j].Column {
				e.columns[i].coarse = &s.Coarse[j]
			}
		}
	}
	return e
}

func erasePerson(t *dataverse.Table, s *compile.Subject, retain []string, persons map[string]bool) *Eraser {
	own := environment.OwnColumns(s.Own)
	behind := func(name string) bool {
		return slices.ContainsFunc(s.Related, func(r compile.Rule) bool { return r.RelatedRule.Behind == name && r.Do != policy.Retain })
	}
	return newEraser(t, func(a *dataverse.Attribute) bool {
		switch {
		case slices.Contains(retain, a.LogicalName), slices.Contains(own, a.LogicalName), technical[a.LogicalName]:
			return false
		case slices.ContainsFunc(s.Coarse, func(c compile.Coarse) bool { return c.Column == a.LogicalName }):
			return true // amounts and counts of the standard columns as well
		case a.Type == "Lookup" && behind(a.LogicalName):
			return true
		case a.Type == "Lookup" || a.Type == "Customer":
			return slices.ContainsFunc(a.Targets, func(t string) bool { return persons[t] }) && !environment.SystemRequired(a)
		}
		return erasable(t.LogicalName, a)
	})
}

// eraseTexts erases what can hold words, pictures or documents: what a related row is emptied of before its delete puts
// it into the recycle bin.
func eraseTexts(t *dataverse.Table) *Eraser {
	return newEraser(t, func(a *dataverse.Attribute) bool {
		switch a.Type {
		case "String", "Memo", "Image", "File":
			return !technical[a.LogicalName]
		}
		return false
	})
}

// erasePart erases an address row: everything but what the person's own row retains of the same address, which the service
// would empty with it.
func erasePart(t *dataverse.Table, retain []string, number int) *Eraser {
	return newEraser(t, func(a *dataverse.Attribute) bool {
		return erasable(t.LogicalName, a) && !technical[a.LogicalName] && a.LogicalName != "addressnumber" && !slices.Contains(retain, fmt.Sprintf("address%d_%s", number, a.LogicalName))
	})
}

// Columns are the columns that are erased.
func (e *Eraser) Columns() []string {
	names := make([]string, len(e.columns))
	for i, c := range e.columns {
		names[i] = c.attr.LogicalName
	}
	return names
}

// eraseNamed erases the columns that a rule names.
func eraseNamed(t *dataverse.Table, names []string) *Eraser {
	return newEraser(t, func(a *dataverse.Attribute) bool { return slices.Contains(names, a.LogicalName) })
}

// technical columns say nothing about a person, and writing them has effects of its own.
var technical = map[string]bool{
	"importsequencenumber": true, "overriddencreatedon": true, "timezoneruleversionnumber": true, "utcconversiontimezonecode": true,
	"exchangerate": true, "versionnumber": true, "processid": true, "stageid": true, "traversedpath": true,
}

func erasable(table string, a *dataverse.Attribute) bool {
	switch a.Type {
	case "String", "Memo", "Image", "File":
		return true
	case "Picklist", "MultiSelectPicklist", "DateTime":
		return !environment.SystemRequired(a) // there is no neutral value to put in its place
	case "Integer", "BigInt", "Decimal", "Double", "Money":
		return personmap.PersonalNumber(table, a) && !environment.SystemRequired(a)
	}
	return false // states, owners, flags and keys
}

func newEraser(t *dataverse.Table, goes func(*dataverse.Attribute) bool) *Eraser {
	keys := make(map[string]bool)
	for _, k := range t.Keys {
		for _, name := range k.Attributes {
			keys[name] = true
		}
	}
	e := &Eraser{Table: t}
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		a := t.Attributes[name]
		if !a.ForUpdate || a.AttributeOf != "" && a.Type != "Image" || a.Primary || !goes(a) {
			continue
		}
		c := column{attr: a, wire: name, required: environment.IsText(a) && environment.Required(a), unique: environment.IsText(a) && keys[name], blind: !a.ForRead || a.Secured || a.Type == "Image",
			large: a.MaxLength >= environment.LargeText}
		if environment.IsLookup(a) {
			c.wire, c.navs = "_"+name+"_value", make(map[string]string)
			for _, r := range t.ManyToOne {
				if r.ReferencingAttribute == name && r.ReferencingNav != "" {
					c.navs[r.Referenced] = r.ReferencingNav
				}
			}
			if len(c.navs) == 0 {
				continue
			}
		}
		e.columns = append(e.columns, c)
	}
	return e
}

// selects are the columns to read before erasing.
func (e *Eraser) selects() []string {
	return e.names(func(c column) bool { return !c.blind && !c.large })
}

func (e *Eraser) names(which func(column) bool) []string {
	var names []string
	for _, c := range e.columns {
		if which(c) {
			names = append(names, c.wire)
		}
	}
	return names
}

// Patch is what has to be written to erase a row: nothing for columns that are empty or hold their placeholder already.
func (e *Eraser) Patch(id uuid.UUID, row dataverse.Row) map[string]any {
	body := make(map[string]any)
	for _, c := range e.columns {
		name := c.attr.LogicalName
		switch {
		case c.attr.Type == "File":
		case c.navs != nil:
			if !row.Null(c.wire) {
				body[c.nav(row.Target(name))+"@odata.bind"] = nil
			}
		case c.blind, c.large:
			body[name] = c.neutral(id)
		case row.Null(c.wire):
		case c.coarse != nil:
			if !c.coarse.Settled(row) {
				body[name] = c.coarse.Of(row)
			}
		case environment.IsText(c.attr) && row.Text(c.wire) == c.neutral(id):
		default:
			body[name] = c.neutral(id)
		}
	}
	return body
}

// Left lists the columns of a row that still hold what should be erased.
func (e *Eraser) Left(id uuid.UUID, row dataverse.Row) []string {
	var names []string
	for _, c := range e.columns {
		if c.coarse != nil {
			if !c.coarse.Settled(row) {
				names = append(names, c.attr.LogicalName)
			}
			continue
		}
		// An address row's placeholder may come back into the person's column of the same name: it says nothing about them.
		if neutral := row.Text(c.wire) == c.neutral(id) || environment.IsPlaceholder(row.Text(c.wire), id, c.attr.MaxLength); !c.blind && !row.Null(c.wire) && !(environment.IsText(c.attr) && neutral) {
			names = append(names, c.attr.LogicalName)
		}
	}
	return names
}

// Files are the file columns of a row that hold a file: those a PATCH cannot empty.
func (e *Eraser) Files(row dataverse.Row) []string {
	var names []string
	for _, c := range e.columns {
		if c.attr.Type == "File" && (c.blind || !row.Null(c.wire)) {
			names = append(names, c.attr.LogicalName)
		}
	}
	return names
}

// neutral is what stands in the column afterwards: nil for null.
func (c column) neutral(id uuid.UUID) any {
	switch {
	case c.unique:
		return environment.UniquePlaceholder(id, c.attr.MaxLength)
	case c.required:
		return environment.RequiredPlaceholder(c.attr.MaxLength)
	}
	return nil
}

// nav is the navigation property by which a lookup to a row of target is cleared.
func (c column) nav(target string) string {
	if nav := c.navs[target]; nav != "" {
		return nav
	}
	return c.navs[slices.Min(slices.Collect(maps.Keys(c.navs)))]
}
