package provision

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision/formxml"
)

// Chart is a chart of a table: how many rows have a date in each week.
type Chart struct {
	Name               string // what the id is made of
	Title, Description Text   // with {0} for the plural
	Column             string // the date
	Filter             string // the FetchXML filter element
}

func chartStep(name, table string) string { return fmt.Sprintf("chart %q of %s", name, table) }

func dashboardStep(name string) string { return fmt.Sprintf("dashboard %q", name) }

func (c Chart) id(table string) uuid.UUID { return componentID("chart", table, c.Name) }

// ChartID is the id of a table's chart that provisioning makes.
func ChartID(table string) uuid.UUID { return OwnColumns{}.charts()[0].id(table) }

// data is the query of the chart. Pages: sample-charts, visualization-data-description-schema.
func (c Chart) data(t *dataverse.Table) string {
	return `<datadefinition><fetchcollection><fetch mapping="logical" aggregate="true"><entity name="` + t.LogicalName + `">` +
		`<attribute name="` + t.PrimaryID + `" aggregate="count" alias="persons"/>` +
		`<attribute name="` + c.Column + `" groupby="true" dategrouping="week" alias="week"/>` +
		`<order alias="week" descending="false"/>` + c.Filter + `</entity></fetch></fetchcollection>` +
		`<categorycollection><category alias="week"><measurecollection><measure alias="persons"/></measurecollection></category></categorycollection></datadefinition>`
}

// presentation is a column for each week, in what the pages say is drawn everywhere. Page:
// understand-charts-underlying-data-chart-representation.
const presentation = `<Chart><Series><Series ChartType="Column" IsValueShownAsLabel="True" Color="55, 118, 193" CustomProperties="PointWidth=0.75, MaxPixelPointWidth=40"/></Series>` +
	`<ChartAreas><ChartArea><AxisY LineColor="165, 172, 181"><MajorGrid LineColor="239, 242, 246"/></AxisY><AxisX LineColor="165, 172, 181"><MajorGrid Enabled="False"/></AxisX></ChartArea></ChartAreas>` +
	`<Titles><Title Alignment="TopLeft" DockingOffset="-3"/></Titles></Chart>`

// chart makes a chart. One of gallra's that counts another column is brought up to date; what administrators have changed on it otherwise
// stays.
func (r *provisioner) chart(ctx context.Context, t TableProvision, c Chart) error {
	table, err := r.c.Table(ctx, t.Table)
	if err != nil {
		return err
	}
	plural, err := r.plural(ctx, t.Table)
	if err != nil {
		return err
	}
	name := c.Title.about(plural, r.lang).In(r.lang)
	stale := false
	there := func(ctx context.Context) (bool, error) {
		row, err := r.unpublished(ctx, "savedqueryvisualizations", "savedqueryvisualizationid", c.id(t.Table), "datadescription")
		if row == nil || err != nil {
			return false, err
		}
		stale = !strings.Contains(strings.ReplaceAll(row.Text("datadescription"), "'", `"`), `"`+c.Column+`"`)
		return !stale, nil
	}
	_, err = r.ensureShown(ctx, chartStep(name, t.Table), there, func(ctx context.Context) error {
		id := c.id(t.Table).String()
		if stale {
			return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: "savedqueryvisualizations(" + id + ")", IfMatch: "*", Repeatable: true,
				Body: map[string]any{"datadescription": c.data(table)}}, nil)
		}
		return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: "savedqueryvisualizations", Header: r.inSolution(), Body: map[string]any{
			"savedqueryvisualizationid": id, "name": name, "description": c.Description.In(r.lang), "primaryentitytypecode": t.Table, "isdefault": false,
			"datadescription": c.data(table), "presentationdescription": presentation}}, nil)
	})
	return err
}

// unpublished is a component as it was last saved, nil if there is none.
func (r *provisioner) unpublished(ctx context.Context, set, key string, id uuid.UUID, columns ...string) (dataverse.Row, error) {
	var answer struct {
		Value []dataverse.Row `json:"value"`
	}
	path := set + "/Microsoft.Dynamics.CRM.RetrieveUnpublishedMultiple()?$select=" + strings.Join(append(columns, key), ",") + "&$filter=" + key + "%20eq%20" + id.String()
	if err := r.strong(ctx, path, &answer); err != nil || len(answer.Value) == 0 {
		return nil, err
	}
	return answer.Value[0], nil
}

// Dashboard shows a chart and views of one table on a page.
type Dashboard struct {
	Name               string // what the id is made of
	Title, Description Text   // with {0} for the plural
	Chart              Chart
	ChartOf            View // the rows that the chart counts
	Grids              []View
}

// mostComponents is how many charts and lists a dashboard may have unless an administrator has raised it: organization, maximum
// controls of a dashboard.
const mostComponents = 6

func (d Dashboard) id(table string) uuid.UUID { return componentID("dashboard", table, d.Name) }

// DashboardID is the id of a table's dashboard that provisioning makes.
func DashboardID(table string) uuid.UUID { return OwnColumns{}.dashboards()[0].id(table) }

// dashboardRows is the height of a part of a dashboard. A section has as many rows as its cells are high (page create-dashboard).
const dashboardRows = 10

func (d Dashboard) part(table, what string) uuid.UUID {
	return componentID("dashboard", table, d.Name, what)
}

