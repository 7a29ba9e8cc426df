package policytest

import (
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/policy"
)

// Promise of docs/security.md: a case that passes does so whether or not the service counts rows in which a column is empty.
func TestCasesRunWithAndWithoutEmptyColumns(t *testing.T) {
	f, err := policy.LoadTests(modelTests)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load("../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for nulls, want := range map[emulator.NullNegation]int{emulator.NullMatchesNegation: 1, emulator.NullMatchesNothing: 0} {
		w, err := start(t.Context(), f, p, nulls)
		if err != nil {
			t.Fatal(err)
		}
		defer w.client.Close()
		if _, err := w.client.Create(t.Context(), "contacts", map[string]any{"lastname": "Berg"}, nil); err != nil {
			t.Fatal(err)
		}
		if n, err := w.client.Count(t.Context(), dataverse.Query{Table: "contact", Set: "contacts", Filter: "jobtitle ne 'Author'"}); err != nil || n != want {
			t.Errorf("%d rows without a job title are counted, want %d: %v", n, want, err)
		}
	}
	bad := policy.Problem{Message: "`anna` is purged"}
	if got := agreeing(f, Result{Failures: policy.Problems{bad}}, Result{Failures: policy.Problems{bad}}); len(got) != 1 {
		t.Errorf("a failure in both: %v", got)
	}
	if got := agreeing(f, Result{}, Result{Failures: policy.Problems{bad}}); len(got) != 2 {
		t.Errorf("a failure in one: %v", got)
	}
}
