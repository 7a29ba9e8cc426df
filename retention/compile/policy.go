package compile

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// Policy is a policy that fits an environment, with every query compiled: nothing in it has to be parsed again. [Check]
// makes one.
type Policy struct {
	Policy       *policy.Policy
	Organization uuid.UUID // the environment's own answer
	Production   bool      // the environment is a production one, and the policy allows that
	Subjects     []Subject
	Rows         []RowRule // what ends rows by a date of their own: the ends of related rules, then the rules of `rows`
	Choices      []Choice  // the options that filters of the policy name, by table, column and value
	// Unsafe is what nobody may act by although it fits: a condition of which nobody knows whether it counts empty columns, a
	// retained column that says who it was. [Check] refuses such a policy.
	Unsafe policy.Problems
	// Undecided are the places that hold rows and of which no rule speaks, by subject. While there are any nobody is purged by a
	// run; dates are written, and plans are made.
	Undecided []Undecided
	// Warnings are what is legal but suspicious. They stop nothing.
	Warnings policy.Problems

	seen  map[string]map[string]bool // see ColumnsRead
	texts []string                   // see TextsCompared
}

// Undecided is what the policy does not say about a subject, and what to write.
type Undecided struct {
	Table   string
	Problem policy.Problem
}

func undecided(all []Undecided) (out policy.Problems) {
	for _, u := range all {
		out = append(out, u.Problem)
	}
	return out
}

// Decided is nil, or the [policy.Problems] of places that hold rows and of which no rule speaks.
func (c *Policy) Decided() error {
	if len(c.Undecided) == 0 {
		return nil
	}
	return undecided(c.Undecided)
}

// Subject is the checked subject of that table, nil if the policy has none.
func (c *Policy) Subject(table string) *Subject {
	for i := range c.Subjects {
		if c.Subjects[i].Table == table {
			return &c.Subjects[i]
		}
	}
	return nil
}

// Subject is a subject table with its queries.
type Subject struct {
	*policy.Subject
	EntitySet   string // contacts
	PrimaryID   string // contactid
	PrimaryName string // fullname

	// Own are the columns that gallra owns as far as the environment has them; the others are empty here and stand in
	// Unprovisioned. Without them a run can be planned, but not applied.
	Own           policy.ColumnNames
	Unprovisioned []string

	// Coarse are the columns that survive on an anonymous row made coarse.
	Coarse []Coarse
	// Bearing are the columns by which a row says whose it is, whatever mark stands beside them; see [Subject.Bears].
	Bearing []string
	// Persons reads every row that can be a person: those that are not marked as anonymised, and those that are and say
	// all the same whose they are. Its Select holds PrimaryID, the
	// columns that gallra owns (but not the purge's reason, which is only written), Identity, Master and the columns that
	// grounds join by value.
	Persons Read
	// Master is the wire name of the lookup to the row that this one was merged into (_masterid_value); empty where
	// the table has none.
	Master string

	Grounds []Ground // index for index those of the Subject
	Related []Rule   // index for index those of the Subject
	// Reads are the tables that grounds and rules read, those that their paths lead over included.
	Reads []string
	// Map is every place where a person of the table can stand, and what becomes of it. Of a subject with classes each class has
	// its own.
	Map *personmap.Map
	// Classes are the kinds of persons with rules of their own; see [Subject.Judged].
	Classes []Class
	// Stages are the steps on the way to the purge, index for index those of the policy; empty: the purge alone.
	Stages []Stage
	Ask    *Ask // the word to a person before the purge; nil: nobody asks
	// Number and ClassID are those of the class whose rules these are; empty where all persons are alike.
	Number  int
	ClassID string
}

// Class is a kind of persons with its queries.
type Class struct {
	*policy.Class
	Members Read     // the ids of the persons that For matches; nothing for the last class
	Rules   *Subject // the subject for persons of this class; Grounds are those of the whole subject
	holds   []bool   // by number of the ground
}

// Judged is the subject as it is for each class: the subject itself where all persons are alike.
func (s *Subject) Judged() []*Subject {
	if len(s.Classes) == 0 {
		return []*Subject{s}
	}
	out := make([]*Subject, len(s.Classes))
	for i := range s.Classes {
		out[i] = s.Classes[i].Rules
	}
	return out
}

// For is the subject as it is for persons of a class.
func (s *Subject) For(class int) *Subject {
	if len(s.Classes) == 0 {
		return s
	}
	return s.Classes[min(max(class, 0), len(s.Classes)-1)].Rules
}

// Class is the id of a class; empty where all persons are alike.
func (s *Subject) Class(number int) string {
	if number < 0 || number >= len(s.Classes) {
		return ""
	}
	return s.Classes[number].ID
}

// ClassOf is the number of the class with that id. Of one that the policy knows no more it is the last.
func (s *Subject) ClassOf(id string) int {
	for i := range s.Classes {
		if s.Classes[i].ID == id {
			return i
		}
	}
	return max(len(s.Classes)-1, 0)
}

// Counts tells whether a ground is one for persons of a class.
func (s *Subject) Counts(ground int32, class int) bool {
	return len(s.Classes) == 0 || s.Classes[class].holds[ground]
}

// Rules are the date rules for these persons.
func (s *Subject) Rules(p *policy.Policy) retention.Rules {
	r := p.Rules()
	r.Notice, r.Ahead = s.Notice, p.Notice // a short notice is the least that there must be: what is known earlier is told earlier
	return r
}

// RulesFor are the date rules for persons of a table and class.
func (c *Policy) RulesFor(table string, class int) retention.Rules {
	if s := c.Subject(table); s != nil {
		return s.For(class).Rules(c.Policy)
	}
	return c.Policy.Rules()
}

