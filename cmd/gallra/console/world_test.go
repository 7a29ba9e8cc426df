package console

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/emulator/sample"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/doctor"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// definitions are shared by all clients of the tests: their environments have most tables in common.
var definitions = new(dataverse.Definitions)

// day0 is when the stories begin.
var day0 = time.Date(2026, 1, 12, 6, 0, 0, 0, time.UTC)

// world is a CRM, provisioned, with the model policy and a ledger, and a console that serves it.
type world struct {
	testing.TB
	server  *emulator.Server
	client  *dataverse.Client
	dir     string
	console *Console
	url     string // of the console
	log     *bytes.Buffer
	later   *atomic.Int64 // how far the machine's clock is set ahead, for sessions
	browser *http.Client
	checked *compile.Policy
	end     context.CancelFunc
	ended   chan error
}

// newWorld makes a world with data; sample data by default.
func newWorld(t testing.TB, data func(*emulator.Server) error) *world {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir(), log: &bytes.Buffer{}, later: &atomic.Int64{}}
	began := time.Now() // a clock that runs: jobs of the service take time
	o := emulatortest.Options(emulator.Options{Token: "emulator", Now: func() time.Time { return day0.Add(time.Since(began)) }},
		"read-only-quotes") // whoever is bound by an order that nobody may change fails
	var err error
	if data == nil {
		environment, err := sampled()
		w.must(err)
		w.server = environment.Clone(o)
		w.server.SetClock(day0)
	} else {
		w.server = emulator.New(o)
		w.must(data(w.server))
	}
	w.client, err = connect(w.server)
	w.must(err)
	if data != nil {
		w.must(provisioned(w.client))
	} else {
		known, err := reader()
		w.must(err)
		w.client.KnowLike(known)
	}
	w.checked, err = model(t.Context(), w.dir, w.client)
	w.must(err)
	return w
}

// sampled is the environment with sample data that worlds are clones of.
var sampled = sync.OnceValues(func() (*emulator.Server, error) {
	began := time.Now()
	server := emulator.New(emulatortest.Options(emulator.Options{Token: "emulator", Now: func() time.Time { return day0.Add(time.Since(began) - time.Minute) }}))
	if err := sample.Load(server); err != nil {
		return nil, err
	}
	client, err := connect(server)
	if err != nil {
		return nil, err
	}
	if err := provisioned(client); err != nil {
		return nil, err
	}
	for _, c := range sample.AfterProvision(server.Now()) {
		if err := client.Do(context.Background(), operation(c.Method, c.Path, c.Body), nil); err != nil {
			return nil, err
		}
	}
	return server, nil
})

// reader is a client of that environment which has read the definitions that the model policy asks for.
var reader = sync.OnceValues(func() (*dataverse.Client, error) {
	server, err := sampled()
	if err != nil {
		return nil, err
	}
	client, err := connect(server)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gallra-console-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	_, err = model(context.Background(), dir, client)
	return client, err
})

// model is the model policy, written to a folder and held against an environment.
func model(ctx context.Context, dir string, client *dataverse.Client) (*compile.Policy, error) {
	file := filepath.Join(dir, "sales.yaml")
	if err := os.WriteFile(file, []byte(gallra.ModelPolicy), 0o600); err != nil {
		return nil, err
	}
	p, err := policy.Load(file)
	if err != nil {
		return nil, err
	}
	return compile.Check(ctx, p, client)
}

func connect(server *emulator.Server) (*dataverse.Client, error) {
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "emulator"})
	if err != nil {
		return nil, err
	}
	return dataverse.New(dataverse.Options{URL: "http://127.0.0.1", Transport: server.Transport(), Credential: credential, RetryWait: time.Millisecond, Definitions: definitions})
}

func provisioned(client *dataverse.Client) error {
	provisioning := provision.Gallra([]string{"contact", "lead"}, nil)
	provisioning.Role = provision.Role{}
	_, err := provision.Run(context.Background(), client, provisioning, false, nil)
	return err
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) policy(ctx context.Context) (*compile.Policy, error) {
	p, err := policy.Load(filepath.Join(w.dir, "sales.yaml"))
	if err != nil {
		return nil, err
	}
	return compile.Check(ctx, p, w.client)
}

func (w *world) ledger() (*ledger.Ledger, error) { return ledger.Open(filepath.Join(w.dir, "ledger")) }

func (w *world) deps(verb string, c *compile.Policy, l *ledger.Ledger) purge.Deps {
	_, _ = w.client.WhoAmI(context.Background()) // its answer tells the time
	return purge.Deps{Client: w.client, Ledger: l, Policy: c, Today: retention.DateOf(w.client.Now(), c.Policy.TimeZone), Poll: time.Millisecond,
		Run: ledger.Run{ID: "test-" + strings.ToLower(uuid.NewString()[:8]), Verb: verb, Version: "test", Now: w.client.Now}}
}

// change is what somebody in the CRM does.
func (w *world) change(method, path string, body map[string]any) {
	w.Helper()
	w.must(w.client.Do(w.Context(), operation(method, path, body), nil))
}

func operation(method, path string, body map[string]any) dataverse.Operation {
	op := dataverse.Operation{Method: method, Path: path, Body: body}
	if method == http.MethodPatch {
		op.IfMatch = "*"
	}
	return op
}

// run is gallra run --apply.
func (w *world) run() {
	w.Helper()
	l, err := w.ledger()
	w.must(err)
	_, err = purge.Run(w.Context(), w.deps("run", w.checked, l))
	var stop *purge.StopError
	if err != nil && !errors.As(err, &stop) {
		w.Fatal(err)
	}
}

