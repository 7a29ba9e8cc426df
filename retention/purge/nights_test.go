package purge_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
	"github.com/gallra/gallra/retention/state"
)

// keeping has a run keep what it reads.
func (w *world) keeping(d *purge.Deps) {
	d.State = &state.Options{Folder: filepath.Join(w.dir, "state"), Key: bytes.Repeat([]byte{3}, state.KeySize)}
}

// compared are the statuses of what the ledger says of comparisons.
func (w *world) compared() (all []ledger.Status) {
	w.t.Helper()
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	for r, err := range l.Records(w.t.Context()) {
		w.must(err)
		if r.Kind == ledger.Compared {
			all = append(all, r.Status)
			if same := r.Facts["plan kept"] == r.Facts["plan full"]; len(r.Facts["plan full"]) != 64 || same != (r.Status == ledger.Done) {
				w.t.Errorf("the entry says %s of %v", r.Status, r.Facts)
			}
		}
	}
	return all
}

// deaf is a client that does not hear of changes in a table, as if the service had kept them to itself.
type deaf struct {
	*dataverse.Client
	to string
}

func (d deaf) Changes(ctx context.Context, asked []dataverse.Since) ([]dataverse.Changed, error) {
	all, err := d.Client.Changes(ctx, asked)
	for i := range all {
		if asked[i].Table.LogicalName == d.to {
			all[i].Written, all[i].Gone = nil, nil
		}
	}
	return all, err
}

// A change that nobody told of makes the plan wrong. The last look keeps the person, the weekly full read finds the difference
// and stops the run, and from then on nights read in full.
func TestWhatNightsKeepNeverPurgesWrongly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	w.create("contact", "anna", row{"lastname": "Anna"})
	w.create("contact", "bo", row{"lastname": "Bo"})
	for day := 0; day < 55; day += 5 {
		w.run(w.keeping)
		w.advance(5)
	}
	w.run(w.keeping, func(d *purge.Deps) { d.State.Full = true })
	fine := w.compared()
	if len(fine) < 5 {
		t.Errorf("in 55 days a full read was compared %d times", len(fine))
	}
	for _, status := range fine {
		if status != ledger.Done {
			t.Errorf("plans differ that should not: %v", fine)
		}
	}

	w.create("account", "customer", row{"name": "Customer", "primarycontactid@odata.bind": bindTo("/contacts", "anna")})
	w.advance(4)
	s := w.run(w.keeping, func(d *purge.Deps) { d.Client = deaf{w.client, "account"} })
	contact := s.Subjects[0]
	if contact.Decisions[retention.Purge] != 2 || contact.Deleted != 1 || contact.Skipped != 1 {
		t.Errorf("planned to purge %d, deleted %d, left alone %d", contact.Decisions[retention.Purge], contact.Deleted, contact.Skipped)
	}
	if w.get("contact", "anna") == nil || w.get("contact", "bo") != nil {
		t.Error("the wrong one was purged")
	}

	w.advance(4)
	s, err := w.tryRun(w.keeping)
	var stop *purge.StopError
	if !errors.As(err, &stop) || stop.Rails[0].Rail != purge.Kept || stop.ExitCode() != 3 {
		t.Fatalf("the run ended with %v", err)
	}
	if all := w.compared(); len(all) != len(fine)+1 || all[len(all)-1] != ledger.Failed {
		t.Errorf("the ledger says %v", all)
	}
	if s.Subjects != nil && s.Subjects[0].Written != 0 {
		t.Error("the stopped run wrote dates")
	}

	w.advance(1)
	s = w.run(w.keeping)
	if s.Subjects[0].Decisions[retention.Clear] != 1 || len(w.compared()) != len(fine)+1 {
		t.Errorf("the night after: %v, compared %v", s.Subjects[0].Decisions, w.compared())
	}
	if w.get("contact", "anna").Text("gallra_purgescheduledon") != "" {
		t.Error("the purge date stands")
	}

	// Without the folder it begins anew.
	w.must(os.RemoveAll(filepath.Join(w.dir, "state")))
	w.advance(1)
	w.run(w.keeping)
	w.run(w.keeping, func(d *purge.Deps) { d.State.Full = true })
	if all := w.compared(); len(all) != len(fine)+2 || all[len(all)-1] != ledger.Done {
		t.Errorf("after it began anew the ledger says %v", all)
	}
}

// People write while a night reads: a plan of what was kept, made a moment before that of the full read, differs for that alone.
func TestWritesDuringAComparisonAreNoDifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	w.create("contact", "anna", row{"lastname": "Anna"})
	w.run(w.keeping)
	w.advance(1)
	s := w.run(w.keeping, func(d *purge.Deps) {
		d.State.Full = true
		n := 0
		d.Progress = func(p purge.Progress) {
			if p.Phase == "evaluate" && p.What == "contact" {
				if n++; n == 1 { // the first plan has read the persons, the second has not
					w.create("contact", "bo", row{"lastname": "Bo"})
				}
			}
		}
	})
	if all := w.compared(); len(all) != 1 || all[0] != ledger.Done {
		t.Errorf("the ledger says %v", all)
	}
	if w.get("contact", "bo").Text("gallra_purgescheduledon") == "" {
		t.Errorf("who was made meanwhile is in no plan: %+v", s.Subjects)
	}
}

// A run that is cut leaves what was kept before as it was, and the next one takes what it left away.
func TestACutRunKeepsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	w.create("contact", "anna", row{"lastname": "Anna"})
	w.run(w.keeping)
	w.run(w.keeping) // of which nothing is left to be told
	folder := filepath.Join(w.dir, "state")
	before, err := os.ReadFile(filepath.Join(folder, "kept"))
	w.must(err)
	w.create("contact", "bo", row{"lastname": "Bo"})
	ctx, cancel := context.WithCancel(t.Context())
	d := w.deps(w.client)
	w.keeping(&d)
	d.Progress = func(p purge.Progress) {
		if p.Phase == "evaluate" {
			cancel()
		}
	}
	if _, err := purge.Run(ctx, d); !errors.Is(err, context.Canceled) {
		t.Fatalf("the cut run ended with %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(folder, "kept")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("a cut run has changed what was kept: %v", err)
	}
	w.must(os.WriteFile(filepath.Join(folder, "rows-of-a-run-that-was-killed"), nil, 0o600))
	s := w.run(w.keeping)
	if s.Subjects[0].Decisions[retention.Schedule] != 1 {
		t.Errorf("the next run decided %v", s.Subjects[0].Decisions)
	}
	if _, err := os.Stat(filepath.Join(folder, "rows-of-a-run-that-was-killed")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed run left is there: %v", err)
	}
}

// An environment that is put back to a backup counts its versions anew from there: a link from before would tell too little. What
// says so is the note that travels with it.
func TestAnEnvironmentThatWasPutBackIsReadInFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	w.create("contact", "anna", row{"lastname": "Anna"})
	w.run(w.keeping)
	backup := w.server.Snapshot()
	w.advance(1)
	w.run(w.keeping)
	w.must(w.server.Restore(backup))
	w.control("clock", map[string]any{"now": day0.AddDate(0, 0, 2)})
	w.create("account", "customer", row{"name": "Customer", "primarycontactid@odata.bind": bindTo("/contacts", "anna")})
	var log bytes.Buffer
	s := w.run(w.keeping, func(d *purge.Deps) { d.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	if !strings.Contains(log.String(), "was put back") {
		t.Errorf("the log does not say so: %s", log.String())
	}
	if s.Subjects[0].Decisions[retention.Clear] != 1 {
		t.Errorf("decisions %v", s.Subjects[0].Decisions)
	}
}
