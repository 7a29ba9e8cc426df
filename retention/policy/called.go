package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Called tells what people call tables, columns and options: the definitions of an environment, as the record needs them.
type Called interface {
	// Table is what the app calls the rows of a table; not found where the environment has no such table.
	Table(name string) (rows string, found bool)
	// Column is a column, by its logical name or by a name that filters and paths know it by.
	Column(table, name string) (CalledColumn, bool)
}

// CalledColumn is a column, or a way from a row to others, as people know it.
type CalledColumn struct {
	Label   string
	To      []string       // the tables that it leads to
	Options map[int]string // of a choice by number; of yes or no by 1 and 0
	Date    bool
}

// Surroundings are what an environment, or the definitions in a snapshot of it, add to the record.
type Surroundings struct {
	Called Called
	// Where is where persons stand, by subject table or table/class; nil where nobody counted.
	Where map[string][]Standing
	// Data are the categories of data, by the same names.
	Data map[string][]DataCategory
}

// DataCategory is a kind of personal data, with what people call the columns or tables that hold it.
type DataCategory struct {
	Kind string // the key of a text of the record, without data.
	What []string
}

// DataKinds are all there are, in the order in which a record tells of them.
func DataKinds() []string {
	return []string{"name", "work", "mail", "phone", "address", "family", "wishes", "numbers", "money", "text", "picture", "own",
		"messages", "notes", "business", "consents", "events", "marketing", "persons", "further"}
}

// note is the mark of a footnote with what the policy says in the names of the database, so that the text can say it in people's.
func (r *Prose) note(technical string) string {
	i := slices.Index(r.notes, technical)
	if i < 0 {
		i = len(r.notes)
		r.notes = append(r.notes, technical)
	}
	return r.mark(i)
}

// mark is the mark of a footnote.
func (r *Prose) mark(i int) string { return fmt.Sprintf("[^%d]", i+1) }

func (r *Prose) quote(label string) string { return r.say.T("quote", label) }

// listed joins words as a sentence does: “A”, “B” or “C”.
func (r *Prose) listed(join string, parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	last := len(parts) - 1
	return r.say.T(join, strings.Join(parts[:last], ", "), parts[last])
}

// rowsOf is what the rows of a table are called.
func (r *Prose) rowsOf(table string) (string, bool) {
	if r.called == nil {
		return "", false
	}
	rows, found := r.called.Table(table)
	return r.quote(rows), found
}

// way is what people call a column at the end of a path over lookups: “End date” of “Event”. The tables are those that it leads to.
func (r *Prose) way(tables []string, path string) (string, CalledColumn, bool) {
	if r.called == nil {
		return "", CalledColumn{}, false
	}
	segment, rest, further := strings.Cut(strings.TrimSpace(path), "/")
	for _, table := range tables {
		c, found := r.called.Column(table, segment)
		if !found || c.Label == "" {
			continue
		}
		if !further {
			return r.quote(c.Label), c, true
		}
		if end, last, found := r.way(c.To, rest); found {
			return r.say.T("path", end, r.quote(c.Label)), last, true
		}
	}
	return "", CalledColumn{}, false
}

// column is a column, or a path to one, with its footnote; as it is written where nobody knows what it is called.
func (r *Prose) column(table, path string) string {
	if said, _, found := r.way([]string{r.tableOr(table)}, path); found {
		return said + r.note("`"+r.tableOr(table)+"`: `"+path+"`")
	}
	return "`" + path + "`"
}

// columns are several columns of a table.
func (r *Prose) columns(table string, names []string) string {
	var said []string
	for _, name := range names {
		one, _, found := r.way([]string{r.tableOr(table)}, name)
		if !found {
			return codes(names)
		}
		if !slices.Contains(said, one) {
			said = append(said, one)
		}
	}
	return strings.Join(said, ", ") + r.note("`"+r.tableOr(table)+"`: "+codes(names))
}

// tableOr is the table, or that of the person's own row.
func (r *Prose) tableOr(table string) string {
	if table == "" {
		return r.of
	}
	return table
}

// spokenRows says which rows are meant, in the words of the app; not where one of the names is unknown.
func (r *Prose) spokenRows(table, link, party, behind, where string) (string, bool) {
	rows, found := r.rowsOf(r.tableOr(table))
	if !found {
		return "", false
	}
	var text string
	left, right, value := strings.Cut(link, "=")
	switch {
	case table == "":
		text = r.say.T("rows.own")
	case behind != "":
		of, _, found := r.way([]string{r.of}, behind)
		if !found {
			return "", false
		}
		text = r.say.T("spoken.behind", rows, of)
	case party == "any":
		text = r.say.T("spoken.party", rows)
	case party != "":
		part, known := r.say.Lookup("party." + party)
		if !known {
			part = party
		}
		text = r.say.T("spoken.party-as", rows, part)
	case link == "":
		text = rows
	case link == r.say.T("set.lookups"):
		text = r.say.T("spoken.lookups", rows)
	case value:
		column, _, found := r.way([]string{table}, left)
		if !found {
			return "", false
		}
		if r.say.T("set.addresses", strings.TrimSpace(left)) == link {
			text = r.say.T("spoken.addresses", rows, column)
			break
		}
		var own []string
		for name := range strings.SplitSeq(right, ",") {
			one, _, found := r.way([]string{r.of}, name)
			if !found {
				return "", false
			}
			own = append(own, one)
		}
		text = r.say.T("spoken.value", rows, column, r.listed("or", own))
	default:
		column, _, found := r.way([]string{table}, link)
		if !found {
			return "", false
		}
		text = r.say.T("spoken.by", rows, column)
	}
	if where != "" {
		text = clause(text, r.say.T("spoken.where", r.filter(r.tableOr(table), where)))
	}
	return text, true
}

