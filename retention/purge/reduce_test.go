package purge_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// reducePolicy empties a person's job and deletes letters and notes a year before the person goes; what accepted a quote stays until then.
const reducePolicy = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
notice: 1 month
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: anonymize
    grounds:
      - {id: deal, basis: contract, why: A deal, table: opportunity, link: parentcontactid, where: statecode eq 0, mayBeEmpty: true}
    related: [{table: opportunity, link: parentcontactid, do: keep, why: Statistics}, {table: '*', do: delete}]
    stages:
      - do: reduce
        erase: [jobtitle]
        related:
          - {table: email, party: any, where: regardingobjectid_quote/statecode eq 2, do: keep, why: Acceptance of a quote}
          - {table: email, party: any, do: delete}
          - {table: annotation, link: objectid, do: delete}
          - {table: phonecall, party: any, do: anonymize, erase: [description]}
      - {after: 1 year, do: purge}
`

// reduceWorld has two persons with rows of every kind: letters, one of them with somebody who is justified, a note with its history, a call,
// and an address.
func reduceWorld(t *testing.T) *world {
	w := newWorldOf(t, reducePolicy, emulator.Options{}, "audit-delay") // what is left is looked for at once
	for _, n := range []string{"ada", "bo", "cia"} {
		w.create("contact", n, row{"lastname": "Of " + n, "jobtitle": "Buyer " + n, "address1_line1": "Street of " + n})
	}
	w.create("opportunity", "deal", row{"name": "D", "parentcontactid@odata.bind": bindTo("contacts", "cia")})
	party := func(names ...string) (all []row) {
		for i, n := range names {
			all = append(all, row{"partyid_contact@odata.bind": bindTo("contacts", n), "participationtypemask": min(i+1, 2)})
		}
		return all
	}
	w.create("email", "hello", row{"subject": "Hello from ada", "description": "Body of ada", "email_activity_parties": party("ada")})
	w.update("email", "hello", row{"statecode": 1, "statuscode": 2})
	w.create("email", "both", row{"subject": "Hello from ada and cia", "email_activity_parties": party("ada", "cia")})
	w.create("email", "two", row{"subject": "Ada and bo", "email_activity_parties": party("ada", "bo")})
	w.create("annotation", "note", row{"subject": "Note of ada", "notetext": "Likes sailing", "objectid_contact@odata.bind": bindTo("contacts", "ada")})
	w.create("phonecall", "call", row{"subject": "Call", "description": "Said much", "phonecall_activity_parties": party("bo")})
	w.create("task", "other", row{"subject": "Do", "regardingobjectid_contact_task@odata.bind": bindTo("contacts", "ada")})
	return w
}

// reduced says what is not as a reduction leaves it.
func (w *world) reduced() (wrong []string) {
	if c := w.get("contact", "ada"); !c.Null("jobtitle") || c.Text("lastname") != "Of ada" || c.Text("address1_line1") != "Street of ada" || !c.Null("gallra_anonymizedon") {
		wrong = append(wrong, fmt.Sprint("ada is ", c.Text("jobtitle"), c.Text("lastname"), c.Text("address1_line1")))
	}
	for _, n := range []string{"hello", "two"} {
		if w.get("email", n) != nil {
			wrong = append(wrong, n+" is there")
		}
	}
	if w.get("annotation", "note") != nil || w.get("task", "other") == nil {
		wrong = append(wrong, "the note is there, or the task is not")
	}
	if c := w.get("phonecall", "call"); c == nil || !c.Null("description") {
		wrong = append(wrong, "the call")
	}
	if m := w.get("email", "both"); m == nil {
		wrong = append(wrong, "the mail of a justified person is gone")
	} else if n, err := w.client.Count(w.t.Context(), dataverse.Query{Table: "activityparty", Filter: "_activityid_value eq " + id("both").String() + " and _partyid_value eq " + id("ada").String()}); err != nil || n != 0 {
		wrong = append(wrong, "ada is still on the mail of cia")
	}
	for _, text := range []string{"Hello from ada\x00", "Body of ada", "Likes sailing", "Said much", "Buyer ada"} {
		wrong = append(wrong, w.found(strings.TrimSuffix(text, "\x00"), "Hello from ada and cia", "email.subject", "email.trackingtoken")...)
	}
	return wrong
}

// The rules of a reduction take the rows that they name a year before the person goes, and nothing else; the purge takes the rest.
func TestReductionTakesRows(t *testing.T) {
	w := reduceWorld(t)
	w.run()
	w.advance(31)
	s := w.run()
	if s.Stages["reduce"] != 2 || s.Purged() != 0 || s.Status != ledger.Done {
		t.Fatalf("%v, %s, %v", s.Stages, s.Status, s.Failures)
	}
	for _, wrong := range w.reduced() {
		t.Error(wrong)
	}
	w.advance(1) // by when the service has written all history down
	if s = w.run(); len(s.Stages) != 0 || s.Status != ledger.Done {
		t.Errorf("again: %v, %s", s.Stages, s.Status)
	}
	if l := w.deps(w.client).Ledger; len(l.Unswept()) != 0 || l.Stage("contact", id("ada")).Done != 1 {
		t.Errorf("the ledger has %v", l.Unswept())
	}
	w.advance(334)
	w.run()
	w.advance(31)
	if s := w.run(); s.Purged() != 2 || !w.anonymous("ada") || w.get("task", "other") != nil {
		t.Errorf("%d purged: %v", s.Purged(), w.outcomes())
	}
}

// A stage takes persons off letters that others need, and deletes rows on which others hang: the texts of both stay, and nothing leads
// from them to the person any more. The purge, years later, names them all the same.
func TestPurgeNamesWhatAStageHasCutLoose(t *testing.T) {
	w := reduceWorld(t)
	w.call(http.MethodPost, "EntityDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "gallra_Visit", "DisplayName": labelled("Visit"), "DisplayCollectionName": labelled("Visits"),
		"OwnershipType": "UserOwned", "IsActivity": false, "HasActivities": false, "HasNotes": true, "Attributes": []row{columnBody("String", "gallra_Name", row{"IsPrimaryName": true})}})
	w.call(http.MethodPost, "RelationshipDefinitions", row{"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "gallra_email_visit", "ReferencedEntity": "email", "ReferencingEntity": "gallra_visit",
		"CascadeConfiguration": row{"Assign": "NoCascade", "Delete": "RemoveLink", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"},
		"Lookup":               row{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "gallra_Email", "DisplayName": labelled("Email"), "RequiredLevel": row{"Value": "None"}}})
	w.client = w.connect(6)
	w.update("email", "both", row{"description": "Thanks to Of ada"})
	w.create("gallra_visit", "visit", row{"gallra_name": "Visit of ada", "gallra_Email@odata.bind": bindTo("emails", "hello")})
	w.create("annotation", "on visit", row{"subject": "n", "notetext": "The coat Of ada is here", "objectid_gallra_visit@odata.bind": bindTo("gallra_visits", "visit")})
	w.create("activitymimeattachment", "file", row{"subject": "Of ada", "filename": "ada.txt", "body": "YWRh", "objectid_email@odata.bind": bindTo("emails", "both"), "objecttypecode": "email"})
	w.run()
	w.advance(31)
	if s := w.run(); s.Stages["reduce"] != 2 || len(s.Mentions) != 0 {
		t.Fatalf("%v, %v", s.Stages, s.Mentions)
	}
	w.advance(366)
	w.run()
	w.advance(31)
	s := w.run()
	if s.Purged() != 2 {
		t.Fatalf("%d purged: %v", s.Purged(), w.outcomes())
	}
	named, _ := rowsNamed(s)
	for _, row := range []string{"visit", "on visit", "both", "file"} {
		if !named[id(row).String()] {
			t.Errorf("nothing was said of %s: %v", row, s.Mentions)
		}
	}
}

// Audit history that Dataverse writes late goes by a later run, as that of a purge does.
func TestReductionIsSweptLater(t *testing.T) {
	w := reduceWorld(t)
	w.run()
	w.advance(31)
	w.run()
	w.must(w.client.Do(t.Context(), dataverse.Operation{Method: "PATCH", Path: "contacts(" + id("ada").String() + ")", Body: row{"jobtitle": "Typed late"}, IfMatch: "*"}, nil))
	w.update("contact", "ada", row{"jobtitle": nil})
	w.run()
	if at := w.found("Typed late"); len(at) != 0 {
		t.Errorf("left: %v", at)
	}
}

// Whoever has more rows than one change set takes is reduced by several, the person's own columns with the last; cut at any request, the
// next run brings it to its end.
func TestReductionIsCut(t *testing.T) {
	t.Parallel()
	w := reduceWorld(t)
	small := func(d *purge.Deps) { purge.SetOperations(d, 4) }
	w.run()
	w.advance(31)
	start, keep := w.snapshot(), t.TempDir()
	copyLedger(t, w.ledgerDir(), keep)
	thin := thinning(t)
	for name, tune := range map[string]func(*purge.Deps){"one change set": func(*purge.Deps) {}, "several": small} {
		w.control("restore", row{"id": start})
		copyLedger(t, keep, w.ledgerDir())
		w.control("stats", row{})
		w.run(tune)
		var stats struct{ Requests struct{ Total int } }
		w.must(json.Unmarshal(w.control("stats", nil), &stats))
		client := w.connect(-1)
		w.checked(client)
		for n := range stats.Requests.Total {
			if !thin.full && n%11 != thin.seed%11 {
				continue
			}
			w.control("restore", row{"id": start})
			copyLedger(t, keep, w.ledgerDir())
			d := w.deps(client)
			tune(&d)
			w.control("faults", []row{{"drop": "after", "after": n}})
			_, _ = purge.Run(t.Context(), d)
			d.Ledger.Close()
			w.control("faults", []row{})
			w.run(tune)
			w.run(tune)
			for _, wrong := range w.reduced() {
				t.Errorf("%s, cut at request %d: %s", name, n, wrong)
			}
			if st := w.deps(w.client).Ledger.Step("contact", id("ada")); st.Done != 1 || st.Open != "" || st.Base == (retention.Date(0)) {
				t.Fatalf("%s, cut at request %d: %+v", name, n, st)
			}
		}
	}
}

// Whoever has the stage behind them and is held since keeps what is shared, as everybody does who is held or justified again.
func TestReductionSparesWhoIsHeldOrJustifiedSince(t *testing.T) {
	for name, since := range map[string]func(w *world, who string){
		"neither": func(*world, string) {},
		"held":    func(w *world, who string) { w.update("contact", who, row{"gallra_legalhold": true}) },
		"justified": func(w *world, who string) {
			w.create("opportunity", "new", row{"name": "N", "parentcontactid@odata.bind": bindTo("contacts", who)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := reduceWorld(t)
			w.run()
			w.advance(31)
			first, second := "ada", "bo"
			w.update("contact", second, row{"gallra_retainuntil": w.today().Add(retention.Period{Days: 10}).String(), "gallra_retainreason": "Asked for it"})
			if s := w.run(); s.Stages["reduce"] != 1 || w.get("email", "two") == nil {
				t.Fatalf("%v, and the mail of both: %v", s.Stages, w.get("email", "two") != nil)
			}
			since(w, first)
			w.advance(60)
			w.run()
			w.advance(31)
			w.run()
			if stays := w.get("email", "two") != nil; stays != (name != "neither") {
				t.Errorf("the mail of both stays: %t", stays)
			}
		})
	}
}
