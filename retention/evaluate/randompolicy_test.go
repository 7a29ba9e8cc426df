package evaluate_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/naive"
	"github.com/gallra/gallra/retention/plan"
)

// archive is the team that stages hand rows to.
func archive() emulator.Record {
	return emulator.Record{Table: "team", ID: uuid.New(), Values: map[string]any{"name": "Archive"}}
}

// randomPolicy says something else about persons with every seed, in all that the language has for them.
type randomPolicy struct {
	*rand.Rand
	ids int
}

func (r *randomPolicy) one(of ...string) string { return of[r.IntN(len(of))] }

// some says one of these things, or nothing.
func (r *randomPolicy) some(of ...string) string {
	if r.IntN(2) == 0 {
		return ""
	}
	return r.one(of...)
}

func (r *randomPolicy) period() string {
	return r.one("1 day", "14 days", "2 weeks", "1 month", "2 months", "6 months", "1 year", "12 months", "1 year 6 months", "2 years", "1 year 1 month 3 days")
}

func (r *randomPolicy) keep() string {
	return r.period() + r.one("", "", "", " from end of month", " from end of quarter", " from end of year", " from the end of the year")
}

// dated is a ground with a date; fallback are other dates of its rows.
func (r *randomPolicy) dated(rest, date string, fallback ...string) string {
	keep := r.keep()
	text := ", after: " + date + ", keep: " + keep
	if r.IntN(4) == 0 {
		text = ", until: " + date + ", keep: " + keep
	}
	if strings.HasSuffix(keep, "of year") || strings.HasSuffix(keep, "of the year") {
		text += r.some(", yearEnds: 31 March", ", yearEnds: 28 February", ", yearEnds: 30 June", ", yearEnds: 31 December")
	}
	bound := append([]string{"", " after createdon"}, fallback...)
	for i := range bound[2:] {
		bound[i+2] = " after " + bound[i+2]
	}
	if r.IntN(3) == 0 {
		text += ", atMost: " + r.period() + r.one(bound...)
	}
	if rest == "" { // it is about those who have the date
		return text + r.some(missing(append(fallback, "createdon"))...)
	}
	return rest + text + r.some(missing(append(fallback, "createdon", "keep", "ignore"))...)
}

func missing(what []string) (out []string) {
	for _, c := range what {
		out = append(out, ", missingDate: "+c)
	}
	return out
}

// ground is one of contacts.
func (r *randomPolicy) ground() string {
	r.ids++
	text := ""
	switch r.IntN(14) {
	case 0:
		text = ", table: opportunity, link: parentcontactid, where: statecode eq 0"
	case 1:
		text = r.dated(", table: opportunity, link: parentcontactid"+r.some(", where: statecode eq 1", ", where: statecode eq 2"), "actualclosedate")
	case 2:
		text = r.dated(", table: quote, link: customerid", "closedon")
	case 3:
		text = r.dated(", table: phonecall, party: "+r.one("any", "from", "to"), "actualend", "scheduledend")
	case 4:
		text = r.dated(", table: appointment, party: any", "scheduledend", "scheduledstart")
	case 5:
		text = r.dated(", table: msdynmkt_contactpointconsent4, link: 'msdynmkt_contactpointvalue = emailaddress1, emailaddress2', where: msdynmkt_value eq 534120001", "modifiedon")
	case 6:
		text = r.dated(r.some(", where: statecode eq 0"), r.one("createdon", "lastonholdtime", "nord_followupon", "anniversary"), "anniversary")
	case 7:
		text = ", after: numberofchildren, keep: " + r.period()
	case 8:
		text = ", table: account, link: primarycontactid, where: statecode eq 0, after: lost, keep: " + r.keep()
	case 9:
		text = ", table: msevtmgt_eventregistration, link: msevtmgt_contactid, after: msevtmgt_eventid/msevtmgt_eventenddate, keep: " + r.keep() + r.some(", missingDate: ignore")
	case 10:
		text = ", table: account, link: primarycontactid" + r.some(", where: statecode eq 0", ", where: customertypecode eq 3") + ", " + r.one("after", "until") + ": changed(primarycontactid), keep: " + r.keep()
	case 11:
		text = ", table: opportunity, link: parentcontactid, where: statecode eq 0, " + r.one("after", "until") + ": changed(statecode), keep: " + r.keep()
	case 12:
		text = ", table: opportunity, link: parentcontactid, where: statecode eq 1, after: changed(statecode), keep: " + r.keep() + r.some(", missingDate: ignore", ", missingDate: keep", ", missingDate: createdon")
	case 13:
		text = ", table: phonecall, party: any, after: last changed(" + r.one("statecode", "subject") + "), keep: " + r.keep() + r.some(", missingDate: ignore", ", missingDate: scheduledend")
	}
	return fmt.Sprintf("{id: g%d, basis: contract, why: Because%s}\n", r.ids, text)
}

