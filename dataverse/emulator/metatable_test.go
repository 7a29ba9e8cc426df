package emulator_test

import (
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// What is not emulated is said by name: a standard table in its place would be taken for one.
func TestElasticAndVirtualTablesAreRefused(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	for says, more := range map[string]map[string]any{
		"TableType Elastic": {"TableType": "Elastic"},
		"TableType Virtual": {"TableType": "Virtual"},
		"(DataProviderId)":  {"DataProviderId": "11111111-1111-1111-1111-111111111111"},
		"(ExternalName)":    {"ExternalName": "people"},
	} {
		body := map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_Elsewhere", "DisplayName": label("E"), "DisplayCollectionName": label("Es"),
			"OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false,
			"Attributes": []any{define("String", "new_Name", map[string]any{"IsPrimaryName": true, "MaxLength": 100})}}
		for k, v := range more {
			body[k] = v
		}
		o.refused(501, "0x80040315", says, "POST", "EntityDefinitions", body)
		o.refused(501, "0x80040315", says, "PUT", "EntityDefinitions(LogicalName='contact')", body)
		if r := o.get("EntityDefinitions?$select=LogicalName&$filter=LogicalName eq 'new_elsewhere'"); len(r.list()) != 0 {
			t.Error(r.text)
		}
		body["TableType"], body["DataProviderId"], body["ExternalName"] = "Standard", nil, nil
		o.must("POST", "EntityDefinitions", body)
		o.must("DELETE", "EntityDefinitions(LogicalName='new_elsewhere')", nil)
	}
}

// Page: create-update-entity-definitions-using-web-api.
func TestDefineTable(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	body := func() map[string]any {
		return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_BankAccount", "DisplayName": label("Bank account"), "DisplayCollectionName": label("Bank accounts"),
			"OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": true, "HasNotes": true,
			"Attributes": []any{define("String", "new_AccountName", map[string]any{"IsPrimaryName": true, "FormatName": map[string]any{"Value": "Text"}, "MaxLength": 100})}}
	}
	at := o.must("POST", "EntityDefinitions", body()).header.Get("OData-EntityId")
	r := o.get(at[len(o.url+"/api/data/v9.2/"):])
	for name, want := range map[string]any{"LogicalName": "new_bankaccount", "EntitySetName": "new_bankaccounts", "PrimaryIdAttribute": "new_bankaccountid", "PrimaryNameAttribute": "new_accountname",
		"IsCustomEntity": true, "HasNotes": true, "HasActivities": true, "OwnershipType": "UserOwned", "ReportViewName": "Filterednew_BankAccount"} {
		if r.at(name) != want {
			t.Errorf("%s is %v, want %v", name, r.at(name), want)
		}
	}
	if otc, _ := r.at("ObjectTypeCode").(float64); otc <= 10000 {
		t.Error(otc)
	}
	var names []string
	for _, p := range r.list("Privileges") {
		names = append(names, p["Name"].(string))
	}
	if len(names) != 8 || names[1] != "prvReadnew_BankAccount" {
		t.Error(names)
	}
	if r := o.get("privileges?$select=name&$filter=name eq 'prvReadnew_BankAccount'"); len(r.list()) != 1 {
		t.Error(r.text)
	}
	id := o.must("POST", "new_bankaccounts", map[string]any{"new_accountname": "Giro"}, "Prefer", "return=representation").at("new_bankaccountid").(string)
	row := o.get("new_bankaccounts(" + id + ")")
	if row.at("new_accountname") != "Giro" || row.at("statecode") != 0.0 || row.at("_ownerid_value") == nil || row.at("createdon") == nil {
		t.Error(row.text)
	}
	o.must("POST", "annotations", map[string]any{"subject": "N", "objectid_new_bankaccount@odata.bind": "/new_bankaccounts(" + id + ")"})
	o.must("POST", "tasks", map[string]any{"subject": "T", "regardingobjectid_new_bankaccount_task@odata.bind": "/new_bankaccounts(" + id + ")"})
	o.must("DELETE", "new_bankaccounts("+id+")", nil)
	if r := o.get("annotations?$select=subject"); len(r.list()) != 0 {
		t.Errorf("notes go with the row: %s", r.text)
	}
	o.refused(400, "0x80047010", "new_bankaccount", "POST", "EntityDefinitions", body())
	o.refused(400, "0x8004f026", "Entity", "DELETE", "EntityDefinitions(LogicalName='contact')", nil)
	o.must("DELETE", "EntityDefinitions(LogicalName='new_bankaccount')", nil)
	o.refused(404, "0x80060888", "new_bankaccounts", "GET", "new_bankaccounts", nil)
	o.must("POST", "EntityDefinitions", body())
}

