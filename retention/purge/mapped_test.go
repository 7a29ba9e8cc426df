package purge_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
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
