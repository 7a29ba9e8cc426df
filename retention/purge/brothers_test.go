package purge_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/environment"
)

// A row of two persons that was moved to long-term retention stays while the other one is justified or held.
func TestRetainedRowOfTwoPersonsStays(t *testing.T) {
	rules := "      - {table: gallra_pairing, link: gallra_mentor, do: delete}\n      - {table: gallra_pairing, link: gallra_student, do: delete}\n"
	for why, stays := range map[string]bool{"justified": true, "held": true, "": false} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, withRules(rules), emulator.Options{JobStep: -1})
			w.newPairing("RemoveLink", "RemoveLink", false)
			yvonne(w)
			w.create("contact", "sven", row{"firstname": "Sven", "lastname": "Mortensen", "gallra_legalhold": why == "held"})
			if why == "justified" {
				w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "sven")})
			}
			w.create("gallra_pairing", "pair", row{"gallra_name": "old pair", "gallra_Mentor@odata.bind": bindTo("contacts", "yvonne"), "gallra_Student@odata.bind": bindTo("contacts", "sven")})
			w.retain("gallra_pairing", `<condition attribute="gallra_name" operator="like" value="old%"/>`)
			if w.get("gallra_pairing", "pair") != nil {
				t.Fatal("nothing was retained")
			}
			if s := w.purgeAll(); s.Status != ledger.Done || w.get("contact", "yvonne") != nil {
				t.Fatalf("%s: %v", s.Status, w.outcomes())
			}
			if left := len(w.found("old pair")) > 0; left != stays {
				t.Errorf("the retained row of both is there: %t, want %t", left, stays)
			}
		})
	}
}

// An e-mail that somebody else needs, regarding a deal that goes: it is freed before the delete of the deal would take it along.
func TestSharedActivityIsFreedFromRowsThatGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRules("      - {table: opportunity, link: customerid, do: delete}\n"))
	yvonne(w)
	w.create("contact", "paul", row{"firstname": "Paul", "lastname": "Cannon"})
	w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "paul")})
	w.create("opportunity", "deal", row{"name": "Boats", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
	party := func(who string, mask int) row {
		return row{"partyid_contact@odata.bind": bindTo("contacts", who), "participationtypemask": mask}
	}
	w.create("email", "shared", row{"subject": "Boats", "regardingobjectid_opportunity_email@odata.bind": bindTo("opportunities", "deal"), "email_activity_parties": []row{party("yvonne", 1), party("paul", 2)}})
	s := w.purgeAll()
	if w.get("opportunity", "deal") != nil || s.Purged() != 1 {
		t.Fatalf("%d purged: %v", s.Purged(), w.outcomes())
	}
	mail := w.get("email", "shared")
	if mail == nil {
		t.Fatal("the e-mail of somebody who is justified went with the deal")
	}
	if !mail.Null("_regardingobjectid_value") {
		t.Error("it still regards a deal that is gone")
	}
}

// Somebody who is gone when it is asked what stands against their erasure is left out, and the others are weighed all the same.
func TestPersonsWhoVanishWhileWeighed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	yvonne(w)
	w.create("contact", "gone", row{"lastname": "Gone"})
	checked := w.checked(w.client)
	contact, err := w.client.Table(t.Context(), "contact")
	w.must(err)
	w.must(w.client.Do(t.Context(), dataverse.Operation{Method: "DELETE", Path: contact.EntitySet + "(" + id("gone").String() + ")"}, nil))
	who := []evaluate.PersonRef{{Table: "contact", ID: id("gone")}, {Table: "contact", ID: id("yvonne")}, {Table: "contact", ID: uuid.New()}}
	all, err := purge.AssessThere(t.Context(), w.client, checked, evaluate.EvaluateOptions{Today: retention.DateOf(w.client.Now(), checked.Policy.TimeZone)}, who)
	if err != nil || len(all) != 1 || all[0].ID != id("yvonne") {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestFreeable: a kept row can be freed where its lookup may be empty and written, and is no customer of a row of business.
func TestFreeable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	w.newPairing("Cascade", "RemoveLink", true)
	tables, err := environment.ReadTables(t.Context(), w.client, w.checked(w.client))
	w.must(err)
	reaches, err := tables.Reaches(t.Context(), "contact")
	w.must(err)
	want := map[string]bool{
		"email.regardingobjectid": true, "feedback.createdbycontact": true, "annotation.objectid": true,
		"quote.customerid": false, "opportunity.customerid": false, "salesorder.customerid": false, "lead.customerid": false,
		"gallra_pairing.gallra_mentor": false, "msevtmgt_eventregistration.msevtmgt_contactid": false,
	}
	seen := map[string]bool{}
	for _, r := range reaches {
		name := r.Referencing + "." + r.ReferencingAttribute
		free, err := tables.Freeable(t.Context(), r)
		w.must(err)
		if is, asked := want[name]; asked && free != is {
			t.Errorf("%s can be freed: %t, want %t", name, free, is)
		}
		seen[name] = free
	}
	for name := range want {
		if _, ok := seen[name]; !ok {
			t.Errorf("a delete of a contact does not reach %s", name)
		}
	}
}

// TestWhatAnonymisingKeeps: one truth, as docs/erasure.md has it. Amounts and counts of the standard columns stay for statistics; numbers
// that say something of the person go, and so do those of columns that somebody has added, which may be anything.
func TestWhatAnonymisingKeeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRules(""))
	w.create("lead", "lead", row{"lastname": "Quendrix", "subject": "s", "revenue": 1000, "numberofemployees": 12, "estimatedamount": 70, "leadsourcecode": 1, "address1_latitude": 55.6})
	if s := w.purgeAll(); s.Purged() != 1 {
		t.Fatalf("%d purged: %v", s.Purged(), w.outcomes())
	}
	lead := w.get("lead", "lead")
	for column, stays := range map[string]bool{"revenue": true, "estimatedamount": true, "numberofemployees": true, "address1_latitude": false, "leadsourcecode": true, "_transactioncurrencyid_value": true, "_ownerid_value": true, "donotemail": true} {
		if lead.Null(column) == stays {
			t.Errorf("%s stays: %t, want %t", column, !lead.Null(column), stays)
		}
	}
}
