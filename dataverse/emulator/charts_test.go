package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
)

const (
	chartData = `<datadefinition><fetchcollection><fetch mapping='logical' aggregate='true'><entity name='contact'><attribute name='contactid' aggregate='count' alias='n'/>` +
		`<attribute name='createdon' groupby='true' dategrouping='week' alias='week'/></entity></fetch></fetchcollection>` +
		`<categorycollection><category alias='week'><measurecollection><measure alias='n'/></measurecollection></category></categorycollection></datadefinition>`
	chartLook = `<Chart><Series><Series ChartType='Column'/></Series></Chart>`
)

func chartBody(data, look, more string) string {
	return `{"name":"By week","primaryentitytypecode":"contact","datadescription":"` + data + `","presentationdescription":"` + look + `"` + more + `}`
}

// Pages: savedqueryvisualization (reference), visualization-data-description-schema, sample-charts, create-visualization-chart.
func TestCharts(t *testing.T) {
	o := newSite(t, emulator.Options{})
	id := o.create("savedqueryvisualizations", chartBody(chartData, chartLook, ""))
	if got := o.row("savedqueryvisualizations", id); fmt.Sprint(got["charttype"]) != "0" || got["ismanaged"] != false || !strings.Contains(got["datadescription"].(string), "week") {
		t.Errorf("%v", got)
	}
	o.do("PATCH", "savedqueryvisualizations("+id+")", `{"datadescription":"`+strings.ReplaceAll(chartData, "createdon", "modifiedon")+`"}`).want(204)
	for body, words := range map[string]string{
		chartBody(chartData, chartLook, `,"charttype":1`):                                                        "",
		strings.Replace(chartBody(chartData, chartLook, ""), `"name":"By week",`, "", 1):                         "'name'",
		strings.Replace(chartBody(chartData, chartLook, ""), `"contact"`, `"nosuch"`, 1):                         "nosuch",
		chartBody(strings.Replace(chartData, "'contact'", "'lead'", 1), chartLook, ""):                           "'contactid'|is of the entity 'lead'",
		chartBody(strings.ReplaceAll(chartData, "createdon", "nosuch"), chartLook, ""):                           "nosuch",
		chartBody(strings.Replace(chartData, "measure alias='n'", "measure alias='m'", 1), chartLook, ""):        "the measure 'm'",
		chartBody(strings.Replace(chartData, "category alias='week'", "category alias='day'", 1), chartLook, ""): "the category 'day'",
		chartBody(strings.Replace(chartData, "<measure alias='n'/>", "", 1), chartLook, ""):                      "no measure",
		chartBody("<datadefinition/>", chartLook, ""):                                                            "lacks the fetch",
		chartBody("<chart/>", chartLook, ""):                                                                     "of a datadefinition",
		chartBody(chartData, "<Pie/>", ""):                                                                       "of a Chart",
		chartBody(chartData, "", ""):                                                                             "'presentationdescription'",
	} {
		r := o.do("POST", "savedqueryvisualizations", body)
		if words == "" {
			r.want(501, "charts of Power BI")
			continue
		}
		if r.status != 400 {
			t.Errorf("%s: %d", body, r.status)
		}
		found := false
		for _, w := range strings.Split(words, "|") {
			found = found || strings.Contains(r.text, w)
		}
		if !found {
			t.Errorf("%s: %s", words, r.text)
		}
	}
	o.do("DELETE", "savedqueryvisualizations("+id+")", "").want(204)
}

// Pages: create-dashboard (its form has no ids), sample-dashboards, dependency-tracking-solution-components.
func TestDashboards(t *testing.T) {
	o := newSite(t, emulator.Options{})
	chart := o.create("savedqueryvisualizations", chartBody(chartData, chartLook, ""))
	view := o.create("savedqueries", `{"name":"V","returnedtypecode":"contact","querytype":0,"fetchxml":"<fetch><entity name='contact'><attribute name='contactid'/><attribute name='fullname'/></entity></fetch>",`+
		`"layoutxml":"<grid name='resultset' object='2'><row name='result' id='contactid'><cell name='fullname' width='100'/></row></grid>"}`)
	form := func(view, chart, table, mode string) string {
		return `<form><tabs><tab name='T' verticallayout='true'><labels><label description='T' languagecode='1033'/></labels><columns><column width='100%'><sections><section name='S' showlabel='false' columns='1'>` +
			`<rows><row><cell colspan='1' rowspan='1' showlabel='false'><control id='C' classid='{E7A81278-8635-4d9e-8D4D-59480B391C5B}'><parameters><ViewId>{` + view + `}</ViewId><TargetEntityType>` + table +
			`</TargetEntityType><ChartGridMode>` + mode + `</ChartGridMode><VisualizationId>{` + chart + `}</VisualizationId></parameters></control></cell></row></rows></section></sections></column></columns></tab></tabs></form>`
	}
	body := func(form string) string { return `{"name":"D","type":0,"formxml":"` + form + `"}` }
	id := o.create("systemforms", body(form(view, chart, "contact", "Chart")))
	if got := o.row("systemforms", id); got["objecttypecode"] != "none" || fmt.Sprint(got["type"]) != "0" {
		t.Errorf("%v", got)
	}
	none := uuid.NewString()
	for text, words := range map[string]string{
		form(none, chart, "contact", "Chart"): "the view", form(view, none, "contact", "Chart"): "the chart", form(view, chart, "lead", "Chart"): "for 'lead'",
		form(view, chart, "nosuch", "Chart"): "'nosuch'", form(view, chart, "contact", "Tile"): "'Tile'", strings.Replace(form(view, chart, "contact", "Grid"), "100%", "all", 1): "no percentage",
		strings.Replace(form(view, chart, "contact", "Grid"), "'false'", "'maybe'", 1): "'maybe'",
	} {
		o.do("POST", "systemforms", body(text)).want(400, words)
	}
	for kind, words := range map[string]string{"10": "InteractionCentricDashboard", "103": "Power BI"} {
		o.do("POST", "systemforms", strings.Replace(body(form(view, chart, "contact", "Chart")), `"type":0`, `"type":`+kind, 1)).want(501, words)
	}
	o.do("POST", "PublishXml", `{"ParameterXml":"<importexportxml><dashboards><dashboard>{`+id+`}</dashboard></dashboards></importexportxml>"}`).want(204)
	for _, path := range []string{"savedqueries(" + view + ")", "savedqueryvisualizations(" + chart + ")"} {
		o.do("DELETE", path, "").want(400, "0x8004f01f")
	}
	o.do("DELETE", "systemforms("+id+")", "").want(204)
	for _, path := range []string{"savedqueries(" + view + ")", "savedqueryvisualizations(" + chart + ")"} {
		o.do("DELETE", path, "").want(204)
	}
}

