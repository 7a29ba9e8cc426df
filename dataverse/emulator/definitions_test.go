package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// A table without optimistic concurrency takes no version in If-Match. Page: optimistic-concurrency.
func TestNoOptimisticConcurrency(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	body := func(enabled bool) map[string]any {
		return map[string]any{"SchemaName": "new_Loose", "DisplayName": label("Loose"), "DisplayCollectionName": label("Loose"), "OwnershipType": "UserOwned", "HasActivities": false, "HasNotes": false,
			"IsActivity": false, "IsOptimisticConcurrencyEnabled": enabled, "Attributes": []any{define("String", "new_Name", map[string]any{"MaxLength": 100, "IsPrimaryName": true})}}
	}
	o.must("POST", "EntityDefinitions", body(false))
	if got := o.get("EntityDefinitions(LogicalName='new_loose')?$select=IsOptimisticConcurrencyEnabled").at("IsOptimisticConcurrencyEnabled"); got != false {
		t.Errorf("the definition says %v", got)
	}
	row := o.must("POST", "new_looses", map[string]any{"new_name": "a"}, "Prefer", "return=representation")
	path, etag := "new_looses("+row.at("new_looseid").(string)+")", row.at("@odata.etag").(string)
	o.refused(400, "0x8006088d", "new_loose", "PATCH", path, map[string]any{"new_name": "b"}, "If-Match", etag)
	o.refused(400, "0x8006088d", "new_loose", "DELETE", path, nil, "If-Match", etag)
	o.must("PATCH", path, map[string]any{"new_name": "b"}, "If-Match", "*")
	o.must("PUT", "EntityDefinitions(LogicalName='new_loose')", body(true))
	if r := o.do("PATCH", path, map[string]any{"new_name": "c"}, "If-Match", etag); r.status != 412 {
		t.Errorf("with it: %d %s", r.status, r.text)
	}
}

// A definition that asks for what is not done is refused by name. Pages: calculated-rollup-attributes, entity-metadata.
func TestDefinitionsAreNotSwallowed(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.refused(501, "0x80040315", "SourceType", "POST", contactColumns, define("Integer", "new_Sum", map[string]any{"SourceType": 2}))
	o.refused(501, "0x80040315", "FormulaDefinition", "POST", contactColumns, define("Integer", "new_Sum", map[string]any{"FormulaDefinition": "1+1"}))
	table := map[string]any{"SchemaName": "new_Thing", "DisplayName": label("Thing"), "DisplayCollectionName": label("Things"), "OwnershipType": "UserOwned", "HasActivities": false, "HasNotes": false,
		"IsActivity": false, "Attributes": []any{define("String", "new_Name", map[string]any{"MaxLength": 100, "IsPrimaryName": true})}}
	for _, name := range []string{"AutoCreateAccessTeams", "IsSLAEnabled"} {
		table[name] = true
		o.refused(501, "0x80040315", name, "POST", "EntityDefinitions", table)
		table[name] = false
	}
	o.must("POST", "EntityDefinitions", table)
}

// Page: create-auto-number-attributes.
func TestAutoNumbers(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	format := "CAR-{SEQNUM:5}-{RANDSTRING:4}-{DATETIMEUTC:yyyy}"
	o.must("POST", contactColumns, define("String", "new_Number", map[string]any{"MaxLength": 100, "AutoNumberFormat": format}))
	if got := o.get("EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='new_number')?$select=AutoNumberFormat").at("AutoNumberFormat"); got != format {
		t.Errorf("the definition says %v", got)
	}
	for i := range 2 {
		got := o.must("POST", "contacts", map[string]any{"lastname": "x"}, "Prefer", "return=representation").at("new_number").(string)
		if !strings.HasPrefix(got, fmt.Sprintf("CAR-%05d-", 1000+i)) || len(got) != len("CAR-01000-ABCD-2026") {
			t.Errorf("number %s", got)
		}
	}
	if got := o.must("POST", "contacts", map[string]any{"lastname": "x", "new_number": "own"}, "Prefer", "return=representation").at("new_number"); got != "own" {
		t.Errorf("a given number became %v", got)
	}
	o.refused(400, "0x80040203", "AutoNumberFormat", "POST", contactColumns, define("String", "new_Bad", map[string]any{"MaxLength": 100, "AutoNumberFormat": "{NOPE:1}"}))
}

// Page: compose-http-requests-handle-errors.
func TestMetadataLevels(t *testing.T) {
	o := newSite(t, emulator.Options{})
	o.create("contacts", `{"lastname":"Berg"}`)
	r := o.do("GET", "contacts?$select=fullname&$count=true", "", "Accept", "application/json;odata.metadata=none").want(200, `"@odata.count":1`, `"fullname":"Berg"`)
	if strings.Contains(r.text, "@odata.context") || strings.Contains(r.text, "@odata.etag") || !strings.Contains(r.header.Get("Content-Type"), "none") {
		t.Error(r.header.Get("Content-Type"), r.text)
	}
	o.do("GET", "contacts", "", "Accept", "application/json; odata.metadata=full").want(501, "odata.metadata=full")
	o.do("GET", "contacts", "", "Accept", "application/json; odata.metadata=minimal").want(200, "@odata.context")
}

