package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

const missing = "0a1b2c3d-0000-0000-0000-00000000dead"

func TestUpdateConditions(t *testing.T) {
	// perform-conditional-operations-using-web-api; use-upsert-insert-update-record.
	o := newSite(t, emulator.Options{})
	id := o.create("contacts", `{"firstname":"Ada","lastname":"Byron"}`)
	one := "contacts(" + id + ")"
	tag := o.row("contacts", id)["@odata.etag"].(string)

	o.do("PATCH", one, `{"lastname":"King"}`, "If-Match", tag).want(204)
	if got := o.row("contacts", id); got["fullname"] != "Ada King" || got["@odata.etag"] == tag {
		t.Errorf("fullname %v, etag %v after %v", got["fullname"], got["@odata.etag"], tag)
	}
	o.do("PATCH", one, `{"lastname":"x"}`, "If-Match", tag).want(412, "0x80060882", "RowVersion")
	o.do("DELETE", one, "", "If-Match", tag).want(412, "0x80060882")
	o.do("PATCH", one, `{"lastname":"x"}`, "If-None-Match", "*").want(412, "A record with matching key values already exists.")
	o.do("PATCH", one, `{"lastname":"x"}`, "If-None-Match", "null", "If-Match", "*").want(204)

	gone := "contacts(" + missing + ")"
	o.do("PATCH", gone, `{"lastname":"x"}`, "If-Match", "*").want(404, "0x80040217", "contact With Id = "+missing+" Does Not Exist")
	o.do("DELETE", gone, "").want(404, "0x80040217")
	if o.do("PATCH", gone, `{"lastname":"new"}`).want(204).id() != missing {
		t.Error("the upsert did not say which row it made")
	}
	if got := o.row("contacts", missing)["lastname"]; got != "new" {
		t.Errorf("an upsert makes the missing row: %v", got)
	}
	o.do("PATCH", gone, `{"lastname":"newer"}`, "Prefer", "return=representation").want(200, `"lastname":"newer"`)
	o.do("PATCH", one, `{"contactid":"`+missing+`"}`).want(400)
	o.do("PATCH", one, `{"contactid":"`+id+`","createdon":"2001-01-01T00:00:00Z"}`).want(204)
	if got := o.row("contacts", id)["createdon"].(string); strings.HasPrefix(got, "2001") {
		t.Error("a read-only column was written")
	}
}

func TestSingleProperties(t *testing.T) {
	// update-delete-entities-using-web-api: PUT and DELETE of one property; a lookup is cleared by its $ref.
	o := newSite(t, emulator.Options{})
	account := o.create("accounts", `{"name":"A"}`)
	id := o.create("contacts", `{"lastname":"L","description":"d","entityimage":"R0lGODlhAQABAAAAACw="}`)
	o.do("PUT", "contacts("+id+")/jobtitle", `{"value":"Boss"}`).want(204)
	o.do("DELETE", "contacts("+id+")/description", "").want(204)
	o.do("DELETE", "contacts("+id+")/entityimage", "").want(204)
	got := o.row("contacts", id)
	if got["jobtitle"] != "Boss" || got["description"] != nil || got["entityimage"] != nil {
		t.Errorf("%v %v %v", got["jobtitle"], got["description"], got["entityimage"])
	}
	o.do("PUT", "contacts("+id+")/jobtitle", `{"wrong":1}`).want(400)
	o.do("DELETE", "contacts("+id+")/nosuch", "").want(404, "nosuch")

	nav := "contacts(" + id + ")/parentcustomerid_account"
	o.do("PUT", nav+"/$ref", `{"@odata.id":"accounts(`+account+`)"}`).want(204)
	if got := o.row("contacts", id)["_parentcustomerid_value"]; got != account {
		t.Errorf("parent %v", got)
	}
	o.do("DELETE", nav, "").want(405)
	o.do("DELETE", nav+"/$ref", "").want(204)
	if got := o.row("contacts", id)["_parentcustomerid_value"]; got != nil {
		t.Errorf("parent %v", got)
	}
	for _, body := range []string{`{"parentcustomerid_account@odata.bind":null}`, `{"parentcustomerid_account":null}`} {
		o.do("PATCH", "contacts("+id+")", `{"parentcustomerid_account@odata.bind":"`+o.srv.URL+`/api/data/v9.2/accounts(`+account+`)"}`).want(204)
		o.do("PATCH", "contacts("+id+")", body).want(204)
		if got := o.row("contacts", id)["_parentcustomerid_value"]; got != nil {
			t.Errorf("%s: parent %v", body, got)
		}
	}
}