// Pages: create-update-optionsets, create-update-column-definitions-using-web-api.
func TestOptionSets(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.withSolution()
	at := o.must("POST", "GlobalOptionSetDefinitions", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", "Name": "sample_colors", "OptionSetType": "Picklist", "DisplayName": label("Colours"),
		"Options": []any{map[string]any{"Value": 727000000, "Label": label("Red")}, map[string]any{"Value": nil, "Label": label("Blue")}}}, "MSCRM.SolutionUniqueName", "samplesolution").header.Get("OData-EntityId")
	path := at[len(o.url+"/api/data/v9.2/"):]
	r := o.get(path + "/Microsoft.Dynamics.CRM.OptionSetMetadata?$select=Options")
	if len(r.list("Options")) != 2 || r.at("Options", 1, "Value") != 727000001.0 {
		t.Error(r.text)
	}
	o.refused(400, "0x80060888", "'Options'", "GET", path+"?$select=Options", nil)
	o.must("POST", contactColumns, define("Picklist", "sample_Color", map[string]any{"SourceTypeMask": 0, "GlobalOptionSet@odata.bind": "/" + path}))

	r = o.must("POST", "InsertOptionValue", map[string]any{"OptionSetName": "sample_colors", "Label": label("Green"), "SolutionUniqueName": "samplesolution"})
	if r.at("NewOptionValue") != 727000002.0 {
		t.Error(r.text)
	}
	o.must("POST", "contacts", map[string]any{"lastname": "T", "sample_color": 727000002})
	o.refused(400, "0x8004431a", "", "POST", "contacts", map[string]any{"lastname": "T", "sample_color": 5})
	o.refused(400, "0x80044310", "unique", "POST", "InsertOptionValue", map[string]any{"OptionSetName": "sample_colors", "Value": 727000002, "Label": label("Again")})
	o.refused(400, "0x8004f01f", "OptionSet", "DELETE", "GlobalOptionSetDefinitions(Name='sample_colors')", nil)

	o.must("POST", contactColumns, define("Picklist", "sample_Why", map[string]any{"OptionSet": choices(1, 2, 3)}))
	of := func(more map[string]any) map[string]any {
		more["EntityLogicalName"], more["AttributeLogicalName"] = "contact", "sample_why"
		return more
	}
	o.must("POST", "UpdateOptionValue", of(map[string]any{"Value": 1, "Label": label("First"), "MergeLabels": true}))
	o.must("POST", "DeleteOptionValue", of(map[string]any{"Value": 2}))
	o.must("POST", "OrderOption", of(map[string]any{"Values": []int{3, 1}}))
	r = o.get(contactColumns + "(LogicalName='sample_why')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata/OptionSet")
	if len(r.list("Options")) != 2 || r.at("Options", 0, "Value") != 3.0 || r.at("Options", 1, "Label", "UserLocalizedLabel", "Label") != "First" {
		t.Error(r.text)
	}
	o.refused(400, "0x80048d19", "'Nope'", "POST", "InsertOptionValue", of(map[string]any{"Nope": 1}))
	r = o.must("POST", "InsertStatusValue", map[string]any{"EntityLogicalName": "contact", "AttributeLogicalName": "statuscode", "Value": 727000000, "Label": label("Dormant"), "StateCode": 1})
	if r.at("NewOptionValue") != 727000000.0 {
		t.Error(r.text)
	}
	id := o.must("POST", "contacts", map[string]any{"lastname": "T"}, "Prefer", "return=representation").at("contactid").(string)
	o.must("PATCH", "contacts("+id+")", map[string]any{"statecode": 1, "statuscode": 727000000}, "If-Match", "*")
}

