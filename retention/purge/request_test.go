package purge_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

func (w *world) requestDeps(verb string, change ...func(*purge.Deps)) purge.Deps {
	d := w.deps(w.client)
	d.Run.Verb = verb
	for _, f := range change {
		f(&d)
	}
	return d
}

func contact(name string) evaluate.PersonRef {
	return evaluate.PersonRef{Table: "contact", ID: id(name)}
}

// rails are the guard rails that an error names, by ground.
func rails(t *testing.T, err error) []string {
	t.Helper()
	var stop *purge.StopError
	if err == nil {
		return nil
	}
	if !errors.As(err, &stop) {
		t.Fatal(err)
	}
	var out []string
	for _, r := range stop.Rails {
		out = append(out, string(r.Rail)+" "+r.Ground)
	}
	return out
}

func TestEraseNeedsEveryGroundNamed(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
	w.create("opportunity", "deal", row{"name": "Deal", "parentcontactid@odata.bind": bindTo("contacts", "yvonne")})
	tests := []struct {
		name    string
		despite []string
		want    []string
	}{
		{"none named", nil, []string{"ground-holds primary-contact", "ground-holds closed-deal"}},
		{"one of two named", []string{"primary-contact"}, []string{"ground-holds closed-deal"}},
		{"another one named", []string{"follow-up"}, []string{"ground-holds primary-contact", "ground-holds closed-deal"}},
		{"both named", []string{"primary-contact", "closed-deal"}, nil},
	}
	for _, tt := range tests {
		s, err := purge.Erase(t.Context(), w.requestDeps("erase"), []evaluate.PersonRef{contact("yvonne")}, tt.despite)
		if diff := cmp.Diff(tt.want, rails(t, err)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if want := 0; tt.want != nil && s.Purged() != want {
			t.Errorf("%s: %d purged", tt.name, s.Purged())
		} else if tt.want == nil && s.Purged() != 1 {
			t.Errorf("%s: %d purged, failures %v", tt.name, s.Purged(), s.Failures)
		}
	}
	w.nothingFound("Yvonne")
	w.nothingFound("McKay")
	w.verifyLedger()
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	purged, err := l.Purged(t.Context(), w.checked(w.client).Organization)
	w.must(err)
	if len(purged) != 1 || purged[0].Verb != "erase" {
		t.Fatalf("the ledger says purged: %+v", purged)
	}
	if diff := cmp.Diff([]string{"closed-deal", "primary-contact"}, purged[0].Despite); diff != "" {
		t.Errorf("passed over: %s", diff)
	}
}

func TestEraseKnowsNoLegalHoldToPassOver(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.update("contact", "yvonne", row{"gallra_legalhold": true})
	_, err := purge.Erase(t.Context(), w.requestDeps("erase"), []evaluate.PersonRef{contact("yvonne")}, []string{"legal-hold", "primary-contact"})
	if diff := cmp.Diff([]string{"legal-hold "}, rails(t, err)); diff != "" {
		t.Error(diff)
	}
}

// meddling changes the CRM amid the last look, once the persons and their rows were read.
type meddling struct {
	dataverse.Writer
	armed  bool
	meddle func()
}

func (m *meddling) Batch(ctx context.Context, parts []dataverse.Part) ([]dataverse.Result, error) {
	results, err := m.Writer.Batch(ctx, parts)
	if m.armed {
		m.armed = false
		m.meddle()
	}
	return results, err
}

func TestEraseLooksOnceMore(t *testing.T) {
	// The first batch of the last look reads the persons and their rows; the grounds are asked for after it.
	for _, tt := range []struct {
		name, want string
		meddle     func(w *world)
	}{
		{"a ground appears", "skipped justified", func(w *world) {
			w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
		}},
		{"a hold is set", "skipped legal-hold", func(w *world) { w.update("contact", "yvonne", row{"gallra_legalhold": true}) }},
		{"the row is edited", "skipped changed", func(w *world) { w.update("contact", "yvonne", row{"jobtitle": "Chief"}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, pol)
			yvonne(w)
			d := w.requestDeps("erase", func(d *purge.Deps) {
				m := &meddling{Writer: d.Client, meddle: func() { tt.meddle(w) }}
				d.Client, d.Progress = m, func(p purge.Progress) { m.armed = m.armed || p.Phase == "look" }
			})
			s, err := purge.Erase(t.Context(), d, []evaluate.PersonRef{contact("yvonne")}, nil)
			w.must(err)
			if s.Purged() != 0 || w.outcomes()[id("yvonne")] != tt.want {
				t.Errorf("%d purged, outcome %q, want %q", s.Purged(), w.outcomes()[id("yvonne")], tt.want)
			}
			if w.get("contact", "yvonne").Text("firstname") != "Yvonne" {
				t.Error("the row was written")
			}
		})
	}
}

// identityPolicy judges rows of the same address together.
var identityPolicy = strings.NewReplacer(
	"    purge: delete\n", "    purge: delete\n    identity: emailaddress1\n",
	"    purge: anonymize\n", "    purge: anonymize\n    identity: emailaddress1\n").Replace(pol)

func TestAllRows(t *testing.T) {
	w := newWorld(t, identityPolicy)
	yvonne(w)
	w.create("contact", "second", row{"lastname": "McKay", "emailaddress2": " yvonne.mckay@EXAMPLE.com"})
	w.create("contact", "stranger", row{"lastname": "Other", "emailaddress1": "other@example.com"})
	w.update("contact", "second", row{"emailaddress3": "other@example.com"}) // shared with somebody else: not followed
	w.create("lead", "lead", row{"lastname": "McKay", "subject": "s", "emailaddress1": "YVONNE.MCKAY@example.com"})
	c := w.checked(w.client)
	all, err := purge.AllRows(t.Context(), w.client, c, w.deps(w.client).Today, []evaluate.PersonRef{{Table: "lead", ID: id("lead")}})
	w.must(err)
	names := map[evaluate.PersonRef]string{contact("yvonne"): "yvonne", contact("second"): "second", contact("stranger"): "stranger", {Table: "lead", ID: id("lead")}: "lead"}
	got := map[string]bool{}
	for _, p := range all {
		got[names[p]] = true
	}
	if diff := cmp.Diff(map[string]bool{"yvonne": true, "second": true, "lead": true}, got); diff != "" {
		t.Error(diff)
	}
	s, err := purge.Erase(t.Context(), w.requestDeps("erase"), all, nil)
	w.must(err)
	if s.Purged() != 3 {
		t.Fatalf("%d purged, failures %v, outcomes %v", s.Purged(), s.Failures, w.outcomes())
	}
	w.nothingFound("McKay")
	if w.get("contact", "stranger") == nil {
		t.Error("somebody else was purged")
	}
}

// An address of a company's is that of several human beings; a part of a name, or none, is no other one.
func TestPeopleOfOneAddress(t *testing.T) {
	w := newWorld(t, identityPolicy)
	yvonne(w)
	w.create("contact", "part", row{"lastname": "MCKAY"})
	w.create("lead", "lead", row{"firstname": "Yvonne", "lastname": "McKay", "subject": "s"})
	w.create("contact", "paul", row{"firstname": "Paul", "lastname": "Cannon"})
	lead := evaluate.PersonRef{Table: "lead", ID: id("lead")}
	for _, tt := range []struct {
		name string
		rows []evaluate.PersonRef
		want int
	}{
		{"one human being", []evaluate.PersonRef{contact("part"), contact("yvonne"), lead}, 1},
		{"two", []evaluate.PersonRef{contact("part"), contact("paul"), contact("yvonne"), lead}, 2},
		{"nobody", []evaluate.PersonRef{contact("nobody")}, 0},
	} {
		got, err := purge.People(t.Context(), w.client, w.checked(w.client), tt.rows)
		w.must(err)
		if len(got) != tt.want {
			t.Errorf("%s: %v, want %d", tt.name, got, tt.want)
		}
	}
}

// A restored backup brings back who was purged: a run by the dates, an erasure despite a ground, and an anonymised lead.
func TestReapply(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	for _, n := range []string{"ann", "held", "kept"} {
		w.create("contact", n, row{"firstname": n, "lastname": "Goner", "emailaddress1": n + "@goner.example"})
		w.create("annotation", "note "+n, row{"subject": "About " + n + " Goner", "objectid_contact@odata.bind": bindTo("contacts", n)})
	}
	w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
	w.create("lead", "lead", row{"firstname": "Rene", "lastname": "Leader", "subject": "s"})
	w.create("contact", "alive", row{"lastname": "Alive"})
	w.create("account", "adventure", row{"name": "Adventure", "primarycontactid@odata.bind": bindTo("contacts", "alive")})
	w.run()
	w.advance(60)
	backup := w.server.Snapshot()
	w.run()
	_, err := purge.Erase(t.Context(), w.requestDeps("erase"), []evaluate.PersonRef{contact("yvonne")}, []string{"primary-contact"})
	w.must(err)
	for _, text := range []string{"Yvonne", "Goner", "Leader"} {
		w.nothingFound(text)
	}
	if s, err := purge.Reapply(t.Context(), w.requestDeps("reapply")); err != nil || s.Purged() != 0 {
		t.Fatalf("nobody is back, and %d were purged: %v", s.Purged(), err)
	}

	w.must(w.server.Restore(backup))
	w.update("contact", "held", row{"gallra_legalhold": true})
	w.create("opportunity", "deal", row{"name": "Deal", "parentcontactid@odata.bind": bindTo("contacts", "kept")})
	back, _, err := purge.Back(t.Context(), w.requestDeps("reapply"))
	w.must(err)
	why := map[string]string{}
	for _, p := range back {
		reason, _ := p.Again()
		for _, n := range []string{"yvonne", "ann", "held", "kept", "lead", "alive"} {
			if p.Purged.ID == id(n) {
				why[n] = reason
			}
		}
	}
	if diff := cmp.Diff(map[string]string{"yvonne": "", "ann": "", "held": "legal-hold", "kept": "justified", "lead": ""}, why); diff != "" {
		t.Error(diff)
	}

	d := w.requestDeps("reapply")
	limits := d.Policy.Policy.Limits
	limits.Purges = 2
	d.Limits = &limits
	s, err := purge.Reapply(t.Context(), d)
	if diff := cmp.Diff([]string{"too-many "}, rails(t, err)); diff != "" || s.Purged() != 0 {
		t.Errorf("over the limit %d were purged: %s", s.Purged(), diff)
	}

	s, err = purge.Reapply(t.Context(), w.requestDeps("reapply"))
	w.must(err)
	if s.Purged() != 3 || len(s.Failures) != 0 {
		t.Fatalf("%d purged again, want 3; failures %v", s.Purged(), s.Failures)
	}
	for _, text := range []string{"Yvonne", "About ann", "ann@goner.example", "Leader"} {
		w.nothingFound(text)
	}
	if w.get("contact", "held") == nil || w.get("annotation", "note held") == nil || w.get("contact", "kept") == nil {
		t.Error("somebody who is held or justified was purged")
	}
	if got := w.outcomes(); got[id("held")] != "skipped legal-hold" || got[id("kept")] != "skipped justified" {
		t.Errorf("outcomes: held %q, kept %q", got[id("held")], got[id("kept")])
	}
	w.verifyLedger()

	// Whoever was left is still known, and another environment's ledger purges nobody.
	w.update("contact", "held", row{"gallra_legalhold": false})
	d = w.requestDeps("reapply")
	d.Policy.Organization[0] ^= 1
	var foreign *ledger.ForeignError
	if s, err := purge.Reapply(t.Context(), d); !errors.As(err, &foreign) || s.Purged() != 0 {
		t.Errorf("by the evidence of another organisation %d were purged: %v", s.Purged(), err)
	}
	if s, err := purge.Reapply(t.Context(), w.requestDeps("reapply")); err != nil || s.Purged() != 1 {
		t.Errorf("after the release %d were purged: %v", s.Purged(), err)
	}
}
