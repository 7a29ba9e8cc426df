package emulator_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse/emulator"
)

func activityTable(changes map[string]any) map[string]any {
	subject := define("String", "Subject", map[string]any{"MaxLength": 200, "IsPrimaryName": true})
	body := map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "sample_Visit", "OwnershipType": "UserOwned", "IsActivity": true, "HasActivities": false,
		"HasNotes": true, "DisplayName": label("Visit"), "DisplayCollectionName": label("Visits"), "Attributes": []any{subject, define("String", "sample_Place", map[string]any{"MaxLength": 100})}}
	for k, v := range changes {
		body[k] = v
	}
	return body
}

// Pages: custom-activities, activityparty-entity, configure-entity-relationship-cascading-behavior.
func TestCustomActivity(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.withSolution()
	o.must("POST", "EntityDefinitions", activityTable(nil))
	r := o.get("EntityDefinitions(LogicalName='sample_visit')?$select=IsActivity,PrimaryIdAttribute,PrimaryNameAttribute&$expand=ManyToOneRelationships($select=ReferencedEntity,ReferencingAttribute,CascadeConfiguration)")
	if r.at("IsActivity") != true || r.at("PrimaryIdAttribute") != "activityid" || r.at("PrimaryNameAttribute") != "subject" {
		t.Error(r.text)
	}
	found := false
	for _, x := range r.list("ManyToOneRelationships") {
		if x["ReferencedEntity"] == "contact" && x["ReferencingAttribute"] == "regardingobjectid" {
			found = x["CascadeConfiguration"].(map[string]any)["Delete"] == "Cascade"
		}
	}
	if !found {
		t.Error("a delete of a contact cascades to the activities that regard it")
	}
	person := func(name string) string {
		return o.must("POST", "contacts", map[string]any{"lastname": name, "emailaddress1": name + "@example.com"}, "Prefer", "return=representation").at("contactid").(string)
	}
	regarded, guest := person("regarded"), person("guest")
	visit := func(more map[string]any) string {
		body := map[string]any{"subject": "Visit", "sample_place": "Nora"}
		for k, v := range more {
			body[k] = v
		}
		return o.must("POST", "sample_visits", body, "Prefer", "return=representation").at("activityid").(string)
	}
	first := visit(map[string]any{"regardingobjectid_contact_sample_visit@odata.bind": "/contacts(" + regarded + ")"})
	second := visit(map[string]any{"sample_visit_activity_parties": []any{map[string]any{"participationtypemask": 2, "partyid_contact@odata.bind": "/contacts(" + guest + ")"}}})

	// activitypointer is all activities as one, also in what regards a person.
	p := o.get("activitypointers?$select=subject,activitytypecode,_regardingobjectid_value&$filter=_regardingobjectid_value eq " + regarded)
	if l := p.list(); len(l) != 1 || l[0]["activityid"] != first || l[0]["activitytypecode"] != "sample_visit" {
		t.Error(p.text)
	}
	if l := o.get("contacts(" + regarded + ")/contact_sample_visits?$select=subject").list(); len(l) != 1 {
		t.Error(l)
	}
	masks := func(activity string) (out []float64) {
		for _, x := range o.get("activityparties?$select=participationtypemask&$filter=_activityid_value eq " + activity + "&$orderby=participationtypemask").list() {
			out = append(out, x["participationtypemask"].(float64))
		}
		return out
	}
	if diff := cmp.Diff([]float64{8, 9}, masks(first)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{2, 9}, masks(second)); diff != "" {
		t.Error(diff)
	}
	o.must("PATCH", "sample_visits("+second+")", map[string]any{"statecode": 1, "statuscode": 2})
	o.refused(400, "0x80040233", "Closed", "PATCH", "sample_visits("+second+")", map[string]any{"subject": "x"})
	o.must("POST", "annotations", map[string]any{"subject": "Note", "objectid_sample_visit@odata.bind": "/sample_visits(" + first + ")"})

	o.must("DELETE", "contacts("+regarded+")", nil)
	o.must("DELETE", "contacts("+guest+")", nil)
	o.refused(404, "0x80040217", "Does Not Exist", "GET", "sample_visits("+first+")", nil)
	if l := o.get("annotations?$filter=subject eq 'Note'").list(); len(l) != 0 {
		t.Error("the note of a deleted activity stays")
	}
	// The party line stays without its person, with the address that was written to.
	l := o.get("activityparties?$select=addressused,ispartydeleted,_partyid_value&$filter=participationtypemask eq 2 and _activityid_value eq " + second).list()
	if len(l) != 1 || l[0]["addressused"] != "guest@example.com" || l[0]["ispartydeleted"] != true {
		t.Error(l)
	}
	// Rights on activities are the same for all of them.
	few, _ := o.user(o.unit(), "prvReadAccount Global")
	few.refused(403, "0x80040220", "prvReadActivity", "GET", "sample_visits?$select=subject", nil)
	o.get("$metadata")
}

func TestRefuseCustomActivity(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.withSolution()
	for words, changes := range map[string]map[string]any{
		"UserOwned":       {"OwnershipType": "OrganizationOwned"},
		"HasActivities":   {"HasActivities": true},
		"'Subject'":       {"Attributes": []any{define("String", "sample_Subject", map[string]any{"MaxLength": 200, "IsPrimaryName": true})}},
		"exactly one":     {"Attributes": []any{define("Memo", "Subject", map[string]any{"MaxLength": 200, "IsPrimaryName": true})}},
		"name 'Subject2'": {"Attributes": []any{define("String", "Subject2", map[string]any{"MaxLength": 200})}},
	} {
		o.refused(400, "0x80040203", words, "POST", "EntityDefinitions", activityTable(changes))
	}
	o.refused(404, "0x80060888", "sample_visit", "GET", "EntityDefinitions(LogicalName='sample_visit')", nil)
}
