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
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/notify"
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

// ownSolution is the row whose description holds gallra's note.
func (w *world) ownSolution() dataverse.Row {
	w.t.Helper()
	for r, err := range w.client.Rows(w.t.Context(), dataverse.Query{Set: "solutions", Filter: "uniquename eq 'gallra'"}) {
		w.must(err)
		return r
	}
	w.t.Fatal("no solution")
	return nil
}

func (w *world) forgetCheckpoint() {
	w.t.Helper()
	w.must(w.client.Do(w.t.Context(), dataverse.Operation{Method: http.MethodDelete, Path: "solutions(" + w.ownSolution().ID("solutionid").String() + ")/description"}, nil))
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
	w.forgetCheckpoint()
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

// checkpoint is what stands in the environment, nil if nothing does.
func (w *world) checkpoint() *ledger.Checkpoint {
	w.t.Helper()
	n, err := provision.ReadNote(w.t.Context(), w.client)
	w.must(err)
	if n.Ledger == "" {
		return nil
	}
	all, err := ledger.ReadCheckpoints(strings.NewReader(n.Ledger))
	w.must(err)
	return &all[0]
}

// What gallra knows of itself stands in no table of the company's.
func TestNoNoteOfTheCompanysIsGallras(t *testing.T) {
	w := newWorld(t, pol)
	yvonne(w)
	w.create("annotation", "theirs", row{"subject": "theirs"})
	w.run()
	n, err := w.client.Count(t.Context(), dataverse.Query{Table: "annotation"})
	w.must(err)
	if n != 1 {
		t.Errorf("%d notes, and the company has one", n)
	}
	if at := w.checkpoint(); at == nil {
		t.Error("nothing in the environment says how far the ledger went")
	}
	if text := w.ownSolution().Text("description"); len(text) > 2000 {
		t.Errorf("the note has %d letters", len(text))
	}
}

// formerNote leaves the checkpoint where a gallra before this one did.
func (w *world) formerNote() {
	w.t.Helper()
	n, err := provision.ReadNote(w.t.Context(), w.client)
	w.must(err)
	w.forgetCheckpoint()
	w.must(w.client.Do(w.t.Context(), dataverse.Operation{Method: http.MethodPatch, Path: "annotations(" + provision.FormerNote.String() + ")",
		Body: row{"subject": "gallra, run x", "notetext": n.Ledger}}, nil))
}

func TestTheCheckpointOfAGallraBeforeCounts(t *testing.T) {
	for name, night := range map[string]func(w *world){
		"a run": func(w *world) {
			if s := w.run(); s.Purged() != 1 {
				w.t.Error("nobody was purged")
			}
		},
		"a run with an old ledger": func(w *world) {
			w.cutLedger(2)
			if _, err := w.tryRun(); !stoppedBy(err, purge.LedgerBehind) {
				w.t.Errorf("%v, want the guard rail %s", err, purge.LedgerBehind)
			}
		},
		"provision": func(w *world) {
			p := provision.Gallra([]string{"contact", "lead"}, nil)
			_, err := provision.Run(w.t.Context(), w.client, p, false, nil)
			w.must(err)
			if s := w.run(); s.Purged() != 1 {
				w.t.Error("nobody was purged")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, pol)
			yvonne(w)
			w.run()
			w.advance(60)
			w.formerNote()
			night(w)
			if strings.HasSuffix(name, "old ledger") {
				return
			}
			_, err := w.client.Get(t.Context(), "annotation", provision.FormerNote, dataverse.Query{})
			if !errors.Is(err, dataverse.ErrNotFound) {
				t.Errorf("the former note is still there: %v", err)
			}
			if w.checkpoint() == nil {
				t.Error("no checkpoint took its place")
			}
		})
	}
}

