package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// Every period of the model policy can be changed: the changed file differs in that line alone, and read again it is
// the policy that was simulated.
func TestWithPeriod(t *testing.T) {
	const file = "../../testdata/policy/sales.yaml"
	pol, err := policy.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	original, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if pol.Source(pol.Files[0]) != string(original) {
		t.Error("the source is not the file's text")
	}
	keep := retention.Period{Months: 31}
	tried := 0
	for _, s := range pol.Subjects {
		for _, g := range s.Grounds {
			changed, edited, err := pol.WithPeriod(s.Table, g.ID, keep)
			if g.Keep.IsZero() {
				if err == nil {
					t.Errorf("%s of %s has no period, and one was changed", g.ID, s.Table)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s of %s: %v", g.ID, s.Table, err)
				continue
			}
			tried++
			now, then := strings.Split(string(original), "\n"), strings.Split(edited.Text, "\n")
			if len(now) != len(then) {
				t.Fatalf("%d lines became %d", len(now), len(then))
			}
			for i := range now {
				if (now[i] != then[i]) != (i+1 == edited.Line) {
					t.Errorf("%s: line %d: %q became %q", g.ID, i+1, now[i], then[i])
				}
			}
			path := filepath.Join(t.TempDir(), edited.Name)
			if err := os.WriteFile(path, []byte(edited.Text), 0o600); err != nil {
				t.Fatal(err)
			}
			again, err := policy.Load(path)
			if err != nil {
				t.Fatalf("%s: %v", g.ID, err)
			}
			for i, x := range again.Subject(s.Table).Grounds {
				want := s.Grounds[i].Keep
				if x.ID == g.ID {
					want.Period = keep
				}
				if x.Keep != want || changed.Subject(s.Table).Grounds[i].Keep != want {
					t.Errorf("%s: the period of %s is %s and %s, want %s", g.ID, x.ID, x.Keep, changed.Subject(s.Table).Grounds[i].Keep, want)
				}
			}
			if pol.Subject(s.Table).Grounds[0].Keep != s.Grounds[0].Keep || pol.Hash == "" {
				t.Error("the policy itself was changed")
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d periods were tried", tried)
	}
	if _, _, err := pol.WithPeriod("contact", "nobody", keep); err == nil {
		t.Error("a ground that there is not was changed")
	}
}
