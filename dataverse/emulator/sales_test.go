package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

func TestCloseOpportunity(t *testing.T) {
	// use-web-api-actions (WinOpportunity, printed); LoseOpportunity; opportunityclose (completed by default).
	o := newSite(t, emulator.Options{})
	contact := o.create("contacts", `{"lastname":"L"}`)
	deal := o.create("opportunities", `{"name":"Deal"}`)
	body := func(status, id, more string) string {
		return `{"Status":` + status + `,"OpportunityClose":{"subject":"Done"` + more + `,"opportunityid@odata.bind":"` + o.srv.URL + `/api/data/v9.2/opportunities(` + id + `)"}}`
	}
	quote := o.create("quotes", `{"name":"Q","customerid_contact@odata.bind":"/contacts(`+contact+`)","opportunityid@odata.bind":"/opportunities(`+deal+`)"}`)
	o.do("POST", "WinOpportunity", body("3", deal, "")).want(400, "draft or active quotes")
	o.do("DELETE", "quotes("+quote+")", "").want(204)
	o.do("POST", "WinOpportunity", body("5", deal, "")).want(400, "0x80048408")
	o.do("POST", "WinOpportunity", body("3", deal, `,"actualrevenue":100,"actualend":"2026-02-03T00:00:00Z"`)).want(204)
	row := o.row("opportunities", deal)
	if row["statecode"] != json.Number("1") || row["statuscode"] != json.Number("3") || row["actualclosedate"] != "2026-02-03" {
		t.Errorf("%v %v %v", row["statecode"], row["statuscode"], row["actualclosedate"])
	}
	o.do("GET", "opportunitycloses?$filter=_opportunityid_value eq "+deal, "").want(200, `"subject":"Done"`, `"statecode":1`)
	o.do("POST", "LoseOpportunity", body("4", deal, "")).want(400, "0x80040515")
	o.do("PATCH", "opportunities("+deal+")", `{"statecode":0,"statuscode":1}`).want(204)
	o.do("POST", "LoseOpportunity", body("-1", deal, "")).want(204)
	if got := o.row("opportunities", deal)["statuscode"]; got != json.Number("4") {
		t.Errorf("statuscode %v", got)
	}
	o.do("POST", "WinOpportunity", body("3", missing, "")).want(404)
	o.do("POST", "WinOpportunity", `{"Status":3}`).want(400, "OpportunityClose")
	audits := o.do("GET", "audits?$select=action&$filter=_objectid_value eq "+deal, "").want(200).text
	if !strings.Contains(audits, `"action":44`) || !strings.Contains(audits, `"action":45`) {
		t.Error(audits)
	}
}

func TestCloseQuote(t *testing.T) {
	o := newSite(t, emulator.Options{})
	contact := o.create("contacts", `{"lastname":"L"}`)
	id := o.create("quotes", `{"name":"Q","customerid_contact@odata.bind":"/contacts(`+contact+`)"}`)
	body := func(status string) string {
		return `{"Status":` + status + `,"QuoteClose":{"subject":"S","quoteid@odata.bind":"/quotes(` + id + `)"}}`
	}
	o.do("POST", "WinQuote", body("4")).want(400, "0x80040233")
	o.do("PATCH", "quotes("+id+")", `{"statecode":1,"statuscode":2}`).want(204)
	o.do("POST", "WinQuote", body("4")).want(204)
	if got := o.row("quotes", id); got["statecode"] != json.Number("2") || got["quotenumber"] == nil {
		t.Errorf("%v %v", got["statecode"], got["quotenumber"])
	}
	o.do("PATCH", "quotes("+id+")", `{"statecode":0,"statuscode":1}`).want(204)
	o.do("PATCH", "quotes("+id+")", `{"statecode":1,"statuscode":2}`).want(204)
	o.do("POST", "CloseQuote", body("5")).want(204)
	o.do("GET", "quotecloses?$count=true", "").want(200, `"@odata.count":2`)
}

