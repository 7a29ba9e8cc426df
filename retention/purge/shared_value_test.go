package purge_test

import (
	"strings"
	"testing"
)

// A row that is joined by a value is everybody's who has the value: while one of them is justified it stays, also where
// they have it in another column, or in another table.
func TestSharedValueKeepsTheRow(t *testing.T) {
	t.Parallel()
	byBoth := strings.Replace(pol, "msdynmkt_contactpointvalue = emailaddress1, do: delete}\n",
		"msdynmkt_contactpointvalue = emailaddress1, do: delete}\n      - {table: msdynmkt_contactpointconsent4, link: msdynmkt_contactpointvalue = emailaddress2, do: delete}\n", 1)
	byLead := strings.Replace(pol, "      - {table: email, party: any, do: delete}\n`", "`", 1) +
		"      - {table: msdynmkt_contactpointconsent4, link: msdynmkt_contactpointvalue = emailaddress1, do: delete}\n"
	tests := []struct {
		name, policy string
		other        func(w *world)
		kept         bool
	}{
		{"nobody else", byBoth, func(w *world) {}, false},
		{"somebody justified, in the same column", pol, func(w *world) { another(w, row{"emailaddress1": "info@example.com"}, true) }, true},
		{"somebody justified, in another column", byBoth, func(w *world) { another(w, row{"emailaddress2": " INFO@example.com"}, true) }, true},
		{"somebody under a legal hold", byBoth, func(w *world) { another(w, row{"emailaddress2": "info@example.com", "gallra_legalhold": true}, false) }, true},
		{"somebody whom nothing justifies", pol, func(w *world) { another(w, row{"emailaddress1": "info@example.com"}, false) }, false},
		{"a lead who is justified", byLead, func(w *world) {
			w.create("lead", "lead", row{"lastname": "Ahlin", "subject": "Boats", "emailaddress1": "info@example.com", "estimatedclosedate": "2027-01-01"})
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.policy)
			yvonne(w)
			w.update("contact", "yvonne", row{"emailaddress1": "info@example.com"})
			w.create("msdynmkt_contactpointconsent4", "consent", row{"msdynmkt_contactpointvalue": "info@example.com",
				"msdynmkt_contactpointtype": 534120000, "msdynmkt_value": 534120001, "msdynmkt_source": 534120000, "msdynmkt_logicalreason": 534119999})
			tt.other(w)
			s := w.purgeAll()
			if w.get("contact", "yvonne") != nil {
				t.Errorf("the person is still there: %v", s.Failures)
			}
			if kept := w.get("msdynmkt_contactpointconsent4", "consent") != nil; kept != tt.kept {
				t.Errorf("the consent is there: %t, want %t", kept, tt.kept)
			}
			if len(s.Residue) > 0 || len(s.Failures) > 0 {
				t.Errorf("residue %v, failures %v", s.Residue, s.Failures)
			}
		})
	}
}

func another(w *world, columns row, justified bool) {
	columns["firstname"], columns["lastname"] = "Sven", "Mortensen"
	w.create("contact", "sven", columns)
	if justified {
		w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "sven")})
	}
}
