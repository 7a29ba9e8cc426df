package purge_test

import (
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/purge"
)

// TestKeptRowsBelowRowsThatGo: a row that a rule keeps is not taken by a cascade of a cascade, at two steps from the person
// nor at three, by any engine; what hangs beside it goes.
func TestKeptRowsBelowRowsThatGo(t *testing.T) {
	t.Parallel()
	rules := `    related:
      - {table: incident, link: customerid, do: delete}
      - {table: opportunity, link: customerid, do: delete}
      - {table: task, link: regardingobjectid, where: "subject eq 'keep'", do: keep, why: Evidence}
      - {table: task, link: regardingobjectid, do: delete}
      - {table: annotation, link: objectid, where: "subject eq 'keep'", do: keep, why: Evidence}
      - {table: annotation, link: objectid, do: delete}
`
	for name, engine := range map[string]string{"plain": "", "bulk-delete": "purge: {engine: bulk-delete}\n", "staged": ""} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, strings.Replace(strings.Replace(pol, "    related:\n", rules, 1), "limits:", engine+"limits:", 1))
			yvonne(w)
			w.create("incident", "case", row{"title": "c", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
			w.create("opportunity", "deal", row{"name": "o", "customerid_contact@odata.bind": bindTo("contacts", "yvonne")})
			for _, s := range []string{"keep", "go"} {
				w.create("task", "of case "+s, row{"subject": s, "regardingobjectid_incident_task@odata.bind": bindTo("incidents", "case")})
				w.create("task", "of deal "+s, row{"subject": s, "regardingobjectid_opportunity_task@odata.bind": bindTo("opportunities", "deal")})
				w.create("annotation", "of case note "+s, row{"subject": s, "objectid_incident@odata.bind": bindTo("incidents", "case")})
				for _, below := range []string{"keep", "go"} { // three steps: on the tasks
					w.create("annotation", "on "+s+" "+below, row{"subject": below, "objectid_task@odata.bind": bindTo("tasks", "of case "+s)})
				}
			}
			w.run()
			w.advance(60)
			s := w.run(func(d *purge.Deps) {
				if name == "staged" {
					purge.SetOperations(d, 6)
				}
			})
			for _, f := range s.Failures {
				t.Errorf("failed: %s %s", f.Table, f.Code)
			}
			for _, x := range []struct {
				table, name string
				stays       bool
			}{
				{"incident", "case", false}, {"opportunity", "deal", false}, {"contact", "yvonne", false},
				{"task", "of case keep", true}, {"task", "of deal keep", true}, {"task", "of case go", false}, {"task", "of deal go", false},
				{"annotation", "of case note keep", true}, {"annotation", "of case note go", false},
				{"annotation", "on keep keep", true}, {"annotation", "on go keep", true}, {"annotation", "on go go", false},
			} {
				if got := w.get(x.table, x.name) != nil; got != x.stays {
					t.Errorf("%s %q is there: %t, want %t", x.table, x.name, got, x.stays)
				}
			}
		})
	}
}
