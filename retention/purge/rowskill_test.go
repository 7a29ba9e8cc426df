package purge_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// killed is a process that dies at a request, which the service has carried out by then or never sees. With the connection the
// ledger goes: nothing is written there any more.
type killed struct {
	dies
	unseen bool
	ledger func()
}

func (k *killed) RoundTrip(r *http.Request) (*http.Response, error) {
	k.mu.Lock()
	now := k.armed && k.left == 1
	if now && k.unseen {
		k.left = 0
	}
	k.mu.Unlock()
	res, err := k.dies.RoundTrip(r)
	if now {
		k.ledger()
	}
	return res, err
}

// A run that is killed at any request leaves every row whole or gone, and the next run ends it: the end is that of a run that
// nobody disturbed.
func TestRowsKilledAtEveryRequest(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, rowsPol, emulator.Options{})
	w.bin("phonecall", true)
	customer(w, "paul")
	yvonne(w)
	for i := range 3 {
		n := fmt.Sprint("call ", i)
		w.create("phonecall", n, row{"subject": "Goner", "overriddencreatedon": "2020-01-01T10:00:00Z", "regardingobjectid_contact_phonecall@odata.bind": bindTo("contacts", "yvonne")})
		w.update("phonecall", n, row{"statecode": 1, "statuscode": 2})
		w.create("annotation", "note "+n, row{"subject": "Goner", "objectid_phonecall@odata.bind": bindTo("phonecalls", n)})
	}
	w.create("email", "service", mailTo("paul", row{"description": "Goner"}))
	w.create("account", "adventure", row{"name": "Adventure Works"})
	w.create("incident", "case", row{"title": "Goner", "description": "Goner", "overriddencreatedon": "2020-01-01T10:00:00Z", "customerid_account@odata.bind": bindTo("accounts", "adventure")})
	w.update("incident", "case", row{"statecode": 2, "statuscode": 6})
	before, tables := w.snapshot(), []string{"phonecall", "annotation", "email", "incident", "contact", "activityparty"}
	const whole = 1 << 30
	kill := &dies{armed: true, left: whole}
	c := w.connectWith(func(o *dataverse.Options) { o.Transport = kill })
	checked := w.connect(6) // which knows what each of the others knows before its run
	w.checked(checked)
	c.KnowLike(checked)
	_, err := c.WhoAmI(t.Context())
	w.must(err)
	d := w.deps(c)
	first := 0 // before it nothing is about rows
	d.Progress = func(p purge.Progress) {
		if p.Phase == "rows" && first == 0 {
			first = whole - kill.left
		}
	}
	writes := make(map[int]bool) // the requests that change rows, and those beside them
	d.Client = &meddler{Writer: d.Client, before: func(parts []dataverse.Part) {
		if parts[0].Set != nil || parts[0].Op.Method != http.MethodGet {
			for n := whole - kill.left; n <= whole-kill.left+2; n++ {
				writes[n] = true
			}
		}
	}}
	kill.left = whole
	_, err = purge.Run(t.Context(), d)
	w.must(err)
	requests := whole - kill.left
	w.run()
	want := w.dump(tables...)
	w.nothingFound("Goner")
	if first == 0 || requests-first < 20 {
		t.Fatalf("of %d requests those from %d on are about rows", requests, first)
	}
	thin := thinning(t)
	for n := first; n <= requests; n++ {
		if !thin.full && !writes[n] && n%8 != thin.seed%8 {
			continue
		}
		for _, unseen := range []bool{false, true} {
			if unseen && !writes[n] {
				continue // of what only reads nobody knows whether it was carried out
			}
			w.control("restore", row{"id": before})
			copyLedger(t, t.TempDir(), w.ledgerDir())
			kill := &killed{dies: dies{left: n}, unseen: unseen}
			c := w.connectWith(func(o *dataverse.Options) { o.Transport, o.Retries = kill, -1 })
			c.KnowLike(checked)
			_, err := c.WhoAmI(t.Context())
			w.must(err)
			d := w.deps(c)
			kill.armed, kill.ledger = true, func() { d.Ledger.Close() }
			_, _ = purge.Run(t.Context(), d)
			d.Ledger.Close()
			for i := range 3 { // half a row would show
				call, note := w.get("phonecall", fmt.Sprint("call ", i)), w.get("annotation", fmt.Sprint("note call ", i))
				if (call == nil) != (note == nil) || call != nil && call.Text("subject") != "Goner" {
					t.Errorf("killed at %d of %d: call %v, note %v", n, requests, call != nil, note != nil)
				}
			}
			w.run(func(d *purge.Deps) { d.Run.ID += "-after" })
			if diff := differ(want, w.dump(tables...)); diff != "" {
				t.Errorf("killed at %d of %d:\n%s", n, requests, diff)
			}
			w.nothingFound("Goner")
			done := 0
			l, err := ledger.Open(w.ledgerDir())
			w.must(err)
			for r, err := range l.Records(t.Context()) {
				w.must(err)
				if r.Kind == ledger.Ended && r.Status == ledger.Done {
					done++
				}
			}
			if all := len(w.endings()); all != 5 || done != all {
				t.Errorf("killed at %d of %d: %d rows, said to be done %d times", n, requests, all, done)
			}
			for row, said := range w.endings() {
				if !strings.HasPrefix(said, "done") {
					t.Errorf("killed at %d of %d: the ledger says of %s %q", n, requests, row, said)
				}
			}
		}
	}
}
