package main

import (
	"strings"
	"time"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/ledger"
)

// debtThen is the retention debt at a run: the persons whose purge date had come when it began, and those whom it left.
type debtThen struct {
	run        string
	day        retention.Date
	past, left int
}

// trendRuns is how many runs the trend goes back.
const trendRuns = 10

// trendOf is the debt at the last runs that ended, the oldest first. A run that was cut says nothing of it.
func trendOf(runs []ledger.RunInfo, zone *time.Location) []debtThen {
	var all []debtThen
	for i := range runs {
		r := &runs[i]
		if r.Verb != "run" || r.Status == "" {
			continue
		}
		d := debtThen{run: r.ID, day: r.Today}
		if d.day.IsZero() {
			d.day = retention.DateOf(r.Began, zone)
		}
		purged := 0
		for what, n := range r.Counts {
			switch kind, _, _ := strings.Cut(what, " "); kind {
			case "past":
				d.past += n
			case "deleted", "anonymized", "bound":
				purged += n
			}
		}
		d.left = max(d.past-purged, 0)
		all = append(all, d)
	}
	return all[max(0, len(all)-trendRuns):]
}

// trendWord says in a word where the debt goes: by what the runs left behind, of the first and the last in the trend.
func trendWord(all []debtThen) string {
	if len(all) < 2 {
		return ""
	}
	switch first, last := all[0].left, all[len(all)-1].left; {
	case last > first:
		return "grows"
	case last < first:
		return "falls"
	}
	return "stays level"
}
