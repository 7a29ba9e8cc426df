package purge

import (
	"fmt"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// Clock is the guard rail for the day itself: every date rests on it, and so does every notice.
const Clock policy.Rail = "clock"

// clock stops a run that would write dates, or purge, on a day that cannot be relied on: the service's answers contradict each
// other, or the ledger has seen later days than this one. A day may seem to go back by one where the policy's time zone
// changed.
func clock(d *Deps) *StopError {
	rail := plan.GuardRail{Rail: Clock, Remedy: clockRemedy}
	if err := d.Client.ClockErr(); err != nil {
		rail.Sentence = err.Error() + ": nobody is purged"
		return &StopError{Rails: []plan.GuardRail{rail}}
	}
	if last := lastDay(d.Ledger); d.Today < last-1 {
		rail.Sentence = fmt.Sprintf("the service says that it is %s, and the ledger holds a run of %s: nobody is purged", d.Today.Words(), last.Words())
		rail.Remedy += "; if that run was wrong about the day, begin a new ledger, which gives everybody the whole notice again"
		return &StopError{Rails: []plan.GuardRail{rail}}
	}
	return nil
}

// lastDay is the latest day on which a run may have written anything.
func lastDay(l *ledger.Ledger) retention.Date {
	var last retention.Date
	for _, run := range l.Runs() {
		if run.Status != ledger.Halted {
			last = max(last, run.Today)
		}
	}
	return last
}

// written is the day on which a date that is written now is first visible. A run is of the day of its start, however long
// it lasts: once midnight has passed, the notice of what it writes counts from the day after.
func (r *session) written() retention.Date {
	if at := r.Client.Now(); !at.IsZero() {
		return max(r.Today, retention.DateOf(at, r.Policy.Policy.TimeZone))
	}
	return r.Today
}
