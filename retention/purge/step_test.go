package purge_test

import (
	"github.com/gallra/gallra/retention"
	"testing"

	"github.com/gallra/gallra/retention/ledger"
)

const stagesPolicy = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
notice: 1 month
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: anonymize
    grounds:
      - {id: deal, basis: contract, why: A deal, trigger: Deal closed, table: opportunity, link: parentcontactid, after: actualclosedate, keep: 1 month, missingDate: keep, mayBeEmpty: true}
    related: [{table: opportunity, link: parentcontactid, do: keep, why: Statistics}, {table: '*', do: delete}]
    stages:
      - {do: archive, team: Archive}
      - {after: 1 year, do: reduce, erase: [description, jobtitle], coarsen: {birthdate: year}}
      - {after: 2 years, do: purge}
`

func stagesWorld(t *testing.T) *world {
	w := newWorld(t, stagesPolicy)
	unit := w.client
	who, err := unit.WhoAmI(t.Context())
	w.must(err)
	w.create("team", "archive", row{"name": "Archive", "businessunitid@odata.bind": "/businessunits(" + who.BusinessUnitID.String() + ")"})
	w.create("contact", "ada", row{"lastname": "Of ada", "description": "Likes sailing", "jobtitle": "Buyer", "birthdate": "1987-05-14"})
	return w
}

// A row is archived when nothing justifies its person, reduced a year later, and purged after two; each with a notice of its own.
func TestStages(t *testing.T) {
	w := stagesWorld(t)
	w.run()
	noticed := w.run().Today
	ada := func() (state int64, owner, job string) {
		c := w.get("contact", "ada")
		state, _ = c.Int("statecode")
		return state, c.Target("ownerid"), c.Text("jobtitle")
	}
	if state, owner, _ := ada(); state != 0 || owner != "systemuser" {
		t.Fatalf("archived without notice: %d, %s", state, owner)
	}
	w.advance(31)
	s := w.run()
	if state, owner, job := ada(); state != 1 || owner != "team" || job != "Buyer" || s.Stages["archive"] != 1 || s.Purged() != 0 {
		t.Fatalf("state %d, owner %s, job %q: %+v", state, owner, job, s.Stages)
	}
	if c := w.get("contact", "ada"); !c.Null("gallra_purgescheduledon") {
		t.Error("the date of the first stage still stands")
	}
	w.advance(1)
	if s := w.run(); s.Status != ledger.Done || !w.get("contact", "ada").Null("gallra_purgescheduledon") {
		t.Error("the next stage is announced eleven months ahead")
	}
	w.advance(302)
	w.run()
	if got, want := w.get("contact", "ada").Text("gallra_purgescheduledon"), noticed.Add(retention.Period{Years: 1}).String(); got != want {
		t.Errorf("the second stage comes on %s, want %s: a year after nothing justified her", got, want)
	}
	w.advance(31)
	s = w.run()
	if _, _, job := ada(); job != "" || s.Stages["reduce"] != 1 || len(w.found("Likes sailing")) != 0 || w.get("contact", "ada").Text("birthdate") != "1987-01-01" {
		t.Fatalf("job %q, %v, left %v", job, s.Stages, w.found("Likes sailing"))
	}
	if c := w.get("contact", "ada"); c.Text("lastname") != "Of ada" {
		t.Error("what was not to go is gone")
	}
	w.advance(334)
	w.run()
	w.advance(31)
	if s := w.run(); s.Purged() != 1 || !w.anonymous("ada") {
		t.Fatalf("%d purged: %v", s.Purged(), w.outcomes())
	}
}

// A ground that returns gives the row back: active, and its former owner's. It is archived again when that has ended.
func TestArchivedRowReturns(t *testing.T) {
	w := stagesWorld(t)
	owner := w.get("contact", "ada").ID("ownerid")
	w.run()
	w.advance(31)
	w.run()
	w.create("opportunity", "deal", row{"name": "D", "parentcontactid@odata.bind": bindTo("contacts", "ada")})
	w.advance(1)
	s := w.run()
	c := w.get("contact", "ada")
	if state, _ := c.Int("statecode"); state != 0 || c.ID("ownerid") != owner || s.Stages["restore"] != 1 {
		t.Fatalf("state %d, owner %s: %v", state, c.ID("ownerid"), s.Stages)
	}
	if s := w.run(); len(s.Stages) != 0 {
		t.Errorf("twice: %v", s.Stages)
	}
}

// A run that is cut right after the write finds out the next time that the row was archived.
func TestStageWithoutAnAnswer(t *testing.T) {
	w := stagesWorld(t)
	w.run()
	w.advance(31)
	w.control("faults", []row{{"drop": "after", "route": "PATCH contacts", "count": 1}})
	_, err := w.tryRun()
	w.control("faults", []row{})
	w.advance(1)
	if s, err := w.tryRun(); err != nil || s.Status != ledger.Done || s.Stages["archive"] != 1 {
		t.Fatalf("%v", err)
	}
	l := w.deps(w.client).Ledger
	if st := l.Stage("contact", id("ada")); st.Done != 1 || st.Base.IsZero() {
		t.Errorf("%+v after %v", st, err)
	}
	if c := w.get("contact", "ada"); c.Target("ownerid") != "team" {
		t.Error("not archived")
	}
}
