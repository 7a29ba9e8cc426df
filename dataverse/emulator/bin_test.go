package emulator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
)

// binned are the rows of deleteditemreference that name a row.
func (o *site) binned(id string) []any {
	o.t.Helper()
	return o.do("GET", "deleteditemreferences?$filter=_deletedobject_value eq "+id, "").want(200).object()["value"].([]any)
}

// inBin tells whether the recycle bin holds the text.
func (o *site) inBin(text string) bool {
	for _, p := range o.server.Find(text) {
		if p.Where == "bin" {
			return true
		}
	}
	return false
}

func TestRecycleBinKeepsAndRestores(t *testing.T) {
	// restore-deleted-records; restore-deleted-table-records.
	o := newSite(t, emulator.Options{})
	account := o.create("accounts", `{"name":"Acme"}`)
	id := o.create("contacts", `{"firstname":"Ada","lastname":"Binned","parentcustomerid_account@odata.bind":"/accounts(`+account+`)"}`)
	o.do("PATCH", "accounts("+account+")", `{"primarycontactid@odata.bind":"/contacts(`+id+`)"}`).want(204)
	note := o.create("annotations", `{"subject":"child","objectid_contact@odata.bind":"/contacts(`+id+`)"}`)
	lead := o.create("leads", `{"lastname":"P"}`)
	o.do("POST", "contacts("+id+")/contactleads_association/$ref", `{"@odata.id":"leads(`+lead+`)"}`).want(204)
	mail := o.create("emails", `{"subject":"m","email_activity_parties":[{"partyid_contact@odata.bind":"/contacts(`+id+`)","participationtypemask":2}]}`)

	o.do("DELETE", "contacts("+id+")", "").want(204)
	list := o.binned(id)
	if len(list) != 1 || list[0].(map[string]any)["name"] != "Ada Binned" {
		t.Fatalf("%v", list)
	}
	if len(o.binned(note)) != 0 {
		t.Error("a cascaded child is listed by itself")
	}
	if !o.inBin("binned") || !o.inBin("child") {
		t.Error("the bin keeps the root and its children")
	}
	o.do("POST", "Restore", `{"Target":{"@odata.id":"`+o.srv.URL+`/api/data/v9.2/annotations(`+note+`)"}}`).want(404)
	o.do("POST", "Restore", `{"Target":{"@odata.type":"Microsoft.Dynamics.CRM.contact","contactid":"`+id+`","lastname":"Back"}}`).want(200, `"id":"`+id+`"`)
	if got := o.row("contacts", id); got["fullname"] != "Ada Back" || got["_parentcustomerid_value"] != account {
		t.Errorf("%v %v", got["fullname"], got["_parentcustomerid_value"])
	}
	o.row("annotations", note)
	if got := o.row("accounts", account)["_primarycontactid_value"]; got != id {
		t.Errorf("the link was not set again: %v", got)
	}
	o.do("GET", "contacts("+id+")/contactleads_association?$select=leadid", "").want(200, lead)
	o.do("GET", "activityparties?$filter=_activityid_value eq "+mail+" and participationtypemask eq 2", "").want(200, `"ispartydeleted":false`)
	if o.inBin("ada") || len(o.binned(id)) != 0 {
		t.Error("the bin still has what was restored")
	}
	o.do("POST", "Restore", `{"Target":{"@odata.id":"contacts(`+id+`)"}}`).want(412, "0x80044a02")
	o.do("POST", "Restore", `{"Target":{"@odata.id":"contacts(`+missing+`)"}}`).want(404)
}

func TestOlderCopyStays(t *testing.T) {
	// restore-deleted-records: the second delete of the same key is not copied, so blank values do not replace the kept ones.
	o := newSite(t, emulator.Options{})
	body := func(name string) string { return `{"contactid":"` + missing + `","lastname":"` + name + `"}` }
	o.do("POST", "contacts", body("Original")).want(204)
	o.do("DELETE", "contacts("+missing+")", "").want(204)
	o.do("POST", "contacts", body("blank")).want(204)
	o.do("DELETE", "contacts("+missing+")", "").want(204)
	if !o.inBin("original") || o.inBin("blank") || len(o.binned(missing)) != 1 {
		t.Errorf("%v", o.server.Find("original"))
	}
}

