package emulator_test

import (
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestDeletedTableLeavesNoRows: what stands for a table in rows goes with it.
func TestDeletedTableLeavesNoRows(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	o.withSolution()
	count := func() map[string]string {
		out := map[string]string{}
		for _, set := range []string{"privileges", "roleprivilegescollection", "solutioncomponents"} {
			out[set] = o.get(set + "/$count").text
		}
		return out
	}
	before := count()
	solution := []string{"MSCRM.SolutionUniqueName", "samplesolution"}
	o.must("POST", "EntityDefinitions", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "sample_Thing", "DisplayName": label("Thing"), "DisplayCollectionName": label("Things"),
		"OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false,
		"Attributes": []any{define("String", "sample_Name", map[string]any{"IsPrimaryName": true, "MaxLength": 100})}}, solution...)
	o.must("POST", "EntityDefinitions(LogicalName='sample_thing')/Attributes", define("String", "sample_Code", map[string]any{"MaxLength": 10}), solution...)
	o.must("POST", "RelationshipDefinitions", map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "sample_account_thing", "ReferencedEntity": "account", "ReferencedAttribute": "accountid",
		"ReferencingEntity": "sample_thing", "Lookup": define("Lookup", "sample_Account", nil)}, solution...)
	for set, n := range count() {
		if n == before[set] {
			t.Errorf("%s: still %s rows", set, n)
		}
	}
	o.must("DELETE", "EntityDefinitions(LogicalName='sample_thing')", nil)
	for set, n := range count() {
		if n != before[set] {
			t.Errorf("%s: %s rows, %s before", set, n, before[set])
		}
	}
}
