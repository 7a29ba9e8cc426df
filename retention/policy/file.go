package policy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gallra/gallra/retention"
)

// The types of this file are a policy as it is written. The strict reader takes keys, required keys and allowed words
// from the tags, and so does the JSON Schema for editors.

type filePolicy struct {
	placed          `yaml:"-"`
	Version         int                     `yaml:"version" jsonschema:"required,enum=1,description=Version of the policy language. Always 1."`
	Include         []string                `yaml:"include" jsonschema:"description=Further files with subjects; their paths start at this file's folder."`
	Environment     fileEnvironment         `yaml:"environment" jsonschema:"required,description=The one environment that this policy is for."`
	TimeZone        string                  `yaml:"timeZone" jsonschema:"required,description=IANA name such as Europe/Stockholm: whose calendar dates count."`
	Language        string                  `yaml:"language" jsonschema:"enum=en,enum=da,enum=de,enum=fi,enum=nb,enum=sv,description=The language of what gallra writes for people: the reasons on the rows\\, and reports\\, receipts and the record unless another is asked for. What the policy says itself stands as it is written. Default en."`
	Notice          retention.Period        `yaml:"notice" jsonschema:"description=How long a coming purge must have been visible before it may happen. Default 2 months."`
	Purge           filePurge               `yaml:"purge" jsonschema:"description=How the rows that go are deleted."`
	Limits          fileLimits              `yaml:"limits" jsonschema:"description=A run that would purge more purges nobody."`
	Approval        string                  `yaml:"approval" jsonschema:"enum=none,enum=four-eyes,enum=list,description=What somebody else than who runs the policy has to approve before anybody is purged: the policy after every change (four-eyes)\\, or that and everybody who goes\\, by a plan (list). Default none."`
	ManualExtension retention.Period        `yaml:"manualExtension" jsonschema:"description=The furthest ahead of today that staff can extend by hand. Default 12 months."`
	Record          fileRecord              `yaml:"record" jsonschema:"description=Who answers for the policy\\, for the record of processing and the privacy notice."`
	YearEnds        retention.YearEnd       `yaml:"yearEnds" jsonschema:"description=The last day of a year\\, for periods from end of year. Default 31 December."`
	Columns         fileColumns             `yaml:"columns" jsonschema:"description=Names of existing columns that stand in for those that gallra creates."`
	Subjects        map[string]*fileSubject `yaml:"subjects" jsonschema:"description=The tables that hold persons and the rules for each."`
	Rows            []fileRow               `yaml:"rows" jsonschema:"description=Rows with a period of their own\\, whoever they belong to. In order: the first rule of a table that matches a row decides."`
}

// fileInclude is what an included file may hold.
type fileInclude struct {
	placed   `yaml:"-"`
	Version  int                     `yaml:"version" jsonschema:"enum=1"`
	Include  []string                `yaml:"include"`
	Subjects map[string]*fileSubject `yaml:"subjects" jsonschema:"required"`
}

type fileEnvironment struct {
	placed          `yaml:"-"`
	Organization    string `yaml:"organization" jsonschema:"required,description=The organisation's id. Every other environment is refused."`
	AllowProduction bool   `yaml:"allowProduction" jsonschema:"description=Whether the environment may be a production one. Default false."`
}

type fileLimits struct {
	placed     `yaml:"-"`
	Purges     int              `yaml:"purges" jsonschema:"description=The most persons that one run may purge. Default 500."`
	Share      percent          `yaml:"share" jsonschema:"description=The largest share of a subject table's persons that one run may purge. Default 5%."`
	Canary     int              `yaml:"canary" jsonschema:"description=How many persons are purged first and alone. Default 5."`
	Rows       int              `yaml:"rows" jsonschema:"description=The most rows that one run may end whose own period is over. Default 5000."`
	RowShare   percent          `yaml:"rowShare" jsonschema:"description=The largest share of a table's rows that one run may end. Default 5%."`
	Asks       int              `yaml:"asks" jsonschema:"description=The most persons that one run has asked; the others have their turn in the next. Default 500."`
	Spread     retention.Period `yaml:"spread" jsonschema:"description=Where one night would give more persons the same purge date than one run may purge\\, their dates are laid out over this time\\, only ever later. At most 1 year. Default: they are not."`
	Operations int              `yaml:"operations" jsonschema:"description=The most operations that one run asks of the service\\, reads included; a run that has used them leaves the rest to the next. Default: as many as it takes."`
	Bypass     []string         `yaml:"bypass" jsonschema:"enum=too-many,enum=too-large,enum=ground-empty,enum=ground-shrunk,enum=drift,enum=rows-too-many,enum=rows-too-large,description=Guard rails that run --bypass may pass over once they have been looked at. Default none."`
}

