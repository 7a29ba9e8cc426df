package purge_test

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/purge"
)

// A related row that is a person in its own right is guarded like one: a legal hold that is set on the lead between the
// last look and the write keeps the lead, and the contact with it until the next run, which keeps the lead by the hold.
func TestHoldOnRelatedPersonAfterTheLook(t *testing.T) {
	t.Parallel()
	for _, do := range []string{"delete", "anonymize"} {
		t.Run(do, func(t *testing.T) {
			rule := "      - {table: lead, link: customerid, do: " + do
			if do == "anonymize" {
				rule += ", erase: [lastname, description]"
			}
			w := newWorld(t, strings.Replace(pol, "    related:\n", "    related:\n"+rule+"}\n", 1))
			yvonne(w)
			w.create("lead", "lead", row{"lastname": "McKay", "subject": "Boats", "description": "Wants a boat", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
			w.run()
			w.update("lead", "lead", row{"subject": "Ships"}) // judged anew: not due itself
			w.advance(60)
			held := false
			s := w.run(func(d *purge.Deps) {
				d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
					for _, p := range parts {
						if len(p.Set) > 0 && !held && strings.Contains(p.Set[0].Path, id("yvonne").String()) && p.Set[0].Method == "PATCH" && len(p.Set) > 1 {
							held = true
							w.update("lead", "lead", row{"gallra_legalhold": true})
						}
					}
				}}
			})
			if !held {
				t.Fatal("the hold was not set")
			}
			lead := w.get("lead", "lead")
			if lead == nil || lead.Text("lastname") != "McKay" || lead.Text("description") != "Wants a boat" {
				t.Fatalf("the lead that is held was purged: %v", lead)
			}
			c := w.get("contact", "yvonne")
			if c == nil || c.Text("lastname") != "McKay" {
				t.Errorf("the contact was not left whole: %v", s.Subjects)
			}
			if got := w.outcomes()[id("yvonne")]; got != "skipped changed" {
				t.Errorf("outcome %q, want skipped changed", got)
			}
			w.run()
			if lead := w.get("lead", "lead"); lead == nil || lead.Text("lastname") != "McKay" {
				t.Errorf("the next run purged the lead that is held: %v", lead)
			}
		})
	}
}

// A related row that is a person in its own right has a notice of its own: a lead that was registered yesterday does not go
// with its contact today, and goes when its own day has come. Where somebody asks for the contact's erasure it goes at once.
func TestRelatedPersonHasItsOwnNotice(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{false, true} {
		w := newWorld(t, strings.Replace(pol, "    related:\n", "    related:\n      - {table: lead, link: customerid, do: delete}\n", 1))
		yvonne(w)
		w.run()
		w.advance(30)
		w.create("lead", "lead", row{"lastname": "McKay", "subject": "Boats", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
		w.run()
		w.advance(30)
		if asked {
			_, err := purge.Erase(t.Context(), w.deps(w.client), []evaluate.PersonRef{contact("yvonne")}, nil)
			w.must(err)
		} else {
			w.run()
		}
		if c := w.get("contact", "yvonne"); c != nil && c.Null("gallra_anonymizedon") { // the lead that stays binds its row
			t.Fatalf("the contact is still there: %v", w.outcomes())
		}
		lead := w.get("lead", "lead")
		switch {
		case asked && lead != nil:
			t.Errorf("she asked for it, and the lead is still there: %v", lead)
		case !asked && (lead == nil || lead.Text("lastname") != "McKay" || lead.Null("gallra_purgescheduledon")):
			t.Errorf("the lead went without notice: %v", lead)
		case !asked:
			w.advance(60)
			w.run()
			if lead := w.get("lead", "lead"); lead.Null("gallra_anonymizedon") {
				t.Errorf("the lead's day has come, and it is still there: %v", lead)
			}
		}
	}
}
