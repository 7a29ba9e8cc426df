package purge_test

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
)

const lostPolicy = `
version: 1
environment: {organization: ORGANIZATION}
timeZone: Europe/Stockholm
notice: 2 months
limits: {purges: 500, share: 100%, canary: 2}
subjects:
  contact:
    purge: anonymize
    grounds:
      - {id: primary, basis: contract, why: Primary contact of an active customer, table: account, link: primarycontactid, where: statecode eq 0, after: lost, keep: 6 months, mayBeEmpty: true}
      - {id: bystander, basis: contract, why: Stays, table: opportunity, link: parentcontactid}
`

// The primary contact is kept for half a year after she was replaced, counted from the run that first found it. Nothing on any row
// tells that day: the ledger does.
func TestGroundThatGoesOnAfterItWasLost(t *testing.T) {
	w := newWorld(t, lostPolicy)
	for _, n := range []string{"ada", "bo", "never"} {
		w.create("contact", n, row{"lastname": "Of " + n})
	}
	w.create("opportunity", "deal", row{"name": "D", "parentcontactid@odata.bind": bindTo("contacts", "bo")})
	w.create("account", "north", row{"name": "North", "primarycontactid@odata.bind": bindTo("contacts", "ada")})
	w.run()
	w.run() // nothing is new: the ledger learns nothing
	w.advance(10)
	w.update("account", "north", row{"primarycontactid@odata.bind": bindTo("contacts", "bo")})
	s := w.run()
	lostOn := s.Today
	explained := func() *plan.Explanation {
		d := w.deps(w.client)
		x, err := plan.Explain(t.Context(), w.client, w.checked(w.client), "contact", id("ada"), evaluate.EvaluateOptions{Today: d.Today, Traces: d.Ledger.Trace, Held: d.Ledger.Held})
		w.must(err)
		return x
	}
	until := lostOn.Add(retention.Period{Months: 6})
	if x := explained(); x.Decision.Until != until || x.Decision.Action != retention.Keep || x.Decision.GroundID() != "primary" || !strings.HasPrefix(x.Decision.Reason(), "Primary contact of an active customer until "+lostOn.Words()+", kept 6 months") {
		t.Errorf("%s until %s: %s", x.Decision.Action, x.Decision.Until, x.Decision.Reason())
	}
	w.advance(60)
	if s := w.run(); s.Purged() != 1 || !w.anonymous("never") {
		t.Fatalf("who never was anything is due, and nobody else: %v", w.outcomes())
	}
	// Back for a while, which begins the time anew.
	w.update("account", "north", row{"primarycontactid@odata.bind": bindTo("contacts", "ada")})
	w.run()
	w.advance(1)
	w.update("account", "north", row{"statecode": 1, "statuscode": 2})
	again := w.run().Today
	if x := explained(); x.Decision.Until != again.Add(retention.Period{Months: 6}) {
		t.Errorf("until %s, lost again on %s", x.Decision.Until, again)
	}
	w.advance(130)
	if s := w.run(); s.Purged() != 0 { // the date is written two months ahead
		t.Fatalf("%v", w.outcomes())
	}
	w.advance(62)
	if s := w.run(); s.Purged() != 1 || !w.anonymous("ada") {
		t.Fatalf("%d purged: %v", s.Purged(), w.outcomes())
	}
	kinds := map[ledger.Kind]int{}
	for r, err := range w.deps(w.client).Ledger.Records(t.Context()) {
		w.must(err)
		kinds[r.Kind]++
	}
	if kinds[ledger.Gained] != 3 || kinds[ledger.Lost] != 3 { // ada, bo, ada again; then each has lost it
		t.Errorf("%v", kinds)
	}
}

func (w *world) anonymous(name string) bool {
	c := w.get("contact", name)
	return c != nil && !c.Null("gallra_anonymizedon")
}
