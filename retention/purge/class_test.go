package purge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

const classes = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
notice: 2 months
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: anonymize
    retain: [address1_country]
    grounds:
      - {id: deal, basis: contract, why: A deal, table: opportunity, link: parentcontactid, where: statecode eq 0, mayBeEmpty: true}
    related:
      - {table: annotation, link: objectid, do: keep, why: The history of a customer}
      - {table: '*', do: delete}
    classes:
      - {id: staff, for: jobtitle eq 'Colleague', judged: false, why: The rules for staff}
      - id: applicant
        for: jobtitle eq 'Applicant'
        notice: 1 week
        purge: delete
        grounds: []
        related: [{table: '*', do: delete}]
      - {id: everybody-else}
`

func classWorld(t *testing.T) *world {
	w := newWorld(t, classes)
	for name, job := range map[string]string{"sven": "Colleague", "ada": "Applicant", "carl": "Buyer", "dana": ""} {
		w.create("contact", name, row{"lastname": "Of " + name, "jobtitle": job, "address1_country": "SE"})
		w.create("annotation", "note "+name, row{"subject": "About the case", "objectid_contact@odata.bind": bindTo("contacts", name)})
	}
	return w
}

// Each class has its notice, disposition and rules; whoever is not judged stays.
func TestClasses(t *testing.T) {
	w := classWorld(t)
	w.run()
	w.advance(8)
	if s := w.run(); s.Purged() != 1 || w.get("contact", "ada") != nil || w.get("annotation", "note ada") != nil {
		t.Fatalf("the applicant's week is over: %d purged, %v", s.Purged(), w.outcomes())
	}
	w.advance(60)
	if s := w.run(); s.Purged() != 2 {
		t.Fatalf("%d purged: %v", s.Purged(), w.outcomes())
	}
	for _, name := range []string{"carl", "dana"} {
		c := w.get("contact", name)
		if c == nil || c.Null("gallra_anonymizedon") || c.Text("address1_country") != "SE" || w.get("annotation", "note "+name) == nil {
			t.Errorf("%s: %v", name, c)
		}
	}
	if c := w.get("contact", "sven"); c == nil || c.Text("lastname") != "Of sven" || !c.Null("gallra_purgescheduledon") {
		t.Errorf("a colleague was judged: %v", c)
	}
}

// A person whose class changes while they wait has the notice of the class that they come into, and goes by its rules.
func TestClassChangesWhileWaiting(t *testing.T) {
	w := classWorld(t)
	w.run()
	w.advance(7)
	w.update("contact", "ada", row{"jobtitle": "Buyer"})
	w.update("contact", "dana", row{"jobtitle": "Applicant"})
	w.advance(1)
	if s := w.run(); s.Purged() != 0 {
		t.Fatalf("purged by the rules of a class that they have left, or before their announced day: %v", w.outcomes())
	}
	w.advance(60)
	if s := w.run(); s.Purged() != 3 || w.get("contact", "dana") != nil || w.get("contact", "ada") == nil {
		t.Fatalf("%d purged: %v", s.Purged(), w.outcomes())
	}
}

// An anonymous row tells no more of which class its person was: what was begun is finished by the rules by which it was begun.
func TestClassOutlivesTheRow(t *testing.T) {
	w := classWorld(t)
	w.run()
	w.advance(8)
	w.control("faults", []row{{"status": 403, "route": "DELETE contacts"}})
	if s, err := w.tryRun(); s == nil || len(s.Failures) != 1 {
		t.Fatalf("nothing failed: %v", err)
	}
	w.control("faults", []row{})
	if c := w.get("contact", "ada"); c == nil || c.Null("gallra_anonymizedon") || !c.Null("jobtitle") {
		t.Fatalf("she is not anonymous: %v", c)
	}
	w.advance(1)
	s := w.run()
	if s.Status != ledger.Done || w.get("contact", "ada") != nil || len(s.Residue) != 0 {
		t.Errorf("%s, %v, %v", s.Status, s.Failures, w.get("contact", "ada"))
	}
}

// What would survive on an anonymous row does not survive in the recycle bin when the row is deleted.
func TestRetainedColumnsGoWithADeletedRow(t *testing.T) {
	w := newWorld(t, `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: delete
    retain: [address1_country, address1_stateorprovince]
    grounds:
      - {id: deal, basis: contract, why: A deal, table: opportunity, link: parentcontactid, where: statecode eq 0, mayBeEmpty: true}
    related: [{table: '*', do: delete}]
