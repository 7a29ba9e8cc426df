package provision_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/provision"
)

// forms are the layouts of a table's main forms by their names.
func (l *land) forms(c *dataverse.Client, table string) map[string]string {
	l.Helper()
	out := map[string]string{}
	q := dataverse.Query{Set: "systemforms", Select: []string{"name", "formxml"}, Filter: "objecttypecode eq '" + table + "' and type eq 2"}
	for row, err := range c.Rows(l.Context(), q) {
		if err != nil {
			l.Fatal(err)
		}
		out[row.Text("name")] = row.Text("formxml")
	}
	return out
}

// strangers is a form as a company has made it: two tabs, the first hidden, with handlers and blanks between everything.
const strangers = `<form showImage="true" headerdensity="HighWithControls">
  <tabs>
    <tab name="hidden" id="{a1000000-0000-4000-8000-000000000001}" visible="false" IsUserDefined="1"><labels><label description="Intern" languagecode="1033" /></labels>
      <columns><column width="100%"><sections><section name="x" id="{a1000000-0000-4000-8000-000000000002}"><rows /></section></sections></column></columns></tab>
    <tab name="summary" id="{a1000000-0000-4000-8000-000000000003}" IsUserDefined="1" expanded="true">
      <labels><label description="Sammanfattning &amp; mer" languagecode="1033" /></labels>
      <columns>
        <column width="50%"><sections>
          <section name="person" id="{a1000000-0000-4000-8000-000000000004}" showlabel="true" columns="11">
            <labels><label description="Person" languagecode="1033" /></labels>
            <rows><row><cell id="{a1000000-0000-4000-8000-000000000005}"><labels><label description="Namn" languagecode="1033" /></labels>
              <control id="lastname" classid="{4273EDBD-AC1D-40d3-9FB2-095C621B552D}" datafieldname="lastname" /></cell></row></rows>
          </section>
        </sections>
        <events><event name="tabstatechange" application="false" active="false"><Handlers><Handler functionName="Nord.tab" libraryName="nord_/form.js" handlerUniqueId="{a1000000-0000-4000-8000-000000000006}" enabled="true" /></Handlers></event></events></column>
        <column width="50%"><sections /></column>
      </columns>
    </tab>
  </tabs>
  <events><event name="onload" application="false" active="false"><Handlers><Handler functionName="Nord.onLoad" libraryName="nord_/form.js" handlerUniqueId="{a1000000-0000-4000-8000-000000000007}" enabled="true" parameters="&quot;a&quot;" passExecutionContext="true" /></Handlers></event></events>
  <formLibraries><Library name="nord_/form.js" libraryUniqueId="{a1000000-0000-4000-8000-000000000008}" /></formLibraries>
</form>`

// form makes a main form as a customiser does it.
func (l *land) form(c *dataverse.Client, name, xml string, more map[string]any) uuid.UUID {
	l.Helper()
	body := map[string]any{"name": name, "objecttypecode": "contact", "type": 2, "formxml": xml}
	for k, v := range more {
		body[k] = v
	}
	id, err := c.Create(l.Context(), "systemforms", body, nil)
	if err != nil {
		l.Fatal(err)
	}
	return id
}

// closed is a form of a managed solution whose publisher lets nobody change it.
func (l *land) closed(name, xml string) uuid.UUID {
	l.Helper()
	id := uuid.New()
	if err := l.server.Load(emulator.Record{Table: "systemform", ID: id, Values: map[string]any{"name": name, "objecttypecode": "contact", "type": 2, "formxml": xml,
		"formactivationstate": 1, "ismanaged": true, "iscustomizable": false}}); err != nil {
		l.Fatal(err)
	}
	return id
}

func (l *land) remove(c *dataverse.Client) []provision.Removal {
	l.Helper()
	list, err := provision.Removals(l.Context(), c, onContacts())
	if err == nil {
		list, err = provision.Remove(l.Context(), c, list, nil)
	}
	if err != nil {
		l.Fatal(err)
	}
	return list
}

