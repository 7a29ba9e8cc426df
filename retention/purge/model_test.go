package purge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
)

// TestModelPolicyOnGeneratedData runs the model policy over a company's CRM, goes two months on, and looks for everybody
// who was purged.
func TestModelPolicyOnGeneratedData(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, modelPolicy(t), emulator.Options{}, "read-only-quotes")
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
		w.lateHistory(a)
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

// TestTheModelPolicyIsTrueOfDealsAndQuotes holds what the model policy says of them: who it was for goes; a topic and free text stay as
// somebody typed them, and each row in which the person's name is still found is named by the run.
func TestTheModelPolicyIsTrueOfDealsAndQuotes(t *testing.T) {
	w := newWorldOf(t, modelPolicy(t), emulator.Options{}, "read-only-quotes")
	w.must(w.server.Generate(emulator.Generated{Contacts: 2, Leads: 1, Seed: 7}))
	w.client = w.connect(6) // the data brought columns of its own
	old := time.Date(2015, 5, 4, 12, 0, 0, 0, time.UTC)
	deal, offer, buyer, asker := id("deal"), id("offer"), id("buyer"), id("asker")
	w.must(w.server.Load(
		emulator.Record{Table: "account", ID: id("acme"), Values: row{"name": "Acme", "customertypecode": 3}},
		emulator.Record{Table: "contact", ID: buyer, Values: row{"firstname": "Zebedia", "lastname": "Quillfeather", "emailaddress1": "zq@example.com"}},
		emulator.Record{Table: "contact", ID: asker, Values: row{"firstname": "Ottokar", "lastname": "Mirabellis", "emailaddress1": "om@example.com"}},
		emulator.Record{Table: "opportunity", ID: deal, Values: row{"name": "Machines for Zebedia Quillfeather", "description": "Zebedia Quillfeather wants five", "customerid": emulator.Ref("account", id("acme")),
			"parentcontactid": emulator.Ref("contact", buyer), "statecode": 1, "statuscode": 3, "actualclosedate": old}},
		emulator.Record{Table: "quote", ID: offer, Values: row{"name": "Offer", "description": "As Ottokar Mirabellis asked", "customerid": emulator.Ref("contact", asker), "statecode": 3, "statuscode": 5, "closedon": old,
			"billto_name": "Ottokar Mirabellis", "billto_contactname": "Ottokar Mirabellis", "shipto_name": "O. Mirabellis", "shipto_contactname": "Ottokar Mirabellis", "emailaddress": "om@example.com"}},
	))
	w.run()
	w.advance(61)
	s := w.run()
	if got := w.outcomes(); got[buyer] != "done" || got[asker] != "done" {
		t.Fatalf("the two were not purged: %v, residue %v", got, s.Residue)
	}
	told := map[uuid.UUID]bool{}
	for _, m := range s.Mentions {
		if m.Where == "kept-name" {
			told[m.ID] = true
		}
	}
	stays := map[string]bool{"opportunity.name": true, "opportunity.description": true, "quote.description": true}
	found := map[string]bool{}
	for _, name := range []string{"Quillfeather", "Mirabellis", "zq@example.com", "om@example.com"} {
		for _, at := range w.server.Find(name) {
			if at.Where != "row" {
				continue // how long copies stay elsewhere is told of each person
			}
			found[at.Table+"."+at.Column] = true
			if !stays[at.Table+"."+at.Column] {
				t.Errorf("%s.%s still says %s, and the policy does not", at.Table, at.Column, name)
			} else if !told[uuid.MustParse(at.ID)] {
				t.Errorf("%s.%s still says %s, and the run does not tell: %v", at.Table, at.Column, name, s.Mentions)
			}
		}
	}
	if len(found) != len(stays) {
		t.Errorf("the name stands in %v, which is not what the policy says", found)
	}
	for r, err := range w.client.Rows(t.Context(), dataverse.Query{Table: "opportunity", Select: []string{"_parentcontactid_value"}, Filter: "opportunityid eq " + deal.String()}) {
		w.must(err)
		if r.ID("parentcontactid") != uuid.Nil {
			t.Error("the deal still points at the person")
		}
	}
}
