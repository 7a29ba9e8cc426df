package plan

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
)

// BackCast is whom today's policy would have purged by a day in the past, and who of them became active again since.
//
// It goes by what the rows tell today about that day. A person or a row counts only if it existed then. The state of
// rows that note when they were closed (closingDates) is that of the day; any other column has the value of today. A date
// that only the last change of a row left behind (modifiedon) and that is later than the day says nothing about it: then
// the row's creation counts. Persons who were deleted since are not seen, nor are holds, extensions and purge dates of
// the time. Limits lists what of this a policy meets.
type BackCast struct {
	AsOf         retention.Date // the day in the past
	Today        retention.Date
	TimeZone     string
	Organization uuid.UUID
	Policy       string
	Tables       []BackCastTable
	Regrets      []Regret
	Limits       []string
}

// BackCastTable is the result for one subject table.
type BackCastTable struct {
	Table   string
	Persons int // who existed on the day
	Purged  int // whom nothing justified by then
	Regrets int // of those, for whom a ground of the policy has appeared since
}

// Rate is the share of the purged who became active again.
func (t BackCastTable) Rate() float64 {
	if t.Purged == 0 {
		return 0
	}
	return float64(t.Regrets) / float64(t.Purged)
}

// Regret is a person who would have been purged and became active again.
type Regret struct {
	Table  string
	ID     uuid.UUID
	Until  retention.Date // what the policy gave them then; zero: nothing
	Ended  string         // the ground that gave it
	Ground string         // the ground that appeared since
	Date   retention.Date // its row's date, where the ground has one
}

// Total sums the tables up.
func (b *BackCast) Total() BackCastTable {
	var sum BackCastTable
	for _, t := range b.Tables {
		sum.Persons += t.Persons
		sum.Purged += t.Purged
		sum.Regrets += t.Regrets
	}
	return sum
}

// NewBackCast evaluates the policy at a day in the past, and what has appeared since.
func NewBackCast(ctx context.Context, r dataverse.Reader, c *compile.Policy, day retention.Date, o evaluate.EvaluateOptions) (*BackCast, error) {
	b := &BackCast{AsOf: day, Today: o.Today, TimeZone: c.Policy.TimeZone.String(), Organization: c.Organization, Policy: c.Policy.Hash}
	past := &pastPolicy{c: c, reader: r, day: day, limits: map[string]bool{}}
	then, err := past.check(ctx, true)
	if err != nil {
		return nil, err
	}
	since, err := past.check(ctx, false)
	if err != nil {
		return nil, err
	}
	if len(c.Rows) > 0 {
		past.limits["rows with a period of their own are no part of it: they go whoever is active"] = true
	}
	if c.Policy.Asks() {
		past.limits["nobody was asked before their purge: whoever would have answered counts as purged, and as active again if a row shows it"] = true
	}
	for text := range past.limits {
		b.Limits = append(b.Limits, text)
	}
	slices.Sort(b.Limits)
	o.Traces = nil
	o.Today = day
	purged, err := evaluate.Evaluate(ctx, r, then, o)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", day, err)
	}
	active, err := evaluate.Evaluate(ctx, r, since, o)
	if err != nil {
		return nil, fmt.Errorf("evaluate what came after %s: %w", day, err)
	}
	b.compare(purged, active, o)
	return b, nil
}

func (b *BackCast) compare(purged, active *evaluate.Evaluation, o evaluate.EvaluateOptions) {
	index := map[string]int{}
	for _, s := range purged.Checked.Subjects {
		index[s.Table] = len(b.Tables)
		b.Tables = append(b.Tables, BackCastTable{Table: s.Table, Persons: purged.Count(s.Table)})
	}
	for p := range purged.Persons(o) {
		if p.Until > b.AsOf {
			continue
		}
		t := &b.Tables[index[p.Table]]
		t.Purged++
		now, ok := active.Person(p.Table, p.ID, o)
		if !ok || now.Until.IsZero() {
			continue
		}
		t.Regrets++
		g := Regret{Table: p.Table, ID: p.ID, Until: p.Until, Date: now.Trigger}
		if ended := purged.GroundOf(p); ended != nil {
			g.Ended = ended.ID
		}
		if ground := active.GroundOf(now); ground != nil {
			g.Ground = ground.ID
		}
		b.Regrets = append(b.Regrets, g)
	}
}