// section takes the section out of a form and tells what was around it.
func section(t *testing.T, form string) (section, rest string) {
	t.Helper()
	before, after, found := strings.Cut(form, `<section name="gallra_retention"`)
	inner, after, closed := strings.Cut(after, "</section>")
	if !found || !closed {
		t.Fatalf("no section on %s", form)
	}
	return inner, before + after
}

func about(steps []provision.Step, word string, present bool) []string {
	return whats(steps, func(s provision.Step) bool { return strings.HasPrefix(s.What, word) && s.Present == present })
}

// A table with several main forms: those in use take the section, with every byte around it as it was; one that is not in use, one
// that shows everything already, and those of other kinds stay as they are. Twice is once, and a removal leaves every form as it was.
func TestSectionOnForms(t *testing.T) {
	l := newLand(t, emulator.Options{})
	c := l.client(&wire{})
	l.form(c, "Nord", strangers, nil)
	l.form(c, "Old", strings.ReplaceAll(strangers, "a1000000", "a2000000"), map[string]any{"formactivationstate": 0})
	l.form(c, "Quick", strings.ReplaceAll(strangers, "a1000000", "a3000000"), map[string]any{"type": 7})
	bare := `<form><tabs><tab id="{a4000000-0000-4000-8000-000000000001}"><columns><column width="100%"><sections/></column></columns></tab></tabs></form>`
	l.form(c, "Bare", bare, nil)
	before := l.forms(c, "contact")
	dry, err := provision.Run(t.Context(), c, onContacts(), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`section "Retention" on form "Bare" of contact`, `section "Retention" on form "Information" of contact`, `section "Retention" on form "Nord" of contact`}
	if diff := cmp.Diff(want, about(dry, "section", false)); diff != "" {
		t.Error(diff)
	}
	l.provision(c, onContacts())
	after := l.forms(c, "contact")
	if len(after) != len(before) {
		t.Errorf("%d forms, there were %d", len(after), len(before))
	}
	inner, rest := section(t, after["Nord"])
	if rest != strangers {
		t.Errorf("somebody else's form is another one: %s", cmp.Diff(strangers, rest))
	}
	if at := strings.Index(after["Nord"], `name="gallra_retention"`); at < strings.Index(after["Nord"], "lastname") || at > strings.Index(after["Nord"], "tabstatechange") {
		t.Errorf("the section is not where people see it: %s", after["Nord"])
	}
	for column, locked := range map[string]string{"gallra_purgescheduledon": "true", "gallra_purgereason": "true", "gallra_retainuntil": "false", "gallra_retainreason": "false", "gallra_legalhold": "false"} {
		if !strings.Contains(inner, `datafieldname="`+column+`" disabled="`+locked+`"`) {
			t.Errorf("%s is not there, or not as it should be: %s", column, inner)
		}
	}
	if after["Old"] != before["Old"] {
		t.Error("a form that nobody uses was changed")
	}
	if _, rest := section(t, after["Bare"]); !strings.Contains(rest, `<tab name="gallra_retention"`) || !strings.Contains(rest, "<sections/>") {
		t.Errorf("a form without room: %s", rest)
	}
	w := &wire{}
	l.provision(l.client(w), onContacts())
	if diff := cmp.Diff(after, l.forms(c, "contact")); diff != "" || len(w.writes) > 0 {
		t.Errorf("a second run changes the forms: %v, %s", w.writes, diff)
	}
	l.remove(c)
	if diff := cmp.Diff(before, l.forms(c, "contact")); diff != "" {
		t.Errorf("a removal leaves something: %s", diff)
	}
}