type filePurge struct {
	placed `yaml:"-"`
	Engine string `yaml:"engine" jsonschema:"enum=web-api,enum=bulk-delete,description=What deletes related rows: gallra's own requests\\, or jobs of Dataverse's bulk delete service. Default web-api."`
}

type fileColumns struct {
	placed           `yaml:"-"`
	PurgeScheduledOn string `yaml:"purgeScheduledOn" jsonschema:"description=Date only: the day from which the person may be purged."`
	PurgeNoticedOn   string `yaml:"purgeNoticedOn" jsonschema:"description=Date only: the day on which that was first visible."`
	PurgeReason      string `yaml:"purgeReason" jsonschema:"description=Text: why\\, in words for the sales staff."`
	RetainUntil      string `yaml:"retainUntil" jsonschema:"description=Date only: a manual extension."`
	RetainReason     string `yaml:"retainReason" jsonschema:"description=Text: the reason of a manual extension."`
	LegalHold        string `yaml:"legalHold" jsonschema:"description=Yes/no: never purged while it is set."`
	AnonymizedOn     string `yaml:"anonymizedOn" jsonschema:"description=Date only: set on rows that were anonymised."`
}

type fileSubject struct {
	placed    `yaml:"-"`
	Purge     string           `yaml:"purge" jsonschema:"required,enum=delete,enum=anonymize,description=What a purge does with the row."`
	Notice    retention.Period `yaml:"notice" jsonschema:"description=How long a coming purge must have been visible for persons of this table. Default: the policy's."`
	WhenBound string           `yaml:"whenBound" jsonschema:"enum=anonymize,enum=fail,description=What happens to a person whom a kept row binds. Default anonymize."`
	Identity  string           `yaml:"identity" jsonschema:"description=A column; rows with equal values in it are one human being."`
	Retain    []string         `yaml:"retain" jsonschema:"description=Columns that survive anonymising."`
	Coarsen   coarsen          `yaml:"coarsen" jsonschema:"description=Columns that survive it made coarse: a date to its year\\, a text to its first letters\\, a number to what it is a multiple of."`
	Columns   fileColumns      `yaml:"columns" jsonschema:"description=As above\\, for this table only."`
	Grounds   []fileGround     `yaml:"grounds" jsonschema:"description=What justifies keeping a person."`
	Related   []fileRelated    `yaml:"related" jsonschema:"description=What happens to related rows. In order: the first rule that matches a row decides."`
	Classes   []fileClass      `yaml:"classes" jsonschema:"description=Kinds of persons with rules of their own. In order: the first that a person is of decides."`
	Stages    []fileStage      `yaml:"stages" jsonschema:"description=What happens instead of one purge: the row is archived\\, reduced and purged\\, each a time after the last ground has ended."`
	Ask       fileAsk          `yaml:"ask" jsonschema:"description=A word to the person before the purge: a task in a queue\\, for staff or for a mail flow of the company's own."`
}

