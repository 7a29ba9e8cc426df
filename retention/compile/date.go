package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// date compiles the date that a ground counts from, and those that stand in for it and bound it.
func (c *checker) date(s source, g *Ground, x *expansion) {
	text, at := g.After, g.At["after"]
	if text == "" {
		text, at = g.Until, g.At["until"]
	}
	if text == "" || g.WhenLost() {
		return
	}
	if g.SinceChanged() {
		if g.InsteadOf != "" {
			g.Instead = c.dateField(s, g.InsteadOf, g.At["missingDate"], x)
		}
		return
	}
	g.Date = c.dateField(s, text, at, x)
	if g.InsteadOf != "" {
		g.Instead = c.dateField(s, g.InsteadOf, g.At["missingDate"], x)
	}
	if !g.AtMost.IsZero() {
		g.Bound = c.dateField(s, g.AtMost.After, g.At["atMost"], x)
	}
	if g.Date == nil {
		return
	}
	_, own := g.At["yearEnds"]
	if own && g.Keep.From != retention.EndOfYear && !g.Date.Year {
		c.problem(g.At["yearEnds"].Pos, "`yearEnds` is for a period `from end of year`, or a date that is a year", "")
	}
	if g.Instead != nil && g.Instead.Year != g.Date.Year {
		c.problem(g.At["missingDate"].Pos, fmt.Sprintf("`%s` and `%s` are not of one kind: one is a date, the other a year", text, g.InsteadOf),
			"missingDate: ignore here, and a ground of its own for the rows without: where … eq null, after: createdon")
	}
	if g.Date.Year {
		// A year counts from its end: that of the calendar, whatever the policy's fiscal year is, unless the ground names its own.
		ground := *g.Ground
		ground.Keep.From = retention.EndOfYear
		if !own {
			ground.Keep.YearEnds = retention.YearEnd{}
		}
		g.Ground = &ground
		for _, f := range []*DateField{g.Date, g.Instead} {
			if f != nil {
				f.YearEnds = ground.Keep.YearEnds
			}
		}
	}
}

// dateField compiles a path to a column with a date, or with the number of a year; nil if it leads to none, which is told.
func (c *checker) dateField(s source, text string, at policy.Place, x *expansion) *DateField {
	segments := strings.Split(text, "/")
	ways, ok := c.follow(s.table, segments, text, at)
	if !ok {
		return nil
	}
	last := at.Inside(text, len(text)-len(segments[len(segments)-1]))
	if len(ways) > 1 {
		var names []string
		for _, w := range ways {
			names = append(names, w.path())
		}
		c.problem(at.Pos, fmt.Sprintf("`%s` may mean several columns", text), "write which: "+strings.Join(names, ", "))
		return nil
	}
	w := ways[0]
	year := w.column.Type == "Integer"
	if w.column.Type != "DateTime" && !year {
		c.problem(last, fmt.Sprintf("`%s` of `%s` is %s, not a date", w.column.LogicalName, w.table.LogicalName, typeWords(w.column)), "a date, or a whole number that is a year")
		return nil
	}
	if w.column.LogicalName == "modifiedon" && c.policy.Subject(w.table.LogicalName) != nil {
		c.problem(last, moved("modifiedon", w.table), movedHint)
		return nil
	}
	w = w.behind(s.prefix)
	return &DateField{
		Field: x.add(c.model, s.asked, w), Column: w.column.LogicalName, Name: w.column.DisplayName,
		Behavior: DateBehavior(w.column), Year: year, path: w.path(), lookups: w.lookups,
	}
}

// Change is the column whose change a ground counts from.
type Change struct {
	Table, Column string
	Name          string // what people call the column
	// Audited tells that the environment writes down when the column changes. Where it does not, what runs saw counts.
	Audited bool
	Number  int   // by which audit history names the column
	Asked   []int // those of the row's own columns that the filter asks of
	// Old is where the audit history has the person to whom the column led before; empty where it does not lead to the person.
	Old string

	former Read // rows that match whatever is asked of the column; where that is not the lookup in `link`, they lead to persons
}

// Matching is the query for those of some rows that match the ground now.
func (g *Ground) Matching(rows []uuid.UUID) Read { return ofRows(g.read, rows) }

