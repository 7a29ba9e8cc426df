package purge_test

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
)

// Closed orders: whoever is no administrator deletes them by a job that leaves nothing in the recycle bin, and does not empty
// them.
func TestClosedOrdersOfRows(t *testing.T) {
	for _, tt := range []struct {
		name, do string
		bin      bool
		admin    bool
		failed   int
		gone     bool
	}{
		{"emptied by an administrator", "do: anonymize, erase: [billto_contactname, billto_line1]", false, true, 0, false},
		{"not emptied by anybody else", "do: anonymize, erase: [billto_contactname, billto_line1]", false, false, 1, false},
		{"deleted by an administrator, recycle bin on", "do: delete", true, true, 0, true},
		{"deleted by somebody else, recycle bin on", "do: delete", true, false, 0, true},
		{"deleted by somebody else, recycle bin off", "do: delete", false, false, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy := rowsPol[:strings.Index(rowsPol, "rows:\n  -")] + "rows:\n  - {id: orders, table: salesorder, where: statecode ne 0, after: createdon, keep: 3 years, " + tt.do + "}\n"
			w := newWorldOf(t, policy, emulator.Options{}, "read-only-quotes")
			w.bin("salesorder", tt.bin)
			yvonne(w)
			order(w, "young")
			w.create("salesorder", "old", row{"name": "S-1", "overriddencreatedon": "2020-01-01T10:00:00Z", "customerid_contact@odata.bind": bindTo("contacts", "yvonne"), "billto_contactname": "Ada Lovelace", "billto_line1": "Storgatan 12"})
			w.create("salesorderdetail", "line", row{"salesorderid@odata.bind": bindTo("salesorders", "old"), "isproductoverridden": true, "productdescription": "Boiler of Lovelace", "quantity": 1})
			w.update("salesorder", "old", row{"statecode": 1, "statuscode": 3})
			as := w.client
			if !tt.admin {
				w.client = w.colleague()
			}
			s := w.run()
			w.client = as
			got := tallyNamed(t, s, "orders")
			old := w.get("salesorder", "old")
			if (old == nil) != tt.gone || got.Failures() != tt.failed || got.Ended != 1-tt.failed || w.get("salesorder", "young") == nil {
				t.Fatalf("there %v, %+v, residue %v", old != nil, got, s.Residue)
			}
			if tt.failed == 0 {
				w.nothingFound("Ada Lovelace")
				if s.Status != ledger.Done {
					t.Errorf("status %s", s.Status)
				}
			}
			if tt.gone {
				w.nothingFound("Boiler of Lovelace")
			} else if state, _ := old.Int("statecode"); state != 1 {
				t.Errorf("its state is %d", state)
			}
			if tt.failed > 0 && (got.Failed["row-closed"] != 1 || s.Status != ledger.Partial || len(w.endings()) > 0) {
				t.Errorf("%s %+v, the ledger has %v", s.Status, got, w.endings())
			}
		})
	}
}
