package evaluate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/naive"
	"github.com/gallra/gallra/retention/plan"
)

const writersPolicy = `  contact:
    purge: anonymize
    identity: emailaddress1
    grounds:
      - {id: deal, basis: contract, why: W, table: opportunity, link: parentcontactid, where: statecode eq 0}
      - {id: customer, basis: contract, why: W, table: opportunity, link: customerid/primarycontactid, where: statecode eq 0}
      - {id: consent, basis: consent, why: W, table: msdynmkt_contactpointconsent4, link: 'msdynmkt_contactpointvalue = emailaddress1', where: msdynmkt_value eq 534120001}
      - {id: follow-up, basis: consent, why: W, until: nord_followupon}
`

// writer changes rows over the Web API until its context ends.
type writer struct {
	*rand.Rand
	t         *testing.T
	url       string
	volatile  []uuid.UUID // contacts that it may change
	companies []uuid.UUID
	made      []string // what it created and may delete
	done      *atomic.Int64
}

// send writes; a row that another writer has deleted meanwhile is no fault.
func (w *writer) send(method, path string, body map[string]any) string {
	b, _ := json.Marshal(body)
	req, err := http.NewRequest(method, w.url+"/api/data/v9.2/"+path, bytes.NewReader(b))
	if err != nil {
		w.t.Error(err)
		return ""
	}
	req.Header.Set("Authorization", "Bearer t")
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("If-Match", "*")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Error(err)
		return ""
	}
	resp.Body.Close()
	if resp.StatusCode >= 300 && resp.StatusCode != http.StatusNotFound {
		w.t.Errorf("%s %s: %s", method, path, resp.Status)
	}
	w.done.Add(1)
	return resp.Header.Get("OData-EntityId")
}

func (w *writer) run(ctx context.Context) {
	for ctx.Err() == nil {
		who := w.volatile[w.IntN(len(w.volatile))]
		company := w.companies[w.IntN(len(w.companies))]
		switch w.IntN(9) {
		case 0:
			w.created(w.send("POST", "opportunities", map[string]any{"name": "A deal", "parentcontactid@odata.bind": fmt.Sprintf("/contacts(%s)", who)}))
		case 1:
			w.created(w.send("POST", "opportunities", map[string]any{"name": "A deal", "customerid_account@odata.bind": fmt.Sprintf("/accounts(%s)", company)}))
		case 2:
			w.send("PATCH", fmt.Sprintf("accounts(%s)", company), map[string]any{"primarycontactid@odata.bind": fmt.Sprintf("/contacts(%s)", who)})
		case 3:
			w.send("PATCH", fmt.Sprintf("contacts(%s)", who), map[string]any{"emailaddress1": fmt.Sprintf("v%d@nord.example", w.IntN(500)), "nord_followupon": nil})
		case 4:
			w.send("PATCH", fmt.Sprintf("contacts(%s)", who), map[string]any{"gallra_legalhold": w.IntN(8) == 0, "nord_followupon": "2030-01-01"})
		case 5: // rows that come and go shift the pages
			w.created(w.send("POST", "contacts", map[string]any{"lastname": "Somebody new", "emailaddress1": fmt.Sprintf("v%d@nord.example", w.IntN(500))}))
		case 6, 7, 8:
			if n := len(w.made); n > 0 {
				i := w.IntN(n)
				w.send("DELETE", w.made[i], nil)
				w.made = append(w.made[:i], w.made[i+1:]...)
			}
		}
	}
}

func (w *writer) created(id string) {
	if prefix := w.url + "/api/data/v9.2/"; len(id) > len(prefix) {
		w.made = append(w.made, id[len(prefix):])
	}
}

