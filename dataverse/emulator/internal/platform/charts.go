package platform

import (
	"encoding/xml"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

func badChart(why string) *wire.Error {
	return wire.NewError(http.StatusBadRequest, "0x80040216", "The chart is not valid: %s.", why)
}

// chartData is the description of a chart's data. Page: visualization-data-description-schema.
type chartData struct {
	XMLName xml.Name
	Fetches []struct {
		Inner string     `xml:",innerxml"`
		Attrs []xml.Attr `xml:",any,attr"`
	} `xml:"fetchcollection>fetch"`
	Categories []struct {
		Alias    string `xml:"alias,attr"`
		Measures []struct {
			Measure []struct {
				Alias string `xml:"alias,attr"`
			} `xml:"measure"`
		} `xml:"measurecollection"`
	} `xml:"categorycollection>category"`
}

// checkChart: a chart belongs to a table, its query must fit that, what it shows must be in the query, and how it looks is XML of a
// Chart. Pages: savedqueryvisualization (reference), create-visualization-chart, understand-charts-underlying-data-chart-representation.
func (w *Writer) checkChart(t *schema.Table, before, r *store.Row) error {
	name := store.Text(t, r, "primaryentitytypecode")
	of := w.Schema.Tables[name]
	switch {
	case store.Int(t, r, "charttype") != 0:
		return wire.NotEmulated(w.Engine, "charts of Power BI")
	case store.Lookup(t, r, "webresourceid").ID != uuid.Nil:
		return wire.NotEmulated(w.Engine, "charts of web resources")
	case store.Text(t, r, "name") == "":
		return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field 'name' is missing on the entity 'savedqueryvisualization'.")
	case of == nil:
		return wire.NoTable(http.StatusBadRequest, "0x80060888", name)
	}
	for _, column := range []string{"datadescription", "presentationdescription"} {
		if store.Text(t, r, column) == "" {
			return wire.NewError(http.StatusBadRequest, "0x80040200", "The required field '%s' is missing on the entity 'savedqueryvisualization'.", column)
		}
	}
	if root, err := rootOf(store.Text(t, r, "presentationdescription")); err != nil || root != "Chart" {
		return badChart("its presentation description is not XML of a Chart")
	}
	var d chartData
	if root, err := rootOf(store.Text(t, r, "datadescription")); err != nil || root != "datadefinition" || xml.Unmarshal([]byte(store.Text(t, r, "datadescription")), &d) != nil {
		return badChart("its data description is not XML of a datadefinition")
	}
	return w.checkChartData(of, d)
}

func (w *Writer) checkChartData(of *schema.Table, d chartData) error {
	if len(d.Fetches) == 0 || len(d.Categories) == 0 {
		return badChart("its data description lacks the fetch or the category")
	}
	known := map[string]bool{}
	for _, f := range d.Fetches {
		parsed, err := fetchxml.Parse([]byte(fetchText(f.Attrs, f.Inner)))
		if err != nil {
			return query.FetchError(err)
		}
		if parsed.Entity.Name != of.Name {
			return badChart("its query is of the entity '" + parsed.Entity.Name + "', not of '" + of.Name + "'")
		}
		if err := w.checkFetch(of, parsed); err != nil {
			return err
		}
		for _, a := range parsed.Entity.Attributes {
			if of.Column(a.Name) == nil {
				return wire.NewError(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s' and NameMapping = 'Logical'.", of.Name, a.Name)
			}
			known[a.Name], known[a.Alias] = true, true
		}
	}
	for _, c := range d.Categories {
		if c.Alias != "" && !known[c.Alias] {
			return badChart("the category '" + c.Alias + "' is no alias of its query")
		}
		if len(c.Measures) == 0 {
			return badChart("a category has no measurecollection")
		}
		for _, m := range c.Measures {
			if len(m.Measure) == 0 {
				return badChart("a measurecollection has no measure")
			}
			for _, x := range m.Measure {
				if x.Alias == "" || !known[x.Alias] {
					return badChart("the measure '" + x.Alias + "' is no alias of its query")
				}
			}
		}
	}
	return nil
}

// fetchText is the fetch element as it stood in the chart.
func fetchText(attrs []xml.Attr, inner string) string {
	var b strings.Builder
	b.WriteString("<fetch")
	for _, a := range attrs {
		b.WriteString(" " + a.Name.Local + `="`)
		_ = xml.EscapeText(&b, []byte(a.Value)) // a Builder takes everything
		b.WriteString(`"`)
	}
	return b.String() + ">" + inner + "</fetch>"
}

// rootOf is the name of the root element of a text that is XML.
func rootOf(text string) (root string, err error) {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return root, nil
		}
		if err != nil {
			return "", err
		}
		if start, ok := tok.(xml.StartElement); ok && root == "" {
			root = start.Name.Local
		}
	}
}

