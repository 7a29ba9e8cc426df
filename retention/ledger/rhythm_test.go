package ledger_test

import (
	"testing"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

func TestALeapAgainstTheRhythmIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		days  []retention.Date
		today retention.Date
		want  int
	}{
		"every night":           {[]retention.Date{100, 101, 102, 103, 104}, 105, 0},
		"a week of rest":        {[]retention.Date{100, 101, 102, 103, 104}, 111, 0},
		"two months":            {[]retention.Date{100, 101, 102, 103, 104}, 165, 61},
		"every month":           {[]retention.Date{100, 130, 160, 190, 220}, 281, 0},
		"too few to say":        {[]retention.Date{100, 101, 102}, 165, 0},
		"several runs of a day": {[]retention.Date{100, 100, 100, 100, 100}, 165, 65},
	} {
		var runs []ledger.RunInfo
		for _, d := range c.days {
			runs = append(runs, ledger.RunInfo{Today: d, Status: ledger.Done}, ledger.RunInfo{Today: 9999, Status: ledger.Halted})
		}
		if got := ledger.Leap(runs, c.today); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
