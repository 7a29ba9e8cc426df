package compile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// RowRule ends rows by a date of their own: a rule of `rows`, or the end of a related rule for what it has kept.
type RowRule struct {
	Name, Table string
	Of          string // the subject table of a related rule; empty: a rule of `rows`, of whoever's rows
	Class       string // of the persons that the related rule is about; empty where all are alike
	Rule        int    // the related rule's place among those of its class
	policy.Span
	Do     policy.Disposition // Delete or Anonymize
	EvenIf policy.EvenIf
	Erase  []string // for anonymize: the columns that are blanked
	Why    string

	EntitySet, PrimaryID string
	Date                 DateField

	read Read // whatever the rows' date
}

// dateMargin widens a pushed bound on dates: an instant's date differs by at most a day between UTC and any time zone.
const dateMargin = 3

// Due is the query for the rows whose period may be over; [RowRule.Over] tells exactly. Of some rows only, unless ids is nil.
func (r *RowRule) Due(today retention.Date, ids []uuid.UUID) Read {
	out := r.Matching(ids)
	last := r.For.FirstThatLasts(today) + dateMargin
	literal := last.String()
	switch {
	case r.Date.Year:
		literal = strconv.Itoa(last.Time().Year())
	case r.Date.Behavior != retention.DateOnly:
		literal += "T00:00:00Z"
	}
	out.Filter = And(out.Filter, r.Date.path+" le "+literal)
	return out
}

// Later is the query for the rule's rows whose period may end after the day, the earliest date first. There is none where the date
// stands in another row, by which the service does not sort, and where years are counted.
func (r *RowRule) Later(day retention.Date) (q dataverse.Query, ok bool) {
	if strings.Contains(r.Date.path, "/") || r.Date.Year {
		return q, false
	}
	out := r.read
	literal := (r.For.FirstThatLasts(day) - dateMargin).String()
	if r.Date.Behavior != retention.DateOnly {
		literal += "T00:00:00Z"
	}
	out.Filter = And(out.Filter, r.Date.path+" ge "+literal)
	q = out.Query()
	q.OrderBy = r.Date.path
	return q, true
}

// EndsOn is the day on which the period of a row with that date is over; not where it never is.
func (r *RowRule) EndsOn(date string, zone *time.Location) (retention.Date, bool) {
	d, ok := r.Date.Read([]byte(date), zone)
	if !ok || d.IsZero() || d.Endless() {
		return 0, false
	}
	return r.For.End(d), true
}

// Matching is the query for the rule's rows, whatever their date.
func (r *RowRule) Matching(ids []uuid.UUID) Read { return among(r.read, ids) }

// Undated is the query for the rule's rows that lack the date that their period counts from: they stay.
func (r *RowRule) Undated() Read {
	out := r.read
	out.Filter = And(out.Filter, r.Date.path+" eq null")
	return out
}

// Says is the period, and what happens after it, as people read it in a language.
func (r *RowRule) Says(by policy.Speller) policy.Spelled {
	return by.Span(r.Table, r.Span, r.Do, r.Erase)
}

// RowsOf are the rules by which rows of persons of a subject table and class go by a date of their own: those of `rows`, whoever the
// rows belong to, and the ends of what a purge of these persons keeps.
func (c *Policy) RowsOf(table string, class int) []*RowRule {
	var out []*RowRule
	s := c.Subject(table)
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Of == "" || s != nil && r.Of == table && r.Class == s.Class(class) {
			out = append(out, r)
		}
	}
	return out
}

// among is a query of some rows only, unless ids is nil.
func among(r Read, ids []uuid.UUID) Read {
	if ids == nil {
		return r
	}
	terms := make([]string, len(ids))
	for i, id := range ids {
		terms[i] = string(r.ID) + " eq " + id.String()
	}
	r.Filter = And(r.Filter, strings.Join(terms, " or "))
	return r
}

// Over tells whether the period of a row with that date is over. A date that cannot be read, and one of the year 9999, keeps
// the row.
func (r *RowRule) Over(date string, zone *time.Location, today retention.Date) bool {
	d, ok := r.Date.Read([]byte(date), zone)
	return ok && !d.IsZero() && !d.Endless() && r.For.End(d) <= today
}

// Holding is a query for those of some rows of a table that a related rule keeps by its filter, whoever they belong to.
func (c *Rule) Holding(t *dataverse.Table, ids []uuid.UUID) Read {
	return among(Read{Table: t.LogicalName, Set: t.EntitySet, Select: []string{t.PrimaryID}, Filter: c.Filter, ID: Field(t.PrimaryID)}, ids)
}

// Keeps tells whether the rule lets rows stay when their person goes.
func (c *Rule) Keeps() bool {
	return c.RelatedRule.Behind == "" && c.Table != policy.AnyTable && (c.Do == policy.Retain || c.Do == policy.Anonymize)
}

