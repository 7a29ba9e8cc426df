package compile

import (
	"fmt"
	"strings"

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
		c.problem(last, fmt.Sprintf("`modifiedon` of `%s` moves with every purge date that is written there: the person would never be purged", w.table.LogicalName), "a date that only people or processes of the business set")
		return nil
	}
	w = w.behind(s.prefix)
	return &DateField{
		Field: x.add(c.model, s.asked, w), Column: w.column.LogicalName, Name: w.column.DisplayName,
		Behavior: DateBehavior(w.column), Year: year, path: w.path(), lookups: w.lookups,
	}
}