// grid is the class of the control that shows a view or a chart.
const grid = "{E7A81278-8635-4D9E-8D4D-59480B391C5B}"

// dashboardParts are what a dashboard shows by a control.
type dashboardParts struct {
	Sections []struct {
		Rows []struct {
			Cells []struct {
				Control *struct {
					ID         string `xml:"id,attr"`
					Class      string `xml:"classid,attr"`
					Parameters struct {
						ViewID           string `xml:"ViewId"`
						TargetEntityType string
						ChartGridMode    string
						VisualizationID  string `xml:"VisualizationId"`
					} `xml:"parameters"`
				} `xml:"control"`
			} `xml:"cell"`
		} `xml:"rows>row"`
	} `xml:"tabs>tab>columns>column>sections>section"`
}

var chartGridModes = regexp.MustCompile(`^(All|Chart|Grid)$`)

// checkDashboard: each view and chart that it shows is there and of the table that it says. Pages: create-dashboard,
// understand-dashboards-dashboard-components-formxml.
func (w *Writer) checkDashboard(text string) error {
	if err := checkFormXML(nil, text, false); err != nil {
		return err
	}
	var d dashboardParts
	if xml.Unmarshal([]byte(text), &d) != nil {
		return badForm("it is not XML of a dashboard")
	}
	views, charts := w.Schema.Tables["savedquery"], w.Schema.Tables["savedqueryvisualization"]
	for _, s := range d.Sections {
		for _, row := range s.Rows {
			for _, cell := range row.Cells {
				c := cell.Control
				if c == nil || !strings.EqualFold(c.Class, grid) {
					continue
				}
				p := c.Parameters
				switch {
				case w.Schema.Tables[p.TargetEntityType] == nil:
					return badForm("the control '" + c.ID + "' is of the entity '" + p.TargetEntityType + "', which does not exist")
				case p.ChartGridMode != "" && !chartGridModes.MatchString(p.ChartGridMode):
					return badForm("the ChartGridMode '" + p.ChartGridMode + "' is none of All, Chart, Grid")
				}
				if !w.isOf(views, p.ViewID, "returnedtypecode", p.TargetEntityType) {
					return badForm("the view '" + p.ViewID + "' of the control '" + c.ID + "' does not exist for '" + p.TargetEntityType + "'")
				}
				if p.VisualizationID != "" && !w.isOf(charts, p.VisualizationID, "primaryentitytypecode", p.TargetEntityType) {
					return badForm("the chart '" + p.VisualizationID + "' of the control '" + c.ID + "' does not exist for '" + p.TargetEntityType + "'")
				}
			}
		}
	}
	return nil
}

// componentDeletable refuses to delete a view or a chart that a dashboard shows, and what may not be customised. Page:
// dependency-tracking-solution-components.
func (w *Writer) componentDeletable(x *rowWrite) error {
	switch x.table.Name {
	case "systemform":
		return w.customizable(x.table, x.before, "Delete")
	case "savedquery", "savedqueryvisualization":
	default:
		return nil
	}
	forms, by := w.Schema.Tables["systemform"], 0
	if forms == nil {
		return nil
	}
	w.Data["systemform"].Scan(uuid.Nil, func(r *store.Row) bool {
		if strings.Contains(strings.ToLower(store.Text(forms, r, "formxml")), x.before.ID.String()) {
			by++
		}
		return true
	})
	if by > 0 {
		return metadata.InUse(x.table.SchemaName, x.before.ID.String(), by)
	}
	return nil
}

// isOf tells whether a view or a chart is there and of the table.
func (w *Writer) isOf(t *schema.Table, id, column, table string) bool {
	parsed, err := uuid.Parse(strings.TrimSpace(id))
	if err != nil {
		return false
	}
	r := w.Data[t.Name].Get(parsed)
	return r != nil && store.Text(t, r, column) == table
}
