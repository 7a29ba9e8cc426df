package emulator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	o.refused(501, "0x80040315", "AppModuleId", "GET", "RetrieveMetadataChanges(AppModuleId=00000000-0000-0000-0000-000000000001)", nil)
	now = now.Add(91 * 24 * time.Hour)
	o.refused(400, "0x80044352", "expired", "GET", again, nil)
}

// Page RetrieveMetadataChangesResponse.DeletedMetadata: "Deleted metadata is only returned when a valid ClientVersionStamp and
// DeletedMetadataFilters are included in a request. This collection is a dictionary of GUID values using a
// DeletedMetadataFilters as a key. The GUID values represent MetadataId values of the metadata items."
func TestDeletedDefinitions(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.withSolution()
	id := func(r reply) string {
		address := r.header.Get("OData-EntityId")
		return strings.TrimSuffix(address[strings.LastIndex(address, "(")+1:], ")")
	}
	column := id(o.must("POST", contactColumns, define("String", "sample_Goes", map[string]any{"MaxLength": 10})))
	set := id(o.must("POST", "GlobalOptionSetDefinitions", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", "Name": "sample_set", "OptionSetType": "Picklist",
		"IsGlobal": true, "DisplayName": label("Set"), "Options": choices(1, 2)["Options"]}))
	stamp, _ := o.get("RetrieveMetadataChanges()").at("ServerVersionStamp").(string)
	since := func(kinds string) reply {
		t.Helper()
		return o.get("RetrieveMetadataChanges(ClientVersionStamp=@s,DeletedMetadataFilters=@f)?@s='" + stamp + "'&@f=Microsoft.Dynamics.CRM.DeletedMetadataFilters'" + kinds + "'")
	}
	none := map[string]any{"Count": 0.0, "IsReadOnly": false, "Keys": []any{}, "Values": []any{}}
	if diff := cmp.Diff(none, since("All").at("DeletedMetadata")); diff != "" {
		t.Error(diff)
	}
	o.must("DELETE", contactColumns+"("+column+")", nil)
	o.must("DELETE", "GlobalOptionSetDefinitions("+set+")", nil)
	both := map[string]any{"Count": 2.0, "IsReadOnly": false, "Keys": []any{"Attribute", "OptionSet"},
		"Values": []any{map[string]any{"Items": []any{column}}, map[string]any{"Items": []any{set}}}}
	one := map[string]any{"Count": 1.0, "IsReadOnly": false, "Keys": []any{"OptionSet"}, "Values": []any{map[string]any{"Items": []any{set}}}}
	for kinds, want := range map[string]any{"All": both, "31": both, "Attribute, OptionSet": both, "OptionSet": one, "Default": none, "Label,Relationship": none} {
		if diff := cmp.Diff(want, since(kinds).at("DeletedMetadata")); diff != "" {
			t.Errorf("%s: %s", kinds, diff)
		}
	}
	if diff := cmp.Diff(none, o.get("RetrieveMetadataChanges(DeletedMetadataFilters=Microsoft.Dynamics.CRM.DeletedMetadataFilters'All')").at("DeletedMetadata")); diff != "" {
		t.Errorf("without a stamp: %s", diff)
	}
	for _, kinds := range []string{"Microsoft.Dynamics.CRM.DeletedMetadataFilters'Nope'", "'All'", "Microsoft.Dynamics.CRM.DeletedMetadataFilters'32'", "Microsoft.Dynamics.CRM.DeletedMetadataFilters'0'"} {
		o.refused(400, "0x80040203", "DeletedMetadataFilters", "GET", "RetrieveMetadataChanges(DeletedMetadataFilters=@f)?@f="+kinds, nil)
	}
}