// People work in the CRM while it is evaluated. Whoever is justified all the time by rows that nobody touches is never to
// be purged, whatever happens around them; and the last look, once it is quiet, sees what is there.
func TestWritersDuringTheEvaluation(t *testing.T) {
	const steady, volatile = 40, 40
	today := judgementDay
	due := []any{"gallra_purgescheduledon", "2026-11-24", "gallra_purgenoticedon", "2026-09-24"}
	var rows []emulator.Record
	w := writer{url: "", t: t, done: new(atomic.Int64)}
	justified := map[uuid.UUID]string{}
	for i := range steady {
		name := fmt.Sprintf("steady %d", i)
		address := fmt.Sprintf("s%d@nord.example", i)
		c := person(name, append([]any{"emailaddress1", address}, due...)...)
		justified[c.ID] = name
		switch i % 5 {
		case 0:
			rows = append(rows, record("opportunity", name, "parentcontactid", ref("contact", name)))
		case 1:
			rows = append(rows, record("account", name, "primarycontactid", ref("contact", name)), record("opportunity", name+"!", "customerid", ref("account", name)))
		case 2:
			rows = append(rows, record("msdynmkt_contactpointconsent4", name, "msdynmkt_contactpointvalue", address, "msdynmkt_value", 534120001))
		case 3:
			c.Values["nord_followupon"] = "2028-01-01"
		case 4: // by another row of the same human being
			twin := person(name+" twin", "emailaddress1", address)
			justified[twin.ID] = name
			rows = append(rows, twin, record("opportunity", name, "parentcontactid", ref("contact", name+" twin")))
		}
		rows = append(rows, c)
	}
	for i := range volatile {
		c := person(fmt.Sprintf("volatile %d", i), due...)
		w.volatile = append(w.volatile, c.ID)
		a := record("account", fmt.Sprintf("company %d", i))
		w.companies = append(w.companies, a.ID)
		rows = append(rows, c, a)
	}
	for i := range 10 { // nobody ever justifies these
		rows = append(rows, person(fmt.Sprintf("idle %d", i), due...))
	}
	trace := retention.Trace{PurgeOn: dateAt(today), NoticedOn: dateAt(today.AddDate(0, -2, 0))}
	traces := func(string, uuid.UUID) retention.Trace { return trace }
	o := evaluate.EvaluateOptions{Today: dateAt(today), Traces: traces}

	server := newCRM(t, today, rows...)
	w.url = serve(t, server)
	// Small pages: an evaluation takes many requests, between which much happens.
	c := connect(t, serve(t, &shuffled{Handler: server, page: 7, rand: rand.New(rand.NewPCG(1, 12))}))
	path := policyFile(t, "Europe/Stockholm", writersPolicy)
	policy := checked(t, c, path)

	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for n := range 3 {
		one := w
		one.Rand = rand.New(rand.NewPCG(uint64(n), 13))
		writers.Go(func() { one.run(ctx) })
	}
	during := 0
	for round := 0; round < 6 || during < 200 && round < 60; round++ {
		before := w.done.Load()
		e, err := evaluate.Evaluate(t.Context(), c, policy, o)
		if err != nil {
			t.Fatal(err)
		}
		during += int(w.done.Load() - before)
		p := plan.NewPlan(policy, e, plan.PlanOptions{Traces: traces, All: true})
		found := map[uuid.UUID]bool{}
		for i := range p.Decisions {
			d := &p.Decisions[i]
			if found[d.Person.ID] {
				t.Errorf("%s stands twice in the plan", d.Person.ID)
			}
			found[d.Person.ID] = true
			if name := justified[d.Person.ID]; name != "" && (d.Action == retention.Purge || d.Until <= o.Today) {
				t.Errorf("%s is justified all the time, and is decided %s until %s", name, d.Action, d.Until)
			}
		}
		for id, name := range justified {
			if !found[id] {
				t.Errorf("%s was not found", name)
			}
		}
		// The last look in the midst of it, for those who would be purged by a plan.
		var ids []uuid.UUID
		for id := range justified {
			ids = append(ids, id)
		}
		look, err := evaluate.EvaluatePersons(t.Context(), c, policy, "contact", ids, o)
		if err != nil {
			t.Fatal(err)
		}
		for id, name := range justified {
			if r, ok := look.Person("contact", id, o); !ok || retention.Decide(r.Person, policy.Policy.Rules(), o.Today).Action == retention.Purge {
				t.Errorf("%s is justified all the time, and the last look does not see it", name)
			}
		}
	}
	stop()
	writers.Wait()
	if during == 0 {
		t.Fatal("nothing was written while the evaluations ran")
	}
	t.Logf("%d writes during the evaluations", during)

	// Quiet now: the last look agrees with the second implementation about everybody who is left.
	want := naive.Read(t, path).Judge(t, naive.Download(t.Context(), t, w.url+"/api/data/v9.2/", "t"), today, naive.Known{Trace: func(string, string) naive.Trace {
		return naive.Trace{PurgeOn: today, NoticedOn: today.AddDate(0, -2, 0)}
	}})
	var ids []uuid.UUID
	for _, v := range want {
		ids = append(ids, uuid.MustParse(v.ID))
	}
	look, err := evaluate.EvaluatePersons(t.Context(), c, policy, "contact", ids, o)
	if err != nil {
		t.Fatal(err)
	}
	purged := 0
	final := plan.NewPlan(policy, look, plan.PlanOptions{Traces: traces, All: true})
	if diff := differences(want, verdicts(final)); diff != "" {
		t.Error(diff)
	}
	for _, v := range want {
		if v.Action == "purge" {
			purged++
		}
	}
	if purged == 0 || purged == len(want) {
		t.Errorf("%d of %d would be purged: the comparison proves little", purged, len(want))
	}
}
