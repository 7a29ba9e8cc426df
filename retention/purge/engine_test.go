package purge_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// byJobs is the policy with the bulk delete engine.
var byJobs = strings.Replace(pol, "limits:", "purge: {engine: bulk-delete}\nlimits:", 1)

// jobs are the bulk delete jobs of the CRM, and how many rows they deleted.
func (w *world) jobs() (n int, deleted int64) {
	w.t.Helper()
	for r, err := range w.client.Rows(w.t.Context(), dataverse.Query{Table: "bulkdeleteoperation"}) {
		w.must(err)
		count, _ := r.Int("successcount")
		n, deleted = n+1, deleted+count
	}
	return n, deleted
}

// TestEnginesAgree: whatever deletes the related rows, the same is left.
func TestEnginesAgree(t *testing.T) {
	t.Parallel()
	w := crowdOf(newWorldOf(t, pol, emulator.Options{}, "audit-delay")) // the same days for both
	start := w.snapshot()
	keep := filepath.Join(w.dir, "keep")
	copyLedger(t, w.ledgerDir(), keep)
	want, _ := w.endState()
	if n, _ := w.jobs(); n != 0 {
		t.Fatalf("%d jobs without the engine", n)
	}
	w.control("restore", row{"id": start})
	copyLedger(t, keep, w.ledgerDir())
	w.policy = byJobs
	got, _ := w.endState()
	if diff := differ(want, got); diff != "" {
		t.Errorf("the end states differ:\n%s", diff)
	}
	n, deleted := w.jobs()
	if n == 0 || deleted < 4 {
		t.Errorf("%d jobs deleted %d rows", n, deleted)
	}
	for r, err := range w.client.Rows(t.Context(), dataverse.Query{Table: "bulkdeleteoperation"}) {
		w.must(err)
		if x := r.Text("orderedquerysetxml"); strings.Contains(x, "Goner") || strings.Contains(x, "@") {
			t.Errorf("the job says %s", x)
		}
	}
}

// jobWatch does something to every bulk delete job when somebody asks how it stands.
type jobWatch struct {
	dataverse.Writer
	asked func(job uuid.UUID)
}

func (j *jobWatch) Get(ctx context.Context, table string, id uuid.UUID, q dataverse.Query) (dataverse.Row, error) {
	if table == "asyncoperation" {
		j.asked(id)
	}
	return j.Writer.Get(ctx, table, id, q)
}

