package purge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// TestSpreadOfABacklog: the dates of a backlog are laid out, stand on the rows and in the ledger, and each night purges those
// whose day it is, within limits that would have stopped it whole.
func TestSpreadOfABacklog(t *testing.T) {
	t.Parallel()
	w := backlog(t)
	dates := func() map[string]int {
		out := make(map[string]int)
		q := dataverse.Query{Table: "contact", Select: []string{"contactid", "gallra_purgescheduledon", "gallra_purgenoticedon", "gallra_purgereason"}}
		d := w.deps(w.client)
		for r, err := range w.client.Rows(t.Context(), q) {
			w.must(err)
			on := r.Text("gallra_purgescheduledon")
			out[on]++
			if trace := d.Ledger.Trace("contact", r.ID("contactid")); trace.PurgeOn.String() != on || r.Text("gallra_purgenoticedon") != "2026-01-10" {
				t.Errorf("%s stands on the row, noticed %s, and %+v in the ledger", on, r.Text("gallra_purgenoticedon"), trace)
			}
			if got, want := r.Text("gallra_purgereason"), "Nothing registered justifies keeping this person"; got != want {
				t.Errorf("the reason is %q", got)
			}
		}
		return out
	}
	const want = "map[2026-03-10:3 2026-03-11:3 2026-03-12:2 2026-03-13:2 2026-03-14:2]"
	w.run()
	if got := fmt.Sprint(dates()); got != want {
		t.Fatalf("laid out as %s", got)
	}
	w.advance(1)
	if s := w.run(); s.Subjects[0].Written != 0 || fmt.Sprint(dates()) != want {
		t.Fatalf("the next night wrote %d dates: %v", s.Subjects[0].Written, dates())
	}
	w.advance(58)
	for night, want := range []int{3, 3, 2, 2, 2, 0} {
		var s *purge.Summary
		if s = w.run(); s.Purged() != want {
			t.Errorf("night %d purged %d, want %d", night, s.Purged(), want)
		}
		w.advance(1)
	}
	w.nothingFound("Backlog")
}

// TestSpreadPastMidnight: what a run writes once its day is over is laid out as before, a day later.
func TestSpreadPastMidnight(t *testing.T) {
	t.Parallel()
	w := backlog(t)
	w.run(func(d *purge.Deps) { d.Today-- })
	got := make(map[string]int)
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	for r, err := range l.Records(t.Context()) {
		w.must(err)
		if r.Kind == ledger.Scheduled {
			got[r.NoticedOn.String()+" "+r.PurgeOn.String()]++
		}
	}
	const want = "map[2026-01-10 2026-03-10:3 2026-01-10 2026-03-11:3 2026-01-10 2026-03-12:2 2026-01-10 2026-03-13:2 2026-01-10 2026-03-14:2]"
	if fmt.Sprint(got) != want {
		t.Errorf("laid out as %v", got)
	}
}

// backlog is a world of more persons than one run may purge.
func backlog(t *testing.T) *world {
	w := newWorld(t, strings.Replace(pol, "limits: {purges: 500,", "limits: {purges: 3, spread: 4 days,", 1))
	var all []string
	for i := range 12 {
		all = append(all, fmt.Sprintf(`{"lastname":"Backlog %d"}`, i))
	}
	w.many("contacts", all)
	return w
}
