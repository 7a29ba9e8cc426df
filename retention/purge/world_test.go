package purge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// world is a CRM, a policy for it and a ledger: all that a run works with. The CRM listens too, for those who come over a connection.
type world struct {
	t      testing.TB
	server *emulator.Server
	url    string
	client *dataverse.Client
	dir    string        // of the policy and of the ledger
	policy string        // text of the policy
	lag    time.Duration // of the definitions that everybody else sees
	late   time.Duration // by which the service writes audit history down
}

const token = "emulator"

// definitions are shared by all clients of the tests: their worlds have most tables in common.
var definitions = new(dataverse.Definitions)

// day0 is when the stories begin.
var day0 = time.Date(2026, 1, 10, 6, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, policy string) *world {
	t.Helper()
	return newWorldOf(t, policy, emulator.Options{})
}

// newWorldOf is a world with options of its own; those that usual names stay at their default, whatever else is tried.
func newWorldOf(t testing.TB, policy string, o emulator.Options, usual ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), policy: policy}
	plain := reflect.ValueOf(o).IsZero()
	o.Token = token
	o = emulatortest.Options(o, usual...)
	w.lag, w.late = o.MetadataLag, o.AuditDelay
	w.server = provisioned().Clone(o)
	srv := httptest.NewServer(w.server)
	atEnd(t, srv.Close)
	w.url = srv.URL
	w.server.SetClock(day0)
	w.client = w.connect(6)
	if plain {
		w.client.KnowLike(reader())
	}
	return w
}

// strange are settings of the emulator by chance, the same of the same seed: a random world has the service answer as it may. What it
// shows GALLRA_EMULATOR_OPTIONS shows in other tests.
func strange(t testing.TB, seed uint64) emulator.Options {
	t.Helper()
	settings := emulatortest.Drawn(seed, "organization-type") // whether a policy may run in production is another matter
	t.Logf("seed %d: %s=%q", seed, emulatortest.Variable, settings)
	return emulatortest.With(emulator.Options{}, settings)
}

// atEnd calls f when the test is over and forgets it: a test keeps its cleanups, and all that they hold, until its parent
// ends. With a thousand worlds below one parent that is a thousand worlds in memory.
func atEnd(t testing.TB, f func()) { t.Cleanup(func() { f(); f = nil }) }

// provisioned is the environment that every world is a clone of.
var provisioned = sync.OnceValue(func() *emulator.Server {
	server := emulator.New(emulatortest.Options(emulator.Options{Token: token}))
	server.SetClock(day0.Add(-time.Minute))
	srv := httptest.NewServer(server)
	defer srv.Close()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	if err != nil {
		panic(err)
	}
	client, err := dataverse.New(dataverse.Options{URL: srv.URL, Credential: credential, Definitions: definitions})
	if err != nil {
		panic(err)
	}
	provisioning := provision.Gallra([]string{"contact", "lead"}, nil)
	provisioning.Role = provision.Role{}
	if _, err := provision.Run(context.Background(), client, provisioning, false, func(provision.Step) {}); err != nil {
		panic("provision: " + err.Error())
	}
	server.SetClock(day0) // the service's memory of definitions may lag behind
	return server
})

// reader is a client of that environment which has read the definitions that a run by the usual policy asks for: they are those of
// every world until a test changes them, and takes a client that has not read any.
var reader = sync.OnceValue(func() *dataverse.Client {
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	if err != nil {
		panic(err)
	}
	client, err := dataverse.New(dataverse.Options{URL: "http://127.0.0.1", Credential: credential, Transport: provisioned().Transport(), Definitions: definitions})
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "gallra-reader-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if _, err := checkedIn(context.Background(), dir, pol, client); err != nil {
		panic(err)
	}
	return client
})

// connect makes a client that sends a request again at most so often. It is in the CRM's own process: what a connection does beyond
// that are faults, for which connectWith makes clients.
func (w *world) connect(retries int) *dataverse.Client {
	w.t.Helper()
	w.server.Advance(w.lag) // who changes definitions takes a new client, and everybody sees them by then
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := dataverse.New(dataverse.Options{URL: w.url, Credential: credential, Transport: w.server.Transport(), Retries: retries, RetryWait: time.Millisecond, Definitions: definitions})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) control(path string, body any) []byte {
	w.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	method := http.MethodPost
	if body == nil {
		method = http.MethodGet
	}
	r, _ := http.NewRequest(method, w.url+"/emulator/"+path, bytes.NewReader(b))
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := w.server.Transport().RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	out, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 300 {
		w.t.Fatalf("emulator %s: %d %s", path, res.StatusCode, out)
	}
	return out
}