// closingDates are the columns that note when a row of a table left its open states, and which states those are: of use to who looks
// back, and nothing about where persons stand, which is on the person map.
var closingDates = map[string]struct {
	column string
	open   []int64
}{
	"opportunity": {"actualclosedate", []int64{0}},
	"quote":       {"closedon", []int64{0, 1}},
	"email":       {"actualend", []int64{0, 3}},
	"phonecall":   {"actualend", []int64{0, 3}},
	"appointment": {"actualend", []int64{0, 3}},
	"task":        {"actualend", []int64{0, 3}},
	"letter":      {"actualend", []int64{0, 3}},
	"fax":         {"actualend", []int64{0, 3}},
}

// pastPolicy rewrites a policy so that its grounds find what they would have found on a day in the past.
type pastPolicy struct {
	c      *compile.Policy
	reader dataverse.Reader
	day    retention.Date
	limits map[string]bool
}

// end is the first instant after the day.
func (p *pastPolicy) end() string {
	y, m, d := (p.day + 1).Time().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, p.c.Policy.TimeZone).UTC().Format(time.RFC3339)
}

// endFor is that instant as a literal for a column.
func (p *pastPolicy) endFor(a *dataverse.Attribute) string {
	switch compile.DateBehavior(a) {
	case retention.DateOnly:
		return (p.day + 1).String()
	case retention.TimeZoneIndependent:
		return (p.day + 1).String() + "T00:00:00Z"
	}
	return p.end()
}

// check is the policy of the day: with the rows that existed then, or else with those that came after it.
func (p *pastPolicy) check(ctx context.Context, then bool) (*compile.Policy, error) {
	pol := *p.c.Policy
	pol.Subjects = nil
	for _, s := range p.c.Policy.Subjects {
		past := s
		past.Grounds = nil
		for _, g := range s.Grounds {
			some, err := p.ground(ctx, s.Table, g, then)
			if err != nil {
				return nil, err
			}
			past.Grounds = append(past.Grounds, some...)
		}
		pol.Subjects = append(pol.Subjects, past)
	}
	checked, err := compile.Check(ctx, &pol, p.reader)
	if err != nil {
		var problems policy.Problems
		if errors.As(err, &problems) { // it fitted before it was rewritten
			return nil, fmt.Errorf("look back at %s: the policy cannot be read for a day in the past: %s", p.day, problems[0].Message)
		}
		return nil, err
	}
	for i := range checked.Subjects {
		s := &checked.Subjects[i]
		s.Own = policy.ColumnNames{} // what stands in them is of today
		if !then {
			continue // a new row of the same human being is a sign of life, too
		}
		// Whoever was entered within the notice would still have been waiting.
		y, m, d := (p.day + 1).Sub(longestNotice(s)).Time().Date()
		s.Persons.Filter = compile.And(s.Persons.Filter, "createdon lt "+time.Date(y, m, d, 0, 0, 0, 0, p.c.Policy.TimeZone).UTC().Format(time.RFC3339))
	}
	return checked, nil
}

// longestNotice is that of the class that waits longest.
func longestNotice(s *compile.Subject) retention.Period {
	day := retention.NewDate(2000, time.January, 1)
	return slices.MaxFunc(s.Judged(), func(a, b *compile.Subject) int {
		return cmp.Compare(day.Add(a.Notice), day.Add(b.Notice))
	}).Notice
}

