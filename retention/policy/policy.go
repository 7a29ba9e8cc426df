package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gallra/gallra/retention"
)

// Disposition is what a purge does with a row.
type Disposition string

// The dispositions.
const (
	Delete    Disposition = "delete"
	Anonymize Disposition = "anonymize"
	Retain    Disposition = "keep"  // named for the verb of the rule, do: keep
	Leave     Disposition = "leave" // of rows that a delete does not reach: they are not read, and stand in the record
)

// Policy is a company's retention policy, as its files say it. [Load] reads one; nothing in it has been held against
// an environment yet.
type Policy struct {
	Version         int
	Environment     Environment
	TimeZone        *time.Location
	Language        string // of the reasons that stand on the rows, and of what is made for people unless they ask for another; empty: English
	Notice          retention.Period
	Engine          Engine
	Limits          Limits
	Approval        Approval
	Head            Head   // of the record of processing
	Bypass          []Rail // guard rails that a flag may bypass
	ManualExtension retention.Period
	YearEnds        retention.YearEnd // of periods that count from the end of a year
	Columns         ColumnNames       // for subjects that do not name their own
	Subjects        []Subject         // in the order of the file
	Rows            []RowRule         // rows with a period of their own, whoever they belong to; in the order of the file

	// Hash is "sha256:" and the hex digest over every file that the policy consists of, in the order they were read.
	Hash string
	// Dir is the folder of the policy file. The FetchXML file of a ground is relative to the file that names it.
	Dir string
	// Files are the files that were read, the policy file first.
	Files []string

	Sources map[string][]string `json:"-"` // the lines of each file, FetchXML included, for excerpts
	At      map[string]Place    `json:"-"` // where each key stands in the file
}

// Rules are the date rules that the planner needs.
func (p *Policy) Rules() retention.Rules {
	return retention.Rules{Notice: p.Notice, ManualExtension: p.ManualExtension}
}

// Subject is the subject table with that name, nil if the policy has none.
func (p *Policy) Subject(table string) *Subject {
	for i := range p.Subjects {
		if p.Subjects[i].Table == table {
			return &p.Subjects[i]
		}
	}
	return nil
}

// Environment pins a policy to one environment.
type Environment struct {
	Organization    string // the organisation's id, never its name
	AllowProduction bool
}

// Engine is what deletes the related rows that go.
type Engine string

// The engines.
const (
	WebAPI     Engine = "web-api"     // the default: in one transaction with the person's own columns
	BulkDelete Engine = "bulk-delete" // by jobs of Dataverse's bulk delete service, after the person's columns are anonymised
)

// Limits stop a run that would purge more. The share is of all persons in the subject table, from 0 to 1.
type Limits struct {
	Purges int
	Share  float64
	Canary int // persons who are purged first and alone, and rows
	// Operations are the most that one run asks of the service, reads included; 0: as many as it takes. A run that has used
	// them begins nothing new, and the next one goes on.
	Operations int
	// Rows that one run may end whose own period is over, and the largest share of a table's rows.
	Rows     int
	RowShare float64
	Asks     int // persons whom one run has asked
	// Spread is over how long the purge dates are laid out that one night gives to more persons than one run may purge; zero:
	// they are not.
	Spread retention.Period
}

// Approval is what somebody else than who runs a policy has to approve before anybody is purged.
type Approval string

// The approvals, the strictest last.
const (
	NoApproval Approval = ""
	FourEyes   Approval = "four-eyes" // the policy, after every change
	ByList     Approval = "list"      // the policy, and by a plan everybody who goes
)

// Laxer tells whether a asks for less than b.
func (a Approval) Laxer(b Approval) bool {
	order := []Approval{NoApproval, FourEyes, ByList}
	return slices.Index(order, a) < slices.Index(order, b)
}

// ColumnNames are the logical names of the columns that gallra owns, or of the customer's columns that stand in.
type ColumnNames struct {
	PurgeScheduledOn, PurgeNoticedOn, PurgeReason string
	RetainUntil, RetainReason                     string
	LegalHold, AnonymizedOn                       string
}

// DefaultColumns are the names of the columns that provisioning creates.
var DefaultColumns = ColumnNames{
	PurgeScheduledOn: "gallra_purgescheduledon",
	PurgeNoticedOn:   "gallra_purgenoticedon",
	PurgeReason:      "gallra_purgereason",
	RetainUntil:      "gallra_retainuntil",
	RetainReason:     "gallra_retainreason",
	LegalHold:        "gallra_legalhold",
	AnonymizedOn:     "gallra_anonymizedon",
}

// Subject is a table of persons and the rules for them.
type Subject struct {
	Table     string
	Purge     Disposition // Delete or Anonymize
	WhenBound WhenBound
	Identity  string      // column whose equal values mean one human being; empty: every row is a person of its own
	Retain    []string    // columns that survive anonymising
	Coarsen   []Coarsened // columns that survive it made coarse, in the order of the file
	Grounds   []Ground
	Related   []RelatedRule
	Columns   ColumnNames
	Notice    retention.Period // how long a purge date must have been visible
	Stages    []Stage          // steps on the way to the purge, which is the last; empty: the purge alone
	Ask       *Ask             // the word to the person before the purge; nil: nobody asks
	// Classes are kinds of persons with rules of their own, the first that a person is of decides; empty: all are alike. With
	// classes Grounds are those of all of them, and Related are nobody's.
	Classes []Class

	Pos Pos              `json:"-"`
	At  map[string]Place `json:"-"` // where each key stands in the file
}

