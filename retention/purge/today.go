package purge

import "github.com/gallra/gallra/retention"

// written is the day on which a date that is written now is first visible. A run is of the day of its start, however long
// it lasts: once midnight has passed, the notice of what it writes counts from the day after.
func (r *runner) written() retention.Date {
	if at := r.Client.Now(); !at.IsZero() {
		return max(r.Today, retention.DateOf(at, r.Policy.Policy.TimeZone))
	}
	return r.Today
}
