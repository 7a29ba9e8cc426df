package purge_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/purge"
)

// Rows that were merged one into the other are one human being however many they are, and end nobody's run.
func TestMergedChainOfAnyLength(t *testing.T) {
	t.Parallel()
	const rows = 30
	w := newWorld(t, pol)
	yvonne(w)
	for i := range rows {
		w.create("contact", fmt.Sprint("copy ", i), row{"lastname": "Copy"})
	}
	for i := range rows - 1 {
		w.call("POST", "Merge", row{"Target": row{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": id(fmt.Sprint("copy ", i+1)).String()},
			"Subordinate":            row{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": id(fmt.Sprint("copy ", i)).String()},
			"PerformParentingChecks": false})
	}
	if w.get("contact", "copy 0").Null("_masterid_value") {
		t.Fatal("nothing was merged")
	}
	if _, err := purge.AllRows(t.Context(), w.client, w.checked(w.client), w.deps(w.client).Today, []evaluate.PersonRef{contact("copy 3")}); err != nil {
		t.Errorf("all rows: %v", err)
	}
	s := w.purgeAll()
	if s.Status != ledger.Done || w.get("contact", "yvonne") != nil {
		t.Errorf("%s: %v", s.Status, s.Failures)
	}
	for i := range rows {
		if w.get("contact", fmt.Sprint("copy ", i)) != nil {
			t.Errorf("copy %d is still there", i)
		}
	}
}

// refusing is a service that refuses to answer whatever names somebody in a query of a table.
type refusing struct {
	dataverse.Writer
	whom, of string
}

func (f refusing) Batch(ctx context.Context, parts []dataverse.Part) ([]dataverse.Result, error) {
	results, err := f.Writer.Batch(ctx, parts)
	for i := range results {
		if op := parts[i].Op; op != nil && op.Method == "GET" && strings.HasPrefix(op.Path, f.of) && strings.Contains(op.Path, f.whom) {
			results[i] = dataverse.Result{Err: &dataverse.Error{Op: "GET", Status: 400, Code: "0x80040203"}}
		}
	}
	return results, err
}

// What the service refuses to answer about one person fails that person, by id and code, and nobody else: at the last look, in the
// list of what belongs to them, and when it is listed again before the delete.
func TestRefusedReadFailsItsPersonAlone(t *testing.T) {
	t.Parallel()
	for _, large := range []bool{false, true} {
		for _, of := range []string{"contacts?", "annotations?"} {
			t.Run(fmt.Sprintf("%s, in stages %t", of, large), func(t *testing.T) {
				w := newWorld(t, pol)
				var all []string
				for i := range 7 {
					name := fmt.Sprint("person ", i)
					all = append(all, name)
					w.create("contact", name, row{"lastname": "McKay"})
					w.create("annotation", name, row{"subject": "n", "objectid_contact@odata.bind": bindTo("contacts", name)})
					if large {
						for j := range 3 {
							w.create("annotation", fmt.Sprint(name, j), row{"subject": "n", "objectid_contact@odata.bind": bindTo("contacts", name)})
						}
					}
				}
				w.run()
				w.advance(60)
				s := w.run(func(d *purge.Deps) {
					d.Client = refusing{d.Client, id("person 5").String(), of}
					if large {
						small(d)
					}
				})
				for _, name := range all {
					if gone := w.get("contact", name) == nil; gone != (name != "person 5") {
						t.Errorf("%s is gone: %t", name, gone)
					}
				}
				if len(s.Failures) != 1 || s.Failures[0].ID != id("person 5") || s.Failures[0].Code != "0x80040203" {
					t.Errorf("failures %v", s.Failures)
				}
				if got := w.get("contact", "person 5"); got.Text("lastname") != "McKay" {
					t.Errorf("the person who failed is not whole: %v", got)
				}
			})
		}
	}
	// What is refused of everybody is nobody's own.
	w := newWorld(t, pol)
	yvonne(w)
	w.create("contact", "sven", row{"lastname": "Mortensen"})
	w.run()
	w.advance(60)
	_, err := w.tryRun(func(d *purge.Deps) { d.Client = refusing{d.Client, "", "annotations?"} })
	if err == nil || !slices.Contains([]string{"McKay"}, w.get("contact", "yvonne").Text("lastname")) {
		t.Errorf("the run goes on although everybody is refused: %v", err)
	}
}