// Judged are the subjects as they are for each class, in the order of the policy.
func (c *Policy) Judged() []*Subject {
	var out []*Subject
	for i := range c.Subjects {
		out = append(out, c.Subjects[i].Judged()...)
	}
	return out
}

// Read is a query without its paging: of a table by OData options, or by FetchXML.
type Read struct {
	Table    string   // logical name
	Set      string   // entity set
	Select   []string // wire names of the table's own columns: contactid, _customerid_value
	Expand   string   // single-valued navigation only, so a row of the answer is a row of the table
	Filter   string
	FetchXML string // when set, Select, Expand and Filter are empty
	// ID is the id of the rule's own row. For a party the lines are asked for (activityparty), and this is the activity's.
	ID Field
}

// Field is where a value stands in a row of an answer: a wire name (_customerid_value), a path through expanded rows
// (msevtmgt_EventId/msevtmgt_eventenddate), or for FetchXML an alias. A null on the way is a null.
type Field string

// Ground is a ground with its queries.
type Ground struct {
	*policy.Ground
	Index  int32      // what stands in Retention.Ground
	Person Link       // how a row of the answer leads to persons
	Date   *DateField // nil: a row holds for as long as it matches
	// Instead is the date that counts for a row that lacks Date, and Bound the one that AtMost counts from; nil: none.
	Instead, Bound *DateField
	// Change is the column whose change the ground counts from; nil: it counts from something else.
	Change *Change

	read   Read     // without a time bound and for all persons; see All and ReadingFor
	links  []string // paths in a filter of the ids in Person.Fields, or of Person.Value
	linked string   // the part of the filter that says that a row leads to somebody
	fetch  *fetch   // instead of links, for a view or FetchXML
	own    *OwnRow  // see OwnRow
}

// Link is how a row of a ground or of a related rule leads to the person.
type Link struct {
	// Fields are ids in the answer; each that is the id of a person links that person. A lookup that may point at
	// several tables may hold ids of other tables: ids are unique, so those find nobody. Empty for a join by value.
	Fields []Field
	// Between are the tables over whose rows it leads to the person.
	Between []string

	// For a join by value: the text (case and surrounding blanks aside) or id in Value equals that of one of the
	// person's columns. Columns are wire names in CheckedSubject.Persons.
	Value   Field
	Columns []string
	Text    bool // the values are texts; otherwise ids
}

// ByValue tells whether rows lead to the person by equal values instead of by an id.
func (l Link) ByValue() bool { return len(l.Columns) > 0 }

// DateField is the date that a ground counts from (Ground.After) or ends with (Ground.Until): either way the row
// justifies until that date plus Ground.Keep.
type DateField struct {
	Field    Field
	Column   string // logical name of the column itself, for messages
	Name     string // its display name, for people
	Behavior retention.DateBehavior
	// Year tells that the column holds the number of a year, whose last day is the date: YearEnds in it.
	Year     bool
	YearEnds retention.YearEnd
	path     string // as it stands in a filter
	lookups  []string
}

// Rule is a related rule with its query.
type Rule struct {
	*policy.RelatedRule
	Person Link
	// Erase are the columns that an anonymising rule blanks, also where the policy names only those that stay.
	Erase []string

	// Filter is Where in the environment's own names, of the rule's table itself.
	Filter string
	// Behind is the wire name of the person's own lookup that leads to the row; empty: the row leads to the person.
	Behind string
	// Wavers tells that the rule reads what a purge takes away: columns of the person, by its filter or by equal values.
	Wavers bool

	read  Read
	links []string
	bare  string // the filter of read without Where
}

// Column is the column of the rule's table by which its rows are found, as the person map names places: a lookup, "party", the
// column that holds a value, or the person's own lookup to the row.
func (c *Rule) Column() string {
	switch {
	case c.Party != "":
		return "party"
	case c.RelatedRule.Behind != "":
		return c.RelatedRule.Behind
	}
	column, _, _ := strings.Cut(c.Link, "=")
	column, _, _ = strings.Cut(strings.TrimSpace(column), "/")
	return column
}

// Read is the date of a value as the service writes it; false for what is none.
func (f *DateField) Read(text []byte, zone *time.Location) (retention.Date, bool) {
	if !f.Year {
		return f.Behavior.Read(text, zone)
	}
	year, err := strconv.Atoi(string(text))
	if err != nil || year < firstYear || year > 9999 {
		return 0, false
	}
	return f.YearEnds.In(year), true
}

// firstYear is the first that Dataverse's dates know. A smaller number is no year that anybody means.
const firstYear = 1753

// Terms is for how long the ground keeps somebody after that date, in words: 7 years from the end of 2026. Until is the end that
// it came to.
func (g *Ground) Terms(trigger, until retention.Date) string {
	if g.Bounded(trigger, until) {
		return "at most " + g.AtMost.Period.String() + " after " + g.BoundName()
	}
	return g.Keep.Words(trigger)
}

// Bounded tells whether a row's end is that of AtMost.
func (g *Ground) Bounded(trigger, until retention.Date) bool {
	return g.Bound != nil && until != retention.Open && (trigger.IsZero() || g.Keep.End(trigger) > until)
}

// BoundName is what people call the date that AtMost counts from.
func (g *Ground) BoundName() string { return name(g.Bound) }

func name(f *DateField) string { return cmp.Or(f.Name, f.Column) }

// DateName is what people call the date that the ground counts from.
func (g *Ground) DateName() string {
	switch {
	case g.Change != nil:
		return "Change of " + cmp.Or(g.Change.Name, g.Change.Column)
	case g.Date == nil:
		return ""
	}
	return name(g.Date)
}
