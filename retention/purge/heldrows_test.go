package purge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/purge"
)

// heldPolicy judges what leads to persons as subjects of their own: leads, notes and orders.
const heldPolicy = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: delete
    identity: emailaddress1
    grounds:
      - {id: recent, basis: legitimate-interests, why: w, after: createdon, keep: 1 month}
    related:
      - {table: salesorder, link: customerid, do: keep, why: w}
      - {table: lead, link: parentcontactid, do: keep, why: judged by itself}
      - {table: email, party: any, do: delete}
      - {table: '*', do: delete}
  lead:
    purge: anonymize
    identity: emailaddress1
    grounds:
      - {id: recent, basis: legitimate-interests, why: w, after: createdon, keep: 1 month}
    related:
      - {table: annotation, link: objectid, do: delete}
      - {table: email, party: any, do: delete}
  annotation:
    purge: delete
    grounds:
      - {id: recent, basis: legitimate-interests, why: w, after: createdon, keep: 1 month}
    related: [{table: '*', do: delete}]
  salesorder:
    purge: delete
    grounds:
      - {id: books, basis: legal-obligation, why: w, after: createdon, keep: 1 month}
    related: [{table: invoice, link: salesorderid, do: keep, why: w}, {table: '*', do: delete}]
`

func newHeldWorld(t *testing.T) *world {
	w := newWorld(t, heldPolicy)
	more := provision.Gallra([]string{"annotation", "salesorder"}, nil)
	more.Role = provision.Role{}
	_, err := provision.Run(t.Context(), w.client, more, false, func(provision.Step) {})
	w.must(err)
	w.client = w.connect(6)
	return w
}

// A legal hold protects every row from which the policy's links lead to the held person: her lead at another address, the note on
// it, her order and the note on that, and the e-mail of a stranger whose lead she is on. Without the hold they go.
func TestHoldProtectsWhatLeadsToTheHeld(t *testing.T) {
	t.Parallel()
	for _, hold := range []bool{true, false} {
		w := newHeldWorld(t)
		w.create("contact", "held", row{"lastname": "Held", "emailaddress1": "held@example.com", "gallra_legalhold": hold})
		w.create("lead", "lead", row{"lastname": "Held", "subject": "s", "emailaddress1": "private@example.com", "parentcontactid@odata.bind": bindTo("contacts", "held")})
		w.create("annotation", "note", row{"subject": "evidence", "objectid_lead@odata.bind": bindTo("leads", "lead")})
		w.create("annotation", "hers", row{"subject": "evidence", "objectid_contact@odata.bind": bindTo("contacts", "held")})
		w.create("salesorder", "order", row{"name": "Disputed", "customerid_contact@odata.bind": bindTo("contacts", "held")})
		w.create("lead", "stranger", row{"lastname": "Stranger", "subject": "s"})
		w.create("email", "mail", row{"subject": "Held and Stranger", "email_activity_parties": []row{
			{"partyid_lead@odata.bind": bindTo("leads", "stranger"), "participationtypemask": 1}, {"partyid_lead@odata.bind": bindTo("leads", "lead"), "participationtypemask": 2}}})
		w.advance(40)
		w.run()
		w.advance(63)
		s := w.run()
		w.run()
		there := map[string]bool{
			"lead": w.get("lead", "lead").Text("lastname") == "Held", "order": w.get("salesorder", "order") != nil, "mail": w.get("email", "mail") != nil,
			"note": w.get("annotation", "note") != nil, "hers": w.get("annotation", "hers") != nil,
		}
		for what, is := range there {
			if is != hold {
				t.Errorf("held %t: %s stays %t; %v", hold, what, is, w.outcomes())
			}
		}
		if got := w.get("lead", "stranger"); got.Null("gallra_anonymizedon") {
			t.Errorf("held %t: the stranger was not purged: %v", hold, w.outcomes())
		}
		if len(s.Residue)+len(s.Failures) > 0 {
			t.Errorf("held %t: residue %v, failures %v", hold, s.Residue, s.Failures)
		}
		who := []evaluate.PersonRef{{Table: "lead", ID: id("lead")}, {Table: "annotation", ID: id("note")}, {Table: "lead", ID: id("stranger")}}
		by, err := purge.HeldBy(t.Context(), w.client, w.checked(w.client), who)
		w.must(err)
		if want := (evaluate.PersonRef{Table: "contact", ID: id("held")}); hold && (len(by) != 2 || by[who[0]] != want || by[who[1]] != want) || !hold && len(by) > 0 {
			t.Errorf("held %t: whose hold it is: %v", hold, by)
		}
		if hold {
			_, err := purge.Erase(t.Context(), w.deps(w.client), who[:1], nil)
			if err == nil || !strings.Contains(err.Error(), id("held").String()) {
				t.Errorf("asked to erase the lead: %v", err)
			}
		}
	}
}

// A hold that is set between the last look and the write protects what leads to the held person as well: it is asked for inside
// the function that deletes.
func TestHoldAfterTheLookProtectsWhatLeadsToTheHeld(t *testing.T) {
	t.Parallel()
	w := newHeldWorld(t)
	w.create("lead", "lead", row{"lastname": "Held", "subject": "s"})
	w.advance(40)
	w.run()
	w.advance(63)
	w.create("contact", "other", row{"lastname": "Other", "emailaddress1": "other@example.com"})
	w.update("lead", "lead", row{"parentcontactid@odata.bind": bindTo("contacts", "other")})
	w.create("annotation", "note", row{"subject": "evidence", "objectid_lead@odata.bind": bindTo("leads", "lead")})
	set := false
	w.run(func(d *purge.Deps) {
		d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
			holds := slices.ContainsFunc(parts, func(p dataverse.Part) bool {
				return p.Op != nil && strings.Contains(p.Op.Path, "annotations?") // what belongs to a lead is being listed: its look is over
			})
			if holds && !set {
				set = true
				w.update("contact", "other", row{"gallra_legalhold": true})
			}
		}}
	})
	if !set {
		t.Fatal("the hold was not set")
	}
	if lead := w.get("lead", "lead"); lead.Text("lastname") != "Held" || w.get("annotation", "note") == nil {
		t.Errorf("the lead of the held contact was purged: %v", w.outcomes())
	}
}