// A user who may not write the note, or an environment without a place for it, says what to do, and purges nobody.
func TestAnEnvironmentThatWasProvisionedBeforeAsksForProvision(t *testing.T) {
	for name, spoil := range map[string]func(w *world){
		"no right": func(w *world) { w.control("faults", []row{{"route": "PATCH solutions", "status": 403}}) },
		"no solution": func(w *world) {
			w.must(w.client.Call(w.t.Context(), http.MethodDelete, "solutions("+w.ownSolution().ID("solutionid").String()+")", nil, nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, pol)
			w.control("clock", row{"now": time.Now().UTC().Add(-65 * day)})
			yvonne(w)
			w.run()
			w.control("clock", row{"now": time.Now().UTC()})
			spoil(w)
			_, err := w.tryRun()
			var stop *purge.StopError
			if !errors.As(err, &stop) || stop.Rails[0].Rail != purge.LedgerUnproven || !strings.Contains(stop.Rails[0].Remedy.String(), "run gallra provision") {
				t.Errorf("%v, want the guard rail %s and what to do", err, purge.LedgerUnproven)
			}
			if w.get("contact", "yvonne") == nil {
				t.Error("the person was purged")
			}
		})
	}
}

// verbs are those beside the runs that take their day from the service or write to the ledger.
func verbs() map[string]func(w *world, d purge.Deps) error {
	who := evaluate.PersonRef{Table: "contact", ID: id("yvonne")}
	return map[string]func(w *world, d purge.Deps) error{
		"approve": func(w *world, d purge.Deps) error { return purge.Approve(w.t.Context(), d) },
		"extend": func(w *world, d purge.Deps) error {
			return purge.Extend(w.t.Context(), d, who, d.Today+30, "agreed")
		},
		"hold": func(w *world, d purge.Deps) error {
			_, err := purge.Hold(w.t.Context(), d, who, "A claim")
			return err
		},
		"release": func(w *world, d purge.Deps) error {
			w.update("contact", "yvonne", row{"gallra_legalhold": true})
			_, err := purge.Release(w.t.Context(), d, who, "Settled")
			return err
		},
		"notify": func(w *world, d purge.Deps) error {
			d.Run.Today = d.Today
			_, err := notify.Send(w.t.Context(), notify.Deps{Client: d.Client, Policy: d.Policy, Ledger: d.Ledger, Run: d.Run}, nil)
			return err
		},
	}
}

// Whatever was written to the ledger by another verb counts for the next run: the checkpoint goes along with it.
func TestEachVerbRefreshesTheCheckpoint(t *testing.T) {
	for name, do := range verbs() {
		if name == "extend" {
			continue // which writes nothing to the ledger
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, pol)
			yvonne(w)
			w.run()
			d := w.holdDeps(name)
			w.must(do(w, d))
			if at := w.checkpoint(); at == nil || at.Seq != d.Ledger.Seq() {
				t.Errorf("the environment knows of %+v, and the ledger has %d entries", at, d.Ledger.Seq())
			}
			w.run()

			// One that lacks entries is not refreshed: it would pass for the newest.
			w.cutLedger(2)
			was := w.checkpoint()
			err := do(w, w.holdDeps(name))
			if name != "hold" && !stoppedBy(err, purge.LedgerBehind) || name == "hold" && err != nil {
				t.Errorf("with an old ledger: %v", err)
			}
			if at := w.checkpoint(); at == nil || at.Hash != was.Hash {
				t.Errorf("an old ledger was taken for the newest: %+v, was %+v", at, was)
			}

			// Nor does another ledger begin to count by it.
			w.forgetCheckpoint()
			_ = do(w, w.holdDeps(name))
			if w.checkpoint() != nil {
				t.Error("a ledger of which nothing proves that it is the newest was made the newest")
			}
		})
	}
}

// No verb takes its day from a header that the service's own stamp contradicts.
func TestNoVerbBelievesADateHeaderThatLies(t *testing.T) {
	for name, do := range verbs() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, pol)
			yvonne(w)
			w.run()
			c := w.connectWith(func(o *dataverse.Options) { o.Transport = &wrongClock{ahead: 61 * day} })
			_, err := c.WhoAmI(t.Context())
			w.must(err)
			w.client, c = c, w.client
			d := w.holdDeps(name)
			w.client = c
			before := d.Ledger.Seq()
			if err := do(w, d); !stoppedByClock(err) {
				t.Errorf("%v, want the guard rail %s", err, purge.Clock)
			}
			if d.Ledger.Seq() != before {
				t.Error("something of that day was written to the ledger")
			}
			if r := w.get("contact", "yvonne"); r.Text("gallra_retainreason") != "" {
				t.Error("an extension was written")
			}
		})
	}
}