func (r *randomPolicy) grounds(indent string, most int) (text string) {
	for range 1 + r.IntN(most) {
		text += indent + "- " + r.ground()
	}
	return text
}

func (r *randomPolicy) stages(indent string) string {
	text := indent + "stages:\n"
	first := r.one("{do: archive, team: Archive}", "{do: reduce, erase: [jobtitle]}")
	text += indent + "  - " + first + "\n"
	if r.IntN(2) == 0 {
		second := "{after: 5 months, do: reduce, erase: [jobtitle]}"
		if strings.Contains(first, "reduce") {
			second = "{after: 5 months, do: archive, team: Archive}"
		}
		text += indent + "  - " + second + "\n"
	}
	return text + indent + "  - {after: " + r.one("8 months", "2 years", "1 year from end of year") + ", do: purge}\n"
}

// ask has persons asked before they go.
func (r *randomPolicy) ask(indent string) string {
	return indent + "ask: {queue: Retention, before: " + r.one("1 day", "1 week", "1 week, required: 3 days", "5 days, required: 5 days", "1 day, required: 1 day") + "}\n"
}

func (r *randomPolicy) text(zone string) string {
	text := "version: 1\nenvironment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}\ntimeZone: " + zone + "\nnotice: " + r.one("2 months", "1 month", "6 weeks") + "\n" +
		r.some("yearEnds: 31 March\n", "yearEnds: 29 February\n", "yearEnds: 30 June\n") + r.some("manualExtension: 6 months\n") + r.some("limits: {asks: 2}\n", "limits: {asks: 7}\n") +
		"subjects:\n  contact:\n    purge: anonymize\n    related: [{table: '*', do: delete}]\n" + r.some("    identity: emailaddress1\n") + r.some("    notice: 1 week\n", "    notice: 3 months\n") +
		"    grounds:\n" + r.grounds("      ", 5)
	if r.IntN(2) == 0 {
		text += r.stages("    ")
	}
	if r.IntN(3) > 0 {
		text += r.ask("    ")
	}
	if r.IntN(2) == 0 {
		text += "    classes:\n"
		for i, filter := range []string{"preferredcontactmethodcode eq 1", "parentcustomerid_account/customertypecode eq 3", "statecode eq 1"} {
			switch r.IntN(4) {
			case 0:
			case 1:
				text += fmt.Sprintf("      - {id: k%d, for: %s, judged: false, why: Others judge them}\n", i, filter)
			default:
				text += fmt.Sprintf("      - id: k%d\n        for: %s\n", i, filter) + r.some("        notice: 2 weeks\n", "        notice: 4 months\n")
				if r.IntN(2) == 0 {
					text += "        grounds:\n" + r.grounds("          ", 3)
				}
				if r.IntN(3) == 0 {
					text += r.stages("        ")
				}
				if r.IntN(3) == 0 {
					text += r.ask("        ")
				}
			}
		}
		text += "      - {id: others}\n"
	}
	text += "  lead:\n    purge: delete\n" + r.some("    identity: emailaddress1\n") + "    grounds:\n"
	r.ids++
	text += fmt.Sprintf("      - {id: g%d, basis: contract, why: Because%s}\n", r.ids, r.dated(r.some(", where: statecode eq 0"), "createdon", "nord_lastfollowupon", "nord_followupon"))
	return text + "    related: [{table: '*', do: delete}]\n"
}

