package purge_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/purge"
)

// dies answers a number of requests once it is armed, and then no other. The last one is carried out all the same.
type dies struct {
	mu    sync.Mutex
	armed bool
	left  int
}

func (d *dies) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	dead, last := d.armed && d.left <= 0, d.armed && d.left == 1
	if d.armed {
		d.left--
	}
	d.mu.Unlock()
	if dead {
		return nil, errors.New("killed")
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if last && err == nil {
		res.Body.Close()
		return nil, errors.New("killed")
	}
	return res, err
}

// TestKilledAndRolledBack kills a run at a random request, puts any earlier ledger back, and goes on as the guard rails say: it
// ends with no half person, no old name in the audit history, and nobody purged within a notice.
func TestKilledAndRolledBack(t *testing.T) {
	t.Parallel()
	w := crowdOf(newWorldOf(t, pol, emulator.Options{}, "audit-delay")) // its runs follow each other within a moment
	w.advance(1)
	before := w.snapshot()
	saved := t.TempDir()
	copyLedger(t, w.ledgerDir(), saved)
	persons := []string{"yvonne", "ann", "bob", "cid"}
	const whole = 1 << 30
	kill := &dies{armed: true, left: whole}
	undisturbed := w.connectWith(func(o *dataverse.Options) { o.Transport = kill })
	checked := w.connect(6) // which knows what each of the others knows before its run
	w.checked(checked)
	undisturbed.KnowLike(checked)
	_, err := undisturbed.WhoAmI(t.Context())
	w.must(err)
	d := w.deps(undisturbed)
	kill.left = whole
	_, err = purge.Run(t.Context(), d)
	w.must(err)
	requests := whole - kill.left
	for _, seed := range seeds(t, 8) {
		random := rand.New(rand.NewPCG(seed, 17))
		w.control("restore", row{"id": before})
		copyLedger(t, saved, w.ledgerDir())
		kill := &dies{left: 1 + requests/3 + random.IntN(requests-requests/3)} // a third of them only reads
		c := w.connectWith(func(o *dataverse.Options) { o.Transport, o.Retries = kill, -1 })
		c.KnowLike(checked)
		_, err := c.WhoAmI(t.Context())
		w.must(err)
		d := w.deps(c)
		kill.armed = true
		_, _ = purge.Run(t.Context(), d)
		d.Ledger.Close()
		back := seed % 4
		switch back {
		case 0: // lost
			w.must(os.RemoveAll(w.ledgerDir()))
		case 1: // that of the run before
			copyLedger(t, saved, w.ledgerDir())
		case 2: // cut
			if files, _ := filepath.Glob(filepath.Join(w.ledgerDir(), "*.jsonl")); len(files) > 1 {
				w.cutLedger(1)
			}
		}
		for range 3 {
			after := func(d *purge.Deps) { d.Run.ID += "-after" } // no two runs have the same one, and here the time stands still
			if _, err := w.tryRun(after); stoppedBy(err, purge.LedgerBehind) {
				w.must(os.RemoveAll(w.ledgerDir()))
			} else if err != nil && !stoppedBy(err, purge.LedgerUnproven) {
				w.must(err)
			}
		}
		w.run()
		for _, name := range persons {
			r := w.get("contact", name)
			anonymous := r != nil && r.Text("lastname") == "(purged)"
			if anonymous && name != "bob" { // whom a quote binds
				t.Errorf("seed %d, ledger %d: %s is half a person", seed, back, name)
			}
			for _, text := range []string{"Goner", "McKay"} {
				for _, p := range w.server.Find(text) {
					if p.Where == "audit" && (r == nil || anonymous) && p.ID == id(name).String() {
						t.Errorf("seed %d, ledger %d: the audit history of %s still holds the name", seed, back, name)
					}
				}
			}
		}
		if w.get("contact", "new") == nil {
			t.Errorf("seed %d, ledger %d: somebody was purged within the notice", seed, back)
		}
		w.advance(62)
		w.run()
		w.run()
		w.nothingFound("Goner")
		w.nothingFound("McKay")
		if t.Failed() {
			t.Fatalf("seed %d, ledger %d", seed, back)
		}
	}
}

// While a job of the service is pending, the ledger that knows of it is lost or put back: what the job deletes later is no half
// person, and no old name stays anywhere.
func TestALedgerLostWhileAJobIsPending(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *world, before string){
		"lost":     func(w *world, _ string) { w.must(os.RemoveAll(w.ledgerDir())) },
		"put back": func(w *world, before string) { copyLedger(w.t, before, w.ledgerDir()) },
		"cut":      func(w *world, _ string) { w.cutLedger(2) },
		"lost, and put back when the job is over": func(w *world, before string) {
			w.must(os.RemoveAll(w.ledgerDir()))
			_, err := w.tryRun(func(d *purge.Deps) { d.Run.ID, d.JobWait = "between", time.Millisecond })
			if err != nil && !stoppedBy(err, purge.LedgerUnproven) {
				w.must(err)
			}
			copyLedger(w.t, before, w.ledgerDir())
		},
	} {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, killed %t", name, killed), func(t *testing.T) {
				w := newWorldOf(t, byJobs, emulator.Options{JobStep: time.Hour}, "audit-delay") // its runs follow each other within a moment
				yvonne(w)
				w.create("annotation", "note", row{"subject": "About Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
				w.create("email", "mail", row{"subject": "Dear Yvonne McKay", "regardingobjectid_contact_email@odata.bind": bindTo("contacts", "yvonne")})
				w.run()
				w.advance(60)
				before := filepath.Join(t.TempDir(), "before")
				copyLedger(t, w.ledgerDir(), before)
				ctx, kill := context.WithCancel(t.Context())
				defer kill()
				d := w.deps(w.client)
				d.JobWait, d.Grace = 20*time.Millisecond, time.Millisecond
				d.Client = &jobWatch{w.client, func(uuid.UUID) {
					if killed {
						kill()
					}
				}}
				_, _ = purge.Run(ctx, d)
				d.Ledger.Close()
				if n, deleted := w.jobs(); n == 0 || deleted != 0 {
					t.Fatalf("%d jobs, %d rows deleted: none is pending", n, deleted)
				}
				lose(w, before)
				w.control("clock", row{"advance": "4h"})
				for range 4 {
					_, err := w.tryRun(func(d *purge.Deps) {
						d.Run.ID += "-after"
						d.JobWait = time.Minute
						d.Client = &jobWatch{w.client, func(uuid.UUID) { w.control("clock", row{"advance": "4h"}) }}
					})
					if stoppedBy(err, purge.LedgerBehind) {
						w.must(os.RemoveAll(w.ledgerDir()))
					} else if err != nil && !stoppedBy(err, purge.LedgerUnproven) {
						w.must(err)
					}
				}
				if r := w.get("contact", "yvonne"); r != nil && r.Text("lastname") != "McKay" {
					t.Errorf("half a person: %v", r)
				}
				w.advance(62)
				for range 2 {
					w.run(func(d *purge.Deps) {
						d.JobWait = time.Minute
						d.Client = &jobWatch{w.client, func(uuid.UUID) { w.control("clock", row{"advance": "4h"}) }}
					})
				}
				w.control("clock", row{"advance": "4h"})
				w.run()
				w.nothingFound("McKay")
			})
		}
	}
}
