package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// sendDefinition sends one request without a network. Whatever is asked, the emulator must not be at fault.
func sendDefinition(t *testing.T, s *emulator.Server, method, target, body string) {
	u, err := url.Parse("http://emulator.invalid/api/data/v9.2/" + target)
	if err != nil || strings.Contains(u.Path, "$batch") {
		return
	}
	r := httptest.NewRequest(method, "http://emulator.invalid/", strings.NewReader(body))
	r.URL = u
	r.Header.Set("Authorization", "Bearer emulator")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code == http.StatusInternalServerError {
		t.Fatalf("%s %s %s: %s", method, target, body, w.Body)
	}
}

// FuzzDefine sends bodies to everything that changes definitions.
func FuzzDefine(f *testing.F) {
	for _, b := range []map[string]any{
		define("String", "new_A", map[string]any{"MaxLength": 10}), define("Picklist", "new_B", map[string]any{"OptionSet": choices(1, 2)}),
		define("Boolean", "new_C", map[string]any{"OptionSet": map[string]any{"TrueOption": map[string]any{"Value": 1, "Label": label("Y")}, "FalseOption": map[string]any{"Value": 0, "Label": label("N")}}}),
		{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_T", "OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": true, "HasNotes": true, "DisplayName": label("T"), "DisplayCollectionName": label("Ts"),
			"Attributes": []any{define("String", "new_Name", map[string]any{"IsPrimaryName": true, "MaxLength": 10})}},
		{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "new_r", "ReferencedEntity": "account", "ReferencingEntity": "contact", "CascadeConfiguration": map[string]any{"Delete": "Cascade"}, "Lookup": define("Lookup", "new_R", nil)},
		{"@odata.type": "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata", "SchemaName": "new_m", "Entity1LogicalName": "contact", "Entity2LogicalName": "contact", "IntersectEntityName": "new_mm"},
		{"@odata.type": "Microsoft.Dynamics.CRM.EntityKeyMetadata", "SchemaName": "new_k", "DisplayName": label("K"), "KeyAttributes": []string{"employeeid"}},
		{"EntityLogicalName": "contact", "AttributeLogicalName": "accountrolecode", "Value": 9, "Label": label("L"), "Values": []int{1, 2, 3}, "MergeLabels": true},
		{"ParameterXml": "<importexportxml><entities><entity>contact</entity></entities></importexportxml>"},
	} {
		j, err := json.Marshal(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(j))
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := emulator.New(emulator.Options{})
		for _, target := range []string{"EntityDefinitions", "EntityDefinitions(LogicalName='contact')/Attributes", "EntityDefinitions(LogicalName='contact')/Keys", "RelationshipDefinitions",
			"GlobalOptionSetDefinitions", "CreateCustomerRelationships", "InsertOptionValue", "UpdateOptionValue", "DeleteOptionValue", "OrderOption", "PublishXml", "AddSolutionComponent"} {
			sendDefinition(t, s, "POST", target, body)
		}
		sendDefinition(t, s, "PUT", "EntityDefinitions(LogicalName='contact')", body)
		sendDefinition(t, s, "PUT", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='emailaddress1')", body)
		sendDefinition(t, s, "PUT", "RelationshipDefinitions(SchemaName='contact_customer_accounts')", body)
	})
}

// FuzzReadDefinitions asks for definitions by all kinds of addresses.
func FuzzReadDefinitions(f *testing.F) {
	for _, target := range []string{
		"EntityDefinitions(LogicalName='contact')?$select=LogicalName&$expand=Attributes($select=LogicalName;$filter=AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Picklist')",
		"EntityDefinitions(LogicalName='contact')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$expand=OptionSet",
		"EntityDefinitions(LogicalName='account')/ObjectTypeCode/$value", "EntityDefinitions?$filter=CanCreateAttributes/Value eq true and not (ObjectTypeCode gt 5)",
		"RelationshipDefinitions/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata?$filter=ReferencedEntity eq 'contact'", "GlobalOptionSetDefinitions(Name='x')",
		"RetrieveMetadataChanges(Query=@p1)?@p1={\"Properties\":{\"PropertyNames\":[\"SchemaName\"]}}", "RetrieveCurrentOrganization(AccessType=@p)?@p='Default'",
	} {
		f.Add(target)
	}
	s := emulator.New(emulator.Options{})
	f.Fuzz(func(t *testing.T, target string) { sendDefinition(t, s, "GET", target, "") })
}
