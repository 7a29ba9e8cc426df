package provision

import (
	"cmp"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// OwnColumns are the logical names of the columns that gallra keeps on a person. A name that is empty is gallra's own.
type OwnColumns struct {
	ScheduledOn, NoticedOn, Reason string
	RetainUntil, RetainReason      string
	LegalHold, AnonymizedOn        string
}

// gallraColumns are the names of the columns that provisioning makes.
var gallraColumns = OwnColumns{
	ScheduledOn: "gallra_purgescheduledon", NoticedOn: "gallra_purgenoticedon", Reason: "gallra_purgereason",
	RetainUntil: "gallra_retainuntil", RetainReason: "gallra_retainreason",
	LegalHold: "gallra_legalhold", AnonymizedOn: "gallra_anonymizedon",
}

// complete has gallra's names where o has none.
func (o OwnColumns) complete() OwnColumns {
	d := gallraColumns
	return OwnColumns{
		ScheduledOn: cmp.Or(o.ScheduledOn, d.ScheduledOn), NoticedOn: cmp.Or(o.NoticedOn, d.NoticedOn), Reason: cmp.Or(o.Reason, d.Reason),
		RetainUntil: cmp.Or(o.RetainUntil, d.RetainUntil), RetainReason: cmp.Or(o.RetainReason, d.RetainReason),
		LegalHold: cmp.Or(o.LegalHold, d.LegalHold), AnonymizedOn: cmp.Or(o.AnonymizedOn, d.AnonymizedOn),
	}
}

// GallraColumns are the seven columns that each subject table gets.
func GallraColumns() []Column { return OwnColumns{}.columns() }

func (o OwnColumns) columns() []Column {
	o = o.complete()
	list := []Column{
		{SchemaName: "gallra_PurgeScheduledOn", DisplayName: "Purge scheduled", Kind: DateColumn,
			Description: "The day from which the person may be purged."},
		{SchemaName: "gallra_PurgeNoticedOn", DisplayName: "Purge noticed", Kind: DateColumn,
			Description: "The day on which the coming purge was first visible."},
		{SchemaName: "gallra_PurgeReason", DisplayName: "Purge reason", Kind: TextColumn, MaxLength: 500,
			Description: "Why the person is to be purged: which ground ended and when."},
		{SchemaName: "gallra_RetainUntil", DisplayName: "Retain until", Kind: DateColumn,
			Description: "Keep the person until this day. Counts only together with a reason."},
		{SchemaName: "gallra_RetainReason", DisplayName: "Retain reason", Kind: TextColumn, MaxLength: 500,
			Description: "Why the person is kept longer."},
		{SchemaName: "gallra_LegalHold", DisplayName: "Legal hold", Kind: YesNoColumn,
			Description: "The person is not purged while this is set."},
		{SchemaName: "gallra_AnonymizedOn", DisplayName: "Anonymized", Kind: DateColumn,
			Description: "The day on which the row was anonymized. It is not evaluated any more."},
	}
	for i, name := range []string{o.ScheduledOn, o.NoticedOn, o.Reason, o.RetainUntil, o.RetainReason, o.LegalHold, o.AnonymizedOn} {
		if name == list[i].LogicalName() {
			continue
		}
		list[i].SchemaName, list[i].Mapped = name, true
		if name == o.RetainReason {
			list[i].MaxLength = 0 // only read
		}
	}
	for _, i := range []int{1, 4, 3} { // of those that no view shows, the first that is gallra's own
		if !list[i].Mapped {
			list[i].Last = true
			break
		}
	}
	return list
}

// The names of the system views. The first has the table's plural in it; the others are told apart by their table.
const (
	ComingView = "%s to be purged within 2 months"
	MineView   = "Purge scheduled, mine"
	HoldView   = "Under legal hold"
)

// company are the columns that name somebody's company, by table: the first that a table has is shown.
var company = []string{"companyname", "accountid", "parentaccountid", "customerid"}

func (o OwnColumns) views() []View {
	o = o.complete()
	live := condition(o.AnonymizedOn, "null", "")
	columns := []ViewColumn{{Name: o.ScheduledOn, Width: 120}, {Name: o.Reason, Width: 400}, {Name: "ownerid", Width: 150},
		{Name: "parentcustomerid", Else: company, Width: 150}}
	held := ViewColumn{Name: o.LegalHold, Width: 80}
	return []View{
		{
			Name:        ComingView,
			Description: "People whom nothing justifies keeping any more. Register what does, or extend with a reason, to keep them.",
			Columns:     append(columns[:4:4], held),
			OrderBy:     o.ScheduledOn,
			// next-x-months starts today, so that dates which have passed need conditions of their own.
			Filter: `<filter type="and">` + live + `<filter type="or">` + condition(o.ScheduledOn, "next-x-months", "2") +
				condition(o.ScheduledOn, "today", "") + condition(o.ScheduledOn, "olderthan-x-days", "1") + `</filter></filter>`,
		},
		{
			Name:        MineView,
			Description: "Your people who have a purge date. Register what justifies them, or extend with a reason, to keep them.",
			Columns:     append(columns[:4:4], held),
			OrderBy:     o.ScheduledOn,
			Filter:      `<filter type="and">` + live + condition(o.ScheduledOn, "not-null", "") + condition("ownerid", "eq-useroruserteams", "") + `</filter>`,
		},
		{
			Name:        HoldView,
			Description: "People who are not purged while the legal hold stands.",
			Columns:     columns,
			OrderBy:     o.ScheduledOn,
			Filter:      `<filter type="and">` + condition(o.LegalHold, "eq", "1") + `</filter>`,
		},
	}
}

// GallraTable is a subject table as provisioning sees it.
type GallraTable struct {
	Table   string
	Columns OwnColumns // those that somebody else's columns stand in for
}

// Gallra is everything that gallra needs in an environment: publisher, solution, columns and views on the
// subject tables, and a role with the given rights for the user that the job runs as.
func Gallra(tables []string, privileges []dataverse.Privilege) Provisioning {
	var list []GallraTable
	for _, t := range tables {
		list = append(list, GallraTable{Table: t})
	}
	return MappedProvisioning(list, privileges)
}

// gallraSolution is the unique name of the solution that holds gallra's components.
const gallraSolution = "gallra"

// MappedProvisioning is [Gallra] for tables of which some columns are somebody else's.
func MappedProvisioning(tables []GallraTable, privileges []dataverse.Privilege) Provisioning {
	p := Provisioning{
		Publisher: Publisher{UniqueName: "gallra", Name: "gallra", Prefix: "gallra", OptionPrefix: 72720},
		Solution:  Solution{UniqueName: gallraSolution, Name: "gallra", Version: "1.0.0.0"},
	}
	for _, t := range tables {
		p.Tables = append(p.Tables, TableProvision{Table: t.Table, Columns: t.Columns.columns(), Views: t.Columns.views()})
	}
	if len(privileges) > 0 {
		p.Role = Role{ID: componentID("role"), Name: "gallra", Privileges: privileges}
	}
	return p
}

// componentID is the id of a component that gallra makes: the same in every environment, so that a solution that is
// imported and one that was provisioned are one.
func componentID(parts ...string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/gallra/gallra/solution/"+strings.Join(parts, "/")))
}
