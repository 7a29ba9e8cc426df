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
func ledgerOf(seed uint64, today time.Time, crm *naiveCRM) (func(table, id string) naiveTrace, func(table string, id uuid.UUID) retention.Trace) {
	traces := map[string]naiveTrace{}
	r := &randomCRM{Rand: rand.New(rand.NewPCG(seed, 8)), today: today}
	for _, table := range []string{"contact", "lead"} {
		for _, row := range crm.tables[table] {
			var n naiveTrace
			at := func(column string) time.Time {
				d, err := time.Parse(time.DateOnly, row.text(column))
				if err != nil {
					return time.Time{}
				}
				return d
			}
			switch r.IntN(4) {
			case 0: // lost
			case 1, 2:
				n = naiveTrace{purgeOn: at("gallra_purgescheduledon"), noticedOn: at("gallra_purgenoticedon")}
			case 3:
				n = naiveTrace{purgeOn: r.day(), noticedOn: r.day()}
			}
			n.held = r.IntN(6) == 0
			traces[table+row.text(table+"id")] = n
		}
	}
	naive := func(table, id string) naiveTrace { return traces[table+id] }
	return naive, func(table string, id uuid.UUID) retention.Trace {
		n := naive(table, id.String())
		return retention.Trace{PurgeOn: dateAt(n.purgeOn), NoticedOn: dateAt(n.noticedOn), Held: n.held}
	}
}

// heldAt is naiveHeld for an evaluation.
func heldAt(today time.Time) func(table string, id uuid.UUID, ground string) retention.Held {
	return func(_ string, id uuid.UUID, _ string) retention.Held {
		now, on := naiveHeld(id.String(), today)
		return retention.Held{Now: now, LostOn: dateAt(on)}
	}
}

// verdicts are a plan's decisions as the second implementation words them.
func verdicts(p *plan.Plan) []naiveVerdict {
	var out []naiveVerdict
	for i := range p.Decisions {
		d := &p.Decisions[i]
		out = append(out, naiveVerdict{
			Table: d.Person.Table, ID: d.Person.ID.String(), Until: d.Until.String(), Ground: d.GroundID(),
			Action: string(d.Action), PurgeOn: d.PurgeOn.String(), NoticedOn: d.NoticedOn.String(),
		})
	}
	return out
}

// differences are the first few differences between two lists of verdicts.
func differences(want, got []naiveVerdict) string {
	var b strings.Builder
	have := map[string]naiveVerdict{}
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
		url := serve(t, newCRM(t, today, append(random.rows, keptView)...))
		c := connect(t, url)
		crm := download(t.Context(), t, url+"/api/data/v9.2/", "t")
		for _, path := range policies(t) {
			t.Run(fmt.Sprintf("seed %d/%s", seed, strings.TrimSuffix(filepath.Base(path), ".yaml")), func(t *testing.T) {
				policy, naive := checked(t, c, path), readNaivePolicy(t, path)
				for _, on := range []time.Time{today, today.AddDate(0, 0, 1), today.AddDate(0, 2, 0)} {
					naiveTraces, traces := ledgerOf(seed, on, crm)
					e, err := evaluate.Evaluate(t.Context(), c, policy, evaluate.EvaluateOptions{Today: dateAt(on), Traces: traces, Held: heldAt(on)})
					if err != nil {
						t.Fatal(err)
					}
					plan := plan.NewPlan(policy, e, plan.PlanOptions{Traces: traces, All: true})
					want := naive.judge(t, crm, on, naiveTraces)
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
