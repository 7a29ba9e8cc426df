package purge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// dumped are the tables by which end states are compared.
var dumped = []string{"contact", "lead", "email", "annotation", "phonecall", "connection", "quote", "account", "activityparty", "customeraddress"}

// crowd fills a CRM with people of every kind, and goes to the day on which most of them are due.
func crowd(t *testing.T) *world { return crowdOf(newWorld(t, pol)) }

func crowdOf(w *world) *world {
	people(w)
	w.run()
	// One more, who is scheduled in the run that is cut.
	w.create("contact", "new", row{"lastname": "Newcomer"})
	w.advance(59)
	return w
}

func people(w *world) {
	guests(w)
	yvonne(w)
	w.create("new_guest", "guest", row{"new_name": "Guest McKay", "new_Contact@odata.bind": bindTo("contacts", "yvonne")})
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
}

func (w *world) snapshot() string {
	var s struct{ ID string }
	w.must(json.Unmarshal(w.control("snapshot", row{}), &s))
	return s.ID
}

// copyLedger puts a copy of a ledger where the next run takes it from.
func copyLedger(t testing.TB, from, to string) {
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

// mostWorlds bounds how many tests run at once, each in a world of its own, so that the process stays below a gigabyte on
// machines with many cores too.
const mostWorlds = 4

// TestMain lets the test binary be the process that is killed: it runs a purge against the address that it is given.
func TestMain(m *testing.M) {
	emulatortest.Roomy()
	if target := os.Getenv("PURGE_TEST_TARGET"); target != "" {
		if err := child(target, os.Getenv("PURGE_TEST_DIR"), os.Getenv("PURGE_TEST_VERB")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	if n, err := strconv.Atoi(flag.Lookup("test.parallel").Value.String()); err == nil && n > mostWorlds {
		if err := flag.Set("test.parallel", strconv.Itoa(mostWorlds)); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func child(target, dir, verb string) error {
	ctx := context.Background()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	if err != nil {
		return err
	}
	c, err := dataverse.New(dataverse.Options{URL: target, Credential: credential})
	if err != nil {
		return err
	}
	// As a verb does: the children of a column meet one environment, and the first of them reads its definitions.
	who, err := c.WhoAmI(ctx)
	if err != nil {
		return err
	}
	org, err := c.Organization(ctx)
	if err != nil {
		return err
	}
	c.RememberDefinitions(filepath.Join(dir, "definitions"), who, org, c.DefinitionsVersion(ctx, who.UserID))
	p, err := policy.Load(filepath.Join(dir, "policy.yaml"))
	if err != nil {
		return err
	}
	checked, err := compile.Check(ctx, p, c)
	if err != nil {
		return err
	}
	if err := c.SaveDefinitions(); err != nil {
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
	d := purge.Deps{Client: c, Ledger: l, Policy: checked, Today: retention.DateOf(c.Now(), checked.Policy.TimeZone),
		Run: ledger.Run{ID: "killed", Verb: verb, Version: "test"}, Poll: time.Millisecond}
	switch verb {
	case "erase":
		_, err = purge.Erase(ctx, d, askedFor, []string{"primary-contact"})
	case "reapply":
		_, err = purge.Reapply(ctx, d)
	default:
		_, err = purge.Run(ctx, d)
	}
	return err
}

// TestSIGKILL kills a real process while its n-th request is being answered: at each kind of request once, or at every one
// (see TestMatrix).
func TestSIGKILL(t *testing.T) {
	thin := thinning(t)
	for _, k := range columns {
		if k.name == "staged" || k.name == "engine" { // the process knows nothing of these
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			c := newColumn(t, k)
			kinds, _ := c.requests()
			f := newFront(c.w)
			for i, kind := range kinds {
				if thin.eighth(i) {
					for _, n := range thin.some(kind.at) {
						c.kill(t, f, n, kind.what)
					}
				}
			}
			if f.killed == 0 {
				t.Error("no process was killed")
			}
		})
	}
}

// front is an address of a world at which the answer to one request never comes.
type front struct {
	url     string
	mu      sync.Mutex
	left    int
	reached chan struct{} // closed when that request has come, and its work is done
	killed  int           // processes that waited for the answer
}

func newFront(w *world) *front {
	target, err := url.Parse(w.url)
	w.must(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // the child dies in the middle of answers
	f := &front{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.left--
		last, reached := f.left == -1, f.reached
		f.mu.Unlock()
		if !last {
			proxy.ServeHTTP(rw, r)
			return
		}
		proxy.ServeHTTP(httptest.NewRecorder(), r) // the work is done, the answer never comes
		close(reached)
		<-r.Context().Done()
	}))
	atEnd(w.t, server.Close)
	f.url = server.URL
	return f
}

// after has the n-th request from now on be the one.
func (f *front) after(n int) (reached <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.reached = n, make(chan struct{})
	return f.reached
}

// kill is a cell of the matrix: a process that dies at its n-th request.
func (c *column) kill(t *testing.T, f *front, n int, what string) {
	t.Run(fmt.Sprintf("%d %s", n, what), func(t *testing.T) {
		here, w := *c, *c.w
		w.t, here.w = t, &w
		f.after(1 << 40)
		here.reset(&w)
		w.checked(w.client) // writes the policy file
		self, err := os.Executable()
		w.must(err)
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "PURGE_TEST_TARGET="+f.url, "PURGE_TEST_DIR="+w.dir, "PURGE_TEST_VERB="+c.name)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		in, err := cmd.StdinPipe()
		w.must(err)
		out, err := cmd.StdoutPipe()
		w.must(err)
		w.must(cmd.Start())
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Fatalf("child: %q %v %s", line, err, stderr.String())
		}
		reached := f.after(n)
		fmt.Fprintln(in, "go")
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-reached:
			_ = cmd.Process.Kill() // SIGKILL
			<-ended
			f.killed++
		case <-ended: // it took fewer requests this time
		case <-time.After(2 * time.Minute):
			_ = cmd.Process.Kill()
			<-ended
			t.Fatal("the request was not made")
		}
		w.verifyLedger()
		here.spares(nil)
		here.further(&w, w.client, false)
		here.ends()
		if t.Failed() {
			t.Logf("outcomes %v", w.outcomes())
		}
	})
}