// ground is a ground as it was, in one or two parts.
func (p *pastPolicy) ground(ctx context.Context, subject string, g policy.Ground, then bool) ([]policy.Ground, error) {
	created := "createdon lt " + p.end()
	if !then {
		created = "createdon ge " + p.end()
	}
	table := g.Table
	switch {
	case g.View != "":
		p.limits["views show who is in them today"] = true
		if then {
			return []policy.Ground{g}, nil
		}
		return nil, nil
	case g.FetchXML != "":
		text, err := p.fetch(ctx, g.FetchXML, then)
		if err != nil {
			return nil, err
		}
		if text == "" {
			if then {
				return []policy.Ground{g}, nil
			}
			return nil, nil
		}
		g.FetchXML = text
		return []policy.Ground{g}, nil
	case table == "":
		table = subject
	}
	t, err := p.reader.Table(ctx, table)
	if err != nil {
		return nil, fmt.Errorf("look back at %s: %w", p.day, err)
	}
	if t.Attributes["createdon"] == nil {
		p.limits[fmt.Sprintf("rows of %s do not tell since when they exist", table)] = true
		if then {
			return []policy.Ground{g}, nil
		}
		return nil, nil
	}
	if !then {
		g.Where = compile.And(g.Where, created)
		return []policy.Ground{g}, nil
	}
	where, err := p.states(t, g.Where)
	if err != nil {
		return nil, err
	}
	g.Where = compile.And(where, created)
	if g.WhenLost() {
		p.limits[fmt.Sprintf("%s goes on after it was lost: when that was is known from the ledger's first run on", g.ID)] = true
	}
	if g.SinceChanged() {
		p.limits[fmt.Sprintf("%s counts from the last change of a row: of one that changed since, that change counts", g.ID)] = true
	}
	date := g.After + g.Until
	path, modified := strings.CutSuffix(date, "modifiedon")
	if !modified || path != "" && !strings.HasSuffix(path, "/") {
		return []policy.Ground{g}, nil
	}
	// Of a row that was changed since then, all that is left of that day is that it existed.
	p.limits[fmt.Sprintf("%s counts from modifiedon: of a row that was changed since, its creation counts", g.ID)] = true
	before, after := g, g
	before.Where = compile.And(g.Where, fmt.Sprintf("%s lt %s or %s eq null", date, p.end(), date))
	after.Where = compile.And(g.Where, fmt.Sprintf("%s ge %s", date, p.end()))
	if g.After != "" {
		after.After = path + "createdon"
	} else {
		after.Until = path + "createdon"
	}
	return []policy.Ground{before, after}, nil
}

// states puts the states of the day into a filter: a row that was closed after it was open.
func (p *pastPolicy) states(t *dataverse.Table, where string) (string, error) {
	if where == "" {
		return "", nil
	}
	e, err := odata.ParseFilter(where)
	if err != nil {
		return "", fmt.Errorf("look back at %s: %w", p.day, err)
	}
	var walk func(e odata.Expr) odata.Expr
	walk = func(e odata.Expr) odata.Expr {
		switch n := e.(type) {
		case *odata.Logic:
			out := *n
			out.Terms = nil
			for _, term := range n.Terms {
				out.Terms = append(out.Terms, walk(term))
			}
			return &out
		case *odata.Not:
			out := *n
			out.X = walk(n.X)
			return &out
		case *odata.Compare:
			if text := p.state(n, t); text != "" {
				rewritten, err := odata.ParseFilter(text)
				if err == nil {
					return rewritten
				}
			}
		case *odata.In, *odata.Function:
			if strings.Contains(e.String(), "statecode") || strings.Contains(e.String(), "statuscode") {
				p.limits[fmt.Sprintf("states of %s in lists are those of today", t.LogicalName)] = true
			}
		}
		return e
	}
	return walk(e).String(), nil
}

// state is a comparison of a state, as it was; "" where it stays as it is.
func (p *pastPolicy) state(n *odata.Compare, t *dataverse.Table) string {
	path, isPath := n.Left.(*odata.Path)
	if !isPath {
		return ""
	}
	last := path.Segments[len(path.Segments)-1]
	if last != "statecode" && last != "statuscode" {
		return ""
	}
	value, isLiteral := n.Right.(*odata.Literal)
	state, isInt := int64(0), false
	if isLiteral {
		state, isInt = value.Value.(int64)
	}
	closing := closingDates[t.LogicalName]
	a := t.Attributes[closing.column]
	if a == nil || len(path.Segments) > 1 || last == "statuscode" || !isInt || (n.Op != odata.Eq && n.Op != odata.Ne) {
		p.limits[fmt.Sprintf("%s of %s is that of today", strings.Join(path.Segments, "/"), t.LogicalName)] = true
		return ""
	}
	wasOpen := fmt.Sprintf("(%s ge %s and %s ne null)", a.LogicalName, p.endFor(a), a.LogicalName)
	notOpen := fmt.Sprintf("(%s lt %s or %s eq null)", a.LogicalName, p.endFor(a), a.LogicalName)
	isOpen := slices.Contains(closing.open, state)
	if isOpen && len(closing.open) > 1 {
		p.limits[fmt.Sprintf("which of its open states a row of %s had that was closed since is not known: any counts", t.LogicalName)] = true
	}
	switch {
	case isOpen && n.Op == odata.Eq:
		return fmt.Sprintf("(%s or %s)", n.String(), wasOpen)
	case isOpen: // another state: not one that is closed only since
		if len(closing.open) > 1 {
			return n.String()
		}
		return fmt.Sprintf("(%s and %s)", n.String(), notOpen)
	case n.Op == odata.Eq:
		return fmt.Sprintf("(%s and %s)", n.String(), notOpen)
	}
	return fmt.Sprintf("(%s or %s)", n.String(), wasOpen)
}