// serve starts the console and waits until it has read the plan.
func (w *world) serve(change func(*Options)) {
	w.Helper()
	org, err := w.client.Organization(w.Context())
	w.must(err)
	o := Options{
		Client: w.client, URL: "https://nordic.example", Organization: org, Policy: w.policy, Ledger: w.ledger,
		Verify: func() (*ledger.Proof, error) { return ledger.Verify(filepath.Join(w.dir, "ledger")) },
		Deps:   w.deps,
		Doctor: func(context.Context) ([]doctor.Finding, error) {
			return []doctor.Finding{
				{Subject: "connection", Level: doctor.OK, Sentence: words.Say("doctor.columns", "contact")},
				{Subject: "data", Level: doctor.Warning, Sentence: words.Say("doctor.gaps", "closed-quote", "contact", words.Count("rows", 3)), Remedy: words.Say("doctor.gaps.do")},
				{Subject: "columns", Level: doctor.Error, Sentence: words.Say("doctor.columns.missing", "contact", "gallra_legalhold"), Remedy: words.Say("doctor.columns.missing.do")},
			}, nil
		},
		Clock: func() time.Time { return time.Now().Add(time.Duration(w.later.Load())) },
		Log:   slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	w.console, err = New(o)
	w.must(err)
	listener, err := Listen("127.0.0.1:0")
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	w.end, w.ended = cancel, make(chan error, 1)
	ready := make(chan struct{})
	go func() { w.ended <- w.console.Serve(ctx, listener, func() { close(ready) }) }()
	w.Cleanup(func() {
		cancel()
		if err := <-w.ended; err != nil {
			w.Error(err)
		}
	})
	<-ready
	w.url = w.console.base
	w.loaded()
}

// loaded waits until the console has read the plan.
func (w *world) loaded() {
	w.Helper()
	j := w.console.job("read")
	j.wait(w.Context())
	if p, _ := j.now(); p.Err != nil {
		w.Fatal(p.Err)
	}
}

// enter signs the test's own browser in.
func (w *world) enter() {
	w.Helper()
	jar, err := cookiejar.New(nil)
	w.must(err)
	w.browser = &http.Client{Jar: jar}
	if a := w.get(strings.TrimPrefix(w.console.Link(), w.url)); a.status != http.StatusOK {
		w.Fatalf("the link answers %d", a.status)
	}
}

// answer is what the console answered.
type answer struct {
	status int
	header http.Header
	body   string
	path   string // where redirects led
}

func (w *world) get(path string) answer {
	w.Helper()
	return w.do(http.MethodGet, path, nil, nil)
}

func (w *world) post(path string, form url.Values) answer {
	w.Helper()
	return w.do(http.MethodPost, path, form, nil)
}

func (w *world) do(method, path string, form url.Values, header map[string]string) answer {
	w.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(form.Encode()))
	w.must(err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range header {
		if k == "Host" {
			r.Host = v
			continue
		}
		r.Header.Set(k, v)
	}
	client := w.browser
	if client == nil {
		client = &http.Client{}
	}
	res, err := client.Do(r)
	w.must(err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	w.must(err)
	return answer{res.StatusCode, res.Header, string(body), res.Request.URL.RequestURI()}
}

// contact makes a contact and gives its id.
func (w *world) contact(columns map[string]any) uuid.UUID {
	w.Helper()
	id := uuid.New()
	body := map[string]any{"contactid": id.String(), "overriddencreatedon": "2019-01-01T00:00:00Z"}
	for k, v := range columns {
		body[k] = v
	}
	w.change(http.MethodPost, "contacts", body)
	return id
}

// row reads a contact.
func (w *world) row(id uuid.UUID, columns ...string) dataverse.Row {
	w.Helper()
	row, err := w.client.Get(w.Context(), "contact", id, dataverse.Query{Select: columns})
	w.must(err)
	return row
}

// human is somebody of the plan.
type human struct {
	ID          uuid.UUID
	Name, Email string
}

// somebody is a contact of the plan who waits for their date.
func (w *world) somebody() human {
	w.Helper()
	b := w.console.reading()
	for i := range b.Persons {
		if p := &b.Persons[i]; b.TableOf(p) == "contact" && p.Action == retention.Wait && p.Email != "" {
			return human{p.ID, p.Name, p.Email}
		}
	}
	w.Fatal("nobody waits")
	return human{}
}

// onceOf is the key in a page's form.
func onceOf(t testing.TB, page string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `name="once" value="`)
	key, _, _ := strings.Cut(rest, `"`)
	if !ok || key == "" {
		t.Fatal("the page holds no key")
	}
	return key
}

// prepare has everything done that a page shows only after it was asked for.
func (w *world) prepare() {
	w.Helper()
	w.get("/health")
	w.get("/map")
	tomorrow := w.console.today(w.console.reading()) + 60
	for job, ask := range map[string]func(){
		"ahead":  func() { w.post("/ahead", url.Values{"day": {tomorrow.String()}}) },
		"report": func() { w.post("/report", url.Values{"owners": {"yes"}}) },
		"owners": func() { w.post("/owners/look", nil) },
		"back":   func() { w.post("/restore/look", nil) },
		"rehearse": func() {
			w.post("/rehearsal", url.Values{"snapshot": {"crm.gallra"}, "policy": {"sales.yaml"}, "beside": {"shorter.yaml"}, "months": {"3"}, "every": {"21"}})
		},
		"doctor": func() {}, "map": func() {},
	} {
		ask()
		j := w.console.job(job)
		j.wait(w.Context())
		if p, _ := j.now(); p.Err != nil {
			w.Fatalf("%s: %v", job, p.Err)
		}
	}
}

func queryOf(columns ...string) dataverse.Query { return dataverse.Query{Select: columns} }

func tableOf(name string, columns ...string) dataverse.Query {
	return dataverse.Query{Table: name, Select: columns}
}

func tempDir() string { return os.TempDir() }
