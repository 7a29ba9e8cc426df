package purge_test

import (
	"errors"
	"testing"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

func (w *world) holdDeps(verb string) purge.Deps {
	d := w.deps(w.client)
	d.Run.Verb = verb
	return d
}

func TestHoldDoesNotWaitForARun(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	who := evaluate.PersonRef{Table: "contact", ID: id("yvonne")}
	w.run()
	running := w.deps(w.client)
	w.must(running.Ledger.Begin(t.Context(), running.Run))

	res, err := purge.Hold(t.Context(), w.holdDeps("hold"), who, "A claim")
	if err != nil || res.Ledgered || res.Holder.Run != running.Run.ID {
		t.Fatalf("hold during a run: %+v, %v", res, err)
	}
	if r := w.get("contact", "yvonne"); !r.Bool("gallra_legalhold") || r.Text("gallra_purgereason") != "Legal hold: A claim" {
		t.Errorf("the row: %v %q", r["gallra_legalhold"], r["gallra_purgereason"])
	}
	var locked *ledger.LockedError
	if _, err := purge.Release(t.Context(), w.holdDeps("release"), who, "Settled"); !errors.As(err, &locked) {
		t.Errorf("a release during a run: %v, want a *LockedError", err)
	}
	if !w.get("contact", "yvonne").Bool("gallra_legalhold") {
		t.Error("a release that was refused took the hold off")
	}
	w.must(running.Ledger.End(ledger.Done, nil))

	// The next run writes the hold down, and the release then begins the notice anew.
	w.advance(60)
	if s := w.run(); s.Purged() != 0 {
		t.Fatal("purged under a legal hold")
	}
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	if !l.Trace("contact", id("yvonne")).Held {
		t.Error("the run did not write the hold down")
	}
}

// A release whose answer is lost is found out about, and is in the ledger once and for all.
func TestReleaseIsFoundOut(t *testing.T) {
	for _, drop := range []string{"before", "after"} {
		t.Run(drop, func(t *testing.T) {
			w := newWorld(t, pol)
			yvonne(w)
			who := evaluate.PersonRef{Table: "contact", ID: id("yvonne")}
			w.run()
			w.advance(90)
			if _, err := purge.Hold(t.Context(), w.holdDeps("hold"), who, "A claim"); err != nil {
				t.Fatal(err)
			}
			w.control("faults", map[string]any{"drop": drop, "route": "PATCH contacts", "count": 1})
			res, err := purge.Release(t.Context(), w.holdDeps("release"), who, "Settled")
			w.must(err)
			today := w.deps(w.client).Today
			want := today.Add(retention.Period{Months: 2})
			r := w.get("contact", "yvonne")
			if r.Bool("gallra_legalhold") || r.Text("gallra_purgescheduledon") != want.String() || res.PurgeOn != want {
				t.Errorf("after the release: hold %v, purge on %s, told %s, want %s", r["gallra_legalhold"], r.Text("gallra_purgescheduledon"), res.PurgeOn, want)
			}
			l, err := ledger.Open(w.ledgerDir())
			w.must(err)
			if got := l.Trace("contact", id("yvonne")); got != (retention.Trace{PurgeOn: want, NoticedOn: today}) || len(l.Unwritten()) != 0 {
				t.Errorf("the trace is %+v, unwritten %v", got, l.Unwritten())
			}
			w.verifyLedger()
			if s := w.run(); s.Purged() != 0 || s.Subjects[0].Written != 0 {
				t.Errorf("the run after it wrote %d dates and purged %d", s.Subjects[0].Written, s.Purged())
			}
		})
	}
}

func TestHoldRefusals(t *testing.T) {
	w := newWorld(t, pol)
	w.create("contact", "anon", row{"lastname": "(purged)", "gallra_anonymizedon": "2026-01-01"})
	if _, err := purge.Hold(t.Context(), w.holdDeps("hold"), evaluate.PersonRef{Table: "contact", ID: id("anon")}, "r"); !errors.Is(err, purge.ErrAnonymized) {
		t.Errorf("an anonymised row: %v", err)
	}
	if _, err := purge.Hold(t.Context(), w.holdDeps("hold"), evaluate.PersonRef{Table: "account", ID: id("anon")}, "r"); err == nil {
		t.Error("a table that is no subject was taken")
	}
	d := w.holdDeps("hold")
	d.Policy.Subjects[0].Unprovisioned = []string{"gallra_legalhold"}
	if _, err := purge.Hold(t.Context(), d, evaluate.PersonRef{Table: "contact", ID: id("anon")}, "r"); !errors.Is(err, purge.ErrUnprovisioned) {
		t.Errorf("an unprovisioned table: %v", err)
	}
}
