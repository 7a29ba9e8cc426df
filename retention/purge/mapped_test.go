package purge_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// Promise of docs/security.md: a column of the company's own is written to only where it was empty, but for what the ledger
// knows that runs have written there.
func TestMappedColumnsAreEmptyBeforeTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, columns string }{
		{"some", "{purgeReason: nord_why}"},
		{"all that are written", "{purgeReason: nord_why, purgeScheduledOn: nord_purgeon, purgeNoticedOn: nord_noticedon, anonymizedOn: nord_gone}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, strings.Replace(pol, "  contact:\n", "  contact:\n    columns: "+tt.columns+"\n", 1))
			w.must(w.server.AddColumns("nord", emulator.Column{Table: "contact", SchemaName: "nord_Why", Type: "String", MaxLength: 500}))
			for _, name := range []string{"nord_PurgeOn", "nord_NoticedOn", "nord_Gone"} {
				w.must(w.server.AddColumns("nord", emulator.Column{Table: "contact", SchemaName: name, Type: "DateTime", Behavior: "DateOnly"}))
			}
			w.client = w.connect(6)
			yvonne(w)
			w.update("contact", "yvonne", row{"nord_why": "Prefers to be called in the morning"})
			s, err := w.tryRun()
			var stop *purge.StopError
			if !errors.As(err, &stop) || stop.Rails[0].Rail != purge.ForeignColumn || s.Status != ledger.Halted {
				t.Fatalf("not stopped: %v", err)
			}
			if got := w.get("contact", "yvonne").Text("nord_why"); got != "Prefers to be called in the morning" {
				t.Fatalf("written over: %q", got)
			}
			w.update("contact", "yvonne", row{"nord_why": nil})
			w.run()
			if got := w.get("contact", "yvonne").Text("nord_why"); got == "" {
				t.Fatal("no reason was written")
			}
			w.advance(1)
			w.run() // what a run wrote is known
			w.must(os.RemoveAll(w.ledgerDir()))
			w.advance(1)
			_, err = w.tryRun()
			if stopped := errors.As(err, &stop); stopped != (tt.name != "some") {
				t.Errorf("without the ledger: %v", err) // gallra's own columns, where there are any, tell whose value it is
			}
		})
	}
}

// A hold or an extension writes over nothing of the company's own either, and knows what it wrote itself.
func TestNoVerbWritesOverWhatIsTheCompanys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(pol, "  contact:\n", "  contact:\n    columns: {purgeReason: nord_why, retainUntil: nord_followup, retainReason: nord_reason}\n", 1))
	w.must(w.server.AddColumns("nord", emulator.Column{Table: "contact", SchemaName: "nord_Why", Type: "String", MaxLength: 500},
		emulator.Column{Table: "contact", SchemaName: "nord_Reason", Type: "String", MaxLength: 500},
		emulator.Column{Table: "contact", SchemaName: "nord_Followup", Type: "DateTime", Behavior: "DateOnly"}))
	w.client = w.connect(6)
	yvonne(w)
	who := evaluate.PersonRef{Table: "contact", ID: id("yvonne")}
	verbs := map[string]func(d purge.Deps) error{
		"hold":   func(d purge.Deps) error { _, err := purge.Hold(t.Context(), d, who, "A claim"); return err },
		"extend": func(d purge.Deps) error { return purge.Extend(t.Context(), d, who, d.Today+30, "agreed") },
	}
	for _, tt := range []struct{ verb, column, value string }{
		{"hold", "nord_why", "Call in the morning"},
		{"extend", "nord_followup", "2026-03-01"},
		{"extend", "nord_reason", "VIP"},
	} {
		w.update("contact", "yvonne", row{tt.column: tt.value})
		if err := verbs[tt.verb](w.holdDeps(tt.verb)); !stoppedBy(err, purge.ForeignColumn) {
			t.Errorf("%s over %s: %v, want the guard rail %s", tt.verb, tt.column, err, purge.ForeignColumn)
		}
		if got := w.get("contact", "yvonne").Text(tt.column); got != tt.value {
			t.Errorf("%s wrote over %s: %q", tt.verb, tt.column, got)
		}
		w.update("contact", "yvonne", row{tt.column: nil})
	}
	for range 2 {
		for verb, do := range verbs {
			if err := do(w.holdDeps(verb)); err != nil {
				t.Errorf("%s: %v", verb, err)
			}
		}
	}
	w.run()
}

// A hold that is set beside a run is not in the ledger yet: its own reason in a column of the company's is nobody else's.
func TestAHoldBesideARunIsNoForeignValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(pol, "  contact:\n", "  contact:\n    columns: {purgeReason: nord_why}\n", 1))
	w.must(w.server.AddColumns("nord", emulator.Column{Table: "contact", SchemaName: "nord_Why", Type: "String", MaxLength: 500}))
	w.client = w.connect(6)
	yvonne(w)
	w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
	running := w.deps(w.client)
	w.must(running.Ledger.Begin(t.Context(), running.Run))
	res, err := purge.Hold(t.Context(), w.holdDeps("hold"), evaluate.PersonRef{Table: "contact", ID: id("yvonne")}, "A claim")
	w.must(err)
	if res.Ledgered {
		t.Fatal("the ledger was not locked")
	}
	w.must(running.Ledger.End(ledger.Done, nil))
	if _, err := purge.Hold(t.Context(), w.holdDeps("hold"), evaluate.PersonRef{Table: "contact", ID: id("yvonne")}, "The same claim"); err != nil {
		t.Errorf("the same hold again: %v", err)
	}
	w.run()
}
