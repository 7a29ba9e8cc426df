package purge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// The matrix: every fault (a row) meets every kind of purge (a column), at the requests where it can. Whatever happens,
//
//   - nobody is touched who was not to be, and nothing is done that the ledger does not announce,
//   - each person is whole or erased,
//   - the ledger verifies, and tells of each purge once,
//   - the status, the error and its text say what happened, and name nobody,
//   - a further run reaches the end state of an undisturbed one.
//
// By default every fault is met in every third column, at one of its requests, and the fault that leaves most doubt in all of them, at an
// eighth of the kinds of request; TestTheThinnedMatrixMeetsEverything holds that. GALLRA_MATRIX=full takes every fault at every
// request, GALLRA_MATRIX=7 others than the default.

// columns are what is carried out.
var columns = []*kind{
	{name: "run", policy: driftable(pol), fill: func(w *world) { crowdOf(w) }, do: purge.Run, gone: []string{"Goner", "McKay", "ann@"}},
	{name: "staged", policy: driftable(pol), fill: dueAndBusy, change: small, do: purge.Run, gone: []string{"mail note", "Hello"}},
	{name: "engine", policy: driftable(byJobs), fill: func(w *world) { crowdOf(w) }, do: purge.Run, gone: []string{"Goner", "McKay", "ann@"}},
	{name: "erase", policy: driftable(pol), fill: asking, asks: eraseThem, gone: []string{"McKay", "ann@", "Goner AB"}},
	{name: "reapply", policy: driftable(pol), fill: restored, do: purge.Reapply, gone: []string{"Goner", "McKay", "ann@"}},
}

// atRequests are faults of the network and of the service, at one request or from it on.
var atRequests = []disturbance{
	{name: "killed after the work", fault: row{"drop": "after"}, lasts: true, always: true, client: quits},
	{name: "one answer lost", fault: row{"drop": "after"}, client: insists},
	{name: "killed before the work", fault: row{"drop": "before"}, lasts: true, client: quits},
	{name: "one request lost", fault: row{"drop": "before"}, client: insists},
	{name: "one 429", fault: row{"status": 429, "retryAfter": 0}, client: insists},
	{name: "429 for good", fault: row{"status": 429, "retryAfter": 1}, lasts: true, client: impatient, means: dataverse.ErrThrottled},
	{name: "one 503", fault: row{"status": 503}, client: insists},
	{name: "503 for good", fault: row{"status": 503}, lasts: true, client: tries, means: dataverse.ErrUnavailable},
	{name: "one 500", fault: row{"status": 500}, client: insists},
	{name: "500 for good", fault: row{"status": 500}, lasts: true, client: tries},
	{name: "one stall", fault: row{"delay": "1m"}, client: hurried},
	{name: "stalls for good", fault: row{"delay": "1m"}, lasts: true, client: hurriedOnce},
	{name: "one truncated body", fault: row{"truncate": true}, client: insists},
	{name: "truncated for good", fault: row{"truncate": true}, lasts: true, client: tries},
	{name: "one delivered twice", fault: row{"duplicate": true}, client: insists},
	{name: "all delivered twice", fault: row{"duplicate": true}, lasts: true, client: insists, passes: true},
	{name: "all rights taken away", fault: row{"status": 403}, lasts: true, client: tries, means: dataverse.ErrForbidden},
	{name: "token revoked and renewed", signIn: func() *session { return &session{renews: true} }},
	{name: "token expired, and no other given", signIn: func() *session { return &session{} }, lasts: true, means: dataverse.ErrUnauthorized},
	{name: "token refused for good", fault: row{"status": 401}, lasts: true, client: tries, means: dataverse.ErrUnauthorized},
	{name: "the Date header 61 days ahead from here on", lies: &liar{ahead: 61 * day}, passes: true},
	{name: "the Date header 61 days behind from here on", lies: &liar{ahead: -61 * day}, passes: true},
}

