package sample_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/sample"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

var today = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// client signs in to an emulator whose today is the test's, with the columns of the retention tool provisioned.
func client(t *testing.T) (*emulator.Server, *dataverse.Client) {
	t.Helper()
	s := emulator.New(emulator.Options{Now: func() time.Time { return today }})
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "emulator"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := dataverse.New(dataverse.Options{URL: h.URL, Credential: credential})
	if err != nil {
		t.Fatal(err)
	}
	provisioning := provision.Gallra([]string{"contact", "lead"}, nil)
	if _, err := provision.Run(t.Context(), c, provisioning, false, func(provision.Step) {}); err != nil {
		t.Fatal(err)
	}
	return s, c
}

// evaluate judges everybody by the model policy. The ledger proves every purge date that stands on a row.
func evaluated(t *testing.T, c *dataverse.Client) (*evaluate.Evaluation, *plan.Plan) {
	t.Helper()
	policy, err := policy.Load("../../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	policy.Limits.Purges, policy.Limits.Share = 25000, 1 // the first wave
	checked, err := compile.Check(t.Context(), policy, c)
	if err != nil {
		t.Fatal(err)
	}
	day := retention.DateOf(today, policy.TimeZone)
	e, err := evaluate.Evaluate(t.Context(), c, checked, evaluate.EvaluateOptions{Today: day})
	if err != nil {
		t.Fatal(err)
	}
	return e, plan.NewPlan(checked, e, plan.PlanOptions{All: true, Traces: func(table string, id uuid.UUID) retention.Trace {
		p, _ := e.Person(table, id, evaluate.EvaluateOptions{Today: day})
		return retention.Trace{PurgeOn: p.PurgeOn, NoticedOn: p.NoticedOn}
	}})
}

func TestModelPolicyJudgesTheCases(t *testing.T) {
	s, c := client(t)
	if err := sample.Load(s); err != nil {
		t.Fatal(err)
	}
	e, planned := evaluated(t, c)
	decided := map[uuid.UUID]plan.Planned{}
	for _, d := range planned.Decisions {
		decided[d.Person.ID] = d
	}
	for _, k := range sample.Cases {
		for _, r := range k.Persons {
			p, found := e.Person(r.Table, r.ID, evaluate.EvaluateOptions{Today: e.Today})
			if !found {
				t.Errorf("%s: %s %s is no person", k.Name, r.Table, r.ID)
				continue
			}
			if justified := p.Until > e.Today; justified != k.Justified {
				d := decided[r.ID]
				t.Errorf("%s: %s %s is justified: %t (%s), want %t", k.Name, r.Table, r.ID, justified, d.GroundID(), k.Justified)
			}
		}
	}
	for _, g := range e.Grounds() {
		if g.Persons == 0 && g.Rows == 0 {
			t.Errorf("the sample shows nobody whom ground %s of %s is about", g.Ground.ID, g.Table)
		}
	}
}

func TestChangesDecide(t *testing.T) {
	s, c := client(t)
	if err := sample.Load(s); err != nil {
		t.Fatal(err)
	}
	for _, change := range append(sample.AfterProvision(today), sample.Deal()) {
		if err := c.Call(t.Context(), change.Method, change.Path, change.Body, nil); err != nil {
			t.Fatalf("%s: %v", change.What, err)
		}
	}
	_, planned := evaluated(t, c)
	actions := map[uuid.UUID]plan.Planned{}
	for _, d := range planned.Decisions {
		actions[d.Person.ID] = d
	}
	for key, want := range map[string]retention.Action{
		"linda": retention.Hold, "michel": retention.Keep, "nuria": retention.Schedule, "olivier": retention.Keep,
	} {
		if got := actions[sample.ID("contact", key)].Action; got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

func TestGeneratedDataNeedsEveryDecision(t *testing.T) {
	s, c := client(t)
	if err := s.Generate(emulator.Generated{Contacts: 1500, Leads: 750, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	e, plan := evaluated(t, c)
	for _, table := range plan.Tables {
		for _, a := range []retention.Action{
			retention.Keep, retention.Schedule, retention.Move, retention.Clear, retention.Wait, retention.Hold, retention.Purge,
		} {
			if table.Actions[a] == 0 {
				t.Errorf("no %s is to %s: %v", table.Table, a, table.Actions)
			}
		}
	}
	for _, g := range e.Grounds() {
		if g.Persons == 0 {
			t.Errorf("ground %s of %s gives nobody their date", g.Ground.ID, g.Table)
		}
	}
}