func TestCollections(t *testing.T) {
	// associate-disassociate-entities-using-web-api.
	o := newSite(t, emulator.Options{})
	account := o.create("accounts", `{"name":"A"}`)
	contact := o.create("contacts", `{"lastname":"L"}`)
	lead := o.create("leads", `{"lastname":"P","subject":"S"}`)
	nav := "accounts(" + account + ")/contact_customer_accounts"
	o.do("POST", nav+"/$ref", `{"@odata.id":"`+o.srv.URL+`/api/data/v9.2/contacts(`+contact+`)"}`).want(204)
	if got := o.row("contacts", contact)["_parentcustomerid_value"]; got != account {
		t.Errorf("parent %v", got)
	}
	o.do("DELETE", nav+"("+contact+")/$ref", "").want(204)
	o.do("DELETE", nav+"("+contact+")/$ref", "").want(404)

	many := "contacts(" + contact + ")/contactleads_association"
	o.do("POST", many+"/$ref", `{"@odata.id":"leads(`+lead+`)"}`).want(204)
	o.do("POST", many+"/$ref", `{"@odata.id":"leads(`+lead+`)"}`).want(412, "Cannot insert duplicate key.")
	o.do("GET", many+"?$select=leadid", "").want(200, lead)
	o.do("DELETE", many+"/$ref?$id="+o.srv.URL+"/api/data/v9.2/leads("+lead+")", "").want(204)
	o.do("DELETE", many+"("+lead+")/$ref", "").want(404)
	o.do("POST", many+"/$ref", `{"@odata.id":"accounts(`+account+`)"}`).want(400)
}

func TestDeepInsertAndBind(t *testing.T) {
	// create-entity-web-api: single-valued navigation as an object, collections as arrays, to any depth.
	o := newSite(t, emulator.Options{})
	task := o.create("tasks", `{"subject":"existing"}`)
	id := o.create("accounts", `{"name":"A","primarycontactid":{"firstname":"J","lastname":"S"},
		"opportunity_customer_accounts":[{"name":"O","Opportunity_Tasks":[{"subject":"T"}]}],
		"Account_Tasks@odata.bind":["/tasks(`+task+`)"]}`)
	got := o.do("GET", "accounts("+id+")?$expand=primarycontactid($select=fullname),opportunity_customer_accounts($select=name),Account_Tasks($select=subject)", "").
		want(200, `"fullname":"J S"`, `"name":"O"`, `"subject":"existing"`)
	_ = got
	o.do("POST", "accounts", `{"name":"B","primarycontactid":{"nosuch":1}}`).want(400)
	o.do("GET", "accounts?$filter=name eq 'B'", "").want(200, `"value":[]`)
	o.do("PATCH", "accounts("+id+")", `{"primarycontactid":{"lastname":"x"}}`).want(400)
}

