package emulator_test

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// Page: define-custom-state-model-transitions.
func TestStateTransitions(t *testing.T) {
	o := newSite(t, emulator.Options{})
	const status = "EntityDefinitions(LogicalName='incident')/Attributes(LogicalName='statuscode')"
	allowed := func(to ...string) string {
		text := `<allowedtransitions xmlns=\"https://schemas.microsoft.com/crm/2009/WebServices\">`
		for _, id := range to {
			text += `<allowedtransition sourcestatusid=\"1\" tostatusid=\"` + id + `\"/>`
		}
		return text + "</allowedtransitions>"
	}
	put := func(data string) *response {
		return o.do("PUT", status, `{"@odata.type":"Microsoft.Dynamics.CRM.StatusAttributeMetadata","LogicalName":"statuscode","SchemaName":"StatusCode","DisplayName":`+english+`,"OptionSet":{"Options":[{"Value":1,"TransitionData":"`+data+`"}]}}`)
	}
	put(allowed("6", "5", "4711")).want(400)
	put("<allowed>").want(400)
	put(allowed("6", "5")).want(204)
	if got := o.do("GET", status+"/"+definitions+"StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", "").want(200).text; !strings.Contains(got, `tostatusid=\"5\"`) {
		t.Error(got)
	}
	customer := o.create("contacts", `{"lastname":"L"}`)
	newCase := func() string {
		return o.create("incidents", `{"title":"T","customerid_contact@odata.bind":"/contacts(`+customer+`)"}`)
	}
	free := newCase()
	o.do("PATCH", "incidents("+free+")", `{"statuscode":2}`).want(204) // not enforced yet
	enforce := func(table, schema string) *response {
		return o.do("PUT", "EntityDefinitions(LogicalName='"+table+"')", `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","LogicalName":"`+table+`","SchemaName":"`+schema+`","DisplayName":`+english+`,"DisplayCollectionName":`+english+`,"OwnershipType":"UserOwned","EnforceStateTransitions":true}`)
	}
	enforce("account", "Account").want(400)
	enforce("incident", "Incident").want(204)
	o.do("GET", "EntityDefinitions(LogicalName='incident')?$select=EnforceStateTransitions", "").want(200, `"EnforceStateTransitions":true`)
	bound := newCase()
	o.do("PATCH", "incidents("+bound+")", `{"statuscode":2}`).want(400, "0x80048408")
	o.do("PATCH", "incidents("+bound+")", `{"title":"Other"}`).want(204)
	closing := func(status string) *response {
		return o.do("POST", "CloseIncident", `{"IncidentResolution":{"subject":"S","incidentid@odata.bind":"/incidents(`+bound+`)"},"Status":`+status+`}`)
	}
	closing("1000").want(400, "0x80048408")
	closing("5").want(204)
	o.do("PATCH", "incidents("+free+")", `{"statuscode":3}`).want(204) // the status 2 says nothing of what follows
	o.do("PATCH", "incidents("+newCase()+")", `{"statecode":2,"statuscode":6}`).want(204)
}
