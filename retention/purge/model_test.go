package purge_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
)

// TestModelPolicyOnGeneratedData runs the model policy over a company's CRM, goes two months on, and looks for everybody
// who was purged.
func TestModelPolicyOnGeneratedData(t *testing.T) {
	b, err := os.ReadFile("../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	policy := regexp.MustCompile(`(organization:) [0-9a-f-]{36}`).ReplaceAllString(string(b), "$1 ORGANIZATION")
	w := newWorld(t, policy)
	if err := w.server.Generate(emulator.Generated{Contacts: 150, Leads: 80, Seed: 7}); err != nil {
		t.Fatal(err)
	}
	w.client = w.connect(6) // the data brought columns of its own
	w.run()
	w.advance(61)
	addresses := make(map[uuid.UUID]string)
	holders := make(map[string]int)
	for _, table := range []string{"contact", "lead"} {
		tab, err := w.client.Table(t.Context(), table)
		w.must(err)
		for r, err := range w.client.Rows(t.Context(), dataverse.Query{Table: table, Select: []string{tab.PrimaryID, "emailaddress1"}}) {
			w.must(err)
			if a := strings.ToLower(r.Text("emailaddress1")); a != "" {
				addresses[r.ID(tab.PrimaryID)] = a
				holders[a]++
			}
		}
	}
	s := w.run()
	if s.Status != ledger.Done {
		codes := make(map[string]int)
		for _, f := range s.Failures {
			codes[f.Table+" "+f.Code]++
		}
		t.Errorf("status %s: failures %v, unswept %d, residue %d", s.Status, codes, s.Unswept, len(s.Residue))
		for i, f := range s.Residue {
			if i < 10 {
				t.Logf("residue %+v", f)
			}
		}
	}
	if s.Purged() < 20 {
		t.Fatalf("only %d were purged", s.Purged())
	}
	t.Logf("%+v", s.Subjects)
	t.Logf("%+v", s.Related)
	kept := make(map[string]bool) // e-mails that the policy keeps, and their party lines; objections
	for r, err := range w.client.Rows(t.Context(), dataverse.Query{Table: "msdynmkt_contactpointconsent4", Select: []string{"msdynmkt_contactpointconsent4id"}, Filter: "msdynmkt_value eq 534120002"}) {
		w.must(err)
		kept[r.Text("msdynmkt_contactpointconsent4id")] = true
	}
	for r, err := range w.client.Rows(t.Context(), dataverse.Query{Table: "email", Select: []string{"activityid"}, Filter: "regardingobjectid_quote_email/statecode eq 2"}) {
		w.must(err)
		kept[r.Text("activityid")] = true
	}
	for r, err := range w.client.Rows(t.Context(), dataverse.Query{Table: "activityparty", Select: []string{"activitypartyid", "_activityid_value"}}) {
		w.must(err)
		if kept[r.ID("activityid").String()] {
			kept[r.Text("activitypartyid")] = true
		}
	}
	looked := 0
	for who, outcome := range w.outcomes() {
		a := addresses[who]
		if outcome != "done" || a == "" || holders[a] > 1 {
			continue
		}
		looked++
		for _, p := range w.server.Find(a) {
			if p.Where == "row" && kept[p.ID] {
				continue
			}
			t.Errorf("%s %s.%s %s still holds the address of %s", p.Where, p.Table, p.Column, p.ID, who)
		}
		if t.Failed() && looked > 20 {
			break
		}
	}
	if looked < 10 {
		t.Errorf("only %d persons were looked for", looked)
	}
	after := w.run()
	if after.Purged() != 0 || after.Subjects[0].Written+after.Subjects[1].Written != 0 {
		t.Errorf("a run after a run did something: %+v", after.Subjects)
	}
}
