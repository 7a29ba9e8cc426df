package report_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/emulator/sample"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

// definitions are shared by all clients of the tests: their environments have most tables in common.
var definitions = new(dataverse.Definitions)

// day0 is when the stories begin.
var day0 = time.Date(2026, 1, 12, 6, 0, 0, 0, time.UTC)

// world is the sample CRM on a real listener, provisioned, with the model policy and a ledger.
type world struct {
	*testing.T
	server  *emulator.Server
	client  *dataverse.Client
	checked *compile.Policy
	dir     string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return startWorld(t, t.TempDir(), t.Cleanup)
}

func startWorld(t *testing.T, dir string, later func(func())) *world {
	t.Helper()
	w := &world{T: t, server: emulator.New(emulatortest.Options(emulator.Options{Token: "emulator", JobStep: -1, Now: func() time.Time { return day0 }}, "no-address-rows", "read-only-quotes")), dir: dir}
	w.must(sample.Load(w.server))
	web := httptest.NewServer(w.server)
	later(web.Close)
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "emulator"})
	w.must(err)
	w.client, err = dataverse.New(dataverse.Options{URL: web.URL, Credential: credential, RetryWait: time.Millisecond, Definitions: definitions})
	w.must(err)
	provisioning := provision.Gallra([]string{"contact", "lead"}, nil)
	provisioning.Role = provision.Role{}
	_, err = provision.Run(t.Context(), w.client, provisioning, false, nil)
	w.must(err)
	for _, c := range sample.AfterProvision(w.server.Now()) {
		w.change(c.Method, c.Path, c.Body)
	}
	policy, err := policy.Load(filepath.Join("..", "..", "testdata", "policy", "sales.yaml"))
	w.must(err)
	policy.Limits.Purges, policy.Limits.Share = 25000, 1 // the first wave
	w.checked, err = compile.Check(t.Context(), policy, w.client)
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// change is what somebody in the CRM does.
func (w *world) change(method, path string, body map[string]any) {
	w.Helper()
	op := dataverse.Operation{Method: method, Path: path, Body: body}
	if method == http.MethodPatch {
		op.IfMatch = "*"
	}
	w.must(w.client.Do(w.Context(), op, nil))
}

func (w *world) today() retention.Date {
	w.Helper()
	_, err := w.client.WhoAmI(w.Context()) // its answer tells the time
	w.must(err)
	return retention.DateOf(w.client.Now(), w.checked.Policy.TimeZone)
}

func (w *world) ledger() *ledger.Ledger {
	w.Helper()
	l, err := ledger.Open(filepath.Join(w.dir, "ledger"))
	w.must(err)
	return l
}

// run is gallra run --apply.
func (w *world) run(id string) *purge.Summary {
	w.Helper()
	s, err := purge.Run(w.Context(), purge.Deps{Client: w.client, Ledger: w.ledger(), Run: ledger.Run{ID: id, Verb: "run", Version: "test"},
		Policy: w.checked, Today: w.today(), Poll: time.Millisecond})
	var stop *purge.StopError
	if err != nil && !errors.As(err, &stop) {
		w.Fatal(err)
	}
	return s
}

func (w *world) plan() *plan.Plan {
	w.Helper()
	today, l := w.today(), w.ledger()
	e, err := evaluate.Evaluate(w.Context(), w.client, w.checked, evaluate.EvaluateOptions{Today: today, Traces: l.Traces()})
	w.must(err)
	return plan.NewPlan(w.checked, e, plan.PlanOptions{Traces: l.Traces()})
}