`)
	w.create("contact", "ada", row{"lastname": "Ek", "address1_country": "Ruritania", "address1_stateorprovince": "Strelsau"})
	s := w.purgeAll()
	if s.Purged() != 1 || len(s.Residue) != 0 || len(w.found("Ruritania")) != 0 || len(w.found("Strelsau")) != 0 {
		t.Errorf("%d purged, residue %v, left %v %v", s.Purged(), s.Residue, w.found("Ruritania"), w.found("Strelsau"))
	}
}

// Of coarsened columns as much survives as the policy says, on the row and on its address; a deleted row keeps nothing of it. What
// somebody makes finer again is told.
func TestCoarsenedColumns(t *testing.T) {
	w := newWorld(t, `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: anonymize
    retain: [address1_country]
    coarsen: {birthdate: year, address1_postalcode: 2, annualincome: 10000}
    grounds:
      - {id: deal, basis: contract, why: A deal, table: opportunity, link: parentcontactid, where: statecode eq 0, mayBeEmpty: true}
    related: [{table: '*', do: delete}]
    classes:
      - {id: gone, for: jobtitle eq 'Applicant', purge: delete}
      - {id: rest}
`)
	columns := row{"lastname": "Ek", "birthdate": "1987-05-14", "address1_postalcode": "90210 x", "address1_country": "SE", "annualincome": 123456, "address1_city": "Malmberget"}
	w.create("contact", "ada", columns)
	columns["jobtitle"] = "Applicant"
	w.create("contact", "bo", columns)
	s := w.purgeAll()
	if s.Purged() != 2 || len(s.Residue) != 0 || s.Status != ledger.Done {
		t.Fatalf("%s: %d purged, %v, %v", s.Status, s.Purged(), s.Residue, w.outcomes())
	}
	ada := w.get("contact", "ada")
	if ada.Text("birthdate") != "1987-01-01" || ada.Text("address1_postalcode") != "90" || fmt.Sprint(ada["annualincome"]) != "120000.0000" || ada.Text("address1_country") != "SE" || !ada.Null("address1_city") {
		t.Errorf("birthdate %v, postal code %v, income %v", ada["birthdate"], ada["address1_postalcode"], ada["annualincome"])
	}
	for _, fine := range []string{"1987-05-14", "90210", "123456", "Malmberget"} {
		if left := w.found(fine); len(left) != 0 {
			t.Errorf("%s is left: %v", fine, left)
		}
	}
	w.advance(1)
	if s := w.run(); s.Status != ledger.Done || len(s.Mentions) != 0 || len(s.Residue) != 0 {
		t.Errorf("what is coarse is told every night: %v %v", s.Mentions, s.Residue)
	}
}

// A column that tells classes apart and may not be read would put everybody into the last class: nobody is judged by that.
func TestSecuredColumnOfAClassRefuses(t *testing.T) {
	w := newSightWorld(t)
	w.policy = strings.Replace(sightPolicy, "      - {id: asked, basis: consent, why: Asked, until: new_followupon, keep: 1 days}\n", "", 1) +
		"    classes:\n      - {id: promised, for: new_followupon ge 2026-01-01, judged: false, why: Promised}\n      - {id: rest}\n"
	w.secure(true)
	w.role("gallra", nil)
	blind := w.refusedRun(w.user("job", "gallra"))
	if len(blind.Spots) != 1 || blind.Spots[0].Column != "new_followupon" {
		t.Errorf("%v; %s", blind, blind.Hint())
	}
}

// A legal hold, a request and a person who is not judged: a class changes the rules, and no protection.
func TestUnjudgedPersonsAreErasedOnlyOverTheirGround(t *testing.T) {
	w := classWorld(t)
	w.run()
	checked := w.checked(w.client)
	day := evaluate.EvaluateOptions{Today: w.deps(w.client).Today}
	all, err := purge.Assess(t.Context(), w.client, checked, day, []evaluate.PersonRef{{Table: "contact", ID: id("sven")}, {Table: "contact", ID: id("ada")}})
	w.must(err)
	if len(all[0].Forbids(nil)) != 1 || all[0].Forbids(nil)[0].Ground != policy.Unjudged+"staff" || len(all[1].Forbids(nil)) != 0 {
		t.Fatalf("%+v", all)
	}
	forecasts, err := purge.Preview(t.Context(), w.client, checked, day, "contact", []uuid.UUID{id("ada"), id("sven"), id("carl")})
	w.must(err)
	var did []string
	for _, f := range forecasts {
		did = append(did, string(f.Do))
	}
	if fmt.Sprint(did) != "[delete anonymize anonymize]" {
		t.Errorf("%v", did)
	}
}
