package purge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// TestLookThatGrewOld: where the service has the write wait, the look before it is taken again. A ground that appears
// meanwhile saves the person; otherwise they are purged all the same.
func TestLookThatGrewOld(t *testing.T) {
	t.Parallel()
	for _, rescued := range []bool{true, false} {
		w := newWorldOf(t, pol, emulator.Options{}, "no-address-rows") // whose change sets have several parts
		yvonne(w)
		w.run()
		w.advance(60)
		waited := false
		s := w.run(func(d *purge.Deps) {
			d.LookAge = 200 * time.Millisecond
			d.Client = &meddler{d.Client, func(parts []dataverse.Part) {
				for _, p := range parts {
					if waited || len(p.Set) < 2 || !strings.Contains(p.Set[0].Path, id("yvonne").String()) {
						continue
					}
					waited = true
					if rescued {
						w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
					}
					w.control("faults", []row{{"status": 429, "retryAfter": 1, "count": 1}})
				}
			}}
		})
		if !waited {
			t.Fatal("no write had to wait")
		}
		switch r := w.get("contact", "yvonne"); {
		case rescued && (r == nil || r["lastname"] != "McKay" || w.outcomes()[id("yvonne")] != "skipped justified"):
			t.Errorf("somebody justified was purged: %s", w.outcomes()[id("yvonne")])
		case !rescued && (r != nil || s.Status != ledger.Done):
			t.Errorf("nothing justified her, and she is still there: %s", w.outcomes()[id("yvonne")])
		}
	}
}

// TestLookThatIsAlwaysTooOld leaves the persons whole, says so, and does not go on for ever.
func TestLookThatIsAlwaysTooOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	names := ten(w)
	s := w.run(func(d *purge.Deps) { d.LookAge = time.Nanosecond })
	if s.Purged() != 0 || w.whole(names) != len(names) {
		t.Fatalf("%d purged, %d whole", s.Purged(), w.whole(names))
	}
	if got := w.outcomes()[id(names[0])]; got != "failed late" {
		t.Errorf("outcome %q", got)
	}
	if s = w.run(); s.Status != ledger.Done || s.Purged() != len(names) {
		t.Errorf("the next run: status %s, %d purged", s.Status, s.Purged())
	}
}

// TestLookAgainAtAWriteWithoutAnswer: a write without an answer may still be carried out while the look is taken again. Whoever
// a ground saves then is not written off: the intent stays open, and the next run finds out. They are whole in the end, or
// purged whole by the write that left before there was a ground.
func TestLookAgainAtAWriteWithoutAnswer(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, pol, emulator.Options{}, "no-address-rows") // whose change sets have several parts
	yvonne(w)
	w.run()
	w.advance(60)
	sent := false
	client := w.connectWith(hurried)
	w.checked(client)
	w.run(func(d *purge.Deps) {
		d.LookAge = 500 * time.Millisecond
		d.Client = &meddler{client, func(parts []dataverse.Part) {
			for _, p := range parts {
				if !sent && len(p.Set) > 1 && strings.Contains(p.Set[0].Path, id("yvonne").String()) {
					sent = true
					w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
					w.control("faults", []row{{"delay": "1m", "count": 1}}) // ends with the client's patience, and is carried out then
				}
			}
		}}
	})
	if !sent {
		t.Fatal("nothing was sent")
	}
	w.run()
	switch r, said := w.get("contact", "yvonne"), w.outcomes()[id("yvonne")]; {
	case r == nil && said == "done":
	case r != nil && r["lastname"] == "McKay" && strings.HasPrefix(said, "skipped"):
	default:
		t.Errorf("the ledger says %q, and the row is %v", said, r["lastname"])
	}
}