// Forms that nobody may change, and very many of them, stay as they are: the table gets a form of its own, which goes again.
func TestOwnForm(t *testing.T) {
	for name, tt := range map[string]struct {
		before   func(*land, *dataverse.Client)
		sections int
	}{
		"one of several is closed": {func(l *land, _ *dataverse.Client) { l.closed("Vendor", strangers) }, 1},
		"very many": {func(l *land, c *dataverse.Client) {
			for i := range 12 {
				l.form(c, fmt.Sprintf("Team %d", i), strings.ReplaceAll(strangers, "a1000000", fmt.Sprintf("b%07d", i)), nil)
			}
		}, 0},
		"none": {func(l *land, c *dataverse.Client) {
			for row, err := range c.Rows(l.Context(), dataverse.Query{Set: "systemforms", Select: []string{"formid"}, Filter: "objecttypecode eq 'contact'"}) {
				if err == nil {
					err = c.Do(l.Context(), dataverse.Operation{Method: http.MethodDelete, Path: "systemforms(" + row.ID("formid").String() + ")"}, nil)
				}
				if err != nil {
					l.Fatal(err)
				}
			}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLand(t, emulator.Options{Languages: []int{1053}})
			c := l.client(&wire{})
			tt.before(l, c)
			before := l.forms(c, "contact")
			steps := l.provision(c, onContacts())
			if got := about(steps, "form ", false); !slices.Equal(got, []string{`form "Retention" of contact`}) || len(about(steps, "section", false)) != tt.sections {
				t.Errorf("%v", steps)
			}
			after := l.forms(c, "contact")
			own := after["Retention"]
			for _, column := range []string{"fullname", "ownerid", "gallra_purgescheduledon", "gallra_retainuntil", "gallra_legalhold"} {
				if !strings.Contains(own, `datafieldname="`+column+`"`) {
					t.Errorf("the form does not show %s: %s", column, own)
				}
			}
			if !strings.Contains(own, `<label description="Gallring" languagecode="1053"/>`) {
				t.Errorf("the form is called nothing in Swedish: %s", own)
			}
			delete(after, "Retention")
			if tt.sections == 0 {
				if diff := cmp.Diff(before, after); diff != "" {
					t.Error(diff)
				}
			} else if after["Vendor"] != strangers {
				t.Error("a form that nobody may change was changed")
			}
			w := &wire{}
			if l.provision(l.client(w), onContacts()); len(w.writes) > 0 {
				t.Errorf("a second run writes %v", w.writes)
			}
			l.remove(c)
			if diff := cmp.Diff(before, l.forms(c, "contact")); diff != "" {
				t.Errorf("a removal leaves something: %s", diff)
			}
		})
	}
}

