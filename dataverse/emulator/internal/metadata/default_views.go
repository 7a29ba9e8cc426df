package metadata

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Every table that people work with has views and a main form from its first day on. Pages: saved-queries,
// customize-entity-views, customize-entity-forms.

// defaultViews are the views of a table: their name, the state of the rows in them, and the type.
type defaultView struct {
	name      string // %s is the name of the table: the plural of the first two and of the quick find view
	state     int    // -1: all rows
	queryType int64
	isDefault bool
}

var defaultViews = []defaultView{
	{"Active %s", 0, 0, true}, {"Inactive %s", 1, 0, false}, {"%s Advanced Find View", 0, 1, true}, {"%s Associated View", 0, 2, true},
	{"Quick Find Active %s", 0, 4, true}, {"%s Lookup View", 0, 64, true},
}

// viewsByState are names that differ from table to table. The first takes the place of Active, the second of Inactive.
var viewsByState = map[string][2]string{
	"lead": {"Open Leads", "Closed Leads"}, "opportunity": {"Open Opportunities", "Closed Opportunities"}, "quote": {"All Quotes", "Closed Quotes"},
	"incident": {"Active Cases", "Resolved Cases"}, "task": {"All Tasks", "Closed Tasks"}, "email": {"All Emails", "Closed Emails"},
	"systemuser": {"Enabled Users", "Disabled Users"}, "phonecall": {"All Phone Calls", "Closed Phone Calls"}, "appointment": {"All Appointments", "Closed Appointments"}, "letter": {"All Letters", "Closed Letters"}, "fax": {"All Faxes", "Closed Faxes"},
}

// ownViews are the views of one's own rows, of the tables whose app has them.
var ownViews = map[string]string{"account": "My Active Accounts", "contact": "My Active Contacts", "lead": "My Open Leads", "opportunity": "My Open Opportunities",
	"incident": "My Active Cases", "connection": "My Connections"}

// PlaceLooks makes the views and the main form that the platform gives a table.
func PlaceLooks(t *store.Tx, of *schema.Table, now store.Instant) {
	if of.PrimaryName == "" {
		return
	}
	plural := pluralLabel(of)
	views := defaultViews
	if own := ownViews[of.Name]; own != "" {
		views = append(slices.Clip(views), defaultView{own, 0, 0, false})
	}
	for i, v := range views {
		label := strings.TrimSuffix(strings.TrimSuffix(plural, "s"), "ie")
		if v.queryType == 0 || v.queryType == 4 {
			label = plural
		} else if strings.HasSuffix(plural, "ies") {
			label += "y"
		}
		name := strings.ReplaceAll(v.name, "%s", label)
		if special, found := viewsByState[of.Name]; found && i < 2 {
			name = special[i]
		}
		filter := ""
		if v.state >= 0 && of.Column("statecode") != nil && !strings.HasPrefix(name, "All ") {
			filter = `<filter type="and"><condition attribute="statecode" operator="eq" value="` + strconv.Itoa(v.state) + `" /></filter>`
		}
		if of.Name == "systemuser" { // they are disabled, and have no state
			filter = `<filter type="and"><condition attribute="isdisabled" operator="eq" value="` + strconv.Itoa(v.state) + `" /></filter>`
		}
		if i == len(defaultViews) {
			filter += `<filter type="and"><condition attribute="ownerid" operator="eq-userid" /></filter>`
		}
		if v.queryType == 4 {
			filter += `<filter type="or" isquickfindfields="1"><condition attribute="` + of.PrimaryName + `" operator="like" value="{0}" /></filter>`
		}
		t.Place("savedquery", schema.StableID("view/"+of.Name+"/"+strconv.Itoa(i)), store.Fields{"name": name, "returnedtypecode": of.Name, "querytype": v.queryType,
			"isdefault": v.isDefault, "iscustom": false, "isuserdefined": false, "ismanaged": !of.Custom, "isquickfindquery": v.queryType == 4, "componentstate": int64(0),
			"statecode": int64(0), "statuscode": int64(1), "createdon": now, "modifiedon": now, "savedqueryidunique": schema.StableID("viewunique/" + of.Name + "/" + strconv.Itoa(i)),
			"fetchxml": `<fetch version="1.0" output-format="xml-platform" mapping="logical"><entity name="` + of.Name + `"><attribute name="` + of.ID + `" /><attribute name="` + of.PrimaryName +
				`" /><order attribute="` + of.PrimaryName + `" descending="false" />` + filter + `</entity></fetch>`,
			"layoutxml": `<grid name="resultset" object="` + strconv.Itoa(of.TypeCode) + `" jump="` + of.PrimaryName + `" select="1" icon="1" preview="1"><row name="result" id="` + of.ID +
				`"><cell name="` + of.PrimaryName + `" width="200" /></row></grid>`})
	}
	PlaceForm(t, of, now)
}

