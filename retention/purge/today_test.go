package purge_test

import (
	"testing"

	"github.com/gallra/gallra/retention/purge"
)

// A date that is written after midnight, by a run of the day before, has been visible since the day after: the notice
// counts from then.
func TestNoticeCountsFromTheDayOfTheWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	yvonne(w)
	w.run(func(d *purge.Deps) {
		w.advance(1)
		if _, err := d.Client.WhoAmI(t.Context()); err != nil { // an answer of the day after; the run is of the day before
			t.Fatal(err)
		}
	})
	r := w.get("contact", "yvonne")
	if on, noticed := r.Text("gallra_purgescheduledon"), r.Text("gallra_purgenoticedon"); on != "2026-03-11" || noticed != "2026-01-11" {
		t.Errorf("to be purged on %s, noticed on %s", on, noticed)
	}
	w.advance(58)
	if s := w.run(); s.Purged() != 0 {
		t.Error("purged a day early")
	}
	w.advance(1)
	if s := w.run(); s.Purged() != 1 {
		t.Errorf("on the day %d were purged", s.Purged())
	}
}
