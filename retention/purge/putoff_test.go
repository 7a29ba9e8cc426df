package purge_test

import (
	"testing"

	"github.com/gallra/gallra/retention/ledger"
)

// TestDatesPutOffByHand: a purge date that people type counts as an extension does, and no further. It never gets into the
// ledger as announced, so that it can be corrected, and nobody is purged on a day that another date stood on the row.
func TestDatesPutOffByHand(t *testing.T) {
	const announced = "2026-03-10" // two months after day0
	tests := []struct {
		name   string
		typed  string
		reason any
		want   string // after the next run
		after  int    // days until that run
	}{
		{"a typo", "2062-03-10", nil, announced, 1},
		{"a typo that has a reason", "2062-03-10", "A trade fair", announced, 1},
		{"the last date there is", "9999-12-31", "For ever", announced, 1},
		{"within reach and without a reason", "2026-06-10", nil, announced, 1},
		{"within reach and with a reason", "2026-06-10", "A trade fair", "2026-06-10", 1},
		{"earlier", "2026-02-01", "A trade fair", announced, 1},
		{"until the announced day has come: the notice begins again", "2062-03-10", nil, "2026-05-11", 60},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pol)
			w.create("contact", "typed", row{"lastname": "Typed"})
			w.run()
			on := func() string { return w.get("contact", "typed").Text("gallra_purgescheduledon") }
			if on() != announced {
				t.Fatalf("announced for %s", on())
			}
			w.update("contact", "typed", row{"gallra_purgescheduledon": tt.typed, "gallra_retainreason": tt.reason})
			w.advance(tt.after)
			w.run()
			if on() != tt.want {
				t.Fatalf("%s after it was typed and a run: want %s", on(), tt.want)
			}
			l, err := ledger.Open(w.ledgerDir())
			w.must(err)
			if tt.want == tt.typed {
				if got := l.Trace("contact", id("typed")).PurgeOn.String(); got != announced {
					t.Errorf("the ledger holds %s as announced", got)
				}
				w.update("contact", "typed", row{"gallra_purgescheduledon": "2026-05-10"})
				w.run()
				if on() != "2026-05-10" {
					t.Errorf("a correction was undone: %s", on())
				}
				w.update("contact", "typed", row{"gallra_retainreason": nil})
				w.run()
				if on() != announced {
					t.Errorf("%s although its reason was taken back", on())
				}
			}
		})
	}
}
