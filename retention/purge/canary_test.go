package purge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// ten are persons whose day has come.
func ten(w *world) []string {
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("goner %d", i))
		w.create("contact", names[i], row{"lastname": names[i]})
	}
	w.run()
	w.advance(60)
	return names
}

// TestCanaryThatDoesNotEnd: where the first purges cannot be finished, nobody else is begun. The next run tries them again.
func TestCanaryThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	names := ten(w)
	w.control("faults", []row{{"status": 403, "route": "DELETE contacts"}})
	s, err := w.tryRun()
	var stop *purge.StopError
	if !errors.As(err, &stop) || stop.Rails[0].Rail != purge.Residue || !strings.Contains(err.Error(), "2 of the first purges were begun and did not come to their end (not-deleted, ") {
		t.Fatalf("error %v", err)
	}
	if s.Status != ledger.Halted || s.Failed() != 2 {
		t.Errorf("status %s, %d failed", s.Status, s.Failed())
	}
	if whole := w.whole(names); whole != 8 {
		t.Errorf("%d persons are whole, want 8", whole)
	}
	w.control("faults", []row{})
	if s = w.run(); s.Status != ledger.Done || s.Purged() != 10 || w.whole(names) != 0 {
		t.Errorf("afterwards: status %s, %d purged", s.Status, s.Purged())
	}
}

// TestCanaryOfWhomNobodyIsPurged: whoever is left alone at the last look proves nothing, and others take their place.
func TestCanaryOfWhomNobodyIsPurged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	names := ten(w)
	w.control("faults", []row{{"status": 403, "route": "DELETE contacts"}})
	held := 0
	s, err := w.tryRun(func(d *purge.Deps) {
		d.Client = &meddler{d.Client, func(parts []dataverse.Part) {
			for _, p := range parts { // the first look: somebody sets a hold on each of them
				for _, name := range names {
					if held < 2 && p.Op != nil && strings.HasPrefix(p.Op.Path, "contacts?") && strings.Contains(p.Op.Path, id(name).String()) {
						held++
						w.update("contact", name, row{"gallra_legalhold": true})
					}
				}
			}
		}}
	})
	var stop *purge.StopError
	if !errors.As(err, &stop) || held != 2 || s.Failed() != 2 {
		t.Fatalf("%d held, %d failed, error %v", held, s.Failed(), err)
	}
	if whole := w.whole(names); whole != 8 {
		t.Errorf("%d persons are whole, want the two that were held and six more", whole)
	}
}

// whole counts the persons who are there under their name.
func (w *world) whole(names []string) (n int) {
	for _, name := range names {
		if r := w.get("contact", name); r != nil && r["lastname"] == name {
			n++
		}
	}
	return n
}
