package purge_test

import (
	"net/http"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// TestAStarterPolicyKeepsObjections: who has objected to advertising, in Microsoft's consent tables or in one of the company's
// own, is not forgotten with the person: the row with the bare address stays. A consent goes.
func TestAStarterPolicyKeepsObjections(t *testing.T) {
	w := newWorldOf(t, "", emulator.Options{})
	w.call(http.MethodPost, "publishers", row{"friendlyname": "nord", "uniquename": "nord", "customizationprefix": "nord", "customizationoptionvalueprefix": 31000})
	w.call(http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "nord_Subscriber", "DisplayName": labelled("Subscriber"),
		"DisplayCollectionName": labelled("Subscribers"), "OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": false,
		"Attributes": []row{columnBody("String", "nord_Name", row{"IsPrimaryName": true})}})
	const columns = "EntityDefinitions(LogicalName='nord_subscriber')/Attributes"
	w.call(http.MethodPost, columns, columnBody("String", "nord_Email", row{"FormatName": row{"Value": "Email"}}))
	w.call(http.MethodPost, columns, columnBody("Picklist", "nord_Status", row{"OptionSet": row{"@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", "IsGlobal": false, "OptionSetType": "Picklist",
		"Options": []row{{"Value": 1, "Label": labelled("Subscribed")}, {"Value": 2, "Label": labelled("Unsubscribed")}}}}))
	w.client = w.connect(6)
	const address = "anna@objectingberg.example"
	w.create("contact", "anna", row{"lastname": "Objectingberg", "emailaddress1": address})
	w.create("nord_subscriber", "in", row{"nord_name": "1", "nord_email": address, "nord_status": 1})
	w.create("nord_subscriber", "out", row{"nord_name": "2", "nord_email": address, "nord_status": 2})
	for _, table := range []string{"msdynmkt_contactpointconsent4", "msdynmkt_contactpointconsent3", "msdynmkt_contactpointconsent2"} {
		w.create(table, table+" in", row{"msdynmkt_contactpointvalue": address, "msdynmkt_contactpointtype": 534120000, "msdynmkt_value": 534120001})
		w.create(table, table+" out", row{"msdynmkt_contactpointvalue": address, "msdynmkt_contactpointtype": 534120000, "msdynmkt_value": 534120002})
	}
	w.create("msdynmkt_contactpointconsent", "msdynmkt_contactpointconsent in", row{"msdynmkt_contactpoint": address, "msdynmkt_consentstatus": 534120000})
	w.create("msdynmkt_contactpointconsent", "msdynmkt_contactpointconsent out", row{"msdynmkt_contactpoint": address, "msdynmkt_consentstatus": 534120001})
	w.advance(800)
	w.policy = w.starter(1)
	w.run()
	w.advance(62)
	if s := w.run(); s.Purged() != 1 {
		t.Fatalf("%d were purged: %v\n%s", s.Purged(), s.Failures, w.policy)
	}
	for _, table := range []string{"msdynmkt_contactpointconsent4", "msdynmkt_contactpointconsent3", "msdynmkt_contactpointconsent2", "msdynmkt_contactpointconsent", "nord_subscriber"} {
		in, out := table+" in", table+" out"
		if table == "nord_subscriber" {
			in, out = "in", "out"
		}
		if w.get(table, out) == nil {
			t.Errorf("the objection of %s is gone\n%s", table, w.policy)
		}
		if w.get(table, in) != nil {
			t.Errorf("the consent of %s is still there\n%s", table, w.policy)
		}
	}
}