// fileClass is a kind of persons. What it does not say it takes from its subject.
type fileClass struct {
	placed    `yaml:"-"`
	ID        string           `yaml:"id" jsonschema:"required,pattern=^[a-z][a-z0-9-]*$,maxLength=60,description=Stands in plans\\, reports and the ledger."`
	Who       string           `yaml:"who" jsonschema:"description=Who these persons are\\, in words for the record: Applicants."`
	For       string           `yaml:"for" jsonschema:"description=OData filter on the person's own row. The last class has none: it takes everybody else."`
	Judged    bool             `yaml:"judged" jsonschema:"description=false: the policy does not judge these persons\\, who stay. Needs why."`
	Why       string           `yaml:"why" jsonschema:"description=The reason of judged: false\\, in a sentence."`
	Purge     string           `yaml:"purge" jsonschema:"enum=delete,enum=anonymize,description=As in the subject."`
	WhenBound string           `yaml:"whenBound" jsonschema:"enum=anonymize,enum=fail,description=As in the subject."`
	Notice    retention.Period `yaml:"notice" jsonschema:"description=As in the subject."`
	Retain    []string         `yaml:"retain" jsonschema:"description=As in the subject."`
	Coarsen   coarsen          `yaml:"coarsen" jsonschema:"description=As in the subject."`
	Grounds   []fileGround     `yaml:"grounds" jsonschema:"description=What justifies keeping these persons\\, instead of the subject's grounds."`
	Related   []fileRelated    `yaml:"related" jsonschema:"description=What happens to their related rows\\, instead of the subject's rules."`
	Stages    []fileStage      `yaml:"stages" jsonschema:"description=As in the subject."`
	Ask       fileAsk          `yaml:"ask" jsonschema:"description=As in the subject."`
}

type fileGround struct {
	placed      `yaml:"-"`
	ID          string            `yaml:"id" jsonschema:"required,pattern=^[a-z][a-z0-9-]*$,maxLength=60,description=Stands in reports and in the ledger."`
	Basis       string            `yaml:"basis" jsonschema:"required,enum=consent,enum=contract,enum=legal-obligation,enum=vital-interests,enum=public-task,enum=legitimate-interests,description=The lawful basis of article 6(1) GDPR."`
	Why         string            `yaml:"why" jsonschema:"required,description=The reason\\, in a sentence."`
	Trigger     string            `yaml:"trigger" jsonschema:"maxLength=120,description=What happened on the date\\, for the sales staff: Opportunity closed."`
	Table       string            `yaml:"table" jsonschema:"description=The table that justifies. Left out: the person's own row."`
	Link        string            `yaml:"link" jsonschema:"description=A lookup\\, a path over lookups\\, or column = column of the person."`
	Party       string            `yaml:"party" jsonschema:"enum=any,enum=from,enum=to,enum=cc,enum=bcc,enum=required-attendee,enum=optional-attendee,enum=organizer,enum=regarding,enum=owner,enum=resource,enum=customer,enum=chat-participant,enum=related,description=For activities: how the person takes part."`
	Where       string            `yaml:"where" jsonschema:"description=OData filter on the table's rows."`
	View        string            `yaml:"view" jsonschema:"description=A system view of the subject table: who is in it is kept."`
	FetchXML    string            `yaml:"fetchXml" jsonschema:"description=A file with a FetchXML query that returns the person's id and optionally a date as alias after."`
	After       string            `yaml:"after" jsonschema:"description=A date column\\, or a path over lookups to one: the row justifies for keep after it."`
	Until       string            `yaml:"until" jsonschema:"description=A date that is itself the end\\, and keep is slack."`
	Keep        retention.Keeping `yaml:"keep" jsonschema:"description=Such as 6 months\\, or 7 years from end of year."`
	YearEnds    retention.YearEnd `yaml:"yearEnds" jsonschema:"description=The last day of a year for this ground."`
	AtMost      AtMost            `yaml:"atMost" jsonschema:"description=The ground ends no later than this: 5 years after createdon."`
	MissingDate string            `yaml:"missingDate" jsonschema:"description=What a row without the date does: keep\\, ignore\\, or a date column that counts instead. Default keep."`
	Rolling     bool              `yaml:"rolling" jsonschema:"description=Allows a filter that moves with today\\, of which no forecast is right."`
	MayBeEmpty  bool              `yaml:"mayBeEmpty" jsonschema:"description=The ground may match nothing although it used to match rows."`
}