// Whatever a policy says about persons, the second implementation decides the same about everybody: policies made at random, in three
// time zones, on days on which clocks change and months and years end.
func TestSecondImplementationAgreesOnRandomPolicies(t *testing.T) {
	t.Parallel()
	stages, returned, moved, asked, unasked := map[string]int{}, 0, 0, 0, 0
	for seed := *firstSeed; seed < *firstSeed+2**seeds; seed++ { // half of the policies ask nobody
		today, err := time.Parse(time.DateOnly, todays[seed%uint64(len(todays))])
		if err != nil {
			t.Fatal(err)
		}
		random := newRandomCRM(seed+1000, today, 60, 20)
		url := serve(t, newCRMOf(t, strange(t, seed), today, append(random.rows, archive())...))
		c := connect(t, url)
		crm := naive.Download(t.Context(), t, url+"/api/data/v9.2/", "t")
		for i, zone := range []string{"Europe/Stockholm", "America/Los_Angeles", "Pacific/Auckland"} {
			text := (&randomPolicy{Rand: rand.New(rand.NewPCG(seed, uint64(i)+10))}).text(zone)
			path := filepath.Join(t.TempDir(), "policy.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			policy, second := checked(t, c, path), naive.Read(t, path)
			known, traces := ledgerOf(seed, today, crm)
			e, err := evaluate.Evaluate(t.Context(), c, policy, evaluate.EvaluateOptions{Today: dateAt(today), Traces: traces, Held: heldAt(today), Changes: changesAt(today), Stages: stagesAt(today)})
			if err != nil {
				t.Fatal(err)
			}
			p := plan.NewPlan(policy, e, plan.PlanOptions{Traces: traces, Stages: stagesAt(today), Asked: askedAt(today, crm), All: true})
			want := second.Judge(t, crm, today, naive.Known{Trace: known, Held: heldBefore(today), Stage: stagesBefore(today),
				Runs: runsBefore(today), Changed: changedBefore(today), Asked: askedBefore(today, crm)})
			if diff := differences(want, verdicts(p)); diff != "" {
				t.Fatalf("seed %d, on %s:\n%s\n%s", seed, today.Format(time.DateOnly), diff, text)
			}
			policy.Policy.Limits.Spread, policy.Policy.Limits.Purges, policy.Policy.Limits.Share = retention.Period{Weeks: 2 + int(seed%3)}, 3+int(seed%5), 0.2
			laid := plan.NewPlan(policy, e, plan.PlanOptions{Traces: traces, Stages: stagesAt(today), Asked: askedAt(today, crm), All: true})
			moved += naive.Spread(t, want, verdicts(laid), today, policy.Policy.Limits.Purges, policy.Policy.Limits.Share, policy.Policy.Limits.Spread.String())
			if t.Failed() {
				t.Fatalf("seed %d, on %s, laid out over %s\n%s", seed, today.Format(time.DateOnly), policy.Policy.Limits.Spread, text)
			}
			for _, v := range want {
				stages[v.Coming]++
				if v.Returned {
					returned++
				}
				if v.Ask {
					asked++
				}
				if v.Unasked {
					unasked++
				}
			}
		}
	}
	t.Logf("what comes next: %v; %d returned, %d dates laid out, %d asked, %d wait for that", stages, returned, moved, asked, unasked)
	if stages["archive"] == 0 || stages["reduce"] == 0 || returned == 0 || moved == 0 || asked == 0 || unasked == 0 {
		t.Errorf("%v, %d returned, %d laid out, %d asked, %d wait: the comparison proves nothing about one of them", stages, returned, moved, asked, unasked)
	}
}
