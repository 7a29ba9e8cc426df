package purge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// dumped are the tables by which end states are compared.
var dumped = []string{"contact", "lead", "email", "annotation", "phonecall", "connection", "quote", "account", "activityparty", "customeraddress"}

// crowd fills a CRM with people of every kind, and goes to the day on which most of them are due.
func crowd(t *testing.T) *world { return crowdOf(newWorld(t, policy)) }

func crowdOf(w *world) *world {
	yvonne(w)
	w.create("contact", "paul", row{"firstname": "Paul", "lastname": "Cannon", "emailaddress1": "paul@example.com"})
	w.create("account", "adventure", row{"name": "Adventure Works", "primarycontactid@odata.bind": bindTo("contacts", "paul")})
	for _, n := range []string{"ann", "bob", "cid"} {
		w.create("contact", n, row{"firstname": n, "lastname": "Goner", "emailaddress1": n + "@goner.example"})
		w.create("annotation", "note "+n, row{"subject": n + " Goner", "objectid_contact@odata.bind": bindTo("contacts", n)})
	}
	w.create("quote", "quote", row{"name": "Q-1", "customerid_contact@odata.bind": bindTo("contacts", "bob")})
	w.create("lead", "lead", row{"firstname": "Rene", "lastname": "Goner", "subject": "Goner", "companyname": "Goner AB", "leadsourcecode": 3})
	w.create("connection", "link", row{"description": "Goner", "record1id_contact@odata.bind": bindTo("contacts", "ann"), "record2id_account@odata.bind": bindTo("accounts", "adventure")})
	w.create("email", "shared", row{"subject": "Meeting", "email_activity_parties": []row{
		{"partyid_contact@odata.bind": bindTo("contacts", "yvonne"), "participationtypemask": 1},
		{"partyid_contact@odata.bind": bindTo("contacts", "ann"), "participationtypemask": 2},
		{"partyid_contact@odata.bind": bindTo("contacts", "paul"), "participationtypemask": 2}}})
	w.update("email", "shared", row{"statecode": 1, "statuscode": 4})
	w.create("email", "both", row{"subject": "Goner and Goner", "email_activity_parties": []row{
		{"partyid_contact@odata.bind": bindTo("contacts", "bob"), "participationtypemask": 1},
		{"partyid_contact@odata.bind": bindTo("contacts", "cid"), "participationtypemask": 2}}})
	w.run()
	// One more, who is scheduled in the run that is cut.
	w.create("contact", "new", row{"lastname": "Newcomer"})
	w.advance(60)
	return w
}

func (w *world) snapshot() string {
	var s struct{ ID string }
	w.must(json.Unmarshal(w.control("snapshot", row{}), &s))
	return s.ID
}

