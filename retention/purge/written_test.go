package purge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/purge/search"
)

// actor is who runs gallra.
func (w *world) actor() uuid.UUID {
	w.t.Helper()
	me, err := w.client.WhoAmI(w.t.Context())
	w.must(err)
	return me.UserID
}

func by(actor uuid.UUID) func(*purge.Deps) {
	return func(d *purge.Deps) { d.Run.Actor = actor }
}

// writeAs writes columns to a row as another user.
func (w *world) writeAs(c *dataverse.Client, table, name string, columns row) {
	w.t.Helper()
	t, err := c.Table(w.t.Context(), table)
	w.must(err)
	w.must(c.Do(w.t.Context(), dataverse.Operation{Method: "PATCH", Path: t.EntitySet + "(" + id(name).String() + ")", Body: columns, IfMatch: "*"}, nil))
}

// seller is a colleague who may do what gallra may.
func (w *world) seller() *dataverse.Client {
	w.t.Helper()
	w.role("seller", nil)
	return w.user("anna", "seller")
}

// unfinished leaves Yvonne anonymous and not deleted: the delete of her row is refused.
func unfinished(w *world) {
	w.t.Helper()
	w.run(by(w.actor()))
	w.advance(60)
	w.control("faults", []row{{"status": 403, "route": "DELETE contacts"}})
	s, err := w.tryRun(by(w.actor()))
	if s == nil || len(s.Failures) != 1 {
		w.t.Fatalf("nothing failed: %v", err)
	}
	w.control("faults", []row{})
	if r := w.get("contact", "yvonne"); r == nil || r.Null("gallra_anonymizedon") {
		w.t.Fatal("she is not anonymous")
	}
}