// EndOf is the end of a related rule of a subject, as it is for a class; nil where what it keeps stays.
func (c *Policy) EndOf(s *Subject, rule int) *RowRule {
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Of == s.Table && r.Class == s.ClassID && r.Rule == rule {
			return r
		}
	}
	return nil
}

// rows compiles the ends of related rules and the rules of `rows`, in this order.
func (c *checker) rows() {
	for _, s := range c.out.Judged() {
		for j := range s.Related {
			rule := &s.Related[j]
			if rule.End == nil {
				continue
			}
			r := RowRule{Name: s.EndName(s.ClassID, j), Table: rule.Table, Of: s.Table, Class: s.ClassID, Rule: j, Span: rule.End.Span, Do: rule.End.Then, Why: rule.Why}
			c.rowRule(r, &policy.RelatedRule{Table: rule.Table, Where: rule.Where, Do: rule.End.Then, Erase: rule.RelatedRule.Erase, Keep: rule.RelatedRule.Keep, Pos: rule.Pos, At: rule.At}, "then")
			c.neverEnds(s, j)
		}
	}
	for i := range c.policy.Rows {
		f := &c.policy.Rows[i]
		r := RowRule{Name: f.Name, Table: f.Table, Rule: -1, Span: f.Span, Do: f.Do, EvenIf: f.EvenIf, Why: f.Why}
		c.rowRule(r, &policy.RelatedRule{Table: f.Table, Where: f.Where, Do: f.Do, Erase: f.Erase, Keep: f.Keep, Pos: f.Pos, At: f.At}, "do")
	}
	c.forsake()
}

// forsaken tells whether the rows of a place lead to a person over nothing but rows that a rule of `rows` ends, and lose that link by it,
// while no such rule ends them as well.
func (c *checker) forsaken(p *personmap.Place) bool {
	if p.Kind != personmap.Lookup || p.Via == "" || p.Via == p.Table || p.Reached() || p.Do == personmap.Left || p.Do == personmap.Judged || p.Elsewhere {
		return false
	}
	ends := func(table string) bool {
		return slices.ContainsFunc(c.policy.Rows, func(r policy.RowRule) bool { return r.Table == table && r.Do == policy.Delete })
	}
	return ends(p.Via) && !ends(p.Table)
}

// forsake warns of rows that no purge would find any more. Those that lead to the person by a lookup of their own as well are counted with
// them: which those are is not asked.
func (c *checker) forsake() {
	told := map[string]bool{}
	for _, s := range c.out.Judged() {
		if s.Map == nil {
			continue
		}
		for i := range s.Map.Places {
			p := &s.Map.Places[i]
			if p.Rows == 0 || !c.forsaken(p) || told[p.Key()+" "+p.Via] {
				continue
			}
			told[p.Key()+" "+p.Via] = true
			for j := range c.policy.Rows {
				if r := &c.policy.Rows[j]; r.Table == p.Via && r.Do == policy.Delete {
					c.warn(r.Pos, fmt.Sprintf("rows of `%s` hang on rows of `%s` (%s), which this rule ends: they lose their link, and nothing leads from them to the person any more when that goes", p.Table, p.Via, p.Column),
						fmt.Sprintf("give `%s` a rule of `rows` too, with no longer a period, or say of it do: leave, with a reason", p.Table))
					break
				}
			}
		}
	}
}