// What an administrator does to the section stays: moved, hidden, renamed, a control taken off or unlocked, columns of their own added. One
// that was deleted whole comes back, as a view does. A removal takes gallra's controls and leaves theirs.
func TestAnAdministratorsSectionStays(t *testing.T) {
	l := newLand(t, emulator.Options{})
	c := l.client(&wire{})
	id := l.form(c, "Nord", strangers, nil)
	l.provision(c, onContacts())
	form := l.forms(c, "contact")["Nord"]
	edit := func(xml string) {
		t.Helper()
		if err := c.Do(t.Context(), dataverse.Operation{Method: http.MethodPatch, Path: "systemforms(" + id.String() + ")", Body: map[string]any{"formxml": xml}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	inner, rest := section(t, form)
	whole := `<section name="gallra_retention"` + inner + "</section>"
	rows := strings.SplitAfter(whole, "</row>")
	reason := rows[1]
	mine := `<row><cell id="{c1000000-0000-4000-8000-000000000001}"><control id="jobtitle" classid="{4273EDBD-AC1D-40d3-9FB2-095C621B552D}" datafieldname="jobtitle" /></cell></row>`
	moved := strings.NewReplacer(`description="Retention"`, `description="Gallring hos oss"`, reason, mine, `showlabel="true" showbar`, `visible="false" showlabel="true" showbar`,
		`datafieldname="gallra_purgescheduledon" disabled="true"`, `datafieldname="gallra_purgescheduledon" disabled="false"`).Replace(whole)
	edited := strings.Replace(rest, `<section name="x"`, moved+`<section name="x"`, 1)
	edit(edited)
	w := &wire{}
	l.provision(l.client(w), onContacts())
	if got := l.forms(c, "contact")["Nord"]; got != edited || len(w.writes) > 0 {
		t.Errorf("an administrator's change is undone: %v %s", w.writes, cmp.Diff(edited, got))
	}
	// The cells stay themselves wherever they stand, so that another column takes over where they are.
	if err := l.server.AddColumns("nord", emulator.Column{Table: "contact", SchemaName: "nord_Held", Type: "Boolean"}); err != nil {
		t.Fatal(err)
	}
	p := provision.MappedProvisioning([]provision.GallraTable{{Table: "contact", Columns: provision.OwnColumns{LegalHold: "nord_held"}}}, twoRights)
	l.provision(c, p)
	if want, got := strings.ReplaceAll(edited, `id="gallra_legalhold"`, `id="nord_held"`), l.forms(c, "contact")["Nord"]; got == edited || len(got) > len(want) ||
		!strings.Contains(got, `datafieldname="nord_held"`) || strings.Contains(got, "gallra_legalhold") || strings.Contains(got, "gallra_purgereason") {
		t.Errorf("another mapping: %s", cmp.Diff(edited, got))
	}
	list := l.remove(c)
	if i := slices.IndexFunc(list, func(r provision.Removal) bool { return !r.Done }); i >= 0 {
		t.Errorf("%+v", list[i])
	}
	got := l.forms(c, "contact")["Nord"]
	if strings.Contains(got, "gallra_p") || strings.Contains(got, "nord_held") || !strings.Contains(got, mine) || !strings.Contains(got, "Gallring hos oss") {
		t.Errorf("a removal leaves this: %s", got)
	}
	edit(strangers)
	l.provision(c, onContacts())
	edit(strangers)
	l.provision(c, onContacts())
	if _, rest := section(t, l.forms(c, "contact")["Nord"]); rest != strangers {
		t.Error(rest)
	}
}

// A company that has put the columns onto its form by hand has what it needs; where some are missing, the section has those.
func TestColumnsThatAFormShowsAlready(t *testing.T) {
	l := newLand(t, emulator.Options{})
	c := l.client(&wire{})
	l.provision(c, onContacts().WithoutForms())
	var cells, three string
	for i, column := range []string{"purgescheduledon", "purgereason", "retainuntil", "retainreason", "legalhold"} {
		cells += fmt.Sprintf(`<row><cell id="{d1000000-0000-4000-8000-00000000000%d}"><control id="gallra_%[2]s" classid="{4273EDBD-AC1D-40d3-9FB2-095C621B552D}" datafieldname="gallra_%[2]s" /></cell></row>`, i, column)
		if i == 2 {
			three = cells
		}
	}
	all := strings.Replace(strangers, "<rows><row>", "<rows>"+cells+"<row>", 1)
	l.form(c, "All", all, nil)
	l.form(c, "Some", strings.ReplaceAll(strings.Replace(strangers, "<rows><row>", "<rows>"+three+"<row>", 1), "a1000000", "a5000000"), nil)
	l.provision(c, onContacts())
	forms := l.forms(c, "contact")
	if forms["All"] != all {
		t.Errorf("a form that shows everything was changed: %s", cmp.Diff(all, forms["All"]))
	}
	if inner, _ := section(t, forms["Some"]); strings.Count(inner, "<control") != 2 || !strings.Contains(inner, "gallra_retainreason") || !strings.Contains(inner, "gallra_legalhold") {
		t.Error(inner)
	}
}

// A form that the service takes from nobody, or that no program can read, stops provisioning with a word of its own; without forms it goes on.
func TestAFormThatCannotBeEdited(t *testing.T) {
	for name, xml := range map[string]string{"refused": strings.Replace(strangers, "<events>", "<novelty/><events>", 1), "not XML": "<form><tabs>", "no tabs": "<form/>"} {
		t.Run(name, func(t *testing.T) {
			l := newLand(t, emulator.Options{})
			if err := l.server.Load(emulator.Record{Table: "systemform", ID: uuid.New(), Values: map[string]any{"name": "Odd", "objecttypecode": "contact", "type": 2, "formxml": xml, "formactivationstate": 1}}); err != nil {
				t.Fatal(err)
			}
			c := l.client(&wire{})
			_, err := provision.Run(t.Context(), c, onContacts(), false, nil)
			var form *provision.FormError
			if !errors.As(err, &form) || !strings.Contains(err.Error(), `on form "Odd" of contact`) {
				t.Errorf("%v", err)
			}
			l.provision(c, onContacts().WithoutForms())
			if got := l.forms(c, "contact")["Odd"]; got != xml {
				t.Error(got)
			}
		})
	}
}

// A table that comes to have very many forms keeps those up to date that have the section.
func TestMoreFormsThanBefore(t *testing.T) {
	l := newLand(t, emulator.Options{})
	c := l.client(&wire{})
	l.provision(c, onContacts())
	for i := range 12 {
		l.form(c, fmt.Sprintf("Team %d", i), strings.ReplaceAll(strangers, "a1000000", fmt.Sprintf("b%07d", i)), nil)
	}
	if err := l.server.AddColumns("nord", emulator.Column{Table: "contact", SchemaName: "nord_Held", Type: "Boolean"}); err != nil {
		t.Fatal(err)
	}
	p := provision.MappedProvisioning([]provision.GallraTable{{Table: "contact", Columns: provision.OwnColumns{LegalHold: "nord_held"}}}, twoRights)
	l.provision(c, p)
	forms := l.forms(c, "contact")
	if !strings.Contains(forms["Information"], "nord_held") || strings.Contains(forms["Information"], "gallra_legalhold") || !strings.Contains(forms["Retention"], "nord_held") {
		t.Errorf("%s\n%s", forms["Information"], forms["Retention"])
	}
	if strings.Contains(forms["Team 1"], "gallra_") {
		t.Error(forms["Team 1"])
	}
}

// Whoever wants no form touched says so: nothing of a form is read or written, and what is there stays.
func TestWithoutForms(t *testing.T) {
	l := newLand(t, emulator.Options{})
	c := l.client(&wire{})
	before := l.forms(c, "contact")
	steps := l.provision(c, onContacts().WithoutForms())
	if got := append(about(steps, "section", false), about(steps, "form", false)...); len(got) > 0 {
		t.Error(got)
	}
	if diff := cmp.Diff(before, l.forms(c, "contact")); diff != "" {
		t.Error(diff)
	}
	l.provision(c, onContacts())
	with := l.forms(c, "contact")
	l.provision(c, onContacts().WithoutForms())
	if diff := cmp.Diff(with, l.forms(c, "contact")); diff != "" {
		t.Error(diff)
	}
}

// A form that comes later is published also when the run that put the section on it was cut off before it could.
func TestALaterFormIsPublished(t *testing.T) {
	l := newLand(t, emulator.Options{})
	c := l.client(&wire{})
	l.provision(c, onContacts())
	l.form(c, "Nord", strangers, nil)
	full := l.server.Snapshot()
	for cut := 1; ; cut++ {
		if err := l.server.Restore(full); err != nil {
			t.Fatal(err)
		}
		ctx, kill := context.WithCancel(t.Context())
		first := &wire{write: cut, after: true, kill: kill}
		_, err := provision.Run(ctx, l.client(first), onContacts(), false, nil)
		kill()
		if err == nil {
			if cut < 4 {
				t.Errorf("only %d writes", cut-1)
			}
			return
		}
		second := &wire{}
		l.provision(l.client(second), onContacts())
		if !slices.Contains(append(first.writes, second.writes...), "POST PublishXml") {
			t.Fatalf("cut off at write %d: %v, %v: never published", cut, first.writes, second.writes)
		}
	}
}
