package compile

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// Coarse is a column that survives on an anonymous row made coarse.
type Coarse struct {
	Column   string
	by       retention.Coarse
	kind     string // the column's type
	behavior retention.DateBehavior
	zone     *time.Location
}

// Of is the coarse value of a row's column, as it is to be written; nil for none.
func (c Coarse) Of(row dataverse.Row) any {
	if row.Null(c.Column) {
		return nil
	}
	switch c.kind {
	case "DateTime":
		if day := c.by.Date(row.Text(c.Column), c.behavior, c.zone); day != "" {
			return day
		}
		return nil
	case "String", "Memo":
		if text := c.by.Text(row.Text(c.Column)); text != "" {
			return text
		}
		return nil
	}
	v, ok := number(row[c.Column])
	if !ok {
		return nil
	}
	return json.Number(strconv.FormatFloat(c.by.Number(v), 'f', -1, 64))
}

// Settled tells whether the column holds nothing finer than is to survive.
func (c Coarse) Settled(row dataverse.Row) bool {
	if row.Null(c.Column) {
		return true
	}
	if v, ok := number(row[c.Column]); ok && c.kind != "DateTime" && c.kind != "String" && c.kind != "Memo" {
		return math.Abs(c.by.Number(v)-v) < 1e-9
	}
	want := c.Of(row)
	return want != nil && fmt.Sprint(want) == row.Text(c.Column)
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

// Survive are the columns of which anything survives on an anonymous row.
func (s *Subject) Survive() []string {
	out := slices.Clone(s.Retain)
	for _, c := range s.Coarse {
		out = append(out, c.Column)
	}
	return out
}

// coarsened checks the columns that survive made coarse.
func (c *checker) coarsened(t *table, s *policy.Subject) []Coarse {
	var out []Coarse
	for _, x := range s.Coarsen {
		a := c.column(t, x.Column, x.Pos)
		if a == nil {
			continue
		}
		bad := func(message, hint string) { c.problem(x.Pos, message, hint) }
		number := a.Type == "Integer" || a.Type == "BigInt" || a.Type == "Decimal" || a.Type == "Double" || a.Type == "Money"
		switch {
		case !a.ForUpdate || a.Primary || !a.ForRead || a.Secured:
			bad(fmt.Sprintf("`%s` of `%s` cannot be read and written", x.Column, s.Table), "")
		case slices.Contains(s.Retain, x.Column):
			bad(fmt.Sprintf("`%s` cannot both survive whole and be made coarse", x.Column), "leave it out of `retain`")
		case a.Type == "DateTime" && x.By.Unit == "":
			bad(fmt.Sprintf("`%s` is a date: %s says nothing of it", x.Column, x.By), "one of month, quarter, year, decade")
		case (isText(a) || number) && x.By.Unit != "":
			bad(fmt.Sprintf("`%s` is %s: %s says nothing of it", x.Column, typeWords(a), x.By), "a number: of letters that stay, or of what it is rounded down to")
		case a.Type != "DateTime" && !isText(a) && !number:
			bad(fmt.Sprintf("`%s` is %s, which cannot be made coarse", x.Column, typeWords(a)), "dates, texts and numbers can; a choice can be retained whole")
		case identifies(a), a.LogicalName == t.PrimaryName, a.LogicalName == s.Identity:
			c.unsafe(x.Pos, fmt.Sprintf("`%s` of `%s` says who the person is, and so may its beginning", x.Column, s.Table), "leave it out")
		default:
			out = append(out, Coarse{Column: a.LogicalName, by: x.By, kind: a.Type, behavior: DateBehavior(a), zone: c.policy.TimeZone})
		}
	}
	return out
}
