package search

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/purge/environment"
)

// What is left in a row is judged by what the answer holds, column by column of the table's metadata. It is a rule of its
// own: what the purge writes to is not asked, so that a kind of column that the purge forgets is found here.

// residueRule says what of a table's columns must not be there.
type residueRule struct {
	table   *dataverse.Table
	spared  []string               // what the policy retains, and what gallra writes
	coarse  []compile.Coarse       // of what it retains a part
	persons map[string]bool        // tables to whose rows no lookup may lead; nil: lookups are not looked at
	values  bool                   // dates, numbers and choices are looked at; otherwise only what can hold words, pictures or documents
	fixed   bool                   // so are texts that only a create may write; otherwise those are asked whether they tell of the person
	tells   func(text string) bool // whether a text tells of the person; nil: nobody knows
}

// columns are those that hold something in a row.
func (r residueRule) columns(id uuid.UUID, row dataverse.Row) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.table.Attributes)) {
		a := r.table.Attributes[name]
		if c := r.coarsened(name); c != nil {
			if !c.Settled(row) {
				out = append(out, name)
			}
			continue
		}
		if !a.Primary && !slices.Contains(r.spared, name) && r.holds(a, id, row) {
			out = append(out, name)
		}
	}
	return out
}

func (r residueRule) coarsened(name string) *compile.Coarse {
	for i := range r.coarse {
		if r.coarse[i].Column == name {
			return &r.coarse[i]
		}
	}
	return nil
}

func (r residueRule) holds(a *dataverse.Attribute, id uuid.UUID, row dataverse.Row) bool {
	switch {
	case environment.IsText(a):
		return r.text(a, id, row.Text(a.LogicalName))
	case a.Type == "Image":
		return holdsImage(a, row)
	case a.Type == "File":
		return !row.Null(a.LogicalName)
	case !r.values || !written(a) || environment.SystemRequired(a) || bookkeeping[a.LogicalName]:
		return false // by the service alone; or there is nothing to put in its place
	case environment.IsLookup(a):
		return !row.Null(wireName(a)) && slices.ContainsFunc(a.Targets, func(t string) bool { return r.persons[t] })
	}
	return tellsByValue(r.table.LogicalName, a) && !row.Null(a.LogicalName)
}

func (r residueRule) text(a *dataverse.Attribute, id uuid.UUID, text string) bool {
	switch {
	case text == "", environment.IsPlaceholder(text, id, a.MaxLength), onlyIDs(text):
		return false
	case a.AttributeOf != "" && r.table.Attributes[a.AttributeOf] != nil && !environment.IsText(r.table.Attributes[a.AttributeOf]):
		return false // what another column holds, in words: that column is looked at
	case a.ForUpdate, r.fixed && written(a):
		return true
	}
	return r.tells != nil && r.tells(text) // made by the service, such as the name of another row
}

// written tells whether clients write the column, at a row's create or later.
func written(a *dataverse.Attribute) bool { return a.ForCreate || a.ForUpdate }

// tellsByValue tells whether a person can be left in a column without a word: in choices, dates, and numbers that are theirs.
// States, owners and yes/no have no empty value; amounts and counts of the standard columns stay for statistics.
func tellsByValue(table string, a *dataverse.Attribute) bool {
	switch a.Type {
	case "Picklist", "MultiSelectPicklist", "DateTime":
		return true
	case "Integer", "BigInt", "Decimal", "Double", "Money":
		return personmap.PersonalNumber(table, a)
	}
	return false
}

// bookkeeping are numbers and dates that clients may write and that say nothing of a person: how the row came in, and in
// which time zone and currency it was.
var bookkeeping = map[string]bool{"importsequencenumber": true, "overriddencreatedon": true, "timezoneruleversionnumber": true,
	"utcconversiontimezonecode": true, "exchangerate": true}

// onlyIDs tells whether a text is a list of ids, such as the stages of a process that a row went through.
func onlyIDs(text string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
	return !slices.ContainsFunc(words, func(w string) bool { _, err := uuid.Parse(w); return err != nil })
}

// holdsImage looks at what stands beside an image as well: queries answer with the image itself only when they name it.
func holdsImage(a *dataverse.Attribute, row dataverse.Row) bool {
	return slices.ContainsFunc([]string{"", "id", "_url", "_timestamp"}, func(end string) bool { return !row.Null(a.LogicalName + end) })
}

// wireName is how a column reads in answers.
func wireName(a *dataverse.Attribute) string {
	if environment.IsLookup(a) {
		return "_" + a.LogicalName + "_value"
	}
	return a.LogicalName
}

// securedColumns remembers which secured columns the caller may read.
type securedColumns struct {
	turn     environment.Turn
	asked    bool
	all      bool
	readable map[string]bool // as table.column
}

// hidden names the columns that a rule looks at and the caller is not shown: of these nobody can tell whether they are
// empty. Only, if set, are those that matter.
func (s *Searcher) hidden(ctx context.Context, rule residueRule, only []string) error {
	t := rule.table
	var names []string
	secured := false
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		a := t.Attributes[name]
		words := environment.IsText(a) || a.Type == "Image" || a.Type == "File"
		switch {
		case !written(a), a.Primary, !words && !(rule.values && tellsByValue(t.LogicalName, a)), slices.Contains(rule.spared, name), only != nil && !slices.Contains(only, name):
			continue
		case a.ForRead && !a.Secured, !a.ForRead && !rule.fixed:
			continue
		}
		names = append(names, name)
		secured = secured || a.Secured && a.ForRead
	}
	if secured {
		may, err := s.readsSecured(ctx)
		if err != nil {
			return err
		}
		names = slices.DeleteFunc(names, func(name string) bool { return t.Attributes[name].ForRead && may(t.LogicalName+"."+name) })
	}
	if len(names) > 0 {
		columns := t.LogicalName + "." + strings.Join(names, ", "+t.LogicalName+".")
		s.unread(Place{Key: UnreadColumns, Name: "Columns that cannot be read", Detail: columns, Remedy: "Whether they are empty could not be seen, because the user may not read them: " + columns +
			". Give it a column security profile that lets it read them, or look at them as somebody who may."})
	}
	return nil
}

// readsSecured tells of secured columns, as table.column, whether the caller may read them.
func (s *Searcher) readsSecured(ctx context.Context) (func(column string) bool, error) {
	m := &s.Known.secured
	end, err := m.turn.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if !m.asked {
		if m.all, err = s.Tables.Administers(ctx); err != nil {
			return nil, err
		}
		if !m.all {
			who, err := s.Client.WhoAmI(ctx)
			if err != nil {
				return nil, err
			}
			if m.readable, err = dataverse.ReadableColumns(ctx, s.Client, who.UserID); err != nil && !errors.Is(err, dataverse.ErrForbidden) {
				return nil, err
			}
		}
		m.asked = true
	}
	return func(column string) bool { return m.all || m.readable[column] }, nil
}