// Class is a kind of persons of a subject table.
type Class struct {
	ID  string
	Who string // in words for the record; empty: the filter says it
	For string // OData filter on the person's own row; empty for the last class, of everybody else
	// Unjudged tells that the policy does not judge these persons; Why is the reason.
	Unjudged bool
	Why      string
	// Rules are the subject's for persons of this class: what the class does not say is the subject's own.
	Rules *Subject

	Pos Pos              `json:"-"`
	At  map[string]Place `json:"-"`
}

// Coarsened is a column that survives anonymising with less in it.
type Coarsened struct {
	Column string
	By     retention.Coarse
	Pos    Pos `json:"-"`
}

// WhenBound is what happens to a person whom a kept or restricting row binds.
type WhenBound string

// The choices of whenBound.
const (
	BoundAnonymize WhenBound = "anonymize" // the default: anonymised in place instead of deleted
	BoundFail      WhenBound = "fail"
)

// Lost in After counts from the day on which a run first found that the ground holds no more.
const Lost = "lost"

// WhenLost tells whether the ground goes on for Keep after it was lost, by what the ledger saw or by a change that took it away.
func (g *Ground) WhenLost() bool { return g.After == Lost || g.UntilChanged() }

// Ground is a rule that justifies keeping a person.
//
// The rows of a ground are those of Table (the subject's own where it is empty) that match Where and whose Link leads
// to the person. Without After and Until a row holds for as long as it matches; with After it holds for Keep after that
// date; with Until that date is itself the end, and Keep is slack. A ground that is nothing but a date on the person's
// own row matches the rows that have it.
type Ground struct {
	ID    string
	Basis string // article 6(1) GDPR: consent, contract, legal-obligation, vital-interests, public-task, legitimate-interests
	Why   string
	// Trigger names the event in words for the sales staff ("Opportunity closed"); empty: made from the column's names.
	Trigger string

	Table    string
	Link     string // a lookup, a path over lookups, or "column = column of the person" for a join by value
	Party    string // for activities: any, or a participation such as to; instead of Link
	Where    string // OData filter
	View     string // system view of the subject table, instead of Table and Where
	FetchXML string // text of the query that the named file holds, instead of Table and Where

	After, Until string // a date column, or one that holds a year, or a path over lookups to one
	Keep         retention.Keeping
	AtMost       AtMost // the end is no later than this
	MissingDate  MissingDate
	// InsteadOf is the column that a row without the date counts from (missingDate: createdon); empty: none.
	InsteadOf string
	// Rolling allows a filter that moves with today (LastXDays).
	Rolling    bool
	MayBeEmpty bool   // promise 9: the ground may match nothing although it used to match rows
	fetchPath  string // of the file that FetchXML was read from

	Pos Pos              `json:"-"`
	At  map[string]Place `json:"-"` // where each key stands in the file
}

// AtMost bounds how long a row justifies its person: for Period after the date in After. The zero AtMost is no bound.
type AtMost struct {
	retention.Period
	After string
}

// IsZero tells whether there is no bound.
func (a AtMost) IsZero() bool { return a.After == "" }

// String is the form that is read: 5 years after createdon.
func (a AtMost) String() string { return a.Period.String() + " after " + a.After }

// MarshalText writes the form of String.
func (a AtMost) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads a period and the column that it counts from, by default the row's creation.
func (a *AtMost) UnmarshalText(b []byte) error {
	period, after, named := strings.Cut(string(b), " after ")
	p, err := retention.ParsePeriod(period)
	if err != nil {
		return err
	}
	if p.IsZero() {
		return fmt.Errorf("%q is no time at all", b)
	}
	a.Period, a.After = p, "createdon"
	if named {
		a.After = strings.TrimSpace(after)
	}
	if len(strings.Fields(a.After)) != 1 {
		return fmt.Errorf("%q: a period, and the date that it counts from: 5 years after createdon", b)
	}
	return nil
}

// MissingDate is what a row without the date that its ground counts from does to the person.
type MissingDate string

// The choices of missingDate.
const (
	MissingKeeps   MissingDate = "keep" // the default: it keeps the person, and is reported as a gap in the data
	MissingIgnored MissingDate = "ignore"
)

// RelatedRule says what happens to a purged person's rows in a table. Of a subject's rules the first that matches a
// row decides.
type RelatedRule struct {
	Table  string // a logical name, or AnyTable
	Link   string // as in Ground
	Party  string
	Behind string // a lookup of the person's own row: the row behind it, instead of Link
	Where  string
	Set    string // instead of all others: the named set of rules that stands here; see Sets
	From   string `json:"-"` // the set that the rule comes from, where sets are spelled out
	Do     Disposition
	Erase  []string // for anonymize: the columns that go …
	Keep   []string // … or those that stay (retain in the file)
	Why    string
	EvenIf EvenIf // of a rule that empties columns: they go although somebody else on the row is justified
	End    *End   // of a rule that keeps rows: when they go after all; nil: never

	Pos Pos              `json:"-"`
	At  map[string]Place `json:"-"` // where each key stands in the file
}

// AnyTable is the table name of a last rule that covers whatever else leads to a person.
const AnyTable = "*"

// Pos is where in the policy's files something stands. Lines and columns count from 1.
type Pos struct {
	File         string
	Line, Column int
}
