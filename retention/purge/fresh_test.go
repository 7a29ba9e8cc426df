package purge_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

func stoppedBy(err error, rail policy.Rail) bool {
	var stop *purge.StopError
	return errors.As(err, &stop) && slices.ContainsFunc(stop.Rails, func(g plan.GuardRail) bool { return g.Rail == rail })
}

// cutLedger takes lines off the end of the ledger's last file and mends the head, as somebody does who may write to the storage.
func (w *world) cutLedger(lines int) {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.ledgerDir(), "*.jsonl"))
	w.must(err)
	slices.Sort(files)
	last := files[len(files)-1]
	b, err := os.ReadFile(last)
	w.must(err)
	all := bytes.SplitAfter(bytes.TrimSpace(b), []byte("\n"))
	if len(all) <= lines {
		w.t.Fatalf("the last file has %d lines", len(all))
	}
	var first ledger.Record
	w.must(json.Unmarshal(all[len(all)-lines], &first))
	w.must(os.WriteFile(last, bytes.Join(all[:len(all)-lines], nil), 0o600))
	w.must(os.WriteFile(filepath.Join(w.ledgerDir(), "head.json"), fmt.Appendf(nil, `{"seq":%d,"hash":"%s"}`+"\n", first.Seq-1, first.Prev), 0o600))
}

// A ledger of an earlier day proves a notice that has begun again since.
func TestAnOldLedgerPurgesNobody(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.run()
	was := w.get("contact", "yvonne")
	old := filepath.Join(t.TempDir(), "old")
	copyLedger(t, w.ledgerDir(), old)
	w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
	w.advance(58)
	w.run() // a rescue
	w.update("account", "fabrikam", row{"statecode": 1, "statuscode": 2})
	w.advance(1)
	w.run() // a new notice
	recent := filepath.Join(t.TempDir(), "recent")
	copyLedger(t, w.ledgerDir(), recent)
	w.advance(2)

	copyLedger(t, old, w.ledgerDir())
	w.update("contact", "yvonne", row{"gallra_purgescheduledon": was.Text("gallra_purgescheduledon"), "gallra_purgenoticedon": was.Text("gallra_purgenoticedon")})
	for range 2 {
		if _, err := w.tryRun(); !stoppedBy(err, purge.LedgerBehind) {
			t.Fatalf("%v, want the guard rail %s", err, purge.LedgerBehind)
		}
	}
	if w.get("contact", "yvonne") == nil {
		t.Fatal("purged two days into a notice")
	}
	copyLedger(t, recent, w.ledgerDir()) // as the remedy says
	if s := w.run(); s.Purged() != 0 {
		t.Error("purged within the notice")
	}
	w.advance(60)
	if s := w.run(); s.Purged() != 1 {
		t.Error("nobody was purged after it")
	}
}

func TestEntriesCutOffTheEndShowInARun(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.run()
	w.cutLedger(2)
	w.advance(60)
	if _, err := w.tryRun(); !stoppedBy(err, purge.LedgerBehind) {
		t.Errorf("%v, want the guard rail %s", err, purge.LedgerBehind)
	}
}

// A lost ledger delays purges, and a new one goes on from where it began; the old one does not come back.
func TestANewLedgerGoesOn(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.run()
	old := filepath.Join(t.TempDir(), "old")
	copyLedger(t, w.ledgerDir(), old)
	w.advance(60)
	w.must(os.RemoveAll(w.ledgerDir()))
	if s := w.run(); s.Purged() != 0 {
		t.Error("purged without a ledger")
	}
	recent := filepath.Join(t.TempDir(), "recent")
	copyLedger(t, w.ledgerDir(), recent)
	copyLedger(t, old, w.ledgerDir())
	if _, err := w.tryRun(); !stoppedBy(err, purge.LedgerBehind) {
		t.Errorf("%v, want the guard rail %s", err, purge.LedgerBehind)
	}
	copyLedger(t, recent, w.ledgerDir())
	w.advance(62)
	if s := w.run(); s.Purged() != 1 {
		t.Error("nobody was purged after the new notice")
	}
}

// A restored environment knows of less than the ledger, which is fine.
func TestARestoredEnvironmentGoesOn(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.run()
	backup := w.snapshot()
	w.advance(10)
	w.run()
	w.advance(50)
	w.control("restore", row{"id": backup})
	w.control("clock", row{"now": day0.Add(60 * day)})
	if s := w.run(); s.Purged() != 1 {
		t.Error("nobody was purged")
	}
}

// An environment in which no run has left anything, or of which somebody took it away, says nothing of the ledger.
func TestAnUnprovenLedgerPurgesNobodyThatNight(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.run()
	w.advance(60)
	w.must(w.client.Do(t.Context(), dataverse.Operation{Method: http.MethodDelete, Path: "annotations(" + purge.OwnRow.String() + ")"}, nil))
	if _, err := w.tryRun(); !stoppedBy(err, purge.LedgerUnproven) {
		t.Errorf("%v, want the guard rail %s", err, purge.LedgerUnproven)
	}
	if w.get("contact", "yvonne") == nil {
		t.Fatal("purged by a ledger of which nothing says that it is the newest")
	}
	if s := w.run(); s.Purged() != 1 {
		t.Error("nobody was purged by the next run")
	}
}