// copyLedger puts a copy of a ledger where the next run takes it from.
func copyLedger(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// endState is what an undisturbed pair of runs leaves: the purge, and the sweep after it.
func (w *world) endState() (map[string]row, int) {
	w.t.Helper()
	w.control("stats", row{})
	w.run()
	var stats struct{ Requests struct{ Total int } }
	w.must(json.Unmarshal(w.control("stats", nil), &stats))
	w.run()
	for _, text := range []string{"Goner", "McKay", "ann@"} {
		w.nothingFound(text)
	}
	return w.dump(dumped...), stats.Requests.Total
}

// differ says how two end states differ.
func differ(want, got map[string]row) string {
	var out []string
	for k, v := range want {
		if got[k] == nil {
			out = append(out, k+" is missing")
			continue
		}
		for c := range v {
			if v[c] != got[k][c] {
				out = append(out, fmt.Sprintf("%s.%s is %v, want %v", k, c, got[k][c], v[c]))
			}
		}
		for c := range got[k] {
			if _, ok := v[c]; !ok {
				out = append(out, fmt.Sprintf("%s.%s is %v, want none", k, c, got[k][c]))
			}
		}
	}
	for k := range got {
		if want[k] == nil {
			out = append(out, k+" is still there")
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// TestEveryRequestCanBeTheLast cuts the connection for good at every request of a purging run, before the service works
// on it and after, and demands that a further run reaches the end state of an undisturbed one.
func TestEveryRequestCanBeTheLast(t *testing.T) {
	w := crowd(t)
	start := w.snapshot()
	keep := filepath.Join(w.dir, "keep")
	copyLedger(t, w.ledgerDir(), keep)
	want, requests := w.endState()
	if requests < 20 {
		t.Fatalf("the run took %d requests only", requests)
	}
	client := w.connect(-1)
	w.checked(client) // the definitions are read once
	for n := range requests {
		for i, fault := range []row{
			{"drop": "after", "after": n}, {"drop": "before", "after": n}, {"status": 503, "after": n}, {"truncate": true, "after": n},
		} {
			if i > 0 && n%3 != i-1 { // the one that leaves the most doubt at every request, the others in turn
				continue
			}
			name, _ := json.Marshal(fault)
			w.control("faults", []row{})
			w.control("restore", row{"id": start})
			copyLedger(t, keep, w.ledgerDir())
			d := w.deps(client)
			w.control("faults", []row{fault})
			_, err := purge.Run(t.Context(), d)
			d.Ledger.Close()
			w.control("faults", []row{})
			if err == nil && n < requests-1 {
				t.Logf("%s: the run took no notice", name)
			}
			w.run()
			w.run()
			if diff := differ(want, w.dump(dumped...)); diff != "" {
				t.Fatalf("%s: the end state differs from that of an undisturbed run:\n%s\noutcomes %v", name, diff, w.outcomes())
			}
			for _, text := range []string{"Goner", "McKay"} {
				w.nothingFound(text)
			}
			if t.Failed() {
				t.Fatalf("at %s", name)
			}
		}
	}
}

// TestOneFaultCostsARetry puts one fault at every request; the run goes through, and its end state is the same.
func TestOneFaultCostsARetry(t *testing.T) {
	w := crowd(t)
	start := w.snapshot()
	keep := filepath.Join(w.dir, "keep")
	copyLedger(t, w.ledgerDir(), keep)
	want, requests := w.endState()
	client := w.connect(3)
	w.checked(client)
	for n := range requests {
		for i, fault := range []row{{"drop": "after"}, {"duplicate": true}, {"status": 503}, {"status": 429, "retryAfter": 0}, {"truncate": true}, {"drop": "before"}} {
			if i > 1 && n%4 != i-2 { // those that leave the most doubt at every request, the others in turn
				continue
			}
			fault["after"], fault["count"] = n, 1
			name, _ := json.Marshal(fault)
			w.control("faults", []row{})
			w.control("restore", row{"id": start})
			copyLedger(t, keep, w.ledgerDir())
			d := w.deps(client)
			w.control("faults", []row{fault})
			s, err := purge.Run(t.Context(), d)
			w.control("faults", []row{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			// A person may be left for the next run, never half done.
			if s.Status != ledger.Done {
				w.run()
			}
			w.run()
			w.run()
			if diff := differ(want, w.dump(dumped...)); diff != "" {
				t.Fatalf("%s: the end state differs from that of an undisturbed run:\n%s\noutcomes %v", name, diff, w.outcomes())
			}
		}
	}
}

// TestMain lets the test binary be the process that is killed: it runs a purge against the address that it is given.
func TestMain(m *testing.M) {
	if target := os.Getenv("PURGE_TEST_TARGET"); target != "" {
		if err := child(target, os.Getenv("PURGE_TEST_DIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(target, dir string) error {
	ctx := context.Background()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	if err != nil {
		return err
	}
	c, err := dataverse.New(dataverse.Options{URL: target, Credential: credential})
	if err != nil {
		return err
	}
	p, err := retention.Load(filepath.Join(dir, "policy.yaml"))
	if err != nil {
		return err
	}
	checked, err := retention.Check(ctx, p, c)
	if err != nil {
		return err
	}
	l, err := ledger.Open(filepath.Join(dir, "ledger"))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	_, err = purge.Run(ctx, purge.Deps{Client: c, Ledger: l, Policy: checked, Today: retention.DateOf(c.Now(), checked.Policy.TimeZone),
		Run: ledger.Run{ID: "killed", Verb: "run", Version: "test"}})
	return err
}

// TestSIGKILL kills a real process while its n-th request is being answered.
func TestSIGKILL(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	w := crowd(t)
	start := w.snapshot()
	keep := filepath.Join(w.dir, "keep")
	copyLedger(t, w.ledgerDir(), keep)
	want, requests := w.endState()
	self, err := os.Executable()
	w.must(err)

	var left atomic.Int64
	reached := make(chan struct{})
	target, _ := url.Parse(w.url)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // the child dies in the middle of answers
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if left.Add(-1) == 0 {
			proxy.ServeHTTP(httptest.NewRecorder(), r) // the work is done, the answer never comes
			reached <- struct{}{}
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	defer front.Close()

	step := max(1, requests/8)
	for n := 1; n <= requests; n += step {
		w.control("restore", row{"id": start})
		copyLedger(t, keep, w.ledgerDir())
		w.checked(w.client) // writes the policy file
		left.Store(1 << 40)
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "PURGE_TEST_TARGET="+front.URL, "PURGE_TEST_DIR="+w.dir)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		in, err := cmd.StdinPipe()
		w.must(err)
		out, err := cmd.StdoutPipe()
		w.must(err)
		w.must(cmd.Start())
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
			cmd.Process.Kill()
			cmd.Wait()
			t.Fatalf("child: %q %v %s", line, err, stderr.String())
		}
		left.Store(int64(n))
		fmt.Fprintln(in, "go")
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-reached:
			cmd.Process.Kill() // SIGKILL
			<-ended
		case <-ended: // it took fewer requests this time
		case <-time.After(time.Minute):
			cmd.Process.Kill()
			<-ended
			t.Fatalf("request %d was not reached", n)
		}
		w.run()
		w.run()
		if diff := differ(want, w.dump(dumped...)); diff != "" {
			t.Fatalf("killed at request %d: the end state differs from that of an undisturbed run:\n%s\noutcomes %v", n, diff, w.outcomes())
		}
		w.verifyLedger()
	}
}
