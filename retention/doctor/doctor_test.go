package doctor_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/emulator/sample"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/doctor"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// world is the sample CRM, whose persons are known, and what an examination works with there.
type world struct {
	*testing.T
	server *emulator.Server
	client *dataverse.Client
	policy *policy.Policy
	deps   doctor.Deps
	told   []doctor.Finding
	writes *sync.Map // requests that are no reads
}

// definitions are shared by all worlds.
var definitions = new(dataverse.Definitions)

func newWorld(t *testing.T) *world {
	w := &world{T: t, server: emulator.New(emulatortest.Options(emulator.Options{Token: "emulator"})), writes: new(sync.Map)}
	w.must(sample.Load(w.server))
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/$batch") {
			w.writes.Store(r.Method+" "+r.URL.Path, true)
		}
		w.server.ServeHTTP(rw, r)
	}))
	t.Cleanup(web.Close)
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "emulator"})
	w.must(err)
	w.client, err = dataverse.New(dataverse.Options{URL: web.URL, Credential: credential, RetryWait: time.Millisecond, Definitions: definitions})
	w.must(err)
	w.policy, err = policy.Load(filepath.Join("..", "..", "testdata", "policy", "sales.yaml"))
	w.must(err)
	w.policy.Limits.Purges, w.policy.Limits.Share = 25000, 1 // the first wave
	who, err := w.client.WhoAmI(t.Context())
	w.must(err)
	org, err := w.client.Organization(t.Context())
	w.must(err)
	dir := t.TempDir()
	w.deps = doctor.Deps{Client: w.client, User: who.UserID, Organization: org, LedgerAt: "evidence",
		Ledger: func(context.Context) (*ledger.Ledger, error) { return ledger.Open(dir) },
		Plan: func(ctx context.Context, c *compile.Policy, l *ledger.Ledger) (*plan.Plan, error) {
			day := retention.DateOf(w.client.Now(), c.Policy.TimeZone)
			o := evaluate.EvaluateOptions{Today: day}
			if l != nil {
				o.Traces = l.Trace
			}
			e, err := evaluate.Evaluate(ctx, w.client, c, o)
			if err != nil {
				return nil, err
			}
			return plan.NewPlan(c, e, plan.PlanOptions{Traces: o.Traces}), nil
		}}
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) provision() {
	w.Helper()
	p := provision.Gallra([]string{"contact", "lead"}, nil)
	p.Role = provision.Role{}
	_, err := provision.Run(w.Context(), w.client, p, false, nil)
	w.must(err)
}

// examine is what the doctor finds, of which some has to be told at a level.
func (w *world) examine() doctor.Result {
	w.Helper()
	w.told = nil
	w.writes.Clear()
	w.deps.Tell = func(f doctor.Finding) error { w.told = append(w.told, f); return nil }
	result, err := doctor.Examine(w.Context(), w.policy, w.deps)
	w.must(err)
	w.writes.Range(func(what, _ any) bool {
		w.Errorf("an examination wrote: %s", what)
		return true
	})
	errs, warnings := 0, 0
	for _, f := range w.told {
		switch f.Level {
		case doctor.Error:
			errs++
		case doctor.Warning:
			warnings++
		}
		if f.Sentence.IsZero() || (f.Level != doctor.OK) == f.Remedy.IsZero() && f.Subject != "policy" {
			w.Errorf("a finding without a sentence, or a remedy where there is nothing to mend or none where there is: %+v", f)
		}
		if text := f.Sentence.String() + f.Remedy.String(); strings.Contains(text, "@") || strings.Contains(text, "Amy") {
			w.Errorf("a finding tells of a person: %s", text)
		}
	}
	if errs != result.Errors || warnings != result.Warnings || result.Ready() != (errs == 0) {
		w.Errorf("told %d errors and %d warnings, counted %+v", errs, warnings, result)
	}
	return result
}

func (w *world) finds(level doctor.Level, subject, text string) {
	w.Helper()
	for _, f := range w.told {
		if f.Level == level && f.Subject == subject && strings.Contains(f.Sentence.String(), text) {
			return
		}
	}
	w.Errorf("no %s about %s with %q among %+v", level, subject, text, w.told)
}