func (w *world) advance(days int) {
	w.control("clock", map[string]any{"advance": fmt.Sprintf("%dh", 24*days)})
	_, _ = w.client.WhoAmI(w.t.Context()) // a client knows the time of the last answer: a verb's is new, and these live for years
}

// id is a row id that is the same in every test.
func id(name string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://test.invalid/"+name))
}

type row = map[string]any

// create makes a row with an id made of name.
func (w *world) create(table, name string, columns row) uuid.UUID {
	w.t.Helper()
	t, err := w.client.Table(w.t.Context(), table)
	if err != nil {
		w.t.Fatal(err)
	}
	body := maps.Clone(columns)
	if body == nil {
		body = row{}
	}
	body[t.PrimaryID] = id(name).String()
	w.must(w.client.Do(w.t.Context(), dataverse.Operation{Method: http.MethodPost, Path: t.EntitySet, Body: body}, nil))
	return id(name)
}

func (w *world) update(table, name string, columns row) {
	w.t.Helper()
	t, err := w.client.Table(w.t.Context(), table)
	if err != nil {
		w.t.Fatal(err)
	}
	w.must(w.client.Do(w.t.Context(), dataverse.Operation{Method: http.MethodPatch, Path: t.EntitySet + "(" + id(name).String() + ")", Body: columns, IfMatch: "*"}, nil))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		var e *dataverse.Error
		if errors.As(err, &e) {
			w.t.Fatalf("%v: %s", err, e.Message)
		}
		w.t.Fatal(err)
	}
}

// get reads a row; nil if it is not there.
func (w *world) get(table, name string) dataverse.Row {
	w.t.Helper()
	r, err := w.client.Get(w.t.Context(), table, id(name), dataverse.Query{Annotations: true})
	if errors.Is(err, dataverse.ErrNotFound) {
		return nil
	}
	w.must(err)
	return r
}

func bindTo(set, name string) string { return set + "(" + id(name).String() + ")" }

// checked is the policy, held against the CRM.
func (w *world) checked(c *dataverse.Client) *compile.Policy {
	w.t.Helper()
	checked, err := checkedIn(w.t.Context(), w.dir, w.policy, c)
	w.must(err)
	return checked
}

// checkedIn is a policy that is written to a folder, held against the CRM.
func checkedIn(ctx context.Context, dir, text string, c *dataverse.Client) (*compile.Policy, error) {
	org, err := c.Organization(ctx)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "ORGANIZATION", org.ID.String())), 0o600); err != nil {
		return nil, err
	}
	p, err := policy.Load(file)
	if err != nil {
		return nil, err
	}
	return compile.Check(ctx, p, c)
}

func (w *world) ledgerDir() string { return filepath.Join(w.dir, "ledger") }

// deps are those of the next run.
func (w *world) deps(c *dataverse.Client) purge.Deps {
	w.t.Helper()
	checked := w.checked(c)
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	atEnd(w.t, func() { l.Close() })
	if !c.Now().IsZero() && w.server.Now().Sub(c.Now()) > time.Hour { // a verb asks first who it is, and so learns the time
		_, err := c.WhoAmI(w.t.Context())
		w.must(err)
	}
	return purge.Deps{Client: c, Ledger: l, Policy: checked, Today: retention.DateOf(c.Now(), checked.Policy.TimeZone),
		Run: ledger.Run{ID: fmt.Sprintf("run-%d", len(l.Runs())+1), Verb: "run", Version: "test"}, Poll: time.Millisecond}
}

// run is a night's run that must go through.
func (w *world) run(change ...func(*purge.Deps)) *purge.Summary {
	w.t.Helper()
	s, err := w.tryRun(change...)
	if err != nil {
		w.must(err)
	}
	return s
}

