package evaluate_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/naive"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

var (
	firstSeed = flag.Uint64("seed", 1, "the first seed of the generated CRMs")
	seeds     = flag.Uint64("seeds", 6, "how many seeds")
)

// todays are the days that the generated CRMs are judged on: ordinary ones, those on which clocks change in the zones of
// the policies, and the ends of months.
var todays = []string{"2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2026-09-27", "2024-02-29", "2026-08-31", "2026-12-31", "2026-11-24"}

// policies are the policies of the comparison; the model policy in three time zones.
func policies(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/policies/*.yaml")
	if err != nil || len(paths) < 5 {
		t.Fatalf("policies %v, %v", paths, err)
	}
	sales, err := os.ReadFile("../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, zone := range []string{"Europe/Stockholm", "America/Los_Angeles", "Pacific/Auckland"} {
		path := filepath.Join(t.TempDir(), "sales-"+strings.ReplaceAll(zone, "/", "-")+".yaml")
		if err := os.WriteFile(path, []byte(strings.Replace(string(sales), "timeZone: Europe/Stockholm", "timeZone: "+zone, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func checked(t *testing.T, c dataverse.Reader, path string) *compile.Policy {
	t.Helper()
	p, err := policy.Load(path)
	if err == nil {
		var checked *compile.Policy
		if checked, err = compile.Check(t.Context(), p, c); err == nil {
			return checked
		}
	}
	var problems policy.Problems
	if errors.As(err, &problems) {
		t.Fatalf("\n%s", problems)
	}
	t.Fatal(err)
	return nil
}

func dateAt(t time.Time) retention.Date {
	if t.IsZero() {
		return 0
	}
	return retention.DateOf(t, time.UTC)
}

// ledgerOf is a ledger that knows something about most persons, and for some of them something else than what stands
// on their rows.
func ledgerOf(seed uint64, today time.Time, crm *naive.CRM) (func(table, id string) naive.Trace, func(table string, id uuid.UUID) retention.Trace) {
	traces := map[string]naive.Trace{}
	r := &randomCRM{Rand: rand.New(rand.NewPCG(seed, 8)), today: today}
	for _, table := range []string{"contact", "lead"} {
		for _, row := range crm.Rows[table] {
			var n naive.Trace
			at := func(column string) time.Time {
				d, err := time.Parse(time.DateOnly, row.Text(column))
				if err != nil {
					return time.Time{}
				}
				return d
			}
			switch r.IntN(4) {
			case 0: // lost
			case 1, 2:
				n = naive.Trace{PurgeOn: at("gallra_purgescheduledon"), NoticedOn: at("gallra_purgenoticedon")}
			case 3:
				n = naive.Trace{PurgeOn: r.day(), NoticedOn: r.day()}
			}
			n.Held = r.IntN(6) == 0
			traces[table+row.Text(table+"id")] = n
		}
	}
	known := func(table, id string) naive.Trace { return traces[table+id] }
	return known, func(table string, id uuid.UUID) retention.Trace {
		n := known(table, id.String())
		return retention.Trace{PurgeOn: dateAt(n.PurgeOn), NoticedOn: dateAt(n.NoticedOn), Held: n.Held}
	}
}

// heldBefore is what the ledger knows of persons and of grounds that go on after they were lost: nothing, that one held in the
// last run, or since when it does not.
func heldBefore(today time.Time) func(table, id, ground string) (now bool, lostOn time.Time) {
	return func(_, id, ground string) (bool, time.Time) {
		switch n := int(id[0])*int(id[1]) + len(ground); n % 4 {
		case 0:
			return true, time.Time{}
		case 1, 2:
			return false, today.AddDate(0, -n%5, -n%29)
		}
		return false, time.Time{}
	}
}

// runsBefore is what runs have seen of a ground that counts from changes.
func runsBefore(today time.Time) func(table, id, ground string) naive.Runs {
	held := heldBefore(today)
	return func(table, id, ground string) (seen naive.Runs) {
		n := int(id[5])*int(id[6]) + len(ground)
		now, lost := held(table, id, ground)
		switch {
		case now && n%3 > 0:
			seen.Since = today.AddDate(0, -n%9, -n%29)
			fallthrough
		case now:
			seen.Till = today.AddDate(0, 0, -1)
		case !lost.IsZero():
			seen.Till = lost.AddDate(0, 0, -n%20)
		}
		return seen
	}
}

// changedBefore is the day that the audit history has of some rows and persons.
func changedBefore(today time.Time) func(table, id, ground string) time.Time {
	return func(_, id, ground string) time.Time {
		if n := int(id[9])*int(id[10]) + int(id[11]) + len(ground); n%3 > 0 {
			return today.AddDate(0, -n%14, -n%31)
		}
		return time.Time{}
	}
}

// changesAt is changedBefore for an evaluation. The history was read up to today.
func changesAt(today time.Time) func(subject, ground string) retention.History {
	before := changedBefore(today)
	return func(_, name string) retention.History {
		ground, _, _ := strings.Cut(name, ".")
		return retention.History{Read: dateAt(today), On: func(table string, id uuid.UUID) retention.Date { return dateAt(before(table, id.String(), ground)) }}
	}
}

// askedBefore is which words stand, most of them about the date that stands on the row.
func askedBefore(today time.Time, crm *naive.CRM) func(table, id string) naive.Word {
	return func(table, id string) naive.Word {
		n := int(id[12])*int(id[15]) + int(id[16])
		on, err := time.Parse(time.DateOnly, crm.ByID[id].Text("gallra_purgescheduledon"))
		if n%3 == 0 || err != nil {
			return naive.Word{}
		}
		if n%7 == 0 {
			on = on.AddDate(0, 0, -1)
		}
		return naive.Word{PurgeOn: on, On: today.AddDate(0, 0, -n%30)}
	}
}

// askedAt is askedBefore for a plan.
func askedAt(today time.Time, crm *naive.CRM) func(table string, id uuid.UUID) retention.Asked {
	before := askedBefore(today, crm)
	return func(table string, id uuid.UUID) retention.Asked {
		w := before(table, id.String())
		return retention.Asked{PurgeOn: dateAt(w.PurgeOn), On: dateAt(w.On)}
	}
}

// heldAt is heldBefore for an evaluation.
func heldAt(today time.Time) func(table string, id uuid.UUID, ground string) retention.Held {
	before, runs := heldBefore(today), runsBefore(today)
	return func(table string, id uuid.UUID, ground string) retention.Held {
		now, on := before(table, id.String(), ground)
		seen := runs(table, id.String(), ground)
		return retention.Held{Now: now, LostOn: dateAt(on), Since: dateAt(seen.Since), Till: dateAt(seen.Till)}
	}
}

// stagesBefore is how far the ledger has some persons on the way to their purge.
func stagesBefore(today time.Time) func(table, id string) naive.Stage {
	return func(_, id string) naive.Stage {
		n := int(id[2])*int(id[3]) + int(id[4])
		return naive.Stage{Done: []int{0, 0, 1, 1, 2}[n%5], Base: today.AddDate(0, -n%40, -n%3)}
	}
}

// stagesAt is stagesBefore for an evaluation.
func stagesAt(today time.Time) func(table string, id uuid.UUID) retention.Stage {
	before := stagesBefore(today)
	return func(table string, id uuid.UUID) retention.Stage {
		n := before(table, id.String())
		return retention.Stage{Done: n.Done, Base: dateAt(n.Base)}
	}
}

// verdicts are a plan's decisions as the second implementation words them.
func verdicts(p *plan.Plan) []naive.Verdict {
	var out []naive.Verdict
	for i := range p.Decisions {
		d := &p.Decisions[i]
		out = append(out, naive.Verdict{
			Table: d.Person.Table, ID: d.Person.ID.String(), Until: d.Until.String(), Ground: d.GroundID(),
			Action: string(d.Action), PurgeOn: d.PurgeOn.String(), NoticedOn: d.NoticedOn.String(), Returned: d.Restored, Merged: d.Person.Master != uuid.Nil,
			Ask: d.Ask, Unasked: d.Unasked,
		})
		if d.Stage != nil {
			out[len(out)-1].Coming = string(d.Stage.Do)
		}
	}
	return out
}

// differences are the first few differences between two lists of verdicts.
func differences(want, got []naive.Verdict) string {
	var b strings.Builder
	have := map[string]naive.Verdict{}
	for _, v := range got {
		have[v.Table+v.ID] = v
	}
	shown := 0
	for _, v := range want {
		if w := have[v.Table+v.ID]; w != v && shown < 4 {
			shown++
			fmt.Fprintf(&b, "naive %+v\nplan  %+v\n", v, w)
		}
	}
	if b.Len() == 0 && !cmp.Equal(want, got) {
		fmt.Fprintf(&b, "%d verdicts by the naive implementation, %d by the plan, or in another order", len(want), len(got))
	}
	return b.String()
}

func TestSecondImplementationAgrees(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	gave := map[string]int{} // to how many persons a ground of a policy gave their date
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		today, err := time.Parse(time.DateOnly, todays[seed%uint64(len(todays))])
		if err != nil {
			t.Fatal(err)
		}
		size := rand.New(rand.NewPCG(seed, 9))
		random := newRandomCRM(seed, today, 20+size.IntN(160), 10+size.IntN(80))
		url := serve(t, newCRMOf(t, strange(t, seed), today, append(random.rows, keptView)...))
		c := connect(t, url)
		crm := naive.Download(t.Context(), t, url+"/api/data/v9.2/", "t")
		for _, path := range policies(t) {
			t.Run(fmt.Sprintf("seed %d/%s", seed, strings.TrimSuffix(filepath.Base(path), ".yaml")), func(t *testing.T) {
				policy, second := checked(t, c, path), naive.Read(t, path)
				for _, on := range []time.Time{today, today.AddDate(0, 0, 1), today.AddDate(0, 2, 0)} {
					known, traces := ledgerOf(seed, on, crm)
					e, err := evaluate.Evaluate(t.Context(), c, policy, evaluate.EvaluateOptions{Today: dateAt(on), Traces: traces, Held: heldAt(on), Changes: changesAt(on), Stages: stagesAt(on)})
					if err != nil {
						t.Fatal(err)
					}
					plan := plan.NewPlan(policy, e, plan.PlanOptions{Traces: traces, Stages: stagesAt(on), Asked: askedAt(on, crm), All: true})
					want := second.Judge(t, crm, on, naive.Known{Trace: known, Held: heldBefore(on), Stage: stagesBefore(on),
						Runs: runsBefore(on), Changed: changedBefore(on), Asked: askedBefore(on, crm)})
					if diff := differences(want, verdicts(plan)); diff != "" {
						t.Fatalf("on %s:\n%s", on.Format(time.DateOnly), diff)
					}
					for _, v := range want {
						seen[v.Action]++
					}
					for _, g := range plan.Grounds {
						gave[filepath.Base(path)+" "+g.Table+" "+g.Ground] += g.Persons
					}
				}
			})
		}
	}
	t.Logf("seeds %d to %d: %v", *firstSeed, *firstSeed+*seeds-1, seen)
	for _, a := range []retention.Action{retention.Keep, retention.Schedule, retention.Move, retention.Clear, retention.Wait, retention.Hold, retention.Purge} {
		if seen[string(a)] == 0 {
			t.Errorf("nobody was decided %s: the comparison proves nothing about it", a)
		}
	}
	for ground, persons := range gave {
		if persons == 0 {
			t.Errorf("nobody has their date by the ground %s: the comparison proves nothing about it", ground)
		}
	}
}
