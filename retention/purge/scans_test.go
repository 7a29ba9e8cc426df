package purge_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge"
)

// cost is what the service had to do for a run.
type cost struct {
	persons, requests, looked int
	byRoute                   map[string]emulator.Looked
}

func (w *world) cost(run func() *purge.Summary) cost {
	w.t.Helper()
	var out emulator.Stats
	w.control("stats", row{})
	s := run()
	w.decode(w.control("stats", nil), &out)
	if len(s.Failures)+len(s.Residue) > 0 {
		w.t.Errorf("%d failures, %d residue", len(s.Failures), len(s.Residue))
	}
	c := cost{persons: s.Purged(), requests: out.Requests.Total, byRoute: out.RowsScanned}
	for _, n := range c.byRoute {
		c.looked += n.ByIndex + n.ByScan
	}
	return c
}

// looking is how many rows the service has to look at for the preview of so many persons whose day has come.
func (w *world) looking(persons int) int {
	w.t.Helper()
	d := w.deps(w.client)
	defer d.Ledger.Close()
	known := evaluate.Known(d.Ledger, d.Today)
	e, err := evaluate.Evaluate(w.t.Context(), w.client, d.Policy, known)
	w.must(err)
	left := persons
	planned := plan.NewPlan(d.Policy, e, plan.PlanOptions{Traces: d.Ledger.Trace}).Only(func(p *plan.Planned) bool {
		if p.Action == retention.Purge {
			left--
		}
		return p.Action == retention.Purge && left >= 0
	})
	w.control("stats", row{})
	_, err = purge.LookIntoDue(w.t.Context(), w.client, d.Policy, planned, known)
	w.must(err)
	var out emulator.Stats
	w.decode(w.control("stats", nil), &out)
	n := 0
	for _, looked := range out.RowsScanned {
		n += looked.ByIndex + looked.ByScan
	}
	if left > 0 {
		w.t.Fatalf("only %d of %d persons are due", persons-left, persons)
	}
	return n
}

// purging lets a run purge so many persons and do nothing else.
func purging(persons int) func(*purge.Deps) {
	left := persons
	return func(d *purge.Deps) {
		d.Chunk = 10
		d.Only = func(_ string, _ uuid.UUID, action retention.Action) bool {
			left--
			return action == retention.Purge && left >= 0
		}
	}
}

// TestScansDoNotGrowWithTheCRM purges by the model policy in two CRMs, one ten times as large as the other, and compares what
// each further person costs the service: rows that it has to look at, whether or not they are part of an answer. What a run
// asks once, whomever it purges, is left out: the fewer are as many as lead to every kind of question.
//
//	go test ./retention/purge -run TestScansDoNotGrowWithTheCRM -v
func TestScansDoNotGrowWithTheCRM(t *testing.T) {
	t.Parallel()
	var each, previewed []float64
	for _, persons := range []int{600, 6000} {
		w := newWorldOf(t, modelPolicy(t), emulator.Options{}, "read-only-quotes")
		w.must(w.server.Generate(emulator.Generated{Contacts: persons * 2 / 3, Leads: persons / 3, Seed: 7}))
		w.client = w.connect(6) // which knows the columns of these
		w.run()
		w.advance(61)
		previewed = append(previewed, float64(w.looking(200)-w.looking(100))/100)
		t.Logf("%d persons in the CRM: a plan looks at %.1f rows for each further person who is due", persons, previewed[len(previewed)-1])
		few := w.cost(func() *purge.Summary { return w.run(purging(60)) })
		many := w.cost(func() *purge.Summary { return w.run(purging(160)) })
		n := float64(many.persons - few.persons)
		each = append(each, float64(many.looked-few.looked)/n)
		t.Logf("%d persons in the CRM: %d and %d purged, %.1f rows looked at and %.2f requests for each further one", persons, few.persons, many.persons, each[len(each)-1], float64(many.requests-few.requests)/n)
		for _, route := range slices.Sorted(maps.Keys(many.byRoute)) {
			a, b := few.byRoute[route], many.byRoute[route]
			if index, scan := float64(b.ByIndex-a.ByIndex)/n, float64(b.ByScan-a.ByScan)/n; index > 0.5 || scan > 0.5 {
				t.Logf("%40s: %8.1f by index, %8.1f by scan", route, index, scan)
			}
		}
	}
	if ratio := previewed[1] / previewed[0]; ratio > 1.5 {
		t.Errorf("in a CRM of ten times the size a plan looks at %.1f times the rows for a person who is due", ratio)
	}
	if ratio := each[1] / each[0]; ratio > 1.5 {
		t.Errorf("in a CRM of ten times the size a purged person costs %.1f times the rows", ratio)
	}
}
