package emulator_test

import (
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

func (o *site) gone(set, id string) {
	o.t.Helper()
	o.do("GET", set+"("+id+")", "").want(404)
}

func TestDeleteCascades(t *testing.T) {
	// configure-entity-relationship-cascading-behavior; the tables of contact: reference/entities/contact.
	o := newSite(t, emulator.Options{})
	id := o.create("contacts", `{"lastname":"L"}`)
	c := "/contacts(" + id + ")"
	bind := func(nav string) string { return `"` + nav + `@odata.bind":"` + c + `"` }
	account := o.create("accounts", `{"name":"A",`+bind("primarycontactid")+`}`)
	note := o.create("annotations", `{"subject":"N",`+bind("objectid_contact")+`}`)
	mail := o.create("emails", `{"subject":"M",`+bind("regardingobjectid_contact_email")+`}`)
	noteOfMail := o.create("annotations", `{"subject":"N","objectid_email@odata.bind":"/emails(`+mail+`)"}`)
	opp := o.create("opportunities", `{"name":"O",`+bind("customerid_contact")+`}`)
	quote := o.create("quotes", `{"name":"Q",`+bind("customerid_contact")+`,"opportunityid@odata.bind":"/opportunities(`+opp+`)"}`)
	lead := o.create("leads", `{"lastname":"P",`+bind("parentcontactid")+`}`)
	merged := o.create("contacts", `{"lastname":"M"}`)

	o.do("DELETE", c[1:], "").want(204)
	for set, id := range map[string]string{"contacts": id, "emails": mail, "opportunities": opp, "quotes": quote} {
		o.gone(set, id)
	}
	o.gone("annotations", note)
	o.gone("annotations", noteOfMail)
	o.do("GET", "activityparties?$filter=_activityid_value eq "+mail, "").want(200, `"value":[]`)
	if got := o.row("accounts", account)["_primarycontactid_value"]; got != nil {
		t.Errorf("the link stands: %v", got)
	}
	if got := o.row("leads", lead)["_parentcontactid_value"]; got != nil {
		t.Errorf("the link stands: %v", got)
	}
	o.row("contacts", merged)
	o.do("DELETE", c[1:], "").want(404)
}

func TestDeleteRestrictedAnywhereInTheChain(t *testing.T) {
	// compose-http-requests-handle-errors: CannotDeleteDueToAssociation is 405.
	o := newSite(t, emulator.Options{})
	id := o.create("contacts", `{"lastname":"L"}`)
	other := o.create("contacts", `{"lastname":"L"}`)
	opp := o.create("opportunities", `{"name":"O","customerid_contact@odata.bind":"/contacts(`+id+`)"}`)
	order := o.create("salesorders", `{"name":"S","customerid_contact@odata.bind":"/contacts(`+other+`)","opportunityid@odata.bind":"/opportunities(`+opp+`)"}`)
	o.do("DELETE", "contacts("+id+")", "").want(405, "0x80040227", "associated with another object")
	o.row("contacts", id)
	o.row("opportunities", opp)
	o.do("DELETE", "salesorders("+order+")", "").want(204)
	o.do("DELETE", "contacts("+id+")", "").want(204)
	o.gone("opportunities", opp)
}

func TestConnectionsComeAndGoInPairs(t *testing.T) {
	// connection-entities.
	o := newSite(t, emulator.Options{})
	a, b := o.create("contacts", `{"lastname":"A"}`), o.create("accounts", `{"name":"B"}`)
	one := o.create("connections", `{"record1id_contact@odata.bind":"/contacts(`+a+`)","record2id_account@odata.bind":"/accounts(`+b+`)","description":"knows"}`)
	twin, _ := o.row("connections", one)["_relatedconnectionid_value"].(string)
	mirror := o.row("connections", twin)
	if mirror["_record1id_value"] != b || mirror["_record2id_value"] != a || mirror["description"] != "knows" || mirror["name"] != "A" {
		t.Errorf("mirror: %v", mirror)
	}
	o.do("DELETE", "connections("+twin+")", "").want(204)
	o.gone("connections", one)

	one = o.create("connections", `{"record1id_contact@odata.bind":"/contacts(`+a+`)","record2id_account@odata.bind":"/accounts(`+b+`)"}`)
	o.do("DELETE", "contacts("+a+")", "").want(204)
	o.gone("connections", one)
	o.do("GET", "connections?$count=true", "").want(200, `"@odata.count":0`)
}

func TestDeleteTakesIntersectRows(t *testing.T) {
	o := newSite(t, emulator.Options{})
	contact, lead := o.create("contacts", `{"lastname":"A"}`), o.create("leads", `{"lastname":"B"}`)
	list := o.create("lists", `{"listname":"L","createdfromcode":2,"type":false}`)
	o.do("POST", "contacts("+contact+")/contactleads_association/$ref", `{"@odata.id":"leads(`+lead+`)"}`).want(204)
	o.do("POST", "lists("+list+")/listcontact_association/$ref", `{"@odata.id":"contacts(`+contact+`)"}`).want(204)
	o.do("GET", "listmembers?$filter=_entityid_value eq "+contact, "").want(200, `"entitytype":"contact"`)
	o.do("DELETE", "contacts("+contact+")", "").want(204)
	o.do("GET", "leads("+lead+")/contactleads_association", "").want(200, `"value":[]`)
	o.do("GET", "listmembers", "").want(200, `"value":[]`)
}