// rowRule compiles one of them; like is what it asks for as a related rule would.
func (c *checker) rowRule(r RowRule, like *policy.RelatedRule, do string) {
	at := like.At["table"].Pos
	t := c.table(r.Table, at)
	if t == nil || c.keptElsewhere(like) {
		return
	}
	if personmap.Is(r.Table, personmap.Platform) {
		c.problem(at, fmt.Sprintf("`%s` is a table of the platform: no rule deletes or anonymises its rows", r.Table), "leave the rule out")
		return
	}
	places := map[string]policy.Place{"do": like.At[do]}
	for key, at := range like.At {
		if key != "do" {
			places[key] = at
		}
	}
	like.At = places
	if !c.carriedOut(t.Table, like) || !c.versioned(t.Table, at) {
		return
	}
	if r.Of == "" && personmap.Is(r.Table, personmap.Person) {
		c.problem(at, fmt.Sprintf("rows of `%s` are persons: grounds say for how long they are kept", r.Table), "make it a subject")
		return
	}
	s := source{asked: t, table: t}
	dated := Ground{Ground: &policy.Ground{After: r.After, Until: r.Until, Keep: r.For, At: like.At}}
	c.compile(s, like.Where, like.At, &r.read, nil, func(x *expansion) { c.date(s, &dated, x) })
	if dated.Date == nil {
		return // it has been told
	}
	r.Date, r.For, r.EntitySet, r.PrimaryID = *dated.Date, dated.Keep, t.EntitySet, t.PrimaryID // a year counts from its end
	before := len(c.problems)
	if r.Erase = c.erased(t, like); len(c.problems) > before {
		return
	}
	if r.Do == policy.Anonymize && !slices.ContainsFunc(r.Erase, func(name string) bool {
		a := t.Attributes[name]
		return a != nil && a.ForRead && !a.Secured && wireName(a) != ""
	}) {
		c.problem(like.At["do"].Pos, fmt.Sprintf("no column of `%s` that goes can be read: whether a row is anonymous already could not be told", r.Table), "")
		return
	}
	if r.Do == policy.Anonymize && slices.Contains(r.Erase, r.Date.Column) && !strings.Contains(r.Date.path, "/") {
		c.warn(like.At["do"].Pos, fmt.Sprintf("`%s` of `%s` goes with the others, and is the date that the period counts from", r.Date.Column, r.Table), "what somebody writes to such a row afterwards stays: say by `retain` that the date does")
	}
	if c.out.seen == nil {
		c.out.seen = map[string]map[string]bool{}
	}
	seen := &seen{model: c.model, columns: c.out.seen, texts: &c.out.texts}
	seen.read(r.read)
	seen.path(seen.table(r.Table), strings.Split(r.Date.path, "/"), nil)
	c.out.Rows = append(c.out.Rows, r)
}

// neverEnds warns of the end of a related rule whose rows another one keeps for good: of the rules that keep rows of a table the
// first that matches a row decides.
func (c *checker) neverEnds(s *Subject, rule int) {
	for j := range rule {
		if first := &s.Related[j]; first.Keeps() && first.Table == s.Related[rule].Table && first.Filter == "" && first.End == nil {
			c.warn(s.Related[rule].Pos, fmt.Sprintf("rows of `%s` stay for good: of the rules that keep them the one at %s comes first, and has no end", first.Table, first.Pos), "give that one `after`, `keep` and `then` as well, or put this one first")
			return
		}
	}
}

// rowsJudged asks for what ending rows by their own dates needs: to read them, what they are part of, and who is on them; to
// write to them and delete them, and what goes with them.
func (c *Policy) rowsJudged(ctx context.Context, r dataverse.Reader, need func(table string, kinds ...string)) error {
	read := func(name string) (*dataverse.Table, error) {
		t, err := r.Table(ctx, name)
		if errors.Is(err, dataverse.ErrNoTable) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the rights of %s: %w", name, err)
		}
		return t, nil
	}
	down := map[string]bool{}
	var going, wholes []string
	for i := range c.Rows {
		rule := &c.Rows[i]
		need(rule.Table, "Read", "Write")
		if rule.Do == policy.Delete && !down[rule.Table] {
			need(rule.Table, "Delete")
			down[rule.Table] = true
			going = append(going, rule.Table)
		}
		wholes = append(wholes, rule.Table)
	}
	for ; len(going) > 0; going = going[1:] {
		t, err := read(going[0])
		if t == nil {
			if err != nil {
				return err
			}
			continue
		}
		if t.Activity {
			need("activityparty", "Read")
			need(t.LogicalName, "Append")
			for i := range c.Subjects {
				need(c.Subjects[i].Table, "AppendTo")
			}
		}
		for _, over := range t.OneToMany {
			child := over.Referencing
			if over.Delete != "Cascade" && over.Delete != "Restrict" || personmap.Is(child, personmap.Keeper) || child == "activitypointer" {
				continue
			}
			need(child, "Read")
			if over.Delete == "Restrict" || personmap.Is(child, personmap.Business) || c.Subject(child) != nil {
				continue
			}
			need(child, "Write", "Delete")
			if !down[child] {
				down[child] = true
				going = append(going, child)
			}
		}
	}
	for name := range down {
		wholes = append(wholes, name)
	}
	for _, name := range wholes { // of other wholes a row stays where the user cannot see them
		t, err := read(name)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		for _, over := range PartOf(t) {
			if personmap.Is(over.Referenced, personmap.Business) {
				need(over.Referenced, "Read")
			}
		}
	}
	return nil
}

// PartOf are the relationships by which a row of the table is part of another: its delete takes the row along.
func PartOf(t *dataverse.Table) []dataverse.Relationship {
	var out []dataverse.Relationship
	for _, over := range t.ManyToOne {
		if a := t.Attributes[over.ReferencingAttribute]; over.Delete == "Cascade" && a != nil && a.ForRead && !personmap.Is(over.Referenced, personmap.Platform) && over.Referenced != "activitypointer" {
			out = append(out, over)
		}
	}
	return out
}
