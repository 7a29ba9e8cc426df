package provision_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/gallra/gallra/dataverse/provision"
)

// The exported solution has the names and places that the packager looks for, is well-formed, and says the same as what
// provisioning makes: the same ids, the same queries.
func TestExportSolution(t *testing.T) {
	l := newLand(t, emulator.Options{})
	if err := l.server.AddColumns("nord", emulator.Column{Table: "lead", SchemaName: "nord_Held", Type: "Boolean"}); err != nil {
		t.Fatal(err)
	}
	w := &wire{bodies: map[string]map[string]any{}}
	c := l.client(w)
	p := provision.MappedProvisioning([]provision.GallraTable{{Table: "contact"}, {Table: "lead", Columns: provision.OwnColumns{LegalHold: "nord_held"}}}, twoRights)
	files, err := provision.ExportSolution(t.Context(), c, p)
	if err != nil || len(w.writes) > 0 {
		t.Fatal(err, w.writes)
	}
	guid := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		names = append(names, guid.ReplaceAllString(name, "ID"))
		wellFormed(t, name, files[name])
	}
	want := []string{"Dashboards/{ID}.xml", "Dashboards/{ID}.xml"}
	for _, table := range []string{"Contact", "Lead"} {
		want = append(want, "Entities/"+table+"/Entity.xml", "Entities/"+table+"/FormXml/main/{ID}.xml")
		want = append(want, slices.Repeat([]string{"Entities/" + table + "/SavedQueries/{ID}.xml"}, 5)...)
		want = append(want, "Entities/"+table+"/Visualizations/{ID}.xml")
	}
	want = append(want, "Other/Customizations.xml", "Other/Solution.xml", "Roles/gallra.xml")
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatal(diff)
	}
	var entity struct {
		Name       string
		Attributes []struct {
			PhysicalName string `xml:"PhysicalName,attr"`
			Type, Name   string
			Behavior     int
			MaxLength    int
		} `xml:"EntityInfo>entity>attributes>attribute"`
	}
	decode(t, files["Entities/Contact/Entity.xml"], &entity)
	if entity.Name != "Contact" || len(entity.Attributes) != 7 {
		t.Errorf("%+v", entity)
	}
	for _, a := range entity.Attributes {
		if a.Name != strings.ToLower(a.PhysicalName) || a.Type == "datetime" && a.Behavior != 2 || a.Type == "nvarchar" && a.MaxLength != 500 {
			t.Errorf("%+v", a)
		}
	}
	if lead := string(files["Entities/Lead/Entity.xml"]); strings.Contains(lead, "nord_") || strings.Contains(lead, "gallra_LegalHold") {
		t.Error("a mapped column is in the solution, or the one that it stands in for")
	}
	if _, err := provision.Run(t.Context(), c, p, false, nil); err != nil {
		t.Fatal(err)
	}
	views := 0
	for row, err := range c.Rows(t.Context(), dataverse.Query{Set: "savedqueries", Select: []string{"savedqueryid", "name", "fetchxml", "layoutxml", "returnedtypecode"}, Filter: own["savedqueries"]}) {
		if err != nil {
			t.Fatal(err)
		}
		folder := map[string]string{"contact": "Contact", "lead": "Lead"}[row.Text("returnedtypecode")]
		file := files["Entities/"+folder+"/SavedQueries/{"+row.ID("savedqueryid").String()+"}.xml"]
		if !bytes.Contains(file, []byte("<fetchxml>"+row.Text("fetchxml")+"</fetchxml>")) || !bytes.Contains(file, []byte("<layoutxml>"+row.Text("layoutxml")+"</layoutxml>")) ||
			!bytes.Contains(file, []byte(row.Text("name"))) {
			t.Errorf("view %s differs: %s", row.Text("name"), file)
		}
		if _, err := fetchxml.Parse([]byte(row.Text("fetchxml"))); err != nil {
			t.Error(err)
		}
		views++
	}
	if views != 10 {
		t.Errorf("%d views", views)
	}
	l.importShown(c, files, p)
	var role struct {
		ID     string `xml:"id,attr"`
		Rights []struct {
			Name  string `xml:"name,attr"`
			Level string `xml:"level,attr"`
		} `xml:"RolePrivileges>RolePrivilege"`
	}
	decode(t, files["Roles/gallra.xml"], &role)
	if len(role.Rights) != 2 || role.Rights[0].Name != "prvDeleteContact" || role.Rights[0].Level != "Global" {
		t.Errorf("%+v", role)
	}
	var manifest struct {
		Prefix string `xml:"SolutionManifest>Publisher>CustomizationPrefix"`
		Name   string `xml:"SolutionManifest>UniqueName"`
		Roots  []struct {
			Type       string `xml:"type,attr"`
			ID         string `xml:"id,attr"`
			SchemaName string `xml:"schemaName,attr"`
			Behavior   string `xml:"behavior,attr"`
		} `xml:"SolutionManifest>RootComponents>RootComponent"`
	}
	decode(t, files["Other/Solution.xml"], &manifest)
	if manifest.Prefix != "gallra" || manifest.Name != "gallra" || len(manifest.Roots) != 5 || manifest.Roots[2].ID != role.ID || manifest.Roots[3].Type != "60" || manifest.Roots[0].SchemaName != "contact" || manifest.Roots[0].Behavior != "2" {
		t.Errorf("%+v", manifest)
	}
}

// importShown holds the charts, dashboards and forms of the files against what provisioning has made, and forms against what the service
// takes.
func (l *land) importShown(c *dataverse.Client, files map[string][]byte, p provision.Provisioning) {
	l.Helper()
	for _, table := range p.Tables {
		folder := "Entities/" + strings.ToUpper(table.Table[:1]) + table.Table[1:]
		chart, err := c.Get(l.Context(), "savedqueryvisualization", provision.ChartID(table.Table), dataverse.Query{Select: []string{"datadescription", "presentationdescription"}})
		if err != nil {
			l.Fatal(err)
		}
		file := files[folder+"/Visualizations/{"+provision.ChartID(table.Table).String()+"}.xml"]
		if !bytes.Contains(file, []byte(chart.Text("datadescription"))) || !bytes.Contains(file, []byte(chart.Text("presentationdescription"))) {
			l.Errorf("the chart differs: %s", file)
		}
		dashboard, err := c.Get(l.Context(), "systemform", provision.DashboardID(table.Table), dataverse.Query{Select: []string{"formxml"}})
		if err != nil {
			l.Fatal(err)
		}
		file = files["Dashboards/{"+provision.DashboardID(table.Table).String()+"}.xml"]
		if !bytes.Contains(file, []byte(dashboard.Text("formxml"))) {
			l.Errorf("the dashboard differs: %s", file)
		}
		file = files[folder+"/FormXml/main/{"+provision.FormID(table.Table).String()+"}.xml"]
		_, form, found := strings.Cut(string(file), "<form>")
		form, _, closed := strings.Cut(form, "</form>")
		if !found || !closed {
			l.Fatalf("no form: %s", file)
		}
		body := map[string]any{"name": "Imported", "objecttypecode": table.Table, "type": 2, "formxml": "<form>" + form + "</form>"}
		if _, err := c.Create(l.Context(), "systemforms", body, nil); err != nil {
			l.Error(err)
		}
	}
}

func wellFormed(t *testing.T, name string, file []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(file))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func decode(t *testing.T, file []byte, into any) {
	t.Helper()
	if err := xml.Unmarshal(file, into); err != nil {
		t.Fatal(err)
	}
}
