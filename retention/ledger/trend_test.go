package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/retention"
)

func TestTrendOfTheDebt(t *testing.T) {
	day := func(n int) retention.Date {
		return retention.DateOf(time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC), time.UTC)
	}
	run := func(n int, verb string, status Status, counts map[string]int) RunInfo {
		return RunInfo{ID: verb, Verb: verb, Status: status, Today: day(n), Counts: counts}
	}
	runs := []RunInfo{
		run(1, "run", Done, map[string]int{"written contact": 40}),
		run(2, "erase", Done, map[string]int{"deleted contact": 1}),
		run(3, "run", Halted, map[string]int{"past contact": 9, "past lead": 3}),
		run(4, "run", "", nil), // cut
		run(5, "run", Partial, map[string]int{"past contact": 9, "past lead": 3, "deleted contact": 5, "bound contact": 2, "anonymized lead": 3, "failed contact": 2}),
	}
	got := DebtTrend(runs, time.UTC)
	want := []Debt{{"run", day(1), 0, 0}, {"run", day(3), 12, 12}, {"run", day(5), 12, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if w := TrendWord(got); w != "grows" {
		t.Errorf("from 0 to 2 it %s", w)
	}
	if w := TrendWord(got[1:]); w != "falls" {
		t.Errorf("from 12 to 2 it %s", w)
	}
	var many []RunInfo
	for n := range 14 {
		many = append(many, run(n+1, "run", Done, nil))
	}
	if got := DebtTrend(many, time.UTC); len(got) != TrendRuns || got[0].Day != day(5) || TrendWord(got) != "stays level" {
		t.Errorf("%d runs from %v, %s", len(got), got[0].Day, TrendWord(got))
	}
}