func TestQualifyLead(t *testing.T) {
	// QualifyLead; qualify-lead-convert-opportunity-sales: one person is a lead and a contact from then on.
	o := newSite(t, emulator.Options{})
	lead := o.create("leads", `{"firstname":"Ada","lastname":"Byron","companyname":"Engines","subject":"Interest","emailaddress1":"ada@example.com","address1_city":"London"}`)
	action := "leads(" + lead + ")/Microsoft.Dynamics.CRM.QualifyLead"
	all := `{"CreateAccount":true,"CreateContact":true,"CreateOpportunity":true,"Status":3}`
	o.do("POST", action, `{"CreateAccount":true}`).want(400)
	made := o.do("POST", action, all).want(200).object()["value"].([]any)
	if len(made) != 3 {
		t.Fatalf("%v", made)
	}
	contact := made[1].(map[string]any)["contactid"].(string)
	got := o.row("contacts", contact)
	if got["fullname"] != "Ada Byron" || got["emailaddress1"] != "ada@example.com" || got["address1_city"] != "London" || got["_originatingleadid_value"] != lead {
		t.Errorf("%v", got)
	}
	deal := made[2].(map[string]any)["opportunityid"].(string)
	if got := o.row("opportunities", deal); got["name"] != "Interest" || got["_parentcontactid_value"] != contact {
		t.Errorf("%v", got)
	}
	row := o.row("leads", lead)
	if row["statecode"] != json.Number("1") || row["_qualifyingopportunityid_value"] != deal || row["lastname"] != "Byron" {
		t.Errorf("%v", row)
	}
	o.do("POST", action, all).want(400, "0x80040519")
}

func TestMerge(t *testing.T) {
	// merge-entity-using-web-api: the subordinate stays, inactive, a full copy with masterid.
	o := newSite(t, emulator.Options{})
	keep := o.create("contacts", `{"lastname":"Keep"}`)
	lose := o.create("contacts", `{"firstname":"Full","lastname":"Copy"}`)
	mail := o.create("emails", `{"subject":"m","regardingobjectid_contact_email@odata.bind":"/contacts(`+lose+`)"}`)
	note := o.create("annotations", `{"subject":"n","objectid_contact@odata.bind":"/contacts(`+lose+`)"}`)
	entity := func(id, more string) string {
		return `{"@odata.type":"Microsoft.Dynamics.CRM.contact","contactid":"` + id + `"` + more + `}`
	}
	body := func(target, subordinate string) string {
		return `{"Target":` + target + `,"Subordinate":` + subordinate + `,"UpdateContent":{"@odata.type":"Microsoft.Dynamics.CRM.contact","jobtitle":"x"},"PerformParentingChecks":false}`
	}
	o.do("POST", "Merge", body(entity(keep, ""), entity(keep, ""))).want(400, "0x80045305")
	o.do("POST", "Merge", body(entity(keep, ""), `{"contactid":"`+lose+`"}`)).want(400, "EdmEntityObject passed should have the key property value set.")
	o.do("POST", "Merge", body(entity(keep, ""), entity(lose, ""))).want(204)
	row := o.row("contacts", lose)
	if row["merged"] != true || row["_masterid_value"] != keep || row["statecode"] != json.Number("1") || row["fullname"] != "Full Copy" {
		t.Errorf("%v %v %v %v", row["merged"], row["_masterid_value"], row["statecode"], row["fullname"])
	}
	if got := o.row("contacts", keep)["jobtitle"]; got != "x" {
		t.Errorf("UpdateContent: %v", got)
	}
	if got := o.row("emails", mail)["_regardingobjectid_value"]; got != keep {
		t.Errorf("regarding %v", got)
	}
	o.do("GET", "activityparties?$filter=_activityid_value eq "+mail+" and participationtypemask eq 8", "").want(200, `"_partyid_value":"`+keep+`"`)
	if got := o.row("annotations", note)["_objectid_value"]; got != keep {
		t.Errorf("note of %v", got)
	}
	o.do("POST", "Merge", body(entity(keep, ""), entity(lose, ""))).want(400)
	o.do("DELETE", "contacts("+keep+")", "").want(204)
	if got := o.row("contacts", lose); got["_masterid_value"] != nil || got["merged"] != true {
		t.Errorf("the trail is lost with the master: %v", got["_masterid_value"])
	}
}
