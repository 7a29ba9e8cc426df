package ledger

import "github.com/gallra/gallra/retention"

const (
	rhythmRuns = 5 // how many runs make a rhythm
	leapDays   = 7 // gaps below say nothing: a job rests over holidays
	leapTimes  = 4 // how many times the longest gap of before is a leap
)

// Leap is how many days today lies after the last run where that is against the rhythm of the runs before, and else zero. Either
// the job stood still for so long, or the clock leaps.
func Leap(runs []RunInfo, today retention.Date) int {
	var days []retention.Date
	for _, r := range runs {
		if r.Status != Halted && !r.Today.IsZero() {
			days = append(days, r.Today)
		}
	}
	if len(days) < rhythmRuns {
		return 0
	}
	longest := retention.Date(1)
	days = days[len(days)-rhythmRuns:]
	for i := range days[1:] {
		longest = max(longest, days[i+1]-days[i])
	}
	if gap := today - days[len(days)-1]; gap > leapDays && gap > longest*leapTimes {
		return int(gap)
	}
	return 0
}
