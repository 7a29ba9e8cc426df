package purge_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// in is the policy in a language.
func in(language, policy string) string {
	return strings.Replace(policy, "version: 1\n", "version: 1\nlanguage: "+language+"\n", 1)
}

// What gallra writes onto rows is in the policy's language. Another language decides nothing: rows that wait keep what stands on
// them, and nobody gets another date or goes on another day.
func TestAnotherLanguageDecidesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, in("sv", pol))
	yvonne(w)
	w.create("contact", "ole", row{"lastname": "Ole"})
	w.run()
	reason := func(name string) string { return w.get("contact", name).Text("gallra_purgereason") }
	if got := reason("yvonne"); got != "Inget som är registrerat motiverar att personen behålls" {
		t.Fatalf("the row says %q", got)
	}
	before := w.dump("contact")
	for _, language := range words.All() {
		w.policy = in(language, pol)
		w.advance(1)
		if s := w.run(); s.Purged() != 0 || s.Failed() != 0 {
			t.Errorf("in %s: %d purged", language, s.Purged())
		}
	}
	if diff := cmp.Diff(before, w.dump("contact")); diff != "" {
		t.Errorf("another language writes to rows that wait: %s", diff)
	}
	w.policy = in("de", pol)
	if _, err := purge.Hold(t.Context(), w.holdDeps("hold"), evaluate.PersonRef{Table: "contact", ID: id("ole")}, "Klage"); err != nil {
		t.Fatal(err)
	}
	if got := reason("ole"); got != "Löschsperre: Klage" {
		t.Errorf("the row says %q", got)
	}
	w.policy = in("fi", pol)
	if _, err := purge.Release(t.Context(), w.holdDeps("release"), evaluate.PersonRef{Table: "contact", ID: id("ole")}, "Sovittu"); err != nil {
		t.Fatal(err)
	}
	if got := reason("ole"); got != "Poistokielto kumottu: Sovittu. Mikään kirjattu ei ole peruste säilyttää tätä henkilöä" {
		t.Errorf("the row says %q", got)
	}
	w.advance(55)
	if s := w.run(); s.Purged() != 1 || w.get("contact", "ole") == nil {
		t.Errorf("%d purged on the day that was announced in Swedish", s.Purged())
	}
}

// A hold that was set beside a run, in the language that the policy had then, is nobody else's after the policy has another.
func TestAHoldInAnotherLanguageIsNoForeignValue(t *testing.T) {
	t.Parallel()
	mapped := strings.Replace(pol, "  contact:\n", "  contact:\n    columns: {purgeReason: nord_why}\n", 1)
	w := newWorld(t, in("nb", mapped))
	w.must(w.server.AddColumns("nord", emulator.Column{Table: "contact", SchemaName: "nord_Why", Type: "String", MaxLength: 500}))
	w.client = w.connect(6)
	yvonne(w)
	running := w.deps(w.client)
	w.must(running.Ledger.Begin(t.Context(), running.Run))
	_, err := purge.Hold(t.Context(), w.holdDeps("hold"), evaluate.PersonRef{Table: "contact", ID: id("yvonne")}, "Krav")
	w.must(err)
	w.must(running.Ledger.End(ledger.Done, nil))
	w.policy = mapped
	w.run()
}
