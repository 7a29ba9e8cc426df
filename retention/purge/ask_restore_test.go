package purge_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
)

// A backup brings back whom a run has purged, with the tasks by which they were asked, and takes away tasks that came after it. Whoever is
// purged again goes with their task; a word about a date that is none any more is taken back; and nobody counts as asked whose task is gone.
func TestRestoredTasks(t *testing.T) {
	t.Parallel()
	text := strings.Replace(askPolicy, "queue: Retention}", "queue: Retention, required: 14 days}", 1)
	w := askWorld(t, text, "ada", "bo", "cia")
	w.run()
	w.advance(29)
	w.create("contact", "dan", row{"lastname": "Of dan"})
	w.advance(1)
	w.run() // asks three; dan gets a date
	backup := w.server.Snapshot()
	w.create("opportunity", "deal", row{"name": "D", "parentcontactid@odata.bind": bindTo("contacts", "cia")})
	w.advance(30)
	if s := w.run(); s.Purged() != 2 || s.TakenBack != 1 || s.Asked != 1 || len(w.tasksOf("dan")) != 1 {
		t.Fatalf("%d purged, %d taken back, %d asked", s.Purged(), s.TakenBack, s.Asked)
	}
	now := w.server.Now()
	w.must(w.server.Restore(backup))
	w.server.SetClock(now)
	if len(w.tasks()) != 3 || len(w.tasksOf("dan")) != 0 {
		t.Fatalf("the backup has %d tasks", len(w.tasks()))
	}
	s, err := purge.Reapply(t.Context(), w.requestDeps("reapply"))
	w.must(err)
	if left := w.tasks(); s.Purged() != 2 || len(left) != 1 || left[id("cia")] == nil {
		t.Fatalf("%d purged again, %d tasks left", s.Purged(), len(left))
	}
	for _, n := range []string{"ada", "bo"} {
		if at := w.found(id(n).String(), "contact", "address", "audit"); len(at) != 0 {
			t.Errorf("left of %s: %v", n, at)
		}
	}
	if s := w.run(); s.TakenBack != 1 || s.Asked != 1 || len(w.tasksOf("cia")) != 0 || len(w.tasksOf("dan")) != 1 {
		t.Errorf("%d taken back, %d asked; tasks of cia %v, of dan %v", s.TakenBack, s.Asked, w.tasksOf("cia"), w.tasksOf("dan"))
	}
	w.advance(13) // the day was announced long ago, and the word is too young
	if s := w.run(); s.Purged() != 0 {
		t.Errorf("%d purged who were not asked: %v", s.Purged(), w.outcomes())
	}
	w.advance(20)
	if s := w.run(); s.Purged() != 1 || !w.anonymous("dan") {
		t.Errorf("%d purged: %v", s.Purged(), w.outcomes())
	}
	w.verifyLedger()
}

// What stands against an erasure is seen as a run sees it: also a ground that goes on after it was lost, and one that counts from a
// change, of which nothing but the ledger and the audit history tell.
func TestErasureIsWeighedAgainstGroundsThatWereLost(t *testing.T) {
	for name, text := range map[string]string{"lost": lostPolicy, "changed": changedPolicy} {
		w := newWorld(t, text)
		for _, n := range []string{"ada", "bo"} {
			w.create("contact", n, row{"lastname": "Of " + n})
		}
		w.create("account", "north", row{"name": "North", "primarycontactid@odata.bind": bindTo("contacts", "ada")})
		w.run()
		w.advance(10)
		w.update("account", "north", row{"primarycontactid@odata.bind": bindTo("contacts", "bo")})
		w.run()
		d := w.requestDeps("erase")
		all, err := purge.Assess(t.Context(), w.client, d.Policy, evaluate.Known(d.Ledger, d.Today), []evaluate.PersonRef{contact("ada")})
		w.must(err)
		if got := all[0].Forbids(nil); len(got) != 1 || got[0].Ground != "primary" || got[0].Until.IsZero() {
			t.Errorf("%s: %+v stands against it", name, got)
		}
		s, err := purge.Erase(t.Context(), d, []evaluate.PersonRef{contact("ada")}, nil)
		if got := rails(t, err); len(got) != 1 || got[0] != string(purge.GroundForbids)+" primary" || s.Purged() != 0 {
			t.Errorf("%s: %v, %d erased", name, got, s.Purged())
		}
		d.Ledger.Close()
		s, err = purge.Erase(t.Context(), w.requestDeps("erase"), []evaluate.PersonRef{contact("ada")}, []string{"primary"})
		if err != nil || s.Purged() != 1 || !w.anonymous("ada") {
			t.Errorf("%s: named, %d erased: %v", name, s.Purged(), err)
		}
	}
}

// A simulation tells who would be asked and when, who stays since nobody has asked them, and knows what the ledger knows of grounds
// that were lost.
func TestSimulationOfWords(t *testing.T) {
	w := askWorld(t, strings.Replace(askPolicy, "limits: {", "limits: {asks: 1, ", 1), "ada", "bo")
	w.run()
	w.advance(45)
	w.create("contact", "cia", row{"lastname": "Of cia"})
	w.run() // asks one of two; cia gets a date
	ada, bo := id("ada"), id("bo")
	if w.tasks()[bo] != nil {
		ada, bo = bo, ada
	}
	asked, on := w.today(), w.get("contact", "cia").Text("gallra_purgescheduledon")
	w.advance(20)
	simulated := func(with string) *plan.Simulation {
		t.Helper()
		d := w.deps(w.client)
		defer d.Ledger.Close()
		before := w.policy
		w.policy = with
		other := w.checked(w.client)
		w.policy = before
		o := evaluate.EvaluateOptions{Today: d.Today, Held: d.Ledger.Held, Changes: d.Ledger.Changes}
		now, err := evaluate.Evaluate(t.Context(), w.client, d.Policy, o)
		w.must(err)
		then, err := evaluate.Evaluate(t.Context(), w.client, other, o)
		w.must(err)
		s := plan.Simulate(d.Policy, now, other, then)
		s.CompareAsks(d.Policy, now, other, then, d.Ledger)
		return s
	}
	first := w.today()
	s := simulated(strings.Replace(askPolicy, "queue: Retention}", "queue: Retention, required: 30 days}", 1))
	words := map[uuid.UUID]plan.Word{}
	for _, x := range s.Words {
		words[x.ID] = x
	}
	if len(words) != 3 || !words[ada].Stands || words[ada].On != asked || !words[ada].Waits || words[bo].On != first || !words[bo].Waits {
		t.Errorf("%+v", words)
	}
	if c := words[id("cia")]; c.PurgeOn.String() != on || c.Stands || c.Waits || c.On <= first || c.On+30 != c.PurgeOn {
		t.Errorf("cia: %+v, goes on %s", c, on)
	}
	if len(s.Asks) != 1 || s.Asks[0].Now.Waiting != 0 || s.Asks[0].Now.Persons != 2 || s.Asks[0].Then.Waiting != 2 || s.Asks[0].Then.Today != 1 || s.Asks[0].Then.Last != words[id("cia")].On {
		t.Errorf("%+v", s.Asks)
	}
	if s := simulated(strings.Replace(askPolicy, "    ask: {before: 30 days, queue: Retention}\n", "", 1)); len(s.Words) != 0 || len(s.Asks) != 1 || s.Asks[0].Then != nil {
		t.Errorf("a policy that asks nobody: %+v, %+v", s.Asks, s.Words)
	}
}