// dashboardPart is a chart or a list on a dashboard.
type dashboardPart struct {
	id   uuid.UUID
	name string
	view View
	mode string
}

// parts are what the dashboard of a table shows.
func (d Dashboard) parts(t *dataverse.Table) []dashboardPart {
	parts := []dashboardPart{{d.part(t.LogicalName, "chart"), "Chart", d.ChartOf, "Chart"}}
	for i, v := range d.Grids {
		if v.fits(t) && len(parts) < mostComponents {
			parts = append(parts, dashboardPart{d.part(t.LogicalName, v.Name), fmt.Sprintf("List%d", i+1), v, "Grid"})
		}
	}
	return parts
}

// texts are what each part of the dashboard is called, by its id.
func (d Dashboard) texts(t *dataverse.Table, plural Text, base int, said func(Text) map[int]string) map[uuid.UUID]map[int]string {
	title := said(d.Title.about(plural, base))
	out := map[uuid.UUID]map[int]string{d.part(t.LogicalName, "tab"): title}
	for _, p := range d.parts(t) {
		of := p.view.Title
		if p.mode == "Chart" {
			of = d.Chart.Title
		}
		out[p.id], out[d.part(t.LogicalName, "section "+p.name)] = said(of.about(plural, base)), title
	}
	return out
}

// layout is the dashboard's form: two parts side by side, in as many sections as it takes. Pages: create-dashboard, sample-dashboards.
func (d Dashboard) layout(t *dataverse.Table, texts map[uuid.UUID]map[int]string) string {
	table := t.LogicalName
	open := func(id uuid.UUID) string { return `id="` + formxml.Braced(id) + `"` }
	labels := func(id uuid.UUID) string { return "<labels>" + formxml.Labels(texts[id]) + "</labels>" }
	var b strings.Builder
	tab := d.part(table, "tab")
	b.WriteString(`<form><tabs><tab name="gallra_retention" ` + open(tab) + ` showlabel="false" verticallayout="true" locklevel="0" expanded="true">` + labels(tab) + `<columns><column width="100%"><sections>`)
	for pair := range slices.Chunk(d.parts(t), 2) {
		section := d.part(table, "section "+pair[0].name)
		b.WriteString(`<section name="gallra_` + strings.ToLower(pair[0].name) + `" ` + open(section) + ` showlabel="false" showbar="false" columns="` + strings.Repeat("1", len(pair)) + `">` + labels(section) + `<rows><row>`)
		for _, p := range pair {
			visualization := ""
			if p.mode == "Chart" {
				visualization = "<VisualizationId>" + formxml.Braced(d.Chart.id(table)) + "</VisualizationId>"
			}
			fmt.Fprintf(&b, `<cell %s colspan="1" rowspan="%d" showlabel="false" auto="false">%s<control id="%s" classid="%s" indicationOfSubgrid="true"><parameters>`+
				`<ViewId>%s</ViewId><IsUserView>false</IsUserView><RelationshipName/><TargetEntityType>%s</TargetEntityType><AutoExpand>Fixed</AutoExpand>`+
				`<EnableQuickFind>false</EnableQuickFind><EnableViewPicker>false</EnableViewPicker><EnableJumpBar>false</EnableJumpBar>`+
				`<ChartGridMode>%s</ChartGridMode>%s<IsUserChart>false</IsUserChart><EnableChartPicker>false</EnableChartPicker><RecordsPerPage>10</RecordsPerPage></parameters></control></cell>`,
				open(p.id), dashboardRows, labels(p.id), p.name, formxml.GridControl, formxml.Braced(p.view.id(table)), table, p.mode, visualization)
		}
		b.WriteString(`</row>` + strings.Repeat(`<row/>`, dashboardRows-1) + `</rows></section>`)
	}
	return b.String() + `</sections></column></columns></tab></tabs></form>`
}

// dashboard makes a dashboard. On one that is there labels are added in languages that are missing; what else administrators have changed
// stays.
func (r *provisioner) dashboard(ctx context.Context, t TableProvision, d Dashboard) error {
	table, err := r.c.Table(ctx, t.Table)
	if err != nil {
		return err
	}
	plural, err := r.plural(ctx, t.Table)
	if err != nil {
		return err
	}
	name := d.Title.about(plural, r.lang).In(r.lang)
	labels := d.texts(table, plural, r.lang, r.labelTexts)
	form, exists := d.layout(table, labels), false
	there := func(ctx context.Context) (bool, error) {
		row, err := r.unpublished(ctx, "systemforms", "formid", d.id(t.Table), "formxml")
		if exists = row != nil; !exists || err != nil {
			return false, err
		}
		form, err = formxml.Labelled(row.Text("formxml"), labels)
		return form == row.Text("formxml"), err
	}
	_, err = r.ensureShown(ctx, dashboardStep(name), there, func(ctx context.Context) error {
		if exists {
			return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: "systemforms(" + d.id(t.Table).String() + ")", IfMatch: "*", Repeatable: true,
				Body: map[string]any{"formxml": form}}, nil)
		}
		return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: "systemforms", Header: r.inSolution(), Body: map[string]any{
			"formid": d.id(t.Table).String(), "name": name, "description": d.Description.In(r.lang), "type": 0, "isdefault": false, "formxml": form}}, nil)
	})
	return err
}
