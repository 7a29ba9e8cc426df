package emulator_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse/emulator"
)

// rule makes a duplicate detection rule with one condition and gives its id.
func (o *org) rule(base, matching string, condition map[string]any, more map[string]any) string {
	o.Helper()
	body := map[string]any{"name": "Rule", "baseentityname": base, "matchingentityname": matching, "DuplicateRule_DuplicateRuleConditions": []any{condition}}
	for k, v := range more {
		body[k] = v
	}
	return o.must("POST", "duplicaterules", body, "Prefer", "return=representation").at("duplicateruleid").(string)
}

// Page manage-duplicate-detection-create-update: "false – Do not create or update the record, if a duplicate is found";
// "Dataverse includes default duplicate detection rules for accounts, contacts, and leads".
func TestRefuseDuplicates(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	on := []string{"MSCRM.SuppressDuplicateDetection", "false"}
	const message = "A record was not created or updated because a duplicate of the current record already exists."
	lead := map[string]any{"firstname": "Monte", "lastname": "Orton", "emailaddress1": "monteorton@example.com"}
	o.must("POST", "leads", lead, on...)
	lead["emailaddress1"] = "MonteOrton@example.com "
	o.refused(412, "0x80040333", message, "POST", "leads", lead, on...)
	if n := len(o.get("leads?$select=leadid").list()); n != 1 {
		t.Errorf("%d leads", n)
	}
	o.must("POST", "leads", lead) // "By default, duplicate detection is suppressed"
	o.must("POST", "leads", lead, "MSCRM.SuppressDuplicateDetection", "true")
	other := o.must("POST", "leads", map[string]any{"lastname": "Other", "emailaddress1": "other@example.com"}, "Prefer", "return=representation").at("leadid").(string)
	o.refused(412, "0x80040333", message, "PATCH", "leads("+other+")", lead, append(on, "If-Match", "*")...)
	if o.get("leads("+other+")?$select=lastname").at("lastname") != "Other" {
		t.Error("what was refused was written")
	}
	o.must("PATCH", "leads("+other+")", map[string]any{"lastname": "Another"}, on...)
	for range 2 { // "treated by the system as a true value": blank is no duplicate of blank
		o.must("POST", "leads", map[string]any{"lastname": "Blank"}, on...)
	}

	// The page on the header shows 500.
	o = newOrg(t, emulator.Options{DuplicateStatus: 500})
	o.must("POST", "leads", lead)
	o.refused(500, "0x80040333", message, "POST", "leads", lead, on...)
	id := o.get("organizations?$select=name").at("value", 0, "organizationid").(string)
	o.must("PATCH", "organizations("+id+")", map[string]any{"isduplicatedetectionenabled": false})
	o.must("POST", "leads", lead, on...)
}

// Page duplicaterule-entities: "You must publish them before"; "The conditions are combined by the system as in logical AND
// operation"; "For example, specify an account as a base entity and a contact as a matching entity".
func TestDuplicateRules(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	on := []string{"MSCRM.SuppressDuplicateDetection", "false"}
	first := map[string]any{"baseattributename": "name", "matchingattributename": "lastname", "operatorcode": 1, "operatorparam": 4}
	id := o.rule("account", "contact", first, map[string]any{"excludeinactiverecords": true})
	contact := o.must("POST", "contacts", map[string]any{"lastname": "Nordström", "telephone1": "1"}, "Prefer", "return=representation").at("contactid").(string)
	o.must("POST", "accounts", map[string]any{"name": "Nord AB"}, on...)
	job := o.must("POST", "PublishDuplicateRule", map[string]any{"DuplicateRuleId": id}).at("JobId").(string)
	if r := o.get("asyncoperations(" + job + ")?$select=operationtype,statuscode"); r.at("operationtype") != 7.0 || r.at("statuscode") != 30.0 {
		t.Error(r.text)
	}
	if r := o.get("duplicaterules(" + id + ")?$select=statuscode,statecode"); r.at("statuscode") != 2.0 || r.at("statecode") != 1.0 {
		t.Error(r.text)
	}
	o.refused(412, "0x80040333", "duplicate", "POST", "accounts", map[string]any{"name": "nordic"}, on...)
	o.must("POST", "accounts", map[string]any{"name": "Nor"}, on...)

	// A second condition must hold as well; blank equals blank unless blanks are ignored.
	o.must("POST", "duplicateruleconditions", map[string]any{"baseattributename": "telephone1", "matchingattributename": "telephone1", "operatorcode": 0, "regardingobjectid@odata.bind": "/duplicaterules(" + id + ")"})
	o.must("POST", "accounts", map[string]any{"name": "nordic"}, on...)
	o.refused(412, "0x80040333", "duplicate", "POST", "accounts", map[string]any{"name": "nordic", "telephone1": "1"}, on...)

	find := func(entity string) []string {
		var names []string
		for _, x := range o.get("RetrieveDuplicates(BusinessEntity=@p1,MatchingEntityName=@p2,PagingInfo=@p3)?@p1=" + entity + "&@p2='contact'&@p3={'PageNumber':1,'Count':50}").list() {
			names = append(names, x["lastname"].(string))
		}
		return names
	}
	const body = `{'@odata.type':'Microsoft.Dynamics.CRM.account','name':'Nordic','telephone1':'1'}`
	if diff := cmp.Diff([]string{"Nordström"}, find(body)); diff != "" {
		t.Error(diff)
	}
	account := o.must("POST", "accounts", map[string]any{"name": "Nordic", "telephone1": "1"}, "Prefer", "return=representation").at("accountid").(string)
	if diff := cmp.Diff([]string{"Nordström"}, find(`{'@odata.type':'Microsoft.Dynamics.CRM.account','accountid':'`+account+`'}`)); diff != "" {
		t.Error(diff)
	}
	// "Set it to true if you do not want inactive records to be flagged as duplicates".
	o.must("PATCH", "contacts("+contact+")", map[string]any{"statecode": 1, "statuscode": 2})
	if names := find(body); len(names) > 0 {
		t.Error(names)
	}
	o.must("PATCH", "contacts("+contact+")", map[string]any{"statecode": 0, "statuscode": 1})
	o.must("POST", "UnpublishDuplicateRule", map[string]any{"DuplicateRuleId": id})
	if names := find(body); len(names) > 0 {
		t.Error(names)
	}
	o.must("DELETE", "duplicaterules("+id+")", nil)
	if r := o.get("duplicateruleconditions?$filter=_regardingobjectid_value eq " + id); len(r.list()) > 0 {
		t.Error("conditions go with their rule: DuplicateRule_DuplicateRuleConditions cascades")
	}
}

