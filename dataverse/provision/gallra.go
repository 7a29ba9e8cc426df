package provision

import (
	"cmp"
	"slices"
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
		{SchemaName: "gallra_PurgeScheduledOn", Kind: DateColumn},
		{SchemaName: "gallra_PurgeNoticedOn", Kind: DateColumn},
		{SchemaName: "gallra_PurgeReason", Kind: TextColumn, MaxLength: 500},
		{SchemaName: "gallra_RetainUntil", Kind: DateColumn},
		{SchemaName: "gallra_RetainReason", Kind: TextColumn, MaxLength: 500},
		{SchemaName: "gallra_LegalHold", Kind: YesNoColumn},
		{SchemaName: "gallra_AnonymizedOn", Kind: DateColumn},
	}
	for i := range list {
		key := "column." + list[i].LogicalName()
		list[i].DisplayName, list[i].Description = said(key), said(key+".text")
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
	list[1].Last = !list[1].Mapped // the one that no view and no form shows, so that all of those can come before it
	return list
}

// The names of the system views in English, of which their ids are made. The first has the table's plural in it; the others are
// told apart by their table.
const (
	ComingView       = "%s to be purged within 2 months"
	MineView         = "Purge scheduled, mine"
	HoldView         = "Under legal hold"
	RetainedView     = "Retained by hand"
	RetainedMineView = "Retained by hand, mine"
)

// ViewID is the id of a system view of a table, by the view's name in English.
func ViewID(table, name string) uuid.UUID { return View{Name: name}.id(table) }

// company are the columns that name somebody's company, by table: the first that a table has is shown.
var company = []string{"companyname", "accountid", "parentaccountid", "customerid"}

func (o OwnColumns) views() []View {
	o = o.complete()
	live := condition(o.AnonymizedOn, "null", "")
	columns := []ViewColumn{{Name: o.ScheduledOn, Width: 120}, {Name: o.Reason, Width: 400}, {Name: "ownerid", Width: 150},
		{Name: "parentcustomerid", Else: company, Width: 150}}
	held := ViewColumn{Name: o.LegalHold, Width: 80}
	kept := append([]ViewColumn{{Name: o.RetainUntil, Width: 120}, {Name: o.RetainReason, Width: 400}}, columns[2], columns[3])
	mine := condition("ownerid", "eq-useroruserteams", "")
	return []View{
		{
			Name:        ComingView,
			Title:       said("view.coming"),
			Description: said("view.coming.text"),
			Columns:     append(columns[:4:4], held),
			OrderBy:     o.ScheduledOn,
			// next-x-months starts now, so that today and dates which have passed need conditions of their own; olderthan-x-days ends
			// where yesterday begins.
			Filter: `<filter type="and">` + live + `<filter type="or">` + condition(o.ScheduledOn, "next-x-months", "2") +
				condition(o.ScheduledOn, "today", "") + condition(o.ScheduledOn, "yesterday", "") + condition(o.ScheduledOn, "olderthan-x-days", "1") + `</filter></filter>`,
		},
		{
			Name:        MineView,
			Title:       said("view.mine"),
			Description: said("view.mine.text"),
			Columns:     append(columns[:4:4], held),
			OrderBy:     o.ScheduledOn,
			Filter:      `<filter type="and">` + live + condition(o.ScheduledOn, "not-null", "") + mine + `</filter>`,
			Owned:       true,
		},
		{
			Name:        HoldView,
			Title:       said("view.hold"),
			Description: said("view.hold.text"),
			Columns:     columns,
			OrderBy:     o.ScheduledOn,
			Filter:      `<filter type="and">` + condition(o.LegalHold, "eq", "1") + `</filter>`,
		},
		{
			Name:        RetainedView,
			Title:       said("view.retained"),
			Description: said("view.retained.text"),
			Columns:     kept,
			OrderBy:     o.RetainUntil,
			Filter:      `<filter type="and">` + live + condition(o.RetainUntil, "not-null", "") + `</filter>`,
		},
		{
			Name:        RetainedMineView,
			Title:       said("view.retained-mine"),
			Description: said("view.retained-mine.text"),
			Columns:     kept,
			OrderBy:     o.RetainUntil,
			Filter:      `<filter type="and">` + live + condition(o.RetainUntil, "not-null", "") + mine + `</filter>`,
			Owned:       true,
		},
	}
}

// section is what staff see on the forms of a person: what is coming cannot be changed there, what they decide can.
func (o OwnColumns) section() FormSection {
	o = o.complete()
	return FormSection{Title: said("form"), Description: said("form.text"), Cells: []FormCell{
		{Role: "scheduledon", Column: o.ScheduledOn, ReadOnly: true}, {Role: "reason", Column: o.Reason, ReadOnly: true},
		{Role: "retainuntil", Column: o.RetainUntil}, {Role: "retainreason", Column: o.RetainReason}, {Role: "legalhold", Column: o.LegalHold},
	}}
}

// charts are the bars of the coming weeks.
func (o OwnColumns) charts() []Chart {
	o = o.complete()
	return []Chart{{
		Name: "weeks", Title: said("chart"), Description: said("chart.text"), Column: o.ScheduledOn,
		Filter: `<filter type="and">` + condition(o.AnonymizedOn, "null", "") + condition(o.ScheduledOn, "next-x-months", "3") + `</filter>`,
	}}
}

// dashboards show the chart and the views on one page.
func (o OwnColumns) dashboards() []Dashboard {
	return []Dashboard{{Name: "retention", Title: said("dashboard"), Description: said("dashboard.text"), Chart: o.charts()[0], ChartOf: o.views()[0], Grids: o.views()}}
}

// GallraTable is a subject table as provisioning sees it.
type GallraTable struct {
	Table   string
	Columns OwnColumns // those that somebody else's columns stand in for
}

// Gallra is everything that gallra needs in an environment: publisher, solution, columns, views, charts, dashboards and a section on the forms of the
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
		p.Tables = append(p.Tables, TableProvision{Table: t.Table, Columns: t.Columns.columns(), Views: t.Columns.views(),
			Charts: t.Columns.charts(), Section: t.Columns.section(), Dashboards: t.Columns.dashboards()})
	}
	if len(privileges) > 0 {
		p.Role = Role{ID: componentID("role"), Name: "gallra", Privileges: privileges}
	}
	return p
}

// WithoutForms leaves the main forms of the tables as they are.
func (p Provisioning) WithoutForms() Provisioning {
	p.Tables = slices.Clone(p.Tables)
	for i := range p.Tables {
		p.Tables[i].Section = FormSection{}
	}
	return p
}

// ColumnsAndViews is what a run needs: an environment that nobody opens has no use for the rest.
func (p Provisioning) ColumnsAndViews() Provisioning {
	p = p.WithoutForms()
	for i := range p.Tables {
		p.Tables[i].Charts, p.Tables[i].Dashboards = nil, nil
	}
	return p
}

// componentID is the id of a component that gallra makes: the same in every environment, so that a solution that is
// imported and one that was provisioned are one.
func componentID(parts ...string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/gallra/gallra/solution/"+strings.Join(parts, "/")))
}