func TestRestoreNeedsWhatItPointedAt(t *testing.T) {
	o := newSite(t, emulator.Options{})
	account := o.create("accounts", `{"name":"Acme"}`)
	id := o.create("contacts", `{"lastname":"L"}`)
	o.do("PATCH", "accounts("+account+")", `{"primarycontactid@odata.bind":"/contacts(`+id+`)"}`).want(204)
	o.do("DELETE", "contacts("+id+")", "").want(204)
	o.do("DELETE", "accounts("+account+")", "").want(204)
	o.do("POST", "Restore", `{"Target":{"@odata.id":"contacts(`+id+`)"}}`).want(400, "0x80049959")
	o.gone("contacts", id)
	if !o.inBin(id) {
		t.Error("a failed restore changed the bin")
	}
}

func TestRecycleBinForgets(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	o := newSite(t, emulator.Options{Now: func() time.Time { return now }})
	config := func(name string) string {
		list := o.do("GET", "recyclebinconfigs?$filter=name eq '"+name+"'", "").want(200).object()["value"].([]any)
		if len(list) != 1 {
			t.Fatalf("%d rows for %s", len(list), name)
		}
		return "recyclebinconfigs(" + list[0].(map[string]any)["recyclebinconfigid"].(string) + ")"
	}
	lead := o.create("leads", `{"lastname":"Short"}`)
	contact := o.create("contacts", `{"lastname":"Long"}`)
	o.do("PATCH", config("lead"), `{"cleanupintervalindays":1}`).want(204)
	o.do("DELETE", "leads("+lead+")", "").want(204)
	o.do("DELETE", "contacts("+contact+")", "").want(204)
	now = now.Add(25 * time.Hour)
	if len(o.binned(lead)) != 0 || o.inBin("short") || !o.inBin("long") {
		t.Error("one day for leads")
	}
	now = now.Add(29 * 24 * time.Hour)
	if len(o.binned(contact)) != 0 || o.inBin("long") {
		t.Error("thirty days for the rest")
	}
}

func TestRecycleBinSwitches(t *testing.T) {
	o := newSite(t, emulator.Options{})
	appointment := o.create("appointments", `{"subject":"never kept"}`)
	o.do("DELETE", "appointments("+appointment+")", "").want(204)
	if o.inBin("never kept") {
		t.Error("appointments are not kept")
	}
	list := o.do("GET", "recyclebinconfigs?$select=name,isreadyforrecyclebin", "").want(200)
	if strings.Contains(list.text, `"appointment"`) || !strings.Contains(list.text, `"contact"`) {
		t.Error(list.text)
	}
	id := o.do("GET", "recyclebinconfigs?$filter=name eq 'organization'", "").want(200).object()["value"].([]any)[0].(map[string]any)["recyclebinconfigid"].(string)
	o.do("DELETE", "recyclebinconfigs("+id+")", "").want(204)
	o.do("GET", "recyclebinconfigs", "").want(200, `"value":[]`)
	contact := o.create("contacts", `{"lastname":"Final"}`)
	o.do("DELETE", "contacts("+contact+")", "").want(204)
	if o.inBin("final") {
		t.Error("the bin is off")
	}
}

func TestReferenceAndBin(t *testing.T) {
	for _, empties := range []bool{false, true} {
		o := newSite(t, emulator.Options{ReferenceEmptiesBin: empties})
		id := o.create("contacts", `{"lastname":"Kept"}`)
		o.do("DELETE", "contacts("+id+")", "").want(204)
		reference := o.binned(id)[0].(map[string]any)["deleteditemreferenceid"].(string)
		o.do("DELETE", "deleteditemreferences("+reference+")", "").want(204)
		if o.inBin("kept") == empties {
			t.Errorf("ReferenceEmptiesBin %v: %v", empties, o.server.Find("kept"))
		}
	}
}