func TestStates(t *testing.T) {
	// web-service-error-codes (0x80048408, 0x80100005); lead, opportunity and quote state descriptions.
	o := newSite(t, emulator.Options{})
	contact := o.create("contacts", `{"lastname":"L"}`)
	c := "contacts(" + contact + ")"
	o.do("PATCH", c, `{"statecode":1,"statuscode":1}`).want(400, "0x80048408")
	o.do("PATCH", c, `{"statuscode":2}`).want(400, "0x80048408")
	o.do("PATCH", c, `{"statecode":1}`).want(204)
	if got := o.row("contacts", contact)["statuscode"]; got != json.Number("2") {
		t.Errorf("statuscode %v", got)
	}
	o.do("PATCH", c, `{"jobtitle":"still writable"}`).want(204)

	lead := "leads(" + o.create("leads", `{"lastname":"L"}`) + ")"
	o.do("PATCH", lead, `{"statecode":1,"statuscode":3}`).want(204)
	o.do("PATCH", lead, `{"statecode":2,"statuscode":4}`).want(400, "0x80040519")
	o.do("PATCH", lead, `{"statecode":0,"statuscode":1}`).want(204)

	opp := "opportunities(" + o.create("opportunities", `{"name":"O"}`) + ")"
	o.do("PATCH", opp, `{"statecode":2,"statuscode":4}`).want(400, "0x80100005", "This message can not be used to set the state of opportunity to Lost")

	quote := "quotes(" + o.create("quotes", `{"name":"Q","customerid_contact@odata.bind":"/contacts(`+contact+`)"}`) + ")"
	o.do("POST", "quotes", `{"name":"Q"}`).want(400, "0x80040200", "customerid")
	o.do("PATCH", quote, `{"statecode":2,"statuscode":4}`).want(400, "WinQuoteRequest")
	o.do("PATCH", quote, `{"statecode":1,"statuscode":3}`).want(204)
	o.do("PATCH", quote, `{"description":"an administrator may"}`).want(204)

	strict := newSite(t, emulator.Options{ReadOnlyQuotes: emulator.LockAll})
	contact = strict.create("contacts", `{"lastname":"L"}`)
	quote = "quotes(" + strict.create("quotes", `{"name":"Q","customerid_contact@odata.bind":"/contacts(`+contact+`)"}`) + ")"
	strict.do("PATCH", quote, `{"statecode":1,"statuscode":3}`).want(204)
	strict.do("PATCH", quote, `{"description":"x"}`).want(400, "0x8004022e")
	strict.do("PATCH", quote, `{"statecode":0,"statuscode":1,"description":"x"}`).want(400, "0x8004022e")
	strict.do("PATCH", quote, `{"statecode":0,"statuscode":1}`).want(204)
	strict.do("PATCH", quote, `{"description":"x"}`).want(204)
}

func TestClosedActivities(t *testing.T) {
	o := newSite(t, emulator.Options{})
	task := "tasks(" + o.create("tasks", `{"subject":"T"}`) + ")"
	o.do("PATCH", task, `{"statecode":1,"statuscode":5}`).want(204)
	o.do("PATCH", task, `{"subject":"x"}`).want(400, "0x80040233", "Cannot update Closed or Cancelled Activity")
	o.do("PATCH", task, `{"statecode":0,"statuscode":2}`).want(204)
	o.do("PATCH", task, `{"subject":"x"}`).want(204)
	lax := newSite(t, emulator.Options{ClosedActivities: emulator.LockNone})
	task = "tasks(" + lax.create("tasks", `{"subject":"T"}`) + ")"
	lax.do("PATCH", task, `{"statecode":1,"statuscode":5}`).want(204)
	lax.do("PATCH", task, `{"subject":"x"}`).want(204)
}

