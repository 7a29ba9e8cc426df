package emulator_test

import (
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
)

// Pages: query-schema-definitions, cache-schema-data; RetrieveMetadataChanges (reference).
func TestRetrieveMetadataChanges(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	o := newOrg(t, emulator.Options{Now: func() time.Time { return now }})
	const query = `RetrieveMetadataChanges(Query=@p1)?@p1={"Properties":{"AllProperties":false,"PropertyNames":["SchemaName","Attributes"]},` +
		`"Criteria":{"FilterOperator":"Or","Conditions":[{"ConditionOperator":"Equals","PropertyName":"LogicalName","Value":{"Type":"System.String","Value":"contact"}}]},` +
		`"AttributeQuery":{"Properties":{"AllProperties":false,"PropertyNames":["MaxLength","OptionSet","Targets"]},"Criteria":{"FilterOperator":"Or","Conditions":[` +
		`{"ConditionOperator":"In","PropertyName":"LogicalName","Value":{"Type":"System.String[]","Value":"[\"emailaddress1\",\"statuscode\",\"parentcustomerid\"]"}}]}}}`
	r := o.get(query)
	if l := r.list("EntityMetadata"); len(l) != 1 || l[0]["LogicalName"] != "contact" || l[0]["SchemaName"] != "Contact" || l[0]["EntitySetName"] != nil || l[0]["MetadataId"] == nil {
		t.Fatalf("%.300s", r.text)
	}
	// One request gives what derived types have: no casts.
	got := map[string]map[string]any{}
	for _, a := range r.list("EntityMetadata", 0, "Attributes") {
		got[a["LogicalName"].(string)] = a
	}
	if len(got) != 3 || got["emailaddress1"]["@odata.type"] != "#Microsoft.Dynamics.CRM.ComplexStringAttributeMetadata" || got["emailaddress1"]["MaxLength"] != 100.0 ||
		got["statuscode"]["OptionSet"] == nil || len(got["parentcustomerid"]["Targets"].([]any)) != 2 {
		t.Error(got)
	}
	stamp, _ := r.at("ServerVersionStamp").(string)
	again := "RetrieveMetadataChanges(Query=@p1,ClientVersionStamp=@p2)" + query[len("RetrieveMetadataChanges(Query=@p1)"):] + "&@p2='" + stamp + "'"
	if r := o.get(again); len(r.list("EntityMetadata")) != 0 {
		t.Errorf("nothing has changed: %.300s", r.text)
	}
	o.must("PUT", contactColumns+"(LogicalName='emailaddress1')", define("String", "EMailAddress1", map[string]any{"MaxLength": 90, "FormatName": map[string]any{"Value": "Email"}}))
	r = o.get(again)
	if l := r.list("EntityMetadata", 0, "Attributes"); len(l) != 1 || l[0]["MaxLength"] != 90.0 || l[0]["HasChanged"] != true {
		t.Errorf("%.300s", r.text)
	}
	o.refused(501, "0x80040315", "DeletedMetadataFilters", "GET", "RetrieveMetadataChanges(DeletedMetadataFilters=Microsoft.Dynamics.CRM.DeletedMetadataFilters'Default')", nil)
	now = now.Add(91 * 24 * time.Hour)
	o.refused(400, "0x80044352", "expired", "GET", again, nil)
}