// fetch is a FetchXML query over the rows of its table that existed on the day, or that came after; "" where they do
// not tell.
func (p *pastPolicy) fetch(ctx context.Context, text string, then bool) (string, error) {
	query, err := fetchxml.Parse([]byte(text))
	if err != nil {
		return "", fmt.Errorf("look back at %s: %w", p.day, err)
	}
	t, err := p.reader.Table(ctx, query.Entity.Name)
	if err != nil {
		return "", fmt.Errorf("look back at %s: %w", p.day, err)
	}
	p.limits["states in FetchXML queries are those of today"] = true
	if t.Attributes["createdon"] == nil {
		p.limits[fmt.Sprintf("rows of %s do not tell since when they exist", query.Entity.Name)] = true
		return "", nil
	}
	operator := fetchxml.Operator("lt")
	if !then {
		operator = "ge"
	}
	query.Entity.Filters = append(query.Entity.Filters, fetchxml.Filter{
		Conditions: []fetchxml.Condition{{Attribute: "createdon", Operator: operator, Value: p.end()}},
	})
	return query.String(), nil
}

// WriteJSON prints the back-cast as JSON Lines: a header, a line a regret, the totals.
func (b *BackCast) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Kind         string         `json:"kind"`
		AsOf         retention.Date `json:"asOf"`
		Today        retention.Date `json:"today"`
		TimeZone     string         `json:"timeZone"`
		Organization uuid.UUID      `json:"organization"`
		Policy       string         `json:"policy"`
	}{"back-cast", b.AsOf, b.Today, b.TimeZone, b.Organization, b.Policy})
	if err != nil {
		return err
	}
	for _, r := range b.Regrets {
		err := e.Encode(struct {
			Kind        string          `json:"kind"`
			Table       string          `json:"table"`
			ID          uuid.UUID       `json:"id"`
			RetainUntil *retention.Date `json:"retainUntil"`
			Ended       *string         `json:"ended"`
			Ground      *string         `json:"ground"`
			Date        *retention.Date `json:"date"`
		}{"regret", r.Table, r.ID, known(r.Until), named(r.Ended), named(r.Ground), known(r.Date)})
		if err != nil {
			return err
		}
	}
	type tableLine struct {
		Table   string  `json:"table"`
		Persons int     `json:"persons"`
		Purged  int     `json:"purged"`
		Regrets int     `json:"regrets"`
		Rate    float64 `json:"rate"`
	}
	line := func(t BackCastTable) tableLine { return tableLine{t.Table, t.Persons, t.Purged, t.Regrets, t.Rate()} }
	tables := []tableLine{}
	for _, t := range b.Tables {
		tables = append(tables, line(t))
	}
	sum := line(b.Total())
	limits := b.Limits
	if limits == nil {
		limits = []string{}
	}
	return e.Encode(struct {
		Kind    string      `json:"kind"`
		Persons int         `json:"persons"`
		Purged  int         `json:"purged"`
		Regrets int         `json:"regrets"`
		Rate    float64     `json:"rate"`
		Tables  []tableLine `json:"tables"`
		Limits  []string    `json:"limits"`
	}{"totals", sum.Persons, sum.Purged, sum.Regrets, sum.Rate, tables, limits})
}
