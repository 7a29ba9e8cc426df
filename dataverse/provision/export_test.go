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
	want := []string{"Entities/Contact/Entity.xml", "Entities/Contact/SavedQueries/{ID}.xml", "Entities/Contact/SavedQueries/{ID}.xml", "Entities/Contact/SavedQueries/{ID}.xml",
		"Entities/Lead/Entity.xml", "Entities/Lead/SavedQueries/{ID}.xml", "Entities/Lead/SavedQueries/{ID}.xml", "Entities/Lead/SavedQueries/{ID}.xml",
		"Other/Customizations.xml", "Other/Solution.xml", "Roles/gallra.xml"}
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
	for row, err := range c.Rows(t.Context(), dataverse.Query{Set: "savedqueries", Select: []string{"savedqueryid", "name", "fetchxml", "layoutxml", "returnedtypecode"}}) {
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
	if views != 6 {
		t.Errorf("%d views", views)
	}
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
	if manifest.Prefix != "gallra" || manifest.Name != "gallra" || len(manifest.Roots) != 3 || manifest.Roots[2].ID != role.ID || manifest.Roots[0].SchemaName != "contact" || manifest.Roots[0].Behavior != "2" {
		t.Errorf("%+v", manifest)
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