func TestExamine(t *testing.T) {
	w := newWorld(t)
	if w.examine().Ready() {
		t.Error("ready without gallra's columns")
	}
	w.finds(doctor.Error, "columns", "contact lacks gallra_purgescheduledon")
	w.provision()
	if r := w.examine(); !r.Ready() {
		t.Errorf("not ready after provisioning: %+v", w.told)
	}
	w.finds(doctor.OK, "columns", "contact has all columns")
	w.finds(doctor.OK, "forms", "contact can be extended on 1 of 1 main forms")
	w.finds(doctor.Warning, "rights", "System Administrator")
	w.finds(doctor.Warning, "ledger", "there is none in evidence")
	w.finds(doctor.OK, "places", "places can lead to a contact")
	w.finds(doctor.OK, "persons", "contact: ")

	t.Run("a read that a missing right ends", func(t *testing.T) {
		w := *w
		w.T = t
		w.must(w.server.SetFaults(emulator.Fault{Status: 403, Route: "GET organizations"}))
		defer func() { w.must(w.server.SetFaults()) }()
		if w.examine().Ready() {
			t.Error("ready, though the settings could not be read")
		}
		w.finds(doctor.Error, "settings", "could not be looked at")
		w.finds(doctor.OK, "persons", "contact: ") // it went on
	})
	t.Run("a ledger of another organisation, and one that cannot be read", func(t *testing.T) {
		w := *w
		w.T = t
		w.deps.Ledger = func(context.Context) (*ledger.Ledger, error) { return nil, ledger.ErrBroken }
		if w.examine().Ready() {
			t.Error("ready with a broken ledger")
		}
		w.finds(doctor.Error, "ledger", "")
		w.finds(doctor.OK, "persons", "contact: ")
		w.deps.Ledger = func(context.Context) (*ledger.Ledger, error) { return nil, &ledger.ForeignError{} }
		w.examine()
		w.finds(doctor.Error, "ledger", "a run would be refused")
	})
	t.Run("a production environment", func(t *testing.T) {
		w := *w
		w.T = t
		w.deps.Organization.Production, w.deps.Organization.Type = true, "Customer"
		if w.examine().Ready() {
			t.Error("ready for a production environment that the policy does not allow")
		}
		w.finds(doctor.Error, "environment", "a production environment (Customer)")
	})
	t.Run("nobody to tell", func(t *testing.T) {
		w := *w
		full := errors.New("no room")
		w.deps.Tell = func(doctor.Finding) error { return full }
		if _, err := doctor.Examine(t.Context(), w.policy, w.deps); !errors.Is(err, full) {
			t.Errorf("%v, want that of the teller", err)
		}
	})
	t.Run("a service that fails", func(t *testing.T) {
		w := *w
		w.deps.Plan = func(context.Context, *compile.Policy, *ledger.Ledger) (*plan.Plan, error) {
			return nil, dataverse.ErrUnavailable
		}
		if _, err := doctor.Examine(t.Context(), w.policy, w.deps); !errors.Is(err, dataverse.ErrUnavailable) {
			t.Errorf("%v, want %v", err, dataverse.ErrUnavailable)
		}
	})
}

// Where nights keep what they read, the doctor names what is read in full all the same, and changes nothing about it.
func TestNightsAreToldWhatIsReadInFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.State = t.TempDir()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := "version: 1\nenvironment: {organization: " + w.deps.Organization.ID.String() + "}\ntimeZone: Europe/Stockholm\nsubjects:\n  contact:\n    purge: delete\n    grounds:\n" +
		"      - {id: called, basis: contract, why: A call, table: phonecall, party: any, after: actualend, keep: 1 month, missingDate: ignore}\n" +
		"      - {id: new, basis: contract, why: New, rolling: true, where: \"Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=30)\"}\n    related: [{table: '*', do: delete}]\n"
	w.must(os.WriteFile(path, []byte(text), 0o600))
	var err error
	w.policy, err = policy.Load(path)
	w.must(err)
	w.examine()
	w.finds(doctor.Warning, "nights", "called of contact is read in full each night: change tracking is off for activityparty")
	w.finds(doctor.OK, "nights", "new of contact is read in full each night: LastXDays depends on more than the row")

	w.must(os.WriteFile(filepath.Join(w.deps.State, "off"), []byte("2026-11-20 differs\n"), 0o600))
	w.examine()
	w.finds(doctor.Warning, "nights", "ights read in full since 2026-11-20")
}

// Columns that stand on no form are of no use to staff; a section that somebody has hidden is as good as none.
func TestFormsThatShowNothing(t *testing.T) {
	w := newWorld(t)
	p := provision.Gallra([]string{"contact", "lead"}, nil).WithoutForms()
	p.Role = provision.Role{}
	_, err := provision.Run(t.Context(), w.client, p, false, nil)
	w.must(err)
	w.examine()
	w.finds(doctor.Warning, "forms", "none of the 1 main forms of contact shows gallra_retainuntil and gallra_retainreason")
	w.provision()
	for row, err := range w.client.Rows(t.Context(), dataverse.Query{Set: "systemforms", Select: []string{"formid", "formxml"}, Filter: "objecttypecode eq 'lead' and type eq 2"}) {
		w.must(err)
		hidden := strings.Replace(row.Text("formxml"), `<section name="gallra_retention"`, `<section visible="false" name="gallra_retention"`, 1)
		w.must(w.client.Do(t.Context(), dataverse.Operation{Method: http.MethodPatch, Path: "systemforms(" + row.ID("formid").String() + ")", Body: map[string]any{"formxml": hidden}}, nil))
	}
	w.examine()
	w.finds(doctor.OK, "forms", "contact can be extended on 1 of 1")
	w.finds(doctor.Warning, "forms", "of lead shows")
}
