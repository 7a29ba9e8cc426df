package evaluate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/plan"
)

func TestNewPlan(t *testing.T) {
	date := func(s string) retention.Date { return day(t, s) }
	server := newCRM(t, date("2026-11-24").Time())
	c := policyOf(t, connect(t, serve(t, server)), `
subjects:
  contact:
    purge: anonymize
    grounds:
      - {id: open, basis: contract, why: An open deal, table: opportunity, link: parentcontactid, where: statecode eq 0}
      - {id: closed, basis: legitimate-interests, why: w, trigger: Opportunity closed, table: opportunity, link: parentcontactid, after: actualclosedate, keep: 24 months}
`)
	today := date("2026-11-24")
	id := func(n byte) (id uuid.UUID) { id[15] = n; return }
	trigger := date("2024-05-14")
	e := evaluate.FilledEvaluation(c, today, []retention.Person{
		{ID: id(1), Term: retention.Term{Until: retention.Open, Ground: 0}},
		{ID: id(2), Term: retention.Term{Until: trigger.Add(retention.Period{Months: 24}), Trigger: trigger, Ground: 1}},
		{ID: id(3), Term: retention.Term{Ground: retention.NoGround}, Columns: retention.Columns{PurgeOn: today, NoticedOn: date("2026-09-24")}},
		{ID: id(4), Term: retention.Term{Until: retention.Open, Ground: 0}, Columns: retention.Columns{PurgeOn: today, NoticedOn: date("2026-09-24")}},
		{ID: id(5), Term: retention.Term{Ground: retention.NoGround}, Columns: retention.Columns{ExtendedUntil: date("2027-10-01"), ExtendReason: true}},
	})
	traces := func(table string, p uuid.UUID) retention.Trace {
		if table == "contact" && p == id(3) {
			return retention.Trace{PurgeOn: today, NoticedOn: date("2026-09-24")}
		}
		return retention.Trace{}
	}

	summary := func(p *plan.Plan) (out []string) {
		for i := range p.Decisions {
			d := &p.Decisions[i]
			out = append(out, strings.Join([]string{d.Person.ID.String()[35:], string(d.Action), d.PurgeOn.String(), d.GroundID(), d.Reason()}, "|"))
		}
		return out
	}
	p := plan.NewPlan(c, e, plan.PlanOptions{Traces: traces})
	want := []string{
		"2|schedule|2027-01-24|closed|Opportunity closed 14 May 2024, kept 24 months",
		"3|purge|2026-11-24||Nothing registered justifies keeping this person",
		"4|clear||open|An open deal",
	}
	if diff := cmp.Diff(want, summary(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[retention.Action]int{retention.Keep: 2, retention.Schedule: 1, retention.Purge: 1, retention.Clear: 1}, p.Tables[0].Actions); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	if p.Tables[0].Persons != 5 || p.Count(retention.Purge) != 1 {
		t.Errorf("%d persons, %d purges", p.Tables[0].Persons, p.Count(retention.Purge))
	}
	all := summary(plan.NewPlan(c, e, plan.PlanOptions{Traces: traces, All: true}))
	if len(all) != 5 || all[0] != "1|keep||open|An open deal" || all[4] != "5|keep||manual-extension|Extended by hand until 1 October 2027" {
		t.Errorf("everybody: %q", all)
	}
	lost := plan.NewPlan(c, e, plan.PlanOptions{})
	if lost.Count(retention.Purge) != 0 || lost.Count(retention.Move) != 1 {
		t.Errorf("without a ledger nobody is purged: %q", summary(lost))
	}
}
