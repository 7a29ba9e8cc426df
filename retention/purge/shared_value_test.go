package purge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/purge"
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

// A value with blanks around it justifies as one without: where it was there before the run, where it comes while the run is
// under way, and where a row that was read gets it, though the run asks for such values once.
func TestValuesWithBlanksJustifyUntilTheLastLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(pol, "    related:\n", `      - id: consent
        basis: consent
        why: Has consented
        table: msdynmkt_contactpointconsent4
        link: msdynmkt_contactpointvalue = emailaddress1
        where: msdynmkt_value eq 534120001
        mayBeEmpty: true
    related:
`, 1))
	consents := func(name string, persons []int, value string) {
		for _, i := range persons {
			w.create("msdynmkt_contactpointconsent4", fmt.Sprint(name, i), row{"msdynmkt_contactpointvalue": fmt.Sprintf(value, i),
				"msdynmkt_contactpointtype": 534120000, "msdynmkt_value": 534120001, "msdynmkt_source": 534120000, "msdynmkt_logicalreason": 534119999})
		}
	}
	for i := range 8 {
		w.create("contact", fmt.Sprint("p", i), row{"lastname": fmt.Sprint("McKay ", i), "emailaddress1": fmt.Sprintf("p%d@example.com", i)})
	}
	w.run()
	w.advance(60)
	consents("before", []int{0, 1}, "\tP%d@example.com ")
	consents("other", []int{2, 3, 4, 5, 6, 7}, "  other%d@example.com")
	var purged []string
	n := 0
	s := w.run(func(d *purge.Deps) {
		d.Chunk = 1
		d.Outcome = func(o purge.Outcome) {
			n++
			for i := range 8 {
				if o.ID == id(fmt.Sprint("p", i)) && o.Do != "" {
					purged = append(purged, fmt.Sprint(i))
				}
			}
			if len(purged) == 2 && o.Do != "" { // the canary: nobody else's last look has been taken
				for i := 2; i < 8; i++ {
					if i%2 == 0 {
						consents("during", []int{i}, "\u00a0p%d@EXAMPLE.com")
					} else {
						w.update("msdynmkt_contactpointconsent4", fmt.Sprint("other", i), row{"msdynmkt_contactpointvalue": fmt.Sprintf("p%d@example.com\t", i)})
					}
				}
			}
		}
	})
	if s.Purged() != 2 || len(purged) != 2 {
		t.Errorf("purged %d, %v, want the first two of those who had no consent: %v", s.Purged(), purged, w.outcomes())
	}
	for _, i := range []int{0, 1} {
		if w.get("contact", fmt.Sprint("p", i)) == nil {
			t.Errorf("person %d was purged in spite of a consent", i)
		}
	}
}
