package purge_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/purge"
)

const hangingPolicy = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: delete
    grounds:
      - {id: deal, basis: contract, why: A deal that is open, table: opportunity, link: parentcontactid, where: statecode eq 0, mayBeEmpty: true}
    related:
      - {table: incident, link: customerid, do: keep, why: Liability}
      - {table: incident, link: primarycontactid, do: keep, why: Liability}
      - {table: '*', do: delete}
`

// What hangs on rows that stay tells of the person as well, over any number of steps: it is searched, named, and counted as kept.
func TestWhatHangsOnRowsThatStayIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hangingPolicy)
	s := &solution{world: w, prefix: "hang"}
	s.publish(50100)
	for i, name := range []string{"Report", "Remark", "Slip", "Answer"} {
		w.call(http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "hang_" + name, "DisplayName": labelled(name),
			"DisplayCollectionName": labelled(name + "s"), "OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": true,
			"Attributes": []row{columnBody("String", "hang_Name", row{"IsPrimaryName": true})}})
		s.toOne("hang_"+strings.ToLower(name), "hang_L0", []string{"incident", "hang_report", "contact", "hang_slip"}[i])
	}
	w.call(http.MethodPost, "EntityDefinitions(LogicalName='hang_slip')/Attributes", columnBody("String", "hang_Mobile2", row{"FormatName": row{"Value": "Text"}}))
	w.client = w.connect(6)
	set := func(table string) string {
		def, err := w.client.Table(t.Context(), table)
		w.must(err)
		return def.EntitySet
	}
	w.create("contact", "yvonne", row{"firstname": "Yvonne", "lastname": "McKay", "mobilephone": "+46 70 123 45 67"})
	w.create("incident", "case", row{"title": "Boiler", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.create("task", "call", row{"subject": "Ring Ms McKay", "regardingobjectid_incident_task@odata.bind": bindTo("incidents", "case")})
	w.create("hang_report", "report", row{"hang_name": "Visit", "hang_L0@odata.bind": bindTo("incidents", "case")})
	w.create("hang_remark", "remark", row{"hang_name": "McKay was out", "hang_L0@odata.bind": bindTo(set("hang_report"), "report")})
	w.create("annotation", "note", row{"subject": "n", "notetext": "As Yvonne McKay said", "objectid_hang_remark@odata.bind": bindTo(set("hang_remark"), "remark")})
	w.create("hang_slip", "slip", row{"hang_name": "A slip", "hang_mobile2": "0701234567"})
	w.create("hang_answer", "answer", row{"hang_name": "Yes, Yvonne McKay", "hang_L0@odata.bind": bindTo(set("hang_slip"), "slip")})
	w.create("hang_answer", "other", row{"hang_name": "No", "hang_L0@odata.bind": bindTo(set("hang_slip"), "slip")})
	sum := w.purgeAll()
	named := map[string]string{}
	for _, f := range sum.Mentions {
		for _, name := range []string{"call", "report", "remark", "note", "slip", "answer", "other"} {
			if f.ID == id(name) {
				named[name] = f.Where
			}
		}
	}
	for name, where := range map[string]string{"call": "kept-name", "report": "", "remark": "kept-name", "note": "kept-name", "slip": "same-number", "answer": "kept-name", "other": ""} {
		if named[name] != where {
			t.Errorf("%s is named as %q, want %q", name, named[name], where)
		}
	}
	for _, place := range []string{"task.regardingobjectid", "hang_report.hang_l0", "hang_remark.hang_l0", "annotation.objectid"} {
		if !slices.ContainsFunc(sum.Places, func(p purge.TableTally) bool { return p.Table == place && p.Kept == 1 && p.Freed == 0 }) {
			t.Errorf("%s is not counted as kept: %+v", place, sum.Places)
		}
	}
}

// On a company hangs what is said to and by everybody there. Where the company led to the person, what hangs right on it is named if it
// bears the whole name, an address or a number; a last name alone, such as that of a brother, tells nothing there.
func TestWhatHangsOnACompanyIsNamedByTheWholeName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(hangingPolicy, "    related:\n", "    related:\n      - {table: account, link: primarycontactid, do: keep, why: Companies}\n", 1))
	w.create("contact", "yvonne", row{"firstname": "Yvonne", "lastname": "McKay", "emailaddress1": "ym@mckay.example"})
	w.create("account", "led", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
	w.create("account", "other company", row{"name": "Contoso"})
	note := func(name, on, text string) {
		w.create("annotation", name, row{"subject": "n", "notetext": text, "objectid_account@odata.bind": bindTo("accounts", on)})
	}
	note("about her", "led", "Yvonne McKay decides")
	note("about a brother", "led", "Bert McKay drives")
	note("about nobody", "led", "Open on Mondays")
	note("elsewhere", "other company", "Yvonne McKay decides")
	w.create("task", "mail", row{"subject": "Write to ym@mckay.example", "regardingobjectid_account_task@odata.bind": bindTo("accounts", "led")})
	named, _ := rowsNamed(w.purgeAll())
	for name, want := range map[string]bool{"about her": true, "about a brother": false, "about nobody": false, "elsewhere": false, "mail": true} {
		if named[id(name).String()] != want {
			t.Errorf("%s is named: %t, want %t", name, !want, want)
		}
	}
}
