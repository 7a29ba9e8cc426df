package provision_test

import (
	"encoding/xml"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/provision"
)

// formSchema is what the page form-xml-schema says of the elements that gallra writes: which may stand in it, how often at most (0: as often
// as one likes), and its attributes by type.
var formSchema = map[string]struct {
	children map[string]int
	attrs    map[string]string
}{
	"form": {map[string]int{"tabs": 1, "DisplayConditions": 1}, nil},
	"tabs": {map[string]int{"tab": 100}, nil},
	"tab": {map[string]int{"labels": 1, "columns": 1}, map[string]string{"name": "text", "verticallayout": "boolean", "showlabel": "boolean", "id": "guid", "IsUserDefined": "text",
		"locklevel": "number", "expanded": "boolean"}},
	"columns":  {map[string]int{"column": 3}, nil},
	"column":   {map[string]int{"sections": 1}, map[string]string{"width": "percentage"}},
	"sections": {map[string]int{"section": 0}, nil},
	"section": {map[string]int{"labels": 1, "rows": 1}, map[string]string{"name": "text", "showlabel": "boolean", "showbar": "boolean", "id": "guid", "IsUserDefined": "text", "locklevel": "number",
		"layout": "text", "columns": "number", "labelwidth": "number", "celllabelalignment": "alignment", "celllabelposition": "position"}},
	"rows":    {map[string]int{"row": 0}, nil},
	"row":     {map[string]int{"cell": 0}, nil},
	"cell":    {map[string]int{"labels": 1, "control": 1}, map[string]string{"auto": "boolean", "id": "guid", "showlabel": "boolean", "locklevel": "number", "rowspan": "number", "colspan": "number"}},
	"control": {map[string]int{"parameters": 1}, map[string]string{"id": "text", "classid": "guid", "datafieldname": "text", "disabled": "boolean", "indicationOfSubgrid": "boolean"}},
	"labels":  {map[string]int{"label": 0}, nil},
	"label":   {nil, map[string]string{"description": "text", "languagecode": "number"}},
	"parameters": {map[string]int{"ViewId": 1, "IsUserView": 1, "IsUserChart": 1, "RelationshipName": 1, "TargetEntityType": 1, "AutoExpand": 1, "RecordsPerPage": 1, "EnableQuickFind": 1, "EnableJumpBar": 1,
		"EnableViewPicker": 1, "ChartGridMode": 1, "VisualizationId": 1, "EnableChartPicker": 1}, nil},
	"DisplayConditions": {map[string]int{"Everyone": 1}, map[string]string{"FallbackForm": "boolean", "Order": "number"}},
}

// formTypes are the simple types of the schema, of attributes and of the elements without any.
var formTypes = map[string]*regexp.Regexp{
	"text": regexp.MustCompile(``), "boolean": regexp.MustCompile(`^(true|false|0|1)$`), "number": regexp.MustCompile(`^\d+$`), "percentage": regexp.MustCompile(`^(100|[0-9]{1,2})%$`),
	"guid":      regexp.MustCompile(`^\{[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}\}$`),
	"alignment": regexp.MustCompile(`^(Center|Left|Right)$`), "position": regexp.MustCompile(`^(Top|Left)$`),
	"ViewId": regexp.MustCompile(`^\{[a-fA-F0-9-]{36}\}$`), "AutoExpand": regexp.MustCompile(`^(Auto|Fixed|AutoWithFixedMax)$`), "RecordsPerPage": regexp.MustCompile(`^\d+$`),
	"IsUserView": regexp.MustCompile(`^false$`), "EnableQuickFind": regexp.MustCompile(`^false$`),
}

// checkFormSchema holds a form against the schema.
func checkFormSchema(t *testing.T, form string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(form))
	var path []string
	counts := []map[string]int{{}}
	text := ""
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err, form)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			if len(path) > 0 {
				within := formSchema[path[len(path)-1]]
				most, allowed := within.children[name]
				counts[len(counts)-1][name]++
				if !allowed || most > 0 && counts[len(counts)-1][name] > most {
					t.Errorf("%s in %s", name, strings.Join(path, "/"))
				}
			}
			for _, a := range tok.Attr {
				typ, allowed := formSchema[name].attrs[a.Name.Local]
				if !allowed || !formTypes[typ].MatchString(a.Value) {
					t.Errorf("%s of %s is %q", a.Name.Local, name, a.Value)
				}
			}
			path, counts, text = append(path, name), append(counts, map[string]int{}), ""
		case xml.CharData:
			text += string(tok)
		case xml.EndElement:
			if typ := formTypes[tok.Name.Local]; typ != nil && slices.Contains(path, "parameters") && !typ.MatchString(text) {
				t.Errorf("%s is %q", tok.Name.Local, text)
			}
			path, counts = path[:len(path)-1], counts[:len(counts)-1]
		}
	}
}

// Everything that gallra writes of a form fits the schema that Microsoft's page has of forms, and a dashboard what the page on making one
// says of its designer: as many rows in a section as its cells are high, and no more than six parts.
func TestFormsFitTheSchema(t *testing.T) {
	l := newLand(t, emulator.Options{Languages: []int{1031}})
	l.closed("Vendor", strangers)
	c := l.client(&wire{})
	l.provision(c, onContacts())
	forms := l.forms(c, "contact")
	inner, _ := section(t, forms["Information"])
	checkFormSchema(t, `<form><tabs><tab><columns><column width="100%"><sections><section name="gallra_retention"`+inner+`</section></sections></column></columns></tab></tabs></form>`)
	checkFormSchema(t, forms["Retention"])
	row, err := c.Get(t.Context(), "systemform", provision.DashboardID("contact"), dataverse.Query{Select: []string{"formxml"}})
	if err != nil {
		t.Fatal(err)
	}
	checkFormSchema(t, row.Text("formxml"))
	var dashboard struct {
		Sections []struct {
			Rows []struct {
				Cells []struct {
					RowSpan int `xml:"rowspan,attr"`
				} `xml:"cell"`
			} `xml:"rows>row"`
		} `xml:"tabs>tab>columns>column>sections>section"`
	}
	decode(t, []byte(row.Text("formxml")), &dashboard)
	parts := 0
	for _, s := range dashboard.Sections {
		for _, r := range s.Rows {
			for _, cell := range r.Cells {
				parts++
				if cell.RowSpan != len(s.Rows) {
					t.Errorf("a cell is %d high among %d rows", cell.RowSpan, len(s.Rows))
				}
			}
		}
	}
	if parts < 4 || parts > 6 {
		t.Errorf("%d parts", parts)
	}
}