// spell is a text in the words of the app with its footnote, or as the policy has it.
func (r *Prose) spell(said string, found bool, technical string) string {
	switch {
	case !found:
		return technical
	case !strings.Contains(technical, "`"): // it names nothing
		return said
	}
	return said + r.note(technical)
}

// inSets are rules with those of a set that do the same, for the same reason, in one: which of them a row matches makes no difference.
func (r *Prose) inSets(rules []RelatedRule) (out [][]RelatedRule) {
	for _, rule := range rules {
		if _, found := r.rowsOf(rule.Table); r.called != nil && rule.From != "" {
			if !found {
				continue // a set speaks of tables that not every environment has
			}
			if n := len(out); n > 0 && out[n-1][0].alike(&rule) {
				out[n-1] = append(out[n-1], rule)
				continue
			}
		}
		out = append(out, []RelatedRule{rule})
	}
	return out
}

// alike tells whether two rules of a set do the same.
func (rule *RelatedRule) alike(other *RelatedRule) bool {
	return rule.From == other.From && rule.Do == other.Do && rule.Why == other.Why && rule.Where == "" && other.Where == "" && len(rule.Erase)+len(other.Erase) == 0
}

// together says which rows rules are about that do the same: those that lead to the person in the same way at once.
func (r *Prose) together(rules []RelatedRule) string {
	if len(rules) == 1 {
		return rules[0].rows(r)
	}
	var forms, technical []string
	tables := map[string][]string{}
	for i := range rules {
		rule := &rules[i]
		technical = append(technical, rule.technical(r))
		rows, _ := r.rowsOf(rule.Table)
		form := ""
		switch {
		case rule.Party == "any":
			form = "spoken.party"
		case rule.Link == r.say.T("set.lookups"):
			form = "spoken.lookups"
		default:
			said, found := r.spokenRows(rule.Table, rule.Link, rule.Party, rule.Behind, rule.Where)
			if !found {
				said = rule.technical(r)
			}
			forms = append(forms, said)
			continue
		}
		if tables[form] == nil {
			forms = append(forms, form)
		}
		tables[form] = append(tables[form], rows)
	}
	for i, form := range forms {
		if all := tables[form]; all != nil {
			forms[i] = r.say.T(form, r.listed("and", all))
		}
	}
	return strings.Join(forms, "; ") + r.note(strings.Join(technical, "; "))
}

// mostNamed is how many columns or tables of a category are named: of postal addresses alone a contact has some sixty columns.
const mostNamed = 12

// data says which categories of personal data there are (article 30(1)(c)).
func (r *Prose) data(all []DataCategory) {
	if len(all) == 0 {
		return
	}
	r.Line("")
	r.line("### ", "data")
	r.Line("")
	r.head("head.category", "head.data")
	for _, c := range all {
		what := strings.Join(c.What[:min(len(c.What), mostNamed)], ", ")
		if more := len(c.What) - mostNamed; more > 0 {
			what += " " + r.say.N("data.more", more, r.say.Number(more))
		}
		r.Line("| %s | %s |", cell(r.say.T("data."+c.Kind)), cell(what))
	}
}

// named says by what names the record goes: those of the app, with the database's in footnotes, or the database's alone.
func (r *Prose) named() {
	if len(r.notes) == 0 {
		return
	}
	r.Line("")
	r.line("## ", "notes")
	r.Line("")
	r.line("", "notes.text")
	for i, note := range r.notes {
		r.Line("\n[^%d]: %s", i+1, strings.Join(strings.Fields(note), " "))
	}
}

// Standing is a place where persons of a subject table stand in an environment, in words.
type Standing struct {
	// Table and Column are of the database; Column is party where people take part in an activity, and Via a table in between.
	Table, Column, Via string

	Place, Leads, Rows, Does, By, Why string
	// Kept tells of a place whose rows stay that they hold the person, Binds, or lose their link to them.
	Kept, Binds bool
}

func (r *Prose) standing(s *Subject, all []Standing) {
	r.Line("")
	r.line("### ", "standing")
	r.Line("")
	r.line("", "standing.text")
	r.Line("")
	r.head("head.place", "head.leads", "head.rows", "head.does", "head.person", "head.by", "head.reason")
	for _, x := range all {
		r.Line("| %s | %s | %s | %s | %s | %s | %s |", cell(r.place(x)), cell(x.Leads), x.Rows, cell(x.Does), r.freedOrBound(s, x), cell(x.By), cell(x.Why))
	}
}

// place names a place by its table and column.
func (r *Prose) place(x Standing) string {
	rows, found := r.rowsOf(x.Table)
	if !found {
		return "`" + x.Place + "`"
	}
	if column, _, known := r.way([]string{x.Table}, x.Column); known {
		rows += ", " + column
	}
	if via, found := r.rowsOf(x.Via); found {
		rows = r.say.T("spoken.via", rows, via)
	}
	return rows + r.note("`"+x.Place+"`")
}

// freedOrBound says what a row that stays means for the person's own row.
func (r *Prose) freedOrBound(s *Subject, x Standing) string {
	switch {
	case s.Purge != Delete || !x.Kept:
		return ""
	case !x.Binds:
		return r.say.T("freed")
	case s.WhenBound == BoundFail:
		return r.say.T("bound.fails")
	}
	return r.say.T("bound.anonymised")
}