// Former is the query for those of some rows that would match but for the column that changed, with whom they lead to if another column
// leads to the person.
func (g *Ground) Former(rows []uuid.UUID) Read { return ofRows(g.Change.former, rows) }

// There is the query for those of some rows that are there.
func (g *Ground) There(rows []uuid.UUID) Read {
	return ofRows(Read{Table: g.read.Table, Set: g.read.Set, ID: g.read.ID}, rows)
}

func ofRows(r Read, rows []uuid.UUID) Read {
	terms := make([]string, len(rows))
	for i, id := range rows {
		terms[i] = string(r.ID) + " eq " + id.String()
	}
	r.Filter = And(r.Filter, strings.Join(terms, " or "))
	return r
}

// change compiles the column whose change a ground counts from. Link is how the ground's rows lead to the person; nil where they are the
// person's own.
func (c *checker) change(s source, g *Ground, link func(*expansion) string) {
	name := g.Changed()
	if name == "" {
		return
	}
	at := g.At["after"]
	if g.Until != "" {
		at = g.At["until"]
	}
	a := c.column(s.table, name, at.Pos)
	if a == nil {
		return
	}
	g.own = nil // the history knows the row by its id
	g.Change = &Change{Table: s.table.LogicalName, Column: a.LogicalName, Name: a.DisplayName, Number: a.Number}
	if g.Table != "" && strings.TrimSuffix(strings.TrimPrefix(strings.Split(g.Link, "/")[0], "_"), "_value") == a.LogicalName {
		if strings.Contains(g.Link, "/") {
			c.problem(at.Pos, fmt.Sprintf("`%s` leads to the person over another row, whose own changes would not count", g.Link), "a link that is one lookup, or after: lost")
			return
		}
		g.Change.Old = wireName(a)
	}
	for _, x := range s.table.Attributes {
		if slices.Contains(g.AsksOf(), x.LogicalName) {
			g.Change.Asked = append(g.Change.Asked, x.Number)
		}
	}
	slices.Sort(g.Change.Asked)
	settings, err := c.reader.Settings(c.ctx)
	if err != nil {
		c.model.err = err
		return
	}
	g.Change.Audited = settings.Audited && s.table.Audited && a.Audited && a.Number > 0
	if !g.Change.Audited {
		c.warn(at.Pos, fmt.Sprintf("nothing in the environment writes down when `%s` of `%s` changes: its auditing is off", a.LogicalName, g.Change.Table),
			"switch auditing on for the organisation, the table and the column; until then a change counts from the first run that finds it")
	}
	if g.UntilChanged() && len(c.problems)+len(c.out.Unsafe) == 0 {
		if g.Change.Old != "" {
			link = nil // a row whose lookup was emptied leads to nobody
		}
		c.compile(s, policy.WithoutColumn(g.Where, a.LogicalName), g.At, &g.Change.former, link, nil)
	}
}

// moved says that a column changes by what a run writes, and what that means.
func moved(column string, t *table) string {
	return fmt.Sprintf("`%s` of `%s` moves with every purge date that is written there: the person would never be purged", column, t.LogicalName)
}

const movedHint = "a date that only people or processes of the business set"

// movedByRuns refuses a ground whose filter looks at when, or by whom, the row of a person was changed last: a purge date is
// such a change, so whoever gets one would be rescued the next day.
func (c *checker) movedByRuns(g *policy.Ground, t *table) {
	e, err := odata.ParseFilter(g.Where)
	if g.Where == "" || err != nil || t == nil { // which was told
		return
	}
	c.rename(e, t)
	odata.Walk(e, func(n odata.Expr) bool {
		p, ok := n.(*odata.Path)
		if !ok {
			return true
		}
		a, owner := c.attributeAt(p.Segments, t)
		if owner == nil || c.policy.Subject(owner.LogicalName) == nil {
			return true
		}
		last := p.Segments[len(p.Segments)-1]
		if a != nil {
			last = a.LogicalName
		}
		if last == "modifiedon" || last == "versionnumber" || last == "_modifiedby_value" || last == "modifiedby" {
			c.problem(g.At["where"].Inside(g.Where, p.Pos()), moved(last, owner), movedHint)
		}
		return true
	})
}
