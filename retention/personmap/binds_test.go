package personmap_test

import (
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// A row that stays binds the person where its lookup may not be empty and a delete would take it along or be refused: also one
// that a rule empties. With whenBound: fail a lookup that forbids the delete binds in any case.
func TestWhatBinds(t *testing.T) {
	for _, c := range []struct {
		name     string
		do       policy.Disposition
		purge    policy.Disposition
		when     policy.WhenBound
		cascade  string
		required string
		want     bool
	}{
		{"kept, may be empty", policy.Retain, policy.Delete, policy.BoundAnonymize, "Cascade", "None", false},
		{"kept, may not be empty", policy.Retain, policy.Delete, policy.BoundAnonymize, "Cascade", "ApplicationRequired", true},
		{"emptied, may not be empty", policy.Anonymize, policy.Delete, policy.BoundAnonymize, "Restrict", "ApplicationRequired", true},
		{"emptied, may be empty", policy.Anonymize, policy.Delete, policy.BoundAnonymize, "Restrict", "None", false},
		{"kept, forbids, fails", policy.Retain, policy.Delete, policy.BoundFail, "Restrict", "None", true},
		{"kept, taken along, fails", policy.Retain, policy.Delete, policy.BoundFail, "Cascade", "None", false},
		{"the service clears the link", policy.Retain, policy.Delete, policy.BoundAnonymize, "RemoveLink", "ApplicationRequired", false},
		{"nobody is deleted", policy.Retain, policy.Anonymize, policy.BoundAnonymize, "Cascade", "ApplicationRequired", false},
		{"goes", policy.Delete, policy.Delete, policy.BoundAnonymize, "Cascade", "ApplicationRequired", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			over := dataverse.Relationship{Referencing: "new_visit", ReferencingAttribute: "new_contactid", Referenced: "contact", Delete: c.cascade}
			contact := &dataverse.Table{LogicalName: "contact", EntitySet: "contacts", OneToMany: []dataverse.Relationship{over}}
			visit := &dataverse.Table{Attributes: map[string]*dataverse.Attribute{"new_contactid": {LogicalName: "new_contactid", Type: "Lookup", ForUpdate: true, Required: c.required}}}
			m := personmap.Draw(personmap.Environment{Tables: []dataverse.TableSummary{{LogicalName: "contact", EntitySet: "contacts"}, {LogicalName: "new_visit", EntitySet: "new_visits"}},
				Definition: func(string) *dataverse.Table { return visit }, Persons: map[string]bool{"contact": true}}, contact,
				&policy.Subject{Table: "contact", Purge: c.purge, WhenBound: c.when, Related: []policy.RelatedRule{{Table: "new_visit", Link: "new_contactid", Do: c.do, Why: "why"}}})
			p := m.Place("new_visit.new_contactid")
			if p == nil || p.Binds != c.want {
				t.Errorf("%+v, want binds %v", p, c.want)
			}
		})
	}
}