func TestActivityParties(t *testing.T) {
	// activityparty-entity; associate-disassociate-entities-using-web-api (PUT of the collection).
	o := newSite(t, emulator.Options{})
	a := o.create("contacts", `{"firstname":"Ada","lastname":"B","emailaddress1":"ada@example.com"}`)
	b := o.create("contacts", `{"lastname":"Bob","emailaddress1":"bob@example.com"}`)
	mail := o.create("emails", `{"subject":"Hi","regardingobjectid_contact_email@odata.bind":"/contacts(`+a+`)","email_activity_parties":[
		{"partyid_contact@odata.bind":"/contacts(`+a+`)","participationtypemask":1},
		{"partyid_contact@odata.bind":"/contacts(`+b+`)","participationtypemask":2},
		{"addressused":"x@example.org","participationtypemask":2}]}`)
	parties := func() map[string]int {
		t.Helper()
		m := map[string]int{}
		for _, v := range o.do("GET", "activityparties?$filter=_activityid_value eq "+mail, "").want(200).object()["value"].([]any) {
			p := v.(map[string]any)
			mask := p["participationtypemask"].(json.Number).String()
			address, _ := p["addressused"].(string)
			m[mask+" "+address]++
		}
		return m
	}
	got := parties()
	for _, want := range []string{"1 ada@example.com", "2 bob@example.com", "2 x@example.org", "8 ", "9 "} {
		if got[want] != 1 {
			t.Errorf("no party %q in %v", want, got)
		}
	}
	row := o.row("emails", mail)
	if row["sender"] != "ada@example.com" || row["torecipients"] != "bob@example.com;x@example.org;" || row["_emailsender_value"] != a {
		t.Errorf("sender %v, torecipients %v, emailsender %v", row["sender"], row["torecipients"], row["_emailsender_value"])
	}
	o.do("PUT", "emails("+mail+")/email_activity_parties", `{"value":[{"partyid_contact@odata.bind":"contacts(`+b+`)","participationtypemask":1}]}`).want(204)
	if got := parties(); got["1 bob@example.com"] != 1 || got["2 bob@example.com"] != 0 || got["8 "] != 1 || got["9 "] != 1 {
		t.Errorf("after PUT: %v", got)
	}
	o.do("DELETE", "contacts("+b+")", "").want(204)
	o.do("GET", "activityparties?$filter=ispartydeleted eq true and _partyid_value eq "+b, "").want(200, `"partyidname":"Bob"`, "bob@example.com")
	o.do("POST", "activityparties", `{"participationtypemask":1}`).want(405, "0x80100008")
	o.do("POST", "emails", `{"subject":"x","email_activity_parties":[{"participationtypemask":2}]}`).want(400)
	o.do("POST", "emails", `{"subject":"x","email_activity_parties":[{"addressused":"a@b"}]}`).want(400, "participationtypemask")
	o.do("POST", "appointments", `{"subject":"x","appointment_activity_parties":[{"partyid_contact@odata.bind":"/contacts(`+a+`)","participationtypemask":5}]}`).want(204)
}

func TestOverriddenCreatedOn(t *testing.T) {
	o := newSite(t, emulator.Options{})
	id := o.create("contacts", `{"lastname":"L","overriddencreatedon":"2019-05-06T07:08:09Z"}`)
	if got := o.row("contacts", id)["createdon"]; got != "2019-05-06T07:08:09Z" {
		t.Errorf("createdon %v", got)
	}
}

func TestAddressesAreRowsToo(t *testing.T) {
	// customeraddress; leadaddress: the addresses of a row are rows of their own, whose ids the row holds.
	o := newSite(t, emulator.Options{})
	for set, rows := range map[string]string{"contacts": "customeraddresses", "leads": "leadaddresses"} {
		id := o.create(set, `{"lastname":"L","address1_line1":"1 Way","address1_city":"York"}`)
		address, _ := o.row(set, id)["address1_addressid"].(string)
		if got := o.row(rows, address); got["line1"] != "1 Way" || got["composite"] != "1 Way\r\nYork" {
			t.Errorf("%s: %v %v", rows, got["line1"], got["composite"])
		}
		o.do("PATCH", set+"("+id+")", `{"address1_city":null}`).want(204)
		if got := o.row(rows, address); got["city"] != nil || got["composite"] != "1 Way" {
			t.Errorf("%s: %v %v", rows, got["city"], got["composite"])
		}
		o.do("PATCH", rows+"("+address+")", `{"line1":null}`).want(204)
		if got := o.row(set, id); got["address1_line1"] != nil || got["address1_composite"] != nil {
			t.Errorf("%s: %v %v", set, got["address1_line1"], got["address1_composite"])
		}
		o.do("DELETE", set+"("+id+")", "").want(204)
		o.gone(rows, address)
	}
}