// A column that a form or a chart needs stays, and the service says what needs it; so does a form that its publisher has closed. Pages:
// dependency-tracking-solution-components, managed-properties.
func TestWhatFormsAndChartsKeep(t *testing.T) {
	o := newSite(t, emulator.Options{})
	if err := o.server.AddColumns("new", emulator.Column{Table: "contact", SchemaName: "new_Due", Type: "DateTime", Behavior: "DateOnly"}); err != nil {
		t.Fatal(err)
	}
	column := "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='new_due')"
	chart := o.create("savedqueryvisualizations", chartBody(strings.ReplaceAll(chartData, "createdon", "new_due"), chartLook, ""))
	form := `<form><tabs><tab id='{1e2f3a4b-0000-4000-8000-000000000001}'><columns><column width='100%'><sections><section id='1e2f3a4b-0000-4000-8000-000000000002'><rows><row>` +
		`<cell id='{1e2f3a4b-0000-4000-8000-000000000003}'><control id='new_due' datafieldname='new_due'/></cell></row></rows></section></sections></column></columns></tab></tabs></form>`
	id := o.create("systemforms", `{"name":"F","objecttypecode":"contact","type":2,"formxml":"`+form+`"}`)
	o.do("DELETE", column, "").want(400, "0x8004f01f", "by 2 other components")
	o.do("DELETE", "savedqueryvisualizations("+chart+")", "").want(204)
	o.do("DELETE", column, "").want(400, "by 1 other components")
	o.do("DELETE", "systemforms("+id+")", "").want(204)
	o.do("DELETE", column, "").want(204)

	closed := uuid.New()
	if err := o.server.Load(emulator.Record{Table: "systemform", ID: closed, Values: map[string]any{"name": "Closed", "objecttypecode": "contact", "type": 2, "formactivationstate": 1,
		"formxml": strings.ReplaceAll(form, "new_due", "lastname"), "ismanaged": true, "iscustomizable": false}}); err != nil {
		t.Fatal(err)
	}
	at := "systemforms(" + closed.String() + ")"
	o.do("GET", at+"?$select=iscustomizable", "").want(200, `"iscustomizable":{"Value":false,"CanBeChanged":true,"ManagedPropertyLogicalName":"iscustomizableanddeletable"}`)
	o.do("PATCH", at, `{"description":"x"}`).want(400, "0x8004f026", "iscustomizableanddeletable")
	o.do("DELETE", at, "").want(400, "0x8004f026")
	o.do("GET", "systemforms?$filter=iscustomizable eq true", "").want(400)
	o.do("POST", "systemforms", `{"name":"F","objecttypecode":"contact","type":2,"iscustomizable":true,"formxml":"`+strings.ReplaceAll(form, "new_due", "lastname")+`"}`).want(400, "BooleanManagedProperty")
	o.do("POST", "systemforms", `{"name":"F","objecttypecode":"contact","type":6,"formactivationstate":0,"formxml":"`+strings.ReplaceAll(form, "new_due", "lastname")+`"}`).want(400, "type main")
}

// The names of forms and charts come in the languages that are provisioned. Page: customize-entity-forms.
func TestLabelsOfFormsAndCharts(t *testing.T) {
	o := newSite(t, emulator.Options{Languages: []int{1053}})
	chart := o.create("savedqueryvisualizations", chartBody(chartData, chartLook, ""))
	read := "RetrieveLocLabels(EntityMoniker=@p1,AttributeName=@p2,IncludeUnpublished=@p3)?@p1={'@odata.id':'savedqueryvisualizations(" + chart + ")'}&@p2='name'&@p3=true"
	o.do("POST", "SetLocLabels", `{"EntityMoniker":{"@odata.type":"Microsoft.Dynamics.CRM.savedqueryvisualization","savedqueryvisualizationid":"`+chart+`"},"AttributeName":"name","Labels":[{"Label":"Per vecka","LanguageCode":1053}]}`).want(204)
	o.do("GET", read, "").want(200, "Per vecka", "By week")
}
