package console

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// TestRunUnderAnApprovedList: the page says who waits for an approval, asks back for the number of the others, and the run purges them.
func TestRunUnderAnApprovedList(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.server.Advance(62 * 24 * time.Hour)
	w.must(os.WriteFile(filepath.Join(w.dir, "sales.yaml"), []byte(gallra.ModelPolicy+"approval: list\n"), 0o600))
	w.serve(nil)
	w.enter()
	b := w.console.reading()
	due := b.Count(retention.Purge)
	if due < 3 || b.purges() != 0 {
		t.Fatalf("%d are due and %d would be purged", due, b.purges())
	}
	var one purge.Named
	for i := range b.Persons {
		if p := &b.Persons[i]; p.Action == retention.Purge {
			one = purge.Named{Table: b.Tables[p.Table].Name, ID: p.ID, PurgeOn: p.PurgeOn}
		}
	}
	l, err := w.ledger()
	w.must(err)
	deps := w.deps("approve", b.checked, l)
	for row, err := range w.client.Rows(t.Context(), dataverse.Query{Table: "systemuser", Select: []string{"systemuserid"}}) {
		w.must(err)
		deps.Run.Actor = row.ID("systemuserid")
	}
	w.must(purge.Approve(t.Context(), deps, one))

	w.post("/read", nil)
	w.console.job("read").wait(t.Context())
	b = w.console.reading()
	waits := words.In(subject, "en").N("run.unapproved", due-1)
	page := w.get("/run")
	if b.purges() != 1 || !strings.Contains(page.body, waits) {
		t.Fatalf("%d would be purged, and the page does not say %q", b.purges(), waits)
	}
	w.post("/run", url.Values{"plan": {b.id}, "once": {secret()}, "confirm": {"yes"}, "count": {"1"}})
	w.console.running().wait(t.Context())
	w.console.job("read").wait(t.Context())
	last := w.console.last
	if last == nil || last.Summary == nil || last.Summary.Status != ledger.Done || last.Summary.Purged() != 1 || last.Summary.Unapproved() != due-1 {
		t.Fatalf("the run: %+v", last)
	}
	if page := w.get("/run"); strings.Count(page.body, waits) != 2 {
		t.Error("the page does not tell who waited, and who waits")
	}
}