// Who may own a row, and who may read the audit history. Pages: security-sharing-assigning, auditing/retrieve-audit-data.
func TestOwnersAndAudits(t *testing.T) {
	o := newOrg(t, emulator.Options{OwnersNeedRoles: true})
	idle := o.must("POST", "systemusers", map[string]any{"domainname": "idle@nord.example", "lastname": "Idle", "businessunitid@odata.bind": "/businessunits(" + o.unit() + ")"}, "Prefer", "return=representation").at("systemuserid").(string)
	body := map[string]any{"lastname": "x", "ownerid@odata.bind": "/systemusers(" + idle + ")"}
	o.refused(403, "0x80040220", "prvReadContact", "POST", "contacts", body)
	role := o.get("roles?$select=roleid&$filter=name eq 'Basic User'").list()[0]["roleid"].(string)
	o.must("POST", "systemusers("+idle+")/systemuserroles_association/$ref", map[string]any{"@odata.id": o.url + "/api/data/v9.2/roles(" + role + ")"})
	o.must("POST", "contacts", body)
	o.must("PATCH", "systemusers("+idle+")", map[string]any{"isdisabled": true})
	o.refused(400, "0x80040225", "disabled", "POST", "contacts", body)
	team := o.must("POST", "teams", map[string]any{"name": "Access", "teamtype": 1, "businessunitid@odata.bind": "/businessunits(" + o.unit() + ")"}, "Prefer", "return=representation").at("teamid").(string)
	o.refused(400, "0x80040203", "access team", "POST", "contacts", map[string]any{"lastname": "x", "ownerid@odata.bind": "/teams(" + team + ")"})
	u, _ := o.user(o.unit(), "prvReadContact Global")
	u.refused(403, "0x80040220", "prvReadAuditSummary", "GET", "audits", nil)
	reader, _ := o.user(o.unit(), "prvReadAuditSummary Global")
	if r := reader.get("audits?$top=1"); r.status != 200 {
		t.Error(r.text)
	}
}

// A new contact and account as they were recorded from a live environment: what is set without being given, and what is null.
func TestNewRowsAsRecorded(t *testing.T) {
	o := newSite(t, emulator.Options{})
	for set, want := range map[string]struct {
		body  string
		given string // columns that are null
		set   map[string]string
	}{
		"contacts": {`{"firstname":"Ann","lastname":"Berg"}`, "yomifirstname yomilastname address1_shippingmethodcode address1_freighttermscode preferredappointmentdaycode address1_addresstypecode address3_addresstypecode paymenttermscode gendercode familystatuscode address1_composite entityimage entityimage_url _masterid_value",
			map[string]string{"yomifullname": "Ann Berg", "address2_addresstypecode": "1", "territorycode": "1", "haschildrencode": "1", "preferredappointmenttimecode": "1", "preferredcontactmethodcode": "1", "educationcode": "1", "customersizecode": "1",
				"address2_shippingmethodcode": "1", "address2_freighttermscode": "1", "customertypecode": "1", "leadsourcecode": "1", "shippingmethodcode": "1", "followemail": "true", "merged": "false", "marketingonly": "false", "donotphone": "false",
				"isbackofficecustomer": "false", "creditonhold": "false", "participatesinworkflow": "false", "statecode": "0", "statuscode": "1"}},
		"accounts": {`{"name":"Nord"}`, "preferredappointmenttimecode customertypecode address1_shippingmethodcode address1_addresstypecode ownershipcode industrycode entityimage _masterid_value",
			map[string]string{"territorycode": "1", "accountcategorycode": "", "accountratingcode": "1", "preferredcontactmethodcode": "1", "accountclassificationcode": "1", "customersizecode": "1", "businesstypecode": "1", "address2_shippingmethodcode": "1",
				"address2_freighttermscode": "1", "shippingmethodcode": "1", "address2_addresstypecode": "1", "followemail": "true", "merged": "false", "donotbulkemail": "false", "statecode": "0", "statuscode": "1"}},
	} {
		row := o.row(set, o.create(set, want.body))
		for name, value := range want.set {
			if got, found := row[name]; !found || value != "" && fmt.Sprint(got) != value {
				t.Errorf("%s.%s: %v, want %s", set, name, got, value)
			}
		}
		for name := range strings.FieldsSeq(want.given) {
			if got, found := row[name]; !found || got != nil {
				t.Errorf("%s.%s: %v (%v), want null", set, name, got, found)
			}
		}
	}
	id := o.create("contacts", `{"firstname":"Ann","lastname":"Berg"}`)
	o.do("PATCH", "contacts("+id+")", `{"lastname":"Carlson"}`).want(204)
	if got := o.row("contacts", id)["yomifullname"]; got != "Ann Carlson" {
		t.Errorf("the phonetic name stays %v", got)
	}
}
