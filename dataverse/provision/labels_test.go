package provision_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/provision"
)

var (
	labelLists = regexp.MustCompile(`<labels>(.*?)</labels>`)
	oneLabel   = regexp.MustCompile(`<label description="([^"]*)" languagecode="(\d+)"/>`)
)

// labelsOf are what people read of gallra's components on a table, by component and language.
func (l *land) labelsOf(c *dataverse.Client, table string) map[string]map[int]string {
	l.Helper()
	type label struct {
		LocalizedLabels []struct {
			Label        string
			LanguageCode int
		}
	}
	out := map[string]map[int]string{}
	put := func(name string, x label) {
		out[name] = map[int]string{}
		for _, t := range x.LocalizedLabels {
			out[name][t.LanguageCode] = t.Label
		}
	}
	read := func(path string, to any) {
		if err := c.Read(l.Context(), path, to); err != nil {
			l.Fatal(path, err)
		}
	}
	for _, col := range provision.GallraColumns() {
		var a struct {
			DisplayName, Description label
			OptionSet                struct{ TrueOption, FalseOption struct{ Label label } }
		}
		at := "EntityDefinitions(LogicalName='" + table + "')/Attributes(LogicalName='" + col.LogicalName() + "')"
		if col.Kind == provision.YesNoColumn {
			at += "/Microsoft.Dynamics.CRM.BooleanAttributeMetadata?$expand=OptionSet"
		}
		read(at, &a)
		put(col.LogicalName(), a.DisplayName)
		put(col.LogicalName()+".text", a.Description)
		if col.Kind == provision.YesNoColumn {
			put("yes", a.OptionSet.TrueOption.Label)
			put("no", a.OptionSet.FalseOption.Label)
		}
	}
	rows := map[string]string{"chart": "savedqueryvisualizations(" + provision.ChartID(table).String() + ")", "dashboard": "systemforms(" + provision.DashboardID(table).String() + ")"}
	for _, view := range []string{provision.ComingView, provision.MineView, provision.HoldView, provision.RetainedView, provision.RetainedMineView} {
		rows[view] = "savedqueries(" + provision.ViewID(table, view).String() + ")"
	}
	for name, row := range rows {
		for _, column := range []string{"name", "description"} {
			var a struct{ Label label }
			read(fmt.Sprintf("RetrieveLocLabels(EntityMoniker=@p1,AttributeName=@p2,IncludeUnpublished=@p3)?@p1={'@odata.id':'%s'}&@p2='%s'&@p3=true", row, column), &a)
			put(name+"."+column, a.Label)
		}
	}
	// What the forms say in each language: of the section and each cell, and of each part of the dashboard.
	dashboard, err := c.Get(l.Context(), "systemform", provision.DashboardID(table), dataverse.Query{Select: []string{"formxml"}})
	if err != nil {
		l.Fatal(err)
	}
	inner, _ := section(l.T, l.forms(c, table)["Information"])
	for name, text := range map[string]string{"section": inner, "parts of the dashboard": dashboard.Text("formxml")} {
		for i, m := range labelLists.FindAllStringSubmatch(text, -1) {
			texts := map[int]string{}
			for _, one := range oneLabel.FindAllStringSubmatch(m[1], -1) {
				code, _ := strconv.Atoi(one[2])
				texts[code] = one[1]
			}
			if len(texts) > 0 && strings.Contains(m[1], "<label ") {
				out[fmt.Sprintf("%s %d", name, i)] = texts
			}
		}
	}
	return out
}

func (l *land) provision(c *dataverse.Client, p provision.Provisioning) []provision.Step {
	l.Helper()
	steps, err := provision.Run(l.Context(), c, p, false, nil)
	if err != nil {
		l.Fatal(err)
	}
	return steps
}

