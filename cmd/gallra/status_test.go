package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

func TestNextAfter(t *testing.T) {
	day := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	at := func(hours ...int) (all []time.Time) {
		for _, h := range hours {
			all = append(all, day.Add(time.Duration(h)*time.Hour))
		}
		return all
	}
	tests := []struct {
		name  string
		began []time.Time
		want  time.Time
	}{
		{"two runs show no rhythm", at(0, 24), time.Time{}},
		{"nightly", at(0, 24, 48), at(72)[0]},
		{"nightly with one by hand", at(0, 24, 29, 48, 72, 96), at(120)[0]},
		{"what was long ago does not matter", at(0, 1, 2, 3, 4, 5, 6, 168, 336, 504, 672, 840, 1008, 1176), at(1344)[0]},
	}
	for _, tt := range tests {
		if got := nextAfter(tt.began); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestTrendOfTheDebt(t *testing.T) {
	day := func(n int) retention.Date {
		return retention.DateOf(time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC), time.UTC)
	}
	run := func(n int, verb string, status ledger.Status, counts map[string]int) ledger.RunInfo {
		return ledger.RunInfo{ID: verb, Verb: verb, Status: status, Today: day(n), Counts: counts}
	}
	runs := []ledger.RunInfo{
		run(1, "run", ledger.Done, map[string]int{"written contact": 40}),
		run(2, "erase", ledger.Done, map[string]int{"deleted contact": 1}),
		run(3, "run", ledger.Halted, map[string]int{"past contact": 9, "past lead": 3}),
		run(4, "run", "", nil), // cut
		run(5, "run", ledger.Partial, map[string]int{"past contact": 9, "past lead": 3, "deleted contact": 5, "bound contact": 2, "anonymized lead": 3, "failed contact": 2}),
	}
	got := trendOf(runs, time.UTC)
	want := []debtThen{{"run", day(1), 0, 0}, {"run", day(3), 12, 12}, {"run", day(5), 12, 2}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(debtThen{})); diff != "" {
		t.Error(diff)
	}
	if w := trendWord(got); w != "grows" {
		t.Errorf("from 0 to 2 it %s", w)
	}
	if w := trendWord(got[1:]); w != "falls" {
		t.Errorf("from 12 to 2 it %s", w)
	}
	var many []ledger.RunInfo
	for n := range 14 {
		many = append(many, run(n+1, "run", ledger.Done, nil))
	}
	if got := trendOf(many, time.UTC); len(got) != trendRuns || got[0].day != day(5) || trendWord(got) != "stays level" {
		t.Errorf("%d runs from %v, %s", len(got), got[0].day, trendWord(got))
	}
}