type fileRelated struct {
	placed   `yaml:"-"`
	Set      string            `yaml:"set" jsonschema:"description=A named set of rules\\, such as sales\\, instead of a rule. gallra policy show prints what is in it."`
	Table    string            `yaml:"table" jsonschema:"description=A table\\, or * as the last rule."`
	Link     string            `yaml:"link" jsonschema:"description=As in a ground."`
	Party    string            `yaml:"party" jsonschema:"enum=any,enum=from,enum=to,enum=cc,enum=bcc,enum=required-attendee,enum=optional-attendee,enum=organizer,enum=regarding,enum=owner,enum=resource,enum=customer,enum=chat-participant,enum=related,description=For activities: how the person takes part."`
	Behind   string            `yaml:"behind" jsonschema:"description=A lookup of the person's own row: the row behind it goes\\, unless somebody else points at it."`
	Where    string            `yaml:"where" jsonschema:"description=OData filter on the table's rows."`
	Do       string            `yaml:"do" jsonschema:"enum=delete,enum=anonymize,enum=keep,enum=leave,description=What happens to the row. leave: nothing\\, and it is not looked at."`
	Erase    []string          `yaml:"erase" jsonschema:"description=For anonymize: the columns that go."`
	Retain   []string          `yaml:"retain" jsonschema:"description=For anonymize: the columns that stay."`
	Why      string            `yaml:"why" jsonschema:"description=The reason. A keep or leave rule needs one."`
	After    string            `yaml:"after" jsonschema:"description=For rows that stay: a date column of theirs\\, or a path over lookups to one. They go when keep after it is over."`
	Until    string            `yaml:"until" jsonschema:"description=For rows that stay: a date that is itself the end\\, and keep is slack."`
	Keep     retention.Keeping `yaml:"keep" jsonschema:"description=For rows that stay: such as 7 years from end of year."`
	YearEnds retention.YearEnd `yaml:"yearEnds" jsonschema:"description=For rows that stay: the last day of a year."`
	EvenIf   string            `yaml:"evenIf" jsonschema:"enum=justified,description=For anonymize: the columns go although somebody else on the row is justified. Default: the row stays as it is as long as one is."`
	Then     string            `yaml:"then" jsonschema:"enum=delete,enum=anonymize,description=What then happens to a row that was kept when its person went. erase or retain name the columns."`
}

func (filePolicy) kind() string      { return "a policy" }
func (fileInclude) kind() string     { return "an included file" }
func (fileEnvironment) kind() string { return "`environment`" }
func (fileLimits) kind() string      { return "`limits`" }
func (filePurge) kind() string       { return "`purge`" }
func (fileColumns) kind() string     { return "`columns`" }
func (fileSubject) kind() string     { return "a subject" }

// fileStage is a step on the way to the purge.
type fileStage struct {
	placed  `yaml:"-"`
	Do      string            `yaml:"do" jsonschema:"required,enum=archive,enum=reduce,enum=purge,description=archive makes the row inactive and hands it to a team\\; reduce empties columns\\; purge is the last."`
	After   retention.Keeping `yaml:"after" jsonschema:"description=How long after the day on which the last ground ended. The first stage comes on that day."`
	Team    string            `yaml:"team" jsonschema:"description=For archive: the name of the team that owns archived rows."`
	Erase   []string          `yaml:"erase" jsonschema:"description=For reduce: the columns that go."`
	Coarsen coarsen           `yaml:"coarsen" jsonschema:"description=For reduce: the columns of which a part stays."`
	Related []fileRelated     `yaml:"related" jsonschema:"description=For reduce: what happens to related rows at this stage already. Rows that no rule here names stay as they are."`
}

// fileAsk is how persons are asked before their purge.
type fileAsk struct {
	placed   `yaml:"-"`
	Before   retention.Period `yaml:"before" jsonschema:"required,description=How long before the purge date the person is to be asked. At most the notice."`
	Queue    string           `yaml:"queue" jsonschema:"required,description=The name of the queue that the tasks go to."`
	Required retention.Period `yaml:"required" jsonschema:"description=Nobody goes who was not asked as long ago. At most before. Default: whoever could not be asked goes all the same."`
}

func (fileAsk) kind() string     { return "`ask`" }
func (fileStage) kind() string   { return "a stage" }
func (fileClass) kind() string   { return "a class" }
func (fileGround) kind() string  { return "a ground" }
func (fileRelated) kind() string { return "a related rule" }

// percent is a share from 0 to 1, written as 5%.
type percent float64

// UnmarshalText reads a number and a percent sign.
func (p *percent) UnmarshalText(b []byte) error {
	number, ok := strings.CutSuffix(strings.TrimSpace(string(b)), "%")
	if !ok {
		return fmt.Errorf("a share needs a percent sign, such as 5%%")
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(v >= 0 && v <= 100) {
		return fmt.Errorf("%q is not a share from 0%% to 100%%", b)
	}
	*p = percent(v / 100)
	return nil
}