// byOthers is what somebody else does to the environment meanwhile, or to one right of the run's.
var byOthers = []disturbance{
	{name: "a row is edited between look and write", client: insists, passes: true, before: func(w *world, parts []dataverse.Part) bool {
		for _, p := range parts {
			if len(p.Set) > 1 && strings.Contains(p.Set[0].Path, id("yvonne").String()) {
				w.update("contact", "yvonne", row{"jobtitle": "Director"})
				return true
			}
		}
		return false
	}},
	{name: "no right to write persons any more", fault: row{"status": 403, "route": "PATCH contacts"}, lasts: true, client: tries, passes: true},
	{name: "no right to delete persons any more", fault: row{"status": 403, "route": "DELETE contacts"}, lasts: true, client: tries, passes: true},
	{name: "no right to delete e-mails any more", fault: row{"status": 403, "route": "DELETE emails"}, lasts: true, client: tries, passes: true},
	{name: "no right to read e-mails any more", fault: row{"status": 403, "route": "GET emails"}, lasts: true, client: tries, passes: true},
	{name: "no right to delete audit history any more", fault: row{"status": 403, "route": "POST DeleteRecordChangeHistory"}, lasts: true, client: tries, passes: true},
	{name: "no right to bulk delete any more", fault: row{"status": 403, "route": "POST BulkDelete"}, lasts: true, client: tries, passes: true},
	{name: "a table vanishes before the first look", client: insists, passes: true, before: func(w *world, _ []dataverse.Part) bool { w.dropGuests(); return true }, anew: true},
	{name: "a table vanishes before the first write", client: insists, passes: true, before: func(w *world, parts []dataverse.Part) bool {
		if !slices.ContainsFunc(parts, func(p dataverse.Part) bool { return len(p.Set) > 1 }) {
			return false
		}
		w.dropGuests()
		return true
	}, anew: true},
	{name: "the clock a day ahead", client: insists, passes: true, before: clockAtTheLook("24h"), after: func(w *world) { w.control("clock", row{"advance": "-24h"}) }},
	{name: "the clock a day back", client: insists, passes: true, before: clockAtTheLook("-24h"), after: func(w *world) { w.control("clock", row{"advance": "24h"}) }},
}

// underTheLedger is what happens to its storage, at one of the writes.
var underTheLedger = []disturbance{
	{name: "disk full", client: insists, means: syscall.ENOSPC, storage: func(s ledger.Storage, n int) ledger.Storage {
		return &failing{Storage: s, left: n, err: syscall.ENOSPC}
	}},
	{name: "disk full in the middle of a line", client: insists, means: syscall.ENOSPC, storage: func(s ledger.Storage, n int) ledger.Storage {
		return &failing{Storage: s, left: n, err: syscall.ENOSPC, half: true}
	}},
	{name: "lock lost", client: insists, means: ledger.ErrLockLost, storage: func(s ledger.Storage, n int) ledger.Storage {
		return &failing{Storage: s, left: n, err: ledger.ErrLockLost}
	}},
}

func TestMatrix(t *testing.T) {
	thin := thinning(t)
	for at, k := range columns {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			c := newColumn(t, k)
			kinds, total := c.requests()
			t.Logf("%d requests of %d kinds, %d writes to the ledger", total, len(kinds), c.appends)
			for i, d := range atRequests {
				for j, kind := range kinds {
					if !thin.request(at, i, j, len(kinds), d.always) {
						continue
					}
					for _, n := range thin.some(kind.at) {
						c.cell(t, fmt.Sprintf("%s at %d %s", d.name, n, kind.what), d, n)
					}
				}
			}
			for i, d := range byOthers {
				if thin.third(at, i) {
					c.cell(t, d.name, d, 0)
				}
			}
			for _, d := range fromTheStart {
				c.cell(t, d.name, d, 0)
			}
			for i, d := range underTheLedger {
				for n := range c.appends {
					if thin.write(at, i, n, c.appends) {
						c.cell(t, fmt.Sprintf("%s at write %d", d.name, n), d, n)
					}
				}
			}
			for i, d := range aroundTheLedger {
				for j, kind := range kinds {
					if thin.request(at, len(atRequests)+i, j, len(kinds), false) {
						for _, n := range thin.some(kind.at) {
							c.cell(t, fmt.Sprintf("%s at %d %s", d.name, n, kind.what), d, n)
						}
					}
				}
			}
		})
	}
}

// kind is a column of the matrix.
type kind struct {
	name   string
	policy string
	fill   func(w *world) // up to the moment before
	change func(*purge.Deps)
	do     verb
	asks   func(w *world) verb // in place of do, where it depends on who is there
	gone   []string            // texts that nothing holds afterwards
}

type verb = func(context.Context, purge.Deps) (*purge.Summary, error)

