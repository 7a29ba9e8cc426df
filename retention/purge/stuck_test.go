package purge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
)

// Persons who cannot be purged do not count against the limits, and are told with why: what is kept binds them, or a legal hold on
// somebody else protects them. Those who can be still count.
func TestLimitsCountWhatCanHappen(t *testing.T) {
	t.Parallel()
	for free, stopped := range map[int]bool{1: false, 5: true} {
		w := newWorld(t, strings.NewReplacer("purges: 500", "purges: 4", "    purge: delete\n    grounds:", "    purge: delete\n    whenBound: fail\n    grounds:").
			Replace(withRules("      - {table: salesorder, link: customerid, do: keep, why: Bookkeeping}\n")))
		for i := range 5 {
			w.create("contact", fmt.Sprint("bound ", i), row{"lastname": "Bound"})
			w.create("salesorder", fmt.Sprint("order ", i), row{"name": "O", "customerid_contact@odata.bind": bindTo("contacts", fmt.Sprint("bound ", i))})
		}
		for i := range free {
			w.create("contact", fmt.Sprint("free ", i), row{"lastname": "Free"})
		}
		w.run()
		w.advance(60)
		d := w.deps(w.client)
		e, err := evaluate.Evaluate(t.Context(), w.client, d.Policy, evaluate.EvaluateOptions{Today: d.Today, Traces: d.Ledger.Trace})
		w.must(err)
		due, err := purge.LookIntoDue(t.Context(), w.client, d.Policy, plan.NewPlan(d.Policy, e, plan.PlanOptions{Traces: d.Ledger.Trace}), evaluate.Known(d.Ledger, e.Today))
		w.must(err)
		if len(due.Stuck) != 5 || due.Stuck[0].Code != "bound" {
			t.Errorf("who the plan says is stuck: %v", due.Stuck)
		}
		d.Ledger.Close()
		s, err := w.tryRun()
		var stop *purge.StopError
		if is := errors.As(err, &stop); is != stopped {
			t.Errorf("%d free: stopped %t: %v", free, is, err)
		}
		for i := range free {
			if gone := w.get("contact", fmt.Sprint("free ", i)) == nil; gone == stopped {
				t.Errorf("%d free: number %d is gone: %t", free, i, gone)
			}
		}
		if !stopped && (len(s.Failures) != 5 || s.Failures[0].Code != "bound") {
			t.Errorf("failures %v", s.Failures)
		}
	}
}

// While purges that were begun before are refused again, nobody new is begun: where every delete is refused, no night empties more
// persons than the first.
func TestNobodyIsBegunWhileResumedPurgesFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pol)
	for i := range 12 {
		w.create("contact", fmt.Sprint("person ", i), row{"lastname": "McKay"})
	}
	w.run()
	w.advance(60)
	w.control("faults", []row{{"status": 400, "route": "DELETE contacts"}})
	emptied := func() (n int) {
		for i := range 12 {
			if c := w.get("contact", fmt.Sprint("person ", i)); c != nil && c.Text("lastname") != "McKay" {
				n++
			}
		}
		return n
	}
	var nights []int
	for range 3 {
		_, err := w.tryRun()
		var stop *purge.StopError
		if !errors.As(err, &stop) {
			t.Errorf("the run was not stopped: %v", err)
		}
		nights = append(nights, emptied())
		w.advance(1)
	}
	if nights[0] == 0 || nights[2] != nights[0] {
		t.Errorf("emptied after each night: %v", nights)
	}
	w.control("faults", []row{})
	w.run()
	w.run()
	for i := range 12 {
		if w.get("contact", fmt.Sprint("person ", i)) != nil {
			t.Errorf("person %d is still there once deletes are taken", i)
		}
	}
}

// A plan looks into the rows of as many persons as the limits let one run purge, and says of how many it did not.
func TestPlansLookIntoWhatLimitsAllow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(pol, "purges: 500", "purges: 3", 1))
	w.must(w.server.Generate(emulator.Generated{Contacts: 2500, Seed: 3}))
	w.run()
	w.advance(61)
	d := w.deps(w.client)
	defer d.Ledger.Close()
	known := evaluate.Known(d.Ledger, d.Today)
	e, err := evaluate.Evaluate(t.Context(), w.client, d.Policy, known)
	w.must(err)
	planned := plan.NewPlan(d.Policy, e, plan.PlanOptions{Traces: d.Ledger.Trace})
	due, err := purge.MarkStuck(t.Context(), w.client, d.Policy, planned, known)
	w.must(err)
	all := planned.Count(retention.Purge)
	looked := all - due.Unlooked["contact"]
	if looked < 1000 || looked >= all || planned.Tables[0].Unlooked != due.Unlooked["contact"] {
		t.Errorf("%d of %d looked into, %d are said not to have been", looked, all, planned.Tables[0].Unlooked)
	}
}