// Page: define-alternate-keys-entity.
func TestAlternateKeys(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	key := func(name string, columns ...string) map[string]any {
		return map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.EntityKeyMetadata", "SchemaName": name, "DisplayName": label(name), "KeyAttributes": columns}
	}
	keys := "EntityDefinitions(LogicalName='contact')/Keys"
	o.must("POST", keys, key("new_code", "employeeid"))
	r := o.get("EntityDefinitions(LogicalName='contact')?$select=SchemaName&$expand=Keys($select=KeyAttributes,EntityKeyIndexStatus)")
	if r.at("Keys", 0, "KeyAttributes", 0) != "employeeid" || r.at("Keys", 0, "EntityKeyIndexStatus") != "Active" {
		t.Error(r.text)
	}
	o.refused(400, "0x80060893", "new_code", "POST", keys, key("new_code", "nickname"))
	o.refused(400, "0x80060894", "same attributes", "POST", keys, key("new_other", "employeeid"))
	o.refused(400, "0x80040203", "description", "POST", keys, key("new_other", "description"))
	o.must("POST", "contacts", map[string]any{"lastname": "T", "employeeid": "7"})
	if r := o.get("contacts(employeeid='7')?$select=lastname"); r.at("lastname") != "T" {
		t.Error(r.text)
	}
	o.refused(412, "0x80060892", "new_code", "POST", "contacts", map[string]any{"lastname": "T", "employeeid": "7"})
	o.must("DELETE", keys+"(LogicalName='new_code')", nil)
	o.must("POST", "contacts", map[string]any{"lastname": "T", "employeeid": "7"})
}

// Page: define-alternate-keys-entity: the index cannot be built over rows that have the same values; the key is then
// neither enforced nor usable, until the rows are mended and it is reactivated.
func TestAlternateKeyOverRowsThatCollide(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	first := o.must("POST", "contacts", map[string]any{"lastname": "A", "employeeid": "x7"}, "Prefer", "return=representation").at("contactid").(string)
	o.must("POST", "contacts", map[string]any{"lastname": "B", "employeeid": "X7"})
	o.must("POST", "contacts", map[string]any{"lastname": "without"})
	o.must("POST", "contacts", map[string]any{"lastname": "without"})
	keys := "EntityDefinitions(LogicalName='contact')/Keys"
	o.must("POST", keys, map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.EntityKeyMetadata", "SchemaName": "new_code", "DisplayName": label("Code"), "KeyAttributes": []string{"employeeid"}})
	status := func() any {
		return o.get(keys + "(LogicalName='new_code')?$select=EntityKeyIndexStatus").at("EntityKeyIndexStatus")
	}
	if status() != "Failed" {
		t.Errorf("status %v", status())
	}
	o.must("POST", "contacts", map[string]any{"lastname": "C", "employeeid": "x7"}) // not enforced
	if r := o.do("GET", "contacts(employeeid='x7')", nil); r.status != 400 {
		t.Errorf("the key was usable: %d %s", r.status, r.text)
	}
	if r := o.do("PATCH", "contacts(employeeid='new')", map[string]any{"lastname": "D"}); r.status != 400 {
		t.Errorf("an upsert by the key: %d %s", r.status, r.text)
	}
	again := map[string]any{"EntityLogicalName": "contact", "EntityKeyLogicalName": "new_code"}
	o.must("POST", "ReactivateEntityKey", again)
	if status() != "Failed" {
		t.Errorf("the rows still collide: %v", status())
	}
	for _, r := range o.get("contacts?$select=contactid&$filter=employeeid eq 'x7' and contactid ne " + first).list() {
		o.must("PATCH", "contacts("+r["contactid"].(string)+")", map[string]any{"employeeid": nil})
	}
	o.must("POST", "ReactivateEntityKey", again)
	if status() != "Active" || o.get("contacts(employeeid='X7')?$select=lastname").at("lastname") != "A" {
		t.Errorf("after the rows were mended: %v", status())
	}
	o.refused(412, "0x80060892", "Entity Key Code violated.", "POST", "contacts", map[string]any{"lastname": "E", "employeeid": "x7"})
	o.refused(400, "0x80060897", "new_code", "POST", "ReactivateEntityKey", again)
	o.refused(404, "0x80040217", "new_none", "POST", "ReactivateEntityKey", map[string]any{"EntityLogicalName": "contact", "EntityKeyLogicalName": "new_none"})
}
