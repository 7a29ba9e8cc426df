package purge_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/ledger"
)

// newPairing makes a table with two lookups to contacts.
func (w *world) newPairing(mentor, student string, required bool) {
	w.t.Helper()
	level := "None"
	if required {
		level = "ApplicationRequired"
	}
	w.call(http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "gallra_Pairing", "DisplayName": labelled("Pairing"),
		"DisplayCollectionName": labelled("Pairings"), "OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false, "Attributes": []row{{
			"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "AttributeType": "String", "SchemaName": "gallra_Name", "IsPrimaryName": true,
			"DisplayName": labelled("Name"), "MaxLength": 100, "RequiredLevel": row{"Value": "None"}}}})
	for name, behavior := range map[string]string{"Mentor": mentor, "Student": student} {
		w.call(http.MethodPost, "RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "gallra_contact_" + name,
			"ReferencedEntity": "contact", "ReferencingEntity": "gallra_pairing",
			"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": behavior, "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
			"Lookup":               row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "gallra_" + name, "DisplayName": labelled(name), "RequiredLevel": row{"Value": level}}})
	}
	w.client = w.connect(6)
}

// A row with lookups to two persons stays while the other one is justified or held, and the lookup of the purged is emptied; where
// it may not be empty, the purged person stays as an anonymous row. By a rule and by '*', with the mentor or the student purged.
func TestRowOfTwoPersonsByTwoLookupsStays(t *testing.T) {
	t.Parallel()
	rules := "      - {table: gallra_pairing, link: gallra_mentor, do: delete}\n      - {table: gallra_pairing, link: gallra_student, do: delete}\n"
	for _, tt := range []struct {
		rules, purged, other string
		why                  string // the other person stays
		required             bool
	}{
		{rules, "Mentor", "Student", "justified", false},
		{rules, "Student", "Mentor", "justified", false},
		{rules, "Mentor", "Student", "held", false},
		{rules, "Mentor", "Student", "", false},
		{rules, "Student", "Mentor", "justified", true},
		{rules, "Mentor", "Student", "justified", true},
		{"", "Student", "Mentor", "justified", false},
		{"", "Student", "Mentor", "held", true},
		{"", "Student", "Mentor", "", false},
	} {
		t.Run(fmt.Sprintf("rules %t, %s purged, the other %s, required %t", tt.rules != "", tt.purged, tt.why, tt.required), func(t *testing.T) {
			w := newWorld(t, withRules(tt.rules))
			w.newPairing("RemoveLink", "Cascade", tt.required)
			yvonne(w)
			w.create("contact", "sven", row{"firstname": "Sven", "lastname": "Mortensen", "gallra_legalhold": tt.why == "held"})
			if tt.why == "justified" {
				w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "sven")})
			}
			w.create("gallra_pairing", "pair", row{"gallra_name": "Pair", "gallra_" + tt.purged + "@odata.bind": bindTo("contacts", "yvonne"), "gallra_" + tt.other + "@odata.bind": bindTo("contacts", "sven")})
			s := w.purgeAll()
			pair := w.get("gallra_pairing", "pair")
			if stays := tt.why != ""; (pair != nil) != stays {
				t.Fatalf("the row of both is there: %t, want %t; %v", pair != nil, stays, w.outcomes())
			}
			if her := w.get("contact", "yvonne"); (her != nil) != tt.required || her != nil && her.Text("lastname") == "McKay" {
				t.Errorf("the purged person: %v", w.outcomes())
			}
			if s.Status != ledger.Done || len(s.Residue) > 0 {
				t.Errorf("%s, failures %v, residue %v", s.Status, s.Failures, s.Residue)
			}
			if pair == nil {
				return
			}
			if !tt.required && !pair.Null("_gallra_"+strings.ToLower(tt.purged)+"_value") {
				t.Errorf("the lookup of the purged is not empty: %v", pair)
			}
			if pair.ID("gallra_"+strings.ToLower(tt.other)) != id("sven") {
				t.Errorf("the lookup of the other is empty: %v", pair)
			}
			if s.Subjects[0].Bound > 0 != tt.required {
				t.Errorf("anonymised in place: %d", s.Subjects[0].Bound)
			}
		})
	}
}

// The customer of a deal whose contact is another person who is justified: the deal stays, and the customer with it, anonymous.
func TestDealOfAnotherPersonBindsItsCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRules("      - {table: opportunity, link: customerid, do: delete}\n"))
	yvonne(w)
	w.create("contact", "sven", row{"firstname": "Sven", "lastname": "Mortensen"})
	w.create("opportunity", "deal", row{"name": "Boats", "customerid_contact@odata.bind": bindTo("contacts", "yvonne"), "parentcontactid@odata.bind": bindTo("contacts", "sven")})
	s := w.purgeAll()
	if w.get("opportunity", "deal") == nil || w.get("contact", "sven") == nil {
		t.Fatalf("the deal of somebody who is justified is gone: %v", w.outcomes())
	}
	if her := w.get("contact", "yvonne"); her == nil || her.Text("lastname") == "McKay" || s.Subjects[0].Bound != 1 {
		t.Errorf("the customer was not anonymised in place: %v %v", s.Subjects, s.Failures)
	}
}