// disturbance is a row of the matrix.
type disturbance struct {
	name   string
	fault  row  // for the emulator
	lasts  bool // to the end
	signIn func() *session
	always bool // at every kind of request, an eighth of them by default
	client func(*dataverse.Options)
	before func(w *world, parts []dataverse.Part) (done bool) // called before every batch until it has done its work
	after  func(w *world)                                     // puts right what before did
	anew   bool                                               // the environment is another one afterwards: later runs read it anew
	// storage makes the ledger's fail at its n-th write.
	storage func(s ledger.Storage, n int) ledger.Storage

	// lies makes the Date header lie, from the n-th answer of what is carried out on or from the first one at all.
	lies *liar
	// ledger is what becomes of it afterwards: it does not say any more what was done, and gives the whole notice anew.
	ledger func(c *column)
	// hooks are plug-ins of the environment until they are taken away.
	hooks []emulator.Hook
	// nights are so many more of them, before it is put right.
	nights int

	stops  policy.Rail // which guard rail has to stop it, before anything was done
	passes bool        // it is no matter of the run as a whole
	means  error       // what an error of the run is
}

// driftable lets what a table's end means for the rules be passed over.
func driftable(policy string) string {
	return strings.Replace(policy, "canary: 2}", "canary: 2, bypass: [drift]}", 1)
}

func insists(o *dataverse.Options) { o.Retries = 4 }

func tries(o *dataverse.Options) { o.Retries = 1 }

func quits(o *dataverse.Options) { o.Retries = -1 }

func impatient(o *dataverse.Options) { o.Retries, o.MaxWait = 1, 20*time.Millisecond }

func hurried(o *dataverse.Options) { o.Retries, o.Timeout = 4, time.Second }

func hurriedOnce(o *dataverse.Options) { o.Retries, o.Timeout = -1, time.Second }

// dueAndBusy is somebody whose purge takes stages, on the day.
func dueAndBusy(w *world) {
	guests(w)
	busy(w)
	w.create("new_guest", "guest", row{"new_name": "Guest McKay", "new_Contact@odata.bind": bindTo("contacts", "yvonne")})
	w.run()
	w.advance(59)
}

var askedFor = []evaluate.PersonRef{contact("yvonne"), contact("ann"), {Table: "lead", ID: id("lead")}}

// asking is a CRM in which three people of a crowd ask for their erasure, one of them justified.
func asking(w *world) {
	people(w)
	w.create("account", "fabrikam", row{"name": "Fabrikam", "primarycontactid@odata.bind": bindTo("contacts", "yvonne")})
}

// eraseThem asks for those who are still there, as one has to.
func eraseThem(w *world) verb {
	var who []evaluate.PersonRef
	for _, p := range askedFor {
		r, err := w.client.Get(w.t.Context(), p.Table, p.ID, dataverse.Query{Select: []string{"gallra_anonymizedon"}})
		if errors.Is(err, dataverse.ErrNotFound) {
			continue
		}
		if w.must(err); r.Null("gallra_anonymizedon") {
			who = append(who, p)
		}
	}
	return func(ctx context.Context, d purge.Deps) (*purge.Summary, error) {
		d.Run.Verb = "erase"
		return purge.Erase(ctx, d, who, []string{"primary-contact"})
	}
}

// restored is a CRM that was restored to the day before everybody was purged.
func restored(w *world) {
	crowdOf(w)
	backup := w.server.Snapshot()
	w.run()
	w.run()
	w.must(w.server.Restore(backup))
}

// withoutOurs is a row without gallra's own columns, which a run may have written by then.
func withoutOurs(r row) row {
	out := row{}
	for k, v := range r {
		if !strings.HasPrefix(k, "gallra_") {
			out[k] = v
		}
	}
	return out
}

// announced are the persons whose purge the ledger announced.
func (w *world) announced() map[string]bool {
	w.t.Helper()
	out := make(map[string]bool)
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	for r, err := range l.Records(w.t.Context()) {
		w.must(err)
		if r.Kind == ledger.Intent {
			out[r.Table+" "+r.ID.String()] = true
		}
	}
	return out
}

// doneOnce counts how often the ledger says of each person that they were purged.
func (w *world) doneOnce() map[uuid.UUID]int {
	w.t.Helper()
	out := make(map[uuid.UUID]int)
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	for r, err := range l.Records(w.t.Context()) {
		w.must(err)
		if r.Kind == ledger.Outcome && r.Status == ledger.Done {
			out[r.ID]++
		}
	}
	return out
}

// clockAtTheLook moves the service's clock when the last look begins to read.
func clockAtTheLook(by string) func(*world, []dataverse.Part) bool {
	return func(w *world, parts []dataverse.Part) bool {
		if op := parts[0].Op; op == nil || op.Method != http.MethodGet || !strings.HasPrefix(op.Path, "contacts?") {
			return false
		}
		b, _ := json.Marshal(row{"advance": by})
		w.control("clock", json.RawMessage(b))
		return true
	}
}