// TestEngineJobsThatDoNotEnd: a job that is canceled, paused or slow leaves its persons begun, says so, and is made good.
func TestEngineJobsThatDoNotEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		meddle  func(w *world, job uuid.UUID)
		outcome string
	}{
		{"canceled", func(w *world, job uuid.UUID) {
			w.must(w.client.Call(w.t.Context(), http.MethodPatch, "asyncoperations("+job.String()+")", row{"statecode": 3, "statuscode": 32}, nil))
		}, "job-stopped"},
		{"slow", func(*world, uuid.UUID) {}, "job-open"},
		{"deleted", func(w *world, job uuid.UUID) {
			w.must(w.client.Call(w.t.Context(), http.MethodPatch, "asyncoperations("+job.String()+")", row{"statecode": 3, "statuscode": 32}, nil))
			w.must(w.client.Call(w.t.Context(), http.MethodDelete, "asyncoperations("+job.String()+")", nil, nil))
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorldOf(t, byJobs, emulator.Options{JobStep: time.Hour})
			yvonne(w)
			w.create("annotation", "note", row{"subject": "About Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
			w.create("email", "mail", row{"subject": "Dear Yvonne McKay", "regardingobjectid_contact_email@odata.bind": bindTo("contacts", "yvonne")})
			w.run()
			w.advance(60)
			done := make(map[uuid.UUID]bool)
			s := w.run(func(d *purge.Deps) {
				d.JobWait = 20 * time.Millisecond
				d.Client = &jobWatch{w.client, func(job uuid.UUID) {
					if !done[job] {
						done[job] = true
						tt.meddle(w, job)
					}
				}}
			})
			if tt.outcome != "" {
				if s.Status != ledger.Partial || len(s.Failures) != 1 || s.Failures[0].Code != tt.outcome {
					t.Fatalf("status %s, failures %+v, want one with %s", s.Status, s.Failures, tt.outcome)
				}
				if w.get("contact", "yvonne") == nil {
					t.Fatal("the person's row went before the rows that belong to it")
				}
				before, _ := w.jobs()
				w.control("clock", map[string]any{"advance": "4h"})
				s = w.run(func(d *purge.Deps) {
					d.JobWait = time.Minute
					d.Client = &jobWatch{w.client, func(uuid.UUID) { w.control("clock", map[string]any{"advance": "4h"}) }}
				})
				if after, _ := w.jobs(); tt.outcome == "job-open" && after != before {
					t.Errorf("%d jobs, and %d were begun before", after, before)
				}
			}
			if s.Status != ledger.Done || w.get("contact", "yvonne") != nil || w.get("annotation", "note") != nil || w.get("email", "mail") != nil {
				t.Errorf("status %s: not everything is gone", s.Status)
			}
			w.control("clock", map[string]any{"advance": "4h"})
			w.run()
			w.nothingFound("McKay")
		})
	}
}

// TestEngineJobsThatStandStill: after a job that does not end nobody else is begun, and they are whole for the next run.
func TestEngineJobsThatStandStill(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, byJobs, emulator.Options{JobStep: time.Hour})
	var names []string
	for i := range 20 {
		name := fmt.Sprintf("goner %02d", i)
		names = append(names, name)
		w.create("contact", name, row{"lastname": name})
		w.create("annotation", "note "+name, row{"subject": "About " + name, "objectid_contact@odata.bind": bindTo("contacts", name)})
	}
	w.run()
	w.advance(60)
	s := w.run(func(d *purge.Deps) { d.JobWait, d.Chunk = 20*time.Millisecond, 1 })
	if s.Status != ledger.Partial {
		t.Errorf("status %s", s.Status)
	}
	said := make(map[string]int)
	for _, name := range names {
		what := w.outcomes()[id(name)]
		said[what]++
		if r := w.get("contact", name); what == "skipped jobs-stalled" && r["lastname"] != name {
			t.Errorf("%s was said to be left alone, and is %v", name, r)
		}
	}
	begun := said[""] + said["failed job-open"]
	if begun == 0 || begun > 8 || said["skipped jobs-stalled"] != len(names)-begun {
		t.Errorf("outcomes: %v", said)
	}
	for range 2 {
		w.control("clock", map[string]any{"advance": "4h"})
		s = w.run(func(d *purge.Deps) {
			d.JobWait = time.Minute
			d.Client = &jobWatch{w.client, func(uuid.UUID) { w.control("clock", map[string]any{"advance": "4h"}) }}
		})
	}
	if s.Status != ledger.Done {
		t.Errorf("in the end: status %s %+v", s.Status, s.Failures)
	}
	w.nothingFound("goner")
}

// TestEngineWithoutTheRight falls back on requests of its own where jobs are refused.
func TestEngineWithoutTheRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byJobs)
	yvonne(w)
	w.create("annotation", "note", row{"subject": "About Yvonne McKay", "objectid_contact@odata.bind": bindTo("contacts", "yvonne")})
	w.run()
	w.advance(60)
	w.control("faults", []row{{"status": 403, "route": "POST BulkDelete"}})
	s := w.run()
	if s.Status != ledger.Done || w.get("annotation", "note") != nil || w.get("contact", "yvonne") != nil {
		t.Errorf("status %s %+v", s.Status, s.Failures)
	}
	w.run()
	w.nothingFound("McKay")
	if n, _ := w.jobs(); n != 0 {
		t.Errorf("%d jobs", n)
	}
}

// TestEngineKeeps: what a rule keeps is no matter for a job, nor is what the person is only taken off.
func TestEngineKeeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byJobs)
	yvonne(w)
	w.create("account", "fabrikam", row{"name": "Fabrikam"})
	w.create("quote", "quote", row{"name": "Q-1", "customerid_account@odata.bind": bindTo("accounts", "fabrikam")})
	w.update("quote", "quote", row{"statecode": 1, "statuscode": 2})
	w.create("email", "acceptance", row{"subject": "We accept", "regardingobjectid_quote_email@odata.bind": bindTo("quotes", "quote"),
		"email_activity_parties": []row{{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 1}}})
	w.create("email", "other", row{"subject": "Lunch", "email_activity_parties": []row{{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 1}}})
	s := w.purgeAll()
	if s.Status != ledger.Done || w.get("email", "acceptance") == nil || w.get("email", "other") != nil {
		t.Errorf("status %s: the acceptance must stay and the other mail go", s.Status)
	}
	if i := slices.IndexFunc(s.Related, func(t purge.TableTally) bool { return t.Table == "email" }); i < 0 || s.Related[i].Deleted != 1 {
		t.Errorf("the e-mails are counted as %+v", s.Related)
	}
}
