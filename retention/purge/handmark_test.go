package purge_test

import (
	"testing"

	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// TestMarkAnybodyCanSet: a whole person whom somebody has marked as anonymised is found by their address, judged, and purged like
// every other; the mark hides nobody. A row that is anonymous keeps it.
func TestMarkAnybodyCanSet(t *testing.T) {
	w := newWorld(t, pol)
	w.create("contact", "marked", row{"lastname": "Marked", "emailaddress1": "marked@nord.example", "gallra_anonymizedon": "2026-01-01"})
	w.create("contact", "left", row{"lastname": "(purged)", "emailaddress3": "left@nord.example", "gallra_anonymizedon": "2026-01-01", "statecode": 1})
	w.create("lead", "anonymous", row{"lastname": "(purged)", "subject": "(purged)", "gallra_anonymizedon": "2026-01-01"})
	for address, name := range map[string]string{"MARKED@nord.example": "marked", "left@nord.example": "left"} {
		found, err := evaluate.FindByEmail(t.Context(), w.client, w.checked(w.client), address)
		if err != nil || len(found) != 1 || found[0].ID != id(name) {
			t.Errorf("%s: found %v, %v", name, found, err)
		}
	}
	if s := w.run(); s.Unmarked != 2 {
		t.Errorf("%d rows lost the mark, want 2", s.Unmarked)
	}
	for _, name := range []string{"marked", "left"} {
		if r := w.get("contact", name); !r.Null("gallra_anonymizedon") || r.Text("gallra_purgescheduledon") != "2026-03-10" {
			t.Errorf("%s: mark %q, purge scheduled on %q", name, r.Text("gallra_anonymizedon"), r.Text("gallra_purgescheduledon"))
		}
	}
	if r := w.get("lead", "anonymous"); r.Null("gallra_anonymizedon") || !r.Null("gallra_purgescheduledon") {
		t.Error("an anonymous row lost its mark")
	}
	// A mark that is set again, on the day itself, saves nobody; nor does it pass for that of a purge that was done.
	w.advance(60)
	w.update("contact", "marked", row{"gallra_anonymizedon": "2026-03-10"})
	if s := w.run(); s.Purged() != 2 {
		t.Errorf("%d purged, want 2: %v", s.Purged(), w.outcomes())
	}
	w.nothingFound("marked@nord.example")
	w.nothingFound("left@nord.example")
}

// TestMarkedPersonIsErasedOnRequest: the mark keeps nobody from being held, or erased on request.
func TestMarkedPersonIsErasedOnRequest(t *testing.T) {
	w := newWorld(t, pol)
	w.create("contact", "marked", row{"lastname": "Marked", "emailaddress1": "marked@nord.example", "gallra_anonymizedon": "2026-01-01"})
	who := evaluate.PersonRef{Table: "contact", ID: id("marked")}
	if _, err := purge.Hold(t.Context(), w.holdDeps("hold"), who, "A claim"); err != nil {
		t.Errorf("a whole person cannot be held: %v", err)
	}
	w.update("contact", "marked", row{"gallra_legalhold": false})
	s, err := purge.Erase(t.Context(), w.requestDeps("erase"), []evaluate.PersonRef{who}, nil)
	if err != nil || s.Purged() != 1 || s.Status != ledger.Done {
		t.Fatalf("%+v: %v", s, err)
	}
	w.nothingFound("marked@nord.example")
}
