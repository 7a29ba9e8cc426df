package evaluate_test

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/naive"
	"github.com/gallra/gallra/retention/plan"
)

// What an explanation found makes the date and the ground that the plan has, and its verdict is the plan's.
func TestExplainAgreesWithThePlan(t *testing.T) {
	t.Parallel()
	for seed := *firstSeed; seed < *firstSeed+max(1, *seeds/2); seed++ {
		today, url, _ := generated(t, seed, 40, 20)
		c := connect(t, url)
		_, traces := ledgerOf(seed, today, naive.Download(t.Context(), t, url+"/api/data/v9.2/", "t"))
		o := evaluate.EvaluateOptions{Today: dateAt(today), Traces: traces}
		for _, path := range policies(t) {
			policy := checked(t, c, path)
			e, err := evaluate.Evaluate(t.Context(), c, policy, o)
			if err != nil {
				t.Fatal(err)
			}
			planned := plan.NewPlan(policy, e, plan.PlanOptions{Traces: traces, All: true})
			for i := range planned.Decisions {
				if (uint64(i)+seed)%13 != 0 {
					continue // each costs a query a ground
				}
				d := &planned.Decisions[i]
				x, err := plan.Explain(t.Context(), c, policy, d.Person.Table, d.Person.ID, o)
				if err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(d.Decision, x.Decision.Decision); diff != "" || x.Decision.GroundID() != d.GroundID() || x.Decision.Reason() != d.Reason() {
					t.Errorf("seed %d, %s, %s %s: explained as %s %q, planned as %s %q\n%s", seed, path, d.Person.Table, d.Person.ID,
						x.Decision.GroundID(), x.Decision.Reason(), d.GroundID(), d.Reason(), diff)
				}
				// The first finding with the latest date is the ground, unless staff extended by hand until later.
				best, ground := retention.Date(0), ""
				own := -1
				for n, f := range x.Findings {
					if f.Table == d.Person.Table {
						own = max(own, n)
					}
					if f.Until() > best {
						best, ground = f.Until(), f.Ground.ID
					}
					if !slices.IsSortedFunc(f.Rows, func(a, b evaluate.FoundRow) int { return cmp.Compare(b.Until, a.Until) }) {
						t.Errorf("the rows of %s are not in the order of their dates", f.Ground.ID)
					}
				}
				if own < 0 && d.Class != "nothing-holds" {
					t.Errorf("no ground of %s was looked for", d.Person.Table)
				}
				if d.GroundID() == retention.ManualExtension {
					if best > d.Until {
						t.Errorf("%s %s: extended by hand until %s, and %s holds until %s", d.Person.Table, d.Person.ID, d.Until, ground, best)
					}
				} else if best != d.Until || ground != d.GroundID() {
					t.Errorf("seed %d, %s, %s %s: found %s until %s, planned %s until %s", seed, path, d.Person.Table, d.Person.ID, ground, best, d.GroundID(), d.Until)
				}
			}
		}
	}
}

// A person is explained by every row that was found, and by those of their other rows.
func TestExplainShowsTheRows(t *testing.T) {
	today := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	anna, twin, anonymous := uuid.New(), uuid.New(), uuid.New()
	older, newer, undated := uuid.New(), uuid.New(), uuid.New()
	consent := func(id uuid.UUID, address string, on time.Time) emulator.Record {
		return emulator.Record{Table: "msdynmkt_contactpointconsent4", ID: id, Values: map[string]any{
			"msdynmkt_contactpointvalue": address, "msdynmkt_value": 534120001, "modifiedon": on, "createdon": on}}
	}
	c := connect(t, serve(t, newCRM(t, today,
		emulator.Record{Table: "contact", ID: anna, Values: map[string]any{"lastname": "Ek", "emailaddress1": "anna@nord.example"}},
		emulator.Record{Table: "lead", ID: twin, Values: map[string]any{"lastname": "Ek", "statecode": 2, "emailaddress1": "ek@home.example", "emailaddress2": "ANNA@nord.example"}},
		emulator.Record{Table: "contact", ID: anonymous, Values: map[string]any{"lastname": "(purged)", "gallra_anonymizedon": today}},
		consent(older, "anna@nord.example", today.AddDate(-1, 0, 0)), consent(newer, "anna@nord.example", today.AddDate(0, -1, 0)),
		consent(undated, "ek@home.example", today.AddDate(0, -2, 0)),
	)))
	policy := checked(t, c, "../../testdata/policies/values.yaml")
	o := evaluate.EvaluateOptions{Today: dateAt(today)}
	x, err := plan.Explain(t.Context(), c, policy, "contact", anna, o)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		table, ground string
		id            uuid.UUID
		date, until   string
	}
	var got []row
	for _, f := range x.Findings {
		for _, r := range f.Rows {
			got = append(got, row{f.Table, f.Ground.ID, r.ID, r.Date.String(), r.Until.String()})
		}
	}
	want := []row{
		{"contact", "marketing-consent", newer, "2026-10-24", "2028-10-24"},
		{"contact", "marketing-consent", older, "2025-11-24", "2027-11-24"},
		{"lead", "marketing-consent", undated, "2026-09-24", "2027-09-24"},
	}
	if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(x.Others) != 1 || x.Others[0].ID != twin || x.Others[0].Until.String() != "2028-10-24" {
		t.Errorf("other rows %+v", x.Others)
	}
	for _, nobody := range []uuid.UUID{anonymous, uuid.New()} {
		if _, err := plan.Explain(t.Context(), c, policy, "contact", nobody, o); !errors.Is(err, dataverse.ErrNotFound) {
			t.Errorf("explained somebody who is not there: %v", err)
		}
	}
}

// Whoever asks what is known about an address gets every row that holds it, however it was typed there, and no other.
func TestFindByEmailFindsEverySpelling(t *testing.T) {
	today := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	person := func(table, column string, address any) emulator.Record {
		return emulator.Record{Table: table, ID: uuid.New(), Values: map[string]any{"lastname": "Ek", column: address}}
	}
	rows := []emulator.Record{
		person("contact", "emailaddress1", "anna@nord.example"), person("contact", "emailaddress3", " ANNA@nord.example\u00a0"),
		person("lead", "emailaddress2", "Anna@Nord.example "),
		person("lead", "emailaddress1", "\u00e4nna@nord.example"), person("contact", "emailaddress1", " bo@nord.example"), person("contact", "emailaddress1", nil),
	}
	c := connect(t, serve(t, newCRM(t, today, rows...)))
	policy := checked(t, c, "../../testdata/policies/values.yaml")
	found, err := evaluate.FindByEmail(t.Context(), c, policy, "\tanna@NORD.example ")
	if err != nil {
		t.Fatal(err)
	}
	want := map[uuid.UUID]bool{rows[0].ID: true, rows[1].ID: true, rows[2].ID: true}
	for _, p := range found {
		if !want[p.ID] {
			t.Errorf("found %s %s", p.Table, p.ID)
		}
		delete(want, p.ID)
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
	for _, nobody := range []string{"", "  ", "carl@nord.example"} {
		if _, err := evaluate.FindByEmail(t.Context(), c, policy, nobody); !errors.Is(err, evaluate.ErrNobody) {
			t.Errorf("%q: %v", nobody, err)
		}
	}
}