// Somebody writes to the anonymous row before it is deleted. What stands there now was judged by nobody: the row stays, is
// judged as a new one with the whole notice, and no later run fails because of it.
func TestWhatIsWrittenBeforeTheDeleteIsJudgedAnew(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("annotation", "old", row{"subject": "Old of Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	anna := w.seller()
	unfinished(w)
	w.writeAs(anna, "contact", "yvonne", row{"firstname": "Nils", "lastname": "Newman", "telephone1": "08-555 01 02"})
	w.create("annotation", "new", row{"subject": "Nils called", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.advance(1)
	s := w.run(by(w.actor()))
	if s.Status != ledger.Done || len(s.Failures)+len(s.Residue) != 0 || s.Purged() != 0 {
		t.Fatalf("%s: failures %v, residue %v", s.Status, s.Failures, s.Residue)
	}
	if got := w.outcomes()[id("yvonne")]; got != "skipped written-since" {
		t.Errorf("the ledger says: %s", got)
	}
	if got := told(s.Mentions); !slices.Contains(got, "written-since contact") {
		t.Errorf("it is not told: %v", got)
	}
	r := w.get("contact", "yvonne")
	if r.Text("lastname") != "Newman" || w.get("annotation", "new") == nil {
		t.Fatal("somebody new was deleted by the decision about her")
	}
	if !r.Null("gallra_anonymizedon") || r.Text("gallra_purgescheduledon") == "" {
		t.Errorf("it is not judged as a new row: %v %v", r["gallra_anonymizedon"], r["gallra_purgescheduledon"])
	}
	w.nothingFound("McKay")
	for range 2 { // what came late of the audit history goes as well
		w.advance(1)
		if s = w.run(by(w.actor())); s.Status != ledger.Done {
			t.Errorf("a later run: %s, failures %v", s.Status, s.Failures)
		}
	}
	w.nothingFound("Yvonne")

	// A ground keeps the new one, and no reapplication takes them for her; a backup brings her back all the same.
	w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
	back, _, err := purge.Back(t.Context(), w.requestDeps("reapply"))
	w.must(err)
	if len(back) != 1 || !back[0].Written {
		t.Fatalf("back: %+v", back)
	}
	if s, err := purge.Reapply(t.Context(), w.requestDeps("reapply")); err != nil || s.Purged() != 0 || w.get("contact", "yvonne") == nil {
		t.Errorf("purged again: %v", err)
	}
}

// Where nobody else has written to the row, a column that is not empty is locked: that stays a failure until it is mended.
func TestLockedColumnStaysAFailure(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.run(by(w.actor()))
	w.advance(60)
	lock := func(d *purge.Deps) {
		d.Run.Actor = w.actor()
		d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
			for _, p := range parts {
				for _, op := range p.Set {
					if body, ok := op.Body.(map[string]any); ok && strings.HasPrefix(op.Path, "contacts") {
						delete(body, "description")
					}
				}
			}
		}}
	}
	_, _ = w.tryRun(lock)
	for range 2 {
		if got := w.get("contact", "yvonne"); got == nil || got.Null("gallra_anonymizedon") {
			t.Fatal("the row was deleted or given back although a column still holds what was hers")
		}
		w.advance(1)
		s, _ := w.tryRun(lock)
		if len(s.Failures) != 1 || s.Failures[0].Code != "columns-remain" {
			t.Fatalf("failures %v", s.Failures)
		}
	}
}

// Killed between the ledger's word and the write that gives the row back: the next run gives it back.
func TestGivenBackByTheNextRun(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	anna := w.seller()
	unfinished(w)
	w.writeAs(anna, "contact", "yvonne", row{"lastname": "Newman"})
	w.advance(1)
	w.control("faults", []row{{"status": 403, "route": "PATCH contacts"}})
	if _, err := w.tryRun(by(w.actor())); err != nil {
		t.Log(err)
	}
	if w.get("contact", "yvonne").Null("gallra_anonymizedon") {
		t.Fatal("the fault hit nothing")
	}
	w.control("faults", []row{})
	w.advance(1)
	if s := w.run(by(w.actor())); s.Status != ledger.Done {
		t.Errorf("%s: %v", s.Status, s.Failures)
	}
	if r := w.get("contact", "yvonne"); !r.Null("gallra_anonymizedon") || r.Text("gallra_purgescheduledon") == "" {
		t.Error("it was not given back")
	}
}

// Rows that were anonymised in place stay: what is written to them is told by every run and by the doctor's question, by id.
func TestAnonymisedRowsThatHoldSomethingAgainAreNamed(t *testing.T) {
	w := newWorld(t, pol)
	for _, n := range []string{"rene", "sara", "tom"} {
		w.create("lead", n, row{"firstname": n, "lastname": "Leader", "subject": "s", "leadsourcecode": 1})
	}
	anna := w.seller()
	ask := func() []search.Finding {
		t.Helper()
		found, err := search.Refilled(t.Context(), w.client, w.checked(w.client), "contact", "lead")
		w.must(err)
		return found
	}
	if s := func() *purge.Summary { w.run(by(w.actor())); w.advance(60); return w.run(by(w.actor())) }(); s.Purged() != 3 || len(ask()) != 0 {
		t.Fatalf("%d purged; %v", s.Purged(), ask())
	}
	w.writeAs(anna, "lead", "rene", row{"description": "Rene Leader called", "leadsourcecode": 2})
	w.advance(1)
	s := w.run(by(w.actor()))
	found := ask()
	if len(found) != 1 || found[0].ID != id("rene") || found[0].Count != 1 || s.Mentioned()["refilled"] != 1 || s.Status != ledger.Done {
		t.Fatalf("%s: %v, mentions %v", s.Status, found, s.Mentions)
	}
	// The remedy: the mark is taken off, and the row is judged like every other; a reapplication does not take it for a restored one.
	w.writeAs(anna, "lead", "rene", row{"gallra_anonymizedon": nil})
	if s, err := purge.Reapply(t.Context(), w.requestDeps("reapply")); err != nil || s.Purged() != 0 {
		t.Errorf("%d purged without notice: %v", s.Purged(), err)
	}
	w.advance(1)
	s = w.run(by(w.actor()))
	if r := w.get("lead", "rene"); s.Mentioned()["refilled"] != 0 || r.Text("gallra_purgescheduledon") == "" || r.Text("description") == "" {
		t.Errorf("mentions %v, row %v", s.Mentions, r["gallra_purgescheduledon"])
	}
	if s, err := purge.Reapply(t.Context(), w.requestDeps("reapply")); err != nil || s.Purged() != 0 {
		t.Errorf("%d purged within the notice: %v", s.Purged(), err)
	}
	w.advance(62)
	if s = w.run(by(w.actor())); s.Purged() != 1 || s.Subjects[1].Anonymized != 1 {
		t.Errorf("%d purged", s.Purged())
	}
	w.nothingFound("Rene Leader")
}
