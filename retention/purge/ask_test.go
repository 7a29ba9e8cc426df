package purge_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// askPolicy keeps whoever was in touch lately, by tasks of every kind: a task that asks is none.
const askPolicy = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
notice: 2 months
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: anonymize
    ask: {before: 30 days, queue: Retention}
    grounds:
      - {id: deal, basis: consent, why: Wants to stay, table: opportunity, link: parentcontactid, where: statecode eq 0, mayBeEmpty: true}
      - {id: in-touch, basis: legitimate-interests, why: We were in touch, table: task, party: any, after: createdon, keep: 1 year, mayBeEmpty: true}
    related: [{table: opportunity, link: parentcontactid, do: keep, why: Statistics}, {table: '*', do: delete}]
`

func askWorld(t *testing.T, text string, persons ...string) *world {
	w := newWorld(t, text)
	w.create("queue", "retention", row{"name": "Retention"})
	for _, n := range persons {
		w.create("contact", n, row{"lastname": "Of " + n, "description": "Likes sailing"})
	}
	return w
}

// tasks are those of gallra, by the person whom they are about.
func (w *world) tasks() map[uuid.UUID]dataverse.Row {
	w.t.Helper()
	out := map[uuid.UUID]dataverse.Row{}
	for r, err := range w.client.Rows(w.t.Context(), dataverse.Query{Table: "task", Filter: "category eq 'gallra'"}) {
		w.must(err)
		_, who, _ := strings.Cut(r.Text("subcategory"), " ")
		if at := uuid.MustParse(who); out[at] != nil {
			w.t.Errorf("%s was asked twice", who)
		} else {
			out[at] = r
		}
	}
	items, err := w.client.Count(w.t.Context(), dataverse.Query{Table: "queueitem", Filter: "_queueid_value eq " + id("retention").String()})
	w.must(err)
	if items != len(out) {
		w.t.Errorf("%d tasks, and %d items in the queue", len(out), items)
	}
	return out
}

// Persons are asked 30 days before their purge date, once, and the task goes with them. It justifies nobody and says nothing of them.
func TestPersonsAreAsked(t *testing.T) {
	w := askWorld(t, askPolicy, "ada", "bo")
	if s := w.run(); s.Asked != 0 || len(w.tasks()) != 0 {
		t.Fatalf("%d asked two months before", s.Asked)
	}
	on := w.get("contact", "ada").Text("gallra_purgescheduledon")
	w.advance(28)
	if s := w.run(); s.Asked != 0 {
		t.Fatal("asked 31 days before")
	}
	w.advance(1)
	if s := w.run(); s.Asked != 2 || s.Status != ledger.Done || s.Operations == 0 {
		t.Fatalf("%d asked, %s", s.Asked, s.Status)
	}
	task := w.tasks()[id("ada")]
	date, err := retention.ParseDate(on)
	w.must(err)
	if task == nil || !strings.Contains(task.Text("subject"), date.Words()) || !strings.Contains(task.Text("description"), "id="+id("ada").String()) || !strings.HasPrefix(task.Text("scheduledend"), on) {
		t.Fatalf("%v", task)
	}
	if len(w.found("Of ada", "contact")) > 0 {
		t.Errorf("the task names the person: %v", w.found("Of ada"))
	}
	w.advance(1)
	if s := w.run(); s.Asked != 0 || len(w.tasks()) != 2 {
		t.Fatal("asked again")
	}
	w.advance(29)
	if s := w.run(); s.Purged() != 2 || len(w.tasks()) != 0 || s.Status != ledger.Done {
		t.Fatalf("%d purged, %d tasks left: %v", s.Purged(), len(w.tasks()), w.outcomes())
	}
	if at := w.found(id("ada").String(), "contact", "address", "audit"); len(at) != 0 {
		t.Errorf("left: %v", at)
	}
	w.run()
	if l := w.deps(w.client).Ledger; len(l.Asks()) != 0 {
		t.Errorf("the ledger still knows %v", l.Asks())
	}
}

// Whoever stays is asked no more: the open task goes. One that was completed stays, until the person goes after all.
func TestWordIsTakenBack(t *testing.T) {
	w := askWorld(t, askPolicy, "ada", "bo", "cia", "dan")
	w.run()
	w.advance(30)
	w.run()
	tasks := w.tasks()
	done := tasks[id("bo")].ID("activityid")
	w.must(w.client.Do(t.Context(), dataverse.Operation{Method: "PATCH", Path: "tasks(" + done.String() + ")", Body: row{"statecode": 1, "description": "Called on Monday"}, IfMatch: "*"}, nil))
	for _, n := range []string{"ada", "bo"} {
		w.create("opportunity", "deal "+n, row{"name": "D", "parentcontactid@odata.bind": bindTo("contacts", n)})
	}
	w.must(w.client.Call(t.Context(), "DELETE", "contacts("+id("dan").String()+")", nil, nil))
	s := w.run()
	if left := w.tasks(); s.TakenBack != 2 || len(left) != 2 || left[id("bo")] == nil || left[id("cia")] == nil {
		t.Fatalf("%d taken back, left %d", s.TakenBack, len(left))
	}
	if s := w.run(); s.TakenBack != 0 || s.Asked != 0 {
		t.Errorf("again: %d, %d", s.TakenBack, s.Asked)
	}
	// The deal of bo ends: a new date, a new word, and the old one goes with the new at the purge.
	w.must(w.client.Call(t.Context(), "DELETE", "opportunities("+id("deal bo").String()+")", nil, nil))
	w.run()
	w.advance(31)
	if s := w.run(); s.Asked != 1 {
		t.Fatalf("%d asked", s.Asked)
	}
	w.advance(31)
	if w.run(); !w.anonymous("bo") || len(w.tasksOf("bo")) != 0 || len(w.found("Called on Monday", "audit")) != 0 {
		t.Errorf("left of bo: %v, %v", w.tasksOf("bo"), w.found("Called on Monday"))
	}
}

func (w *world) tasksOf(name string) (out []dataverse.Row) {
	for r, err := range w.client.Rows(w.t.Context(), dataverse.Query{Table: "task", Filter: "subcategory eq 'contact " + id(name).String() + "'"}) {
		w.must(err)
		out = append(out, r)
	}
	return out
}

// Where asking is required nobody goes who was not asked as long ago. Who could not be asked waits, and is counted.
func TestNobodyGoesUnasked(t *testing.T) {
	text := strings.Replace(askPolicy, "queue: Retention}", "queue: Retention, required: 14 days}", 1)
	w := askWorld(t, text, "ada", "bo", "cia")
	w.policy = strings.Replace(text, "limits: {", "limits: {asks: 1, ", 1)
	w.run()
	w.advance(60) // no run in between: nobody was asked
	s := w.run()
	if s.Purged() != 0 || s.Unasked() != 3 || s.Asked != 1 || s.Status != ledger.Done {
		t.Fatalf("%d purged, %d wait, %d asked", s.Purged(), s.Unasked(), s.Asked)
	}
	w.policy = text
	w.advance(13)
	if s := w.run(); s.Purged() != 0 || s.Asked != 2 || s.Unasked() != 3 {
		t.Fatalf("%d purged, %d asked", s.Purged(), s.Asked)
	}
	w.advance(1)
	if s := w.run(); s.Purged() != 1 || s.Unasked() != 2 {
		t.Fatalf("%d purged, %d wait", s.Purged(), s.Unasked())
	}
	w.advance(13)
	if s := w.run(); s.Purged() != 2 || len(w.tasks()) != 0 {
		t.Fatalf("%d purged", s.Purged())
	}
}

// One human being with two rows is asked once, and a person who was asked for goes with the task.
func TestOneHumanBeingIsAskedOnce(t *testing.T) {
	text := strings.Replace(askPolicy, "queue: Retention}", "queue: Retention, required: 14 days}\n    identity: emailaddress1", 1)
	w := askWorld(t, text)
	for _, n := range []string{"ada", "ada at work", "bo"} {
		w.create("contact", n, row{"lastname": "X", "emailaddress1": strings.Fields(n)[0] + "@example.com"})
	}
	w.run()
	w.advance(30)
	if s := w.run(); s.Asked != 2 {
		t.Fatalf("%d asked", s.Asked)
	}
	_, err := purge.Erase(t.Context(), w.requestDeps("erase"), []evaluate.PersonRef{contact("bo")}, nil)
	w.must(err)
	if len(w.tasksOf("bo")) != 0 {
		t.Error("the task of who was erased is left")
	}
	w.advance(30)
	if s := w.run(); s.Purged() != 2 || len(w.tasks()) != 0 {
		t.Fatalf("%d purged, %d wait", s.Purged(), s.Unasked())
	}
}

// A run that is cut at any of its requests leaves nobody asked twice or unasked, and no task behind.
func TestAskingIsCut(t *testing.T) {
	t.Parallel()
	thin := thinning(t)
	for _, phase := range []string{"ask", "take back", "purge"} {
		w := askWorld(t, askPolicy, "ada", "bo", "cia")
		w.run()
		w.advance(30)
		want := 3
		if phase != "ask" {
			w.run()
		}
		switch phase {
		case "take back":
			w.create("opportunity", "deal", row{"name": "D", "parentcontactid@odata.bind": bindTo("contacts", "ada")})
			want = 2
		case "purge":
			w.advance(30)
			want = 0
		}
		start, keep := w.snapshot(), t.TempDir()
		copyLedger(t, w.ledgerDir(), keep)
		w.control("stats", row{})
		w.run()
		var stats struct{ Requests struct{ Total int } }
		w.must(json.Unmarshal(w.control("stats", nil), &stats))
		client := w.connect(-1)
		w.checked(client)
		for _, drop := range []string{"after", "before"} {
			for n := range stats.Requests.Total {
				if !thin.full && n%12 != thin.seed%12 {
					continue
				}
				w.control("restore", row{"id": start})
				copyLedger(t, keep, w.ledgerDir())
				d := w.deps(client)
				w.control("faults", []row{{"drop": drop, "after": n}})
				_, _ = purge.Run(t.Context(), d)
				d.Ledger.Close()
				w.control("faults", []row{})
				w.run()
				w.run()
				if got := w.tasks(); len(got) != want {
					t.Fatalf("%s, cut %s request %d: %d tasks, want %d", phase, drop, n, len(got), want)
				}
				if got := len(w.deps(w.client).Ledger.Asks()); got != want {
					t.Fatalf("%s, cut %s request %d: the ledger knows %d", phase, drop, n, got)
				}
			}
		}
	}
}

// With a new ledger the tasks of before are found again by their ids, and taken back: the notice begins anew. A task that somebody
// else has made, whatever it says, stays.
func TestTasksOfAnEarlierLedger(t *testing.T) {
	w := askWorld(t, askPolicy, "ada")
	w.run()
	w.advance(30)
	w.run()
	w.create("task", "other", row{"subject": "Ask", "category": "gallra", "subcategory": "contact " + id("bo").String(), "scheduledend": "2026-03-10T11:00:00Z"})
	w.must(os.RemoveAll(w.ledgerDir()))
	s := w.run()
	if s.TakenBack != 1 || len(w.tasksOf("ada")) != 0 || len(w.tasksOf("bo")) != 1 {
		t.Errorf("%d taken back: %v, %v", s.TakenBack, w.tasksOf("ada"), w.tasksOf("bo"))
	}
}
