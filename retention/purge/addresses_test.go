package purge_test

import (
	"strings"
	"testing"
)

// The address rows of somebody who is anonymised in place belong to them: emptied, and their audit history with every old address
// is deleted, whether the policy anonymises or a kept order binds the person. What the policy retains of an address stays.
func TestAddressRowsOfWhoIsAnonymisedInPlace(t *testing.T) {
	t.Parallel()
	inPlace := strings.Replace(pol, "  contact:\n    purge: delete\n", "  contact:\n    purge: anonymize\n    retain: [address1_country]\n", 1)
	inPlace = strings.Replace(inPlace, "      - {table: '*', do: delete}\n", "", 1)
	for name, text := range map[string]string{
		"by the policy": inPlace,
		"bound":         withRules("      - {table: salesorder, link: customerid, do: keep, why: Bookkeeping}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, text)
			w.create("contact", "yvonne", row{"lastname": "McKay", "address1_line1": "Storgatan 11", "address1_city": "Luleå", "address1_country": "Sweden", "address1_latitude": 65.58})
			w.update("contact", "yvonne", row{"address1_line1": "Kungsgatan 12", "address2_line1": "Strandvägen 4"})
			w.create("customeraddress", "summer", row{"name": "Summer house", "line1": "Hamngatan 5", "parentid_contact@odata.bind": bindTo("contacts", "yvonne")})
			w.update("customeraddress", "summer", row{"line1": "Hamngatan 6"})
			w.create("salesorder", "order", row{"name": "O", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
			s := w.purgeAll()
			w.advance(1)
			w.run()
			her := w.get("contact", "yvonne")
			if her == nil || her.Text("lastname") == "McKay" || len(s.Residue)+len(s.Failures) > 0 {
				t.Fatalf("%v, residue %v, failures %v", her, s.Residue, s.Failures)
			}
			for _, text := range []string{"Storgatan", "Kungsgatan", "Strandvägen", "Hamngatan", "Luleå", "Summer house"} {
				w.nothingFound(text)
			}
			if country := her.Text("address1_country"); (country == "Sweden") != (name == "by the policy") {
				t.Errorf("the country: %q", country)
			}
			if w.get("customeraddress", "summer") == nil {
				t.Error("the address row went, although the person's row stays")
			}
		})
	}
}
