package emulator_test

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

func TestWritesNeedRights(t *testing.T) {
	// security-roles; impersonate-another-user-web-api: both users need the right.
	o := newSite(t, emulator.Options{})
	unit := o.do("GET", "businessunits?$select=businessunitid", "").want(200).object()["value"].([]any)[0].(map[string]any)["businessunitid"].(string)
	user := o.create("systemusers", `{"firstname":"Bo","lastname":"User","domainname":"bo@example.com","internalemailaddress":"bo@example.com","businessunitid@odata.bind":"/businessunits(`+unit+`)"}`)
	as := []string{"MSCRMCallerID", user}
	mine := o.create("contacts", `{"lastname":"Admin's"}`)
	o.do("POST", "contacts", `{"lastname":"x"}`, as...).want(403, "prvCreateContact")
	role := o.do("GET", "roles?$select=roleid&$filter=name eq 'Basic User'", "").want(200).object()["value"].([]any)[0].(map[string]any)["roleid"].(string)
	o.do("POST", "systemusers("+user+")/systemuserroles_association/$ref", `{"@odata.id":"roles(`+role+`)"}`).want(204)
	own := o.do("POST", "contacts", `{"lastname":"Bo's"}`, as...).want(204).id()
	row := o.row("contacts", own)
	if row["_createdby_value"] != user || row["_ownerid_value"] != user || row["_createdonbehalfby_value"] == nil {
		t.Errorf("created by %v, owned by %v, on behalf by %v", row["_createdby_value"], row["_ownerid_value"], row["_createdonbehalfby_value"])
	}
	o.do("PATCH", "contacts("+own+")", `{"jobtitle":"x"}`, as...).want(204)
	o.do("PATCH", "contacts("+mine+")", `{"jobtitle":"x"}`, as...).want(403)
	o.do("DELETE", "contacts("+mine+")", "", as...).want(403)
	o.do("PATCH", "contacts("+own+")", `{"parentcustomerid_contact@odata.bind":"/contacts(`+mine+`)"}`, as...).want(403)
	o.do("POST", "contacts", `{"lastname":"x","overriddencreatedon":"2020-01-01T00:00:00Z"}`, as...).want(403, "prvOverrideCreatedOnCreatedBy")
	o.do("POST", "DeleteRecordChangeHistory", `{"Target":{"@odata.id":"contacts(`+own+`)"}}`, as...).want(403, "prvDeleteRecordChangeHistory")
	o.do("POST", "BulkDelete", bulkDelete("contact", "", "2026-03-01T09:00:00Z", `{}`), as...).want(403, "prvBulkDelete")

	contact := o.create("contacts", `{"lastname":"L"}`)
	quote := "quotes(" + o.do("POST", "quotes", `{"name":"Q","customerid_contact@odata.bind":"/contacts(`+own+`)"}`, as...).want(204).id() + ")"
	o.do("PATCH", quote, `{"statecode":1,"statuscode":3}`, as...).want(204)
	if r := o.do("PATCH", quote, `{"description":"x"}`, as...).want(400, "0x8004022e"); strings.Contains(r.text, contact) {
		t.Error(r.text)
	}
	o.do("PATCH", quote, `{"description":"x"}`).want(204)
}