// PlaceForm makes the main form that the platform gives a table.
func PlaceForm(t *store.Tx, of *schema.Table, now store.Instant) {
	if of == nil || t.Schema.Tables["systemform"] == nil { // an environment that a snapshot was taken of has the tables that it holds
		return
	}
	t.Place("systemform", schema.StableID("form/"+of.Name), store.Fields{"name": "Information", "objecttypecode": of.Name, "type": int64(2), "isdefault": true,
		"description": "A form for this table.", "formactivationstate": int64(1), "iscustomizable": true, "formpresentation": int64(1), "ismanaged": !of.Custom, "componentstate": int64(0), "isairmerged": true,
		"isdesktopenabled": false, "istabletenabled": false, "version": int64(1), "publishedon": now, "formidunique": schema.StableID("formunique/" + of.Name), "formxml": mainForm(of)})
}

// mainForm is a form with one tab and one section that shows the primary name, and the owner where rows have one.
func mainForm(of *schema.Table) string {
	var rows strings.Builder
	for _, name := range []string{of.PrimaryName, "ownerid"} {
		c := of.Column(name)
		if c == nil {
			continue
		}
		class := "{4273EDBD-AC1D-40d3-9FB2-095C621B552D}"
		if c.Kind == schema.KindLookup {
			class = "{270BD3DB-D9AF-4782-9025-509E298DEC0A}"
		}
		fmt.Fprintf(&rows, `<row><cell id="{%s}" labelid="{%s}"><labels><label description="%s" languagecode="1033" /></labels><control id="%s" classid="%s" datafieldname="%s" /></cell></row>`,
			schema.StableID("cell/"+of.Name+"/"+name), schema.StableID("celllabel/"+of.Name+"/"+name), c.SchemaName, name, class, name)
	}
	return `<form><tabs><tab verticallayout="true" id="{` + schema.StableID("tab/"+of.Name).String() + `}" IsUserDefined="1"><labels><label description="General" languagecode="1033" /></labels><columns><column width="100%"><sections>` +
		`<section showlabel="false" showbar="false" IsUserDefined="0" id="{` + schema.StableID("section/"+of.Name).String() + `}"><labels><label description="General" languagecode="1033" /></labels><rows>` + rows.String() +
		`</rows></section></sections></column></columns></tab></tabs></form>`
}

func pluralLabel(t *schema.Table) string {
	if t.Plural != "" {
		return t.Plural
	}
	label := t.Label
	if label == "" {
		label = words(t.SchemaName)
	}
	switch {
	case t.Name == "incident":
		return "Cases"
	case strings.HasSuffix(label, "y"):
		return strings.TrimSuffix(label, "y") + "ies"
	case strings.HasSuffix(label, "s") || strings.HasSuffix(label, "x"):
		return label + "es"
	}
	return label + "s"
}

// words puts blanks between the words of a schema name.
func words(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// dropLooks removes the views, forms and charts of a table which is deleted, whoever made them. Page: customize-entity-metadata.
func dropLooks(t *store.Tx, table string) {
	for name, column := range map[string]string{"savedquery": "returnedtypecode", "systemform": "objecttypecode", "savedqueryvisualization": "primaryentitytypecode"} {
		tab := t.Schema.Tables[name]
		var gone []uuid.UUID
		t.Rows(name).Scan(uuid.Nil, func(r *store.Row) bool {
			if store.Text(tab, r, column) == table {
				gone = append(gone, r.ID)
			}
			return true
		})
		for _, id := range gone {
			t.Remove(tab, id)
		}
	}
}

// givenByPlatform tells whether a view or form came with its table: it keeps neither the table nor a column.
func givenByPlatform(tab *schema.Table, r *store.Row) bool {
	of := store.Text(tab, r, "objecttypecode")
	if tab.Name == "savedquery" {
		custom, known := store.Value(tab, r, "isuserdefined").(bool)
		return known && !custom
	}
	return r.ID == schema.StableID("form/"+of)
}
