package evaluate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
)

// ownFilter is a filter on a contact's own columns, and whether every part of it can be told from the row.
func ownFilter(r *rand.Rand, depth int) (text string, certain bool) {
	if depth > 0 && r.IntN(2) == 0 {
		a, sureA := ownFilter(r, depth-1)
		b, sureB := ownFilter(r, depth-1)
		return fmt.Sprintf("(%s) %s (%s)", a, []string{"and", "or"}[r.IntN(2)], b), sureA && sureB
	}
	number := fmt.Sprint(r.IntN(4))
	switch r.IntN(12) {
	case 0:
		return "gendercode eq " + fmt.Sprint(1+r.IntN(2)), true
	case 1:
		return "numberofchildren " + []string{"eq", "gt", "ge", "lt", "le"}[r.IntN(5)] + " " + number, true
	case 2:
		return "donotemail eq " + []string{"true", "false"}[r.IntN(2)], true
	case 3, 4:
		column := []string{"gendercode", "numberofchildren", "birthdate", "_parentcustomerid_value", "donotphone", "lastonholdtime"}[r.IntN(6)]
		return column + []string{" eq null", " ne null"}[r.IntN(2)], true
	case 5:
		return "statecode eq " + fmt.Sprint(r.IntN(2)), true
	case 6:
		return "numberofchildren ne " + number, false
	case 7:
		return "not (gendercode eq 1)", false
	case 8:
		return "jobtitle eq 'Smed'", false
	case 9:
		return "jobtitle " + []string{"eq", "ne"}[r.IntN(2)] + " null", false
	case 10:
		return "birthdate ge 1980-01-01", false
	}
	return "donotemail ne true", false
}

// TestOwnRowsAreTakenAsTheServiceTakesThem holds filters that are worked out from the person's row against the rows that the
// service finds by them, and holds that only those are worked out of which nobody can doubt what the service would say.
func TestOwnRowsAreTakenAsTheServiceTakesThem(t *testing.T) {
	r := rand.New(rand.NewPCG(*firstSeed, 19))
	var rows []emulator.Record
	for i := range 300 {
		var values []any
		maybe := func(name string, value any) {
			if r.IntN(2) == 0 {
				values = append(values, name, value)
			}
		}
		maybe("gendercode", 1+r.IntN(2))
		maybe("numberofchildren", r.IntN(4))
		maybe("donotemail", r.IntN(2) == 0)
		maybe("donotphone", r.IntN(2) == 0)
		maybe("birthdate", fmt.Sprintf("19%d-05-17", 60+r.IntN(40)))
		maybe("jobtitle", []string{"Smed", "smed", "Vävare"}[r.IntN(3)])
		maybe("statecode", 1)
		maybe("parentcustomerid", ref("account", "Customer AB"))
		rows = append(rows, person(fmt.Sprintf("p%d", i), values...))
	}
	c := connect(t, serve(t, newCRM(t, judgementDay, append(rows, record("account", "Customer AB"))...)))
	var subject strings.Builder
	subject.WriteString("  contact:\n    purge: anonymize\n    grounds:\n")
	certain := map[string]bool{}
	for i := range 120 {
		text, sure := ownFilter(r, 2)
		id := fmt.Sprintf("g%d", i)
		certain[id] = sure
		fmt.Fprintf(&subject, "      - {id: %s, basis: contract, why: w, where: \"%s\"}\n", id, text)
	}
	loaded, err := policy.Load(policyFile(t, "Europe/Stockholm", subject.String()))
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(t.Context(), loaded, c)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for i := range p.Subjects[0].Grounds {
		g := &p.Subjects[0].Grounds[i]
		own := g.OwnRow()
		if (own != nil) != certain[g.ID] {
			t.Errorf("%s: worked out from the row: %v", g.Where, own != nil)
		}
		if own == nil {
			continue
		}
		tried++
		want, got := map[string]bool{}, map[string]bool{}
		for row, err := range c.Rows(t.Context(), g.All().Query()) {
			if err != nil {
				t.Fatal(err)
			}
			want[row.ID("contactid").String()] = true
		}
		cols := []string{"contactid"}
		for _, f := range own.Columns {
			cols = append(cols, string(f))
		}
		err := c.Scan(t.Context(), dataverse.Query{Table: "contact", Select: cols}, cols, func(row []dataverse.Value) error {
			holds, sound := own.Holds(row[1:])
			if !sound {
				t.Errorf("%s: a value of another kind", g.Where)
			}
			if holds {
				got[row[0].String()] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", g.Where, diff)
		}
	}
	if tried < 20 {
		t.Errorf("only %d filters were worked out", tried)
	}
}

// TestPersonsAreReadOnce counts what an evaluation by the model policy asks of persons and of the consents that both of its
// subjects join.
func TestPersonsAreReadOnce(t *testing.T) {
	server := newCRM(t, judgementDay, person("Anna", "nord_followupon", "2026-12-01"), record("lead", "Bo"))
	c := connect(t, serve(t, server))
	p := checked(t, c, "../../testdata/policy/sales.yaml")
	before := server.Stats().Requests.ByRoute
	e, err := evaluate.Evaluate(t.Context(), c, p, evaluate.EvaluateOptions{Today: dateAt(judgementDay)})
	if err != nil {
		t.Fatal(err)
	}
	after := server.Stats().Requests.ByRoute
	for route, most := range map[string]int{
		"GET contacts":                       1,
		"GET leads":                          2, // one ground looks at the deal of a lead, which is another row
		"GET msdynmkt_contactpointconsent4s": 1,
	} {
		if n := after[route] - before[route]; n != most {
			t.Errorf("%s: %d requests, want %d", route, n, most)
		}
	}
	anna, ok := e.Person("contact", idOf("contact", "Anna"), evaluate.EvaluateOptions{})
	if g := e.GroundOf(anna); !ok || g == nil || g.ID != "agreed-follow-up" {
		t.Errorf("Anna is kept by %+v", g)
	}
}