func TestRefuseDuplicateRules(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	exact := map[string]any{"baseattributename": "lastname", "matchingattributename": "lastname", "operatorcode": 0}
	with := func(changes map[string]any) map[string]any {
		out := map[string]any{}
		for k, v := range exact {
			out[k] = v
		}
		for k, v := range changes {
			out[k] = v
		}
		return out
	}
	rule := func(base string, condition map[string]any) map[string]any {
		return map[string]any{"name": "R", "baseentityname": base, "matchingentityname": "lead", "DuplicateRule_DuplicateRuleConditions": []any{condition}}
	}
	for _, c := range []struct {
		code, words string
		body        map[string]any
	}{
		{"0x80040203", "not supported for the entity 'nope'", rule("nope", exact)},
		{"0x80041103", "Name = 'nope'", rule("contact", with(map[string]any{"baseattributename": "nope"}))},
		{"0x80040203", "data type", rule("contact", with(map[string]any{"operatorcode": 3}))},
		{"0x80040203", "OperatorParam", rule("contact", with(map[string]any{"operatorcode": 1}))},
		{"0x80040203", "OperatorParam", rule("contact", with(map[string]any{"operatorparam": 3}))}, // "If you set the OperatorCode attribute to ExactMatch, don't set the OperatorParam"
	} {
		o.refused(400, c.code, c.words, "POST", "duplicaterules", c.body)
	}
	if r := o.get("duplicaterules?$filter=name eq 'R'"); len(r.list()) > 0 {
		t.Error(r.text)
	}
	var last string
	for i := range 5 { // and the default one
		last = o.rule("contact", "contact", exact, nil)
		if i < 4 {
			o.must("POST", "PublishDuplicateRule", map[string]any{"DuplicateRuleId": last})
		}
	}
	o.refused(400, "0x80040203", "maximum number", "POST", "PublishDuplicateRule", map[string]any{"DuplicateRuleId": last})
	o.refused(400, "0x80048d19", "DuplicateRuleId", "POST", "PublishDuplicateRule", map[string]any{})
	o.refused(404, "0x80040217", "Does Not Exist", "POST", "UnpublishDuplicateRule", map[string]any{"DuplicateRuleId": strings.Repeat("0", 8) + "-0000-0000-0000-000000000001"})
	o.refused(400, "0x80048d19", "MatchingEntityName", "GET", "RetrieveDuplicates(BusinessEntity=@p1)?@p1={'@odata.type':'Microsoft.Dynamics.CRM.contact'}", nil)
	few, _ := o.user(o.unit(), "prvReadLead Global")
	few.refused(403, "0x80040220", "prvReadContact", "GET", "RetrieveDuplicates(BusinessEntity=@p1,MatchingEntityName='contact')?@p1={'@odata.type':'Microsoft.Dynamics.CRM.lead','lastname':'X'}", nil)
}

// The pages have two codes for a segment that names nothing.
func TestUnknownSegment(t *testing.T) {
	for code, o := range map[string]emulator.Options{"0x8006088a": {}, "0x80060888": {NewerSegmentCode: true}} {
		org := newOrg(t, o)
		for _, path := range []string{"contactz", "WhoIsIt", "EntityDefinitions(LogicalName='contact')/Nope"} {
			org.refused(404, code, "Resource not found for the segment", "GET", path, nil)
		}
	}
}