func (w *world) tryRun(change ...func(*purge.Deps)) (*purge.Summary, error) {
	w.t.Helper()
	d := w.deps(w.client)
	for _, f := range change {
		f(&d)
	}
	s, err := purge.Run(w.t.Context(), d)
	w.verifyLedger()
	if s == nil { // it did not begin
		return nil, err
	}
	for _, f := range s.Residue {
		w.t.Logf("residue: %s %s %s", f.Where, f.Table, f.ID)
	}
	return s, err
}

func (w *world) verifyLedger() {
	w.t.Helper()
	if _, err := os.Stat(w.ledgerDir()); err != nil {
		return
	}
	proof, err := ledger.Verify(w.ledgerDir())
	w.must(err)
	for _, p := range proof.Problems {
		w.t.Errorf("ledger: %v", p)
	}
}

// purgeAll goes from the first notice to the purge: a run, two months, and another.
func (w *world) purgeAll(change ...func(*purge.Deps)) *purge.Summary {
	w.t.Helper()
	w.run()
	w.advance(60)
	return w.run(change...)
}

// found is where a text is still found, without the rows that may hold it.
func (w *world) found(text string, except ...string) []string {
	w.t.Helper()
	if !slices.Contains(except, "audit") {
		w.lateHistory(text)
	}
	var out []string
	for _, p := range w.server.Find(text) {
		at := fmt.Sprintf("%s %s.%s %s", p.Where, p.Table, p.Column, p.ID)
		if !slices.ContainsFunc(except, func(e string) bool { return strings.Contains(at, e) }) {
			out = append(out, at)
		}
	}
	return out
}

func (w *world) nothingFound(text string, except ...string) {
	w.t.Helper()
	for _, at := range w.found(text, except...) {
		w.t.Errorf("%q is still found: %s", text, at)
	}
}

// dump is every row of the tables, without what differs from run to run.
func (w *world) dump(tables ...string) map[string]row {
	w.t.Helper()
	out := make(map[string]row)
	for _, table := range tables {
		t, err := w.client.Table(w.t.Context(), table)
		w.must(err)
		for r, err := range w.client.Rows(w.t.Context(), dataverse.Query{Table: table}) {
			w.must(err)
			clean := row{}
			for k, v := range r {
				if v == nil || strings.HasPrefix(k, "@") || k == "modifiedon" || k == "versionnumber" {
					continue
				}
				clean[k] = fmt.Sprint(v)
			}
			key := table + " " + r.Text(t.PrimaryID)
			if table == "activityparty" { // party lines are made anew
				delete(clean, t.PrimaryID)
				key = fmt.Sprintf("%s %v %v %v %v", table, clean["_activityid_value"], clean["participationtypemask"], clean["_partyid_value"], clean["addressused"])
			}
			out[key] = clean
		}
	}
	return out
}

// outcomes are the codes of the ledger's outcomes, by person, the last one each.
func (w *world) outcomes() map[uuid.UUID]string {
	w.t.Helper()
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	out := make(map[uuid.UUID]string)
	for r, err := range l.Records(context.Background()) {
		w.must(err)
		if r.Kind == ledger.Outcome {
			out[r.ID] = strings.TrimSpace(string(r.Status) + " " + r.Code)
		}
	}
	return out
}

func (m *meddler) Batch(ctx context.Context, parts []dataverse.Part) ([]dataverse.Result, error) {
	parts = slices.Clone(parts)
	m.before(parts)
	return m.Writer.Batch(ctx, parts)
}

func (w *world) decode(b []byte, into any) {
	w.t.Helper()
	w.must(json.Unmarshal(b, into))
}

// bypassed are the guard rails that the ledger says were passed over.
func (w *world) bypassed() (rails []string) {
	w.t.Helper()
	l, err := ledger.Open(w.ledgerDir())
	w.must(err)
	for r, err := range l.Records(context.Background()) {
		w.must(err)
		if r.Kind == ledger.Bypass {
			rails = append(rails, r.Guard)
		}
	}
	return rails
}

// lateHistory lives on to the next night where audit history with the text was written down after the run that swept it.
func (w *world) lateHistory(text string) {
	w.t.Helper()
	if w.late == 0 || !slices.ContainsFunc(w.server.Find(text), func(p emulator.Place) bool { return p.Where == "audit" }) {
		return
	}
	w.server.Advance(w.late)
	w.advance(1)
	w.client = w.connect(6)
	_, _ = w.tryRun(func(d *purge.Deps) { d.Run.ID += "-late" })
}
