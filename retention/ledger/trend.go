package ledger

import (
	"strings"
	"time"

	"github.com/gallra/gallra/retention"
)

// Debt is the retention debt at a run: the persons whose purge date had come when it began, and those whom it left.
type Debt struct {
	Run        string
	Day        retention.Date
	Past, Left int
}

// TrendRuns is how many runs the trend goes back.
const TrendRuns = 10

// DebtTrend is the debt at the last runs that ended, the oldest first. A run that was cut says nothing of it.
func DebtTrend(runs []RunInfo, zone *time.Location) []Debt {
	var all []Debt
	for i := range runs {
		r := &runs[i]
		if r.Verb != "run" || r.Status == "" {
			continue
		}
		d := Debt{Run: r.ID, Day: r.Today}
		if d.Day.IsZero() {
			d.Day = retention.DateOf(r.Began, zone)
		}
		purged := 0
		for what, n := range r.Counts {
			switch kind, _, _ := strings.Cut(what, " "); kind {
			case "past":
				d.Past += n
			case "deleted", "anonymized", "bound":
				purged += n
			}
		}
		d.Left = max(d.Past-purged, 0)
		all = append(all, d)
	}
	return all[max(0, len(all)-TrendRuns):]
}

// TrendWord says in a word where the debt goes: by what the runs left behind, of the first and the last in the trend.
func TrendWord(all []Debt) string {
	if len(all) < 2 {
		return ""
	}
	switch first, last := all[0].Left, all[len(all)-1].Left; {
	case last > first:
		return "grows"
	case last < first:
		return "falls"
	}
	return "stays level"
}