// Everything that people read is there in each language of the environment that gallra speaks, and in no other; a second run
// writes nothing.
func TestEveryLanguageOfTheEnvironment(t *testing.T) {
	l := newLand(t, emulator.Options{Languages: []int{1053, 1036, 1035, 1030, 1031, 1044}})
	w := &wire{}
	c := l.client(w)
	l.provision(c, onContacts())
	got := l.labelsOf(c, "contact")
	if len(got) != 7*2+2+7*2+6+10 { // the section and its cells; the dashboard's tab, sections and parts
		t.Fatalf("%d texts", len(got))
	}
	for name, texts := range got {
		if len(texts) != 6 || texts[1036] != "" {
			t.Errorf("%s comes in %v", name, texts)
		}
	}
	want := map[int]string{1033: "Contacts to be purged within 2 months", 1053: "Contacts som ska gallras inom 2 månader", 1030: "Contacts, der skal slettes inden for 2 måneder",
		1044: "Contacts som skal slettes innen 2 måneder", 1035: "Contacts, poistetaan 2 kuukauden kuluessa", 1031: "Contacts, zu löschen innerhalb von 2 Monaten"}
	if diff := cmp.Diff(want, got[provision.ComingView+".name"]); diff != "" {
		t.Error(diff)
	}
	before := len(w.writes)
	for _, s := range l.provision(c, onContacts()) {
		if !s.Present {
			t.Errorf("%s is done twice", s.What)
		}
	}
	if len(w.writes) != before {
		t.Errorf("a second run writes %v", w.writes[before:])
	}
	files, err := provision.ExportSolution(t.Context(), c, onContacts())
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"Other/Customizations.xml": "<Language>1035</Language>", "Entities/Contact/Entity.xml": `<displayname description="Löschsperre" languagecode="1031" />`} {
		if !strings.Contains(string(files[file]), text) {
			t.Errorf("%s does not say %s", file, text)
		}
	}
}

// A language that is switched on later is added to what is there, also by runs that are cut off after every second write; what
// administrators call things stays as they call it.
func TestALanguageMore(t *testing.T) {
	l := newLand(t, emulator.Options{})
	c := l.client(&wire{})
	l.provision(c, onContacts())
	if steps := l.provision(c, onContacts()); strings.Contains(fmt.Sprint(steps), "names in") {
		t.Fatal("an environment of one language is asked for names")
	}
	l.rename(c, 1033, "Own name")
	l.server.ProvisionLanguages(1053)
	cuts := 0
	for ; cuts < 100; cuts++ {
		ctx, kill := context.WithCancel(t.Context())
		_, err := provision.Run(ctx, l.client(&wire{write: 2, after: true, kill: kill}), onContacts(), false, nil)
		kill()
		if err == nil {
			break
		}
	}
	if cuts < 5 || cuts > 50 {
		t.Errorf("%d runs were cut off", cuts)
	}
	w := &wire{}
	if l.provision(l.client(w), onContacts()); len(w.writes) > 0 {
		t.Errorf("a run after writes %v", w.writes)
	}
	got := l.labelsOf(c, "contact")
	for name, texts := range got {
		if len(texts) != 2 {
			t.Errorf("%s comes in %v", name, texts)
		}
	}
	if got["gallra_purgescheduledon"][1033] != "Own name" || got["gallra_purgescheduledon"][1053] != "Gallras" || got["yes"][1053] != "Ja" || got[provision.MineView+".name"][1053] != "Ska gallras, mina" {
		t.Error(got)
	}
	l.rename(c, 1053, "Eget namn")
	if l.provision(c, onContacts()); l.labelsOf(c, "contact")["gallra_purgescheduledon"][1053] != "Eget namn" {
		t.Error("an administrator's name is written over")
	}
}

// rename calls the purge date otherwise in a language, as an administrator does it.
func (l *land) rename(c *dataverse.Client, code int, name string) {
	l.Helper()
	path := "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='gallra_purgescheduledon')"
	definition := map[string]any{}
	if err := c.Read(l.Context(), path+"/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata", &definition); err != nil {
		l.Fatal(err)
	}
	delete(definition, "@odata.context")
	definition["@odata.type"] = "Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"
	definition["DisplayName"] = map[string]any{"LocalizedLabels": []any{map[string]any{"Label": name, "LanguageCode": code}}}
	if err := c.Do(l.Context(), dataverse.Operation{Method: http.MethodPut, Path: path, Body: definition, Header: http.Header{"MSCRM.MergeLabels": {"true"}}}, nil); err != nil {
		l.Fatal(err)
	}
}
