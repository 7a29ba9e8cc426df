package messages

import (
	"strconv"
	"strings"
	"time"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// recurrence is how often a job comes again. The zero value is once.
type recurrence struct {
	unit  string // HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY
	every int
}

// readRecurrence reads a rule such as FREQ=DAILY;INTERVAL=3; with one of the frequencies. What else RFC 2445 has is
// refused by name. Page: recurrence pattern in asynchronous job execution.
func readRecurrence(e *store.Engine, text, frequencies string) (recurrence, error) {
	r := recurrence{every: 1}
	bad := wire.BadArgument("The recurrence pattern '%s' is not valid.", text)
	seen := map[string]bool{}
	for _, part := range strings.Split(strings.TrimSuffix(text, ";"), ";") {
		if text == "" {
			return recurrence{}, nil
		}
		name, value, found := strings.Cut(part, "=")
		if !found || value == "" || seen[name] {
			return r, bad
		}
		seen[name] = true
		switch name {
		case "FREQ":
			r.unit = value
		case "INTERVAL":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 9999 {
				return r, bad
			}
			r.every = n
		case "UNTIL", "COUNT", "BYHOUR", "BYMINUTE", "BYSECOND", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST":
			return r, wire.NotEmulated(e, "a recurrence pattern with "+name)
		default:
			return r, bad
		}
	}
	for _, f := range strings.Fields(frequencies) {
		if f == r.unit {
			return r, nil
		}
	}
	return r, bad
}

// next is the first time of the rule that lies behind now, counted from its start; false if it happens once.
func (r recurrence) next(start, now store.Instant) (store.Instant, bool) {
	if r.unit == "" {
		return 0, false
	}
	from := start.Time()
	at := func(n int) time.Time {
		switch n *= r.every; r.unit {
		case "HOURLY":
			return from.Add(time.Duration(n) * time.Hour)
		case "DAILY":
			return from.AddDate(0, 0, n)
		case "WEEKLY":
			return from.AddDate(0, 0, 7*n)
		case "MONTHLY":
			return from.AddDate(0, n, 0)
		}
		return from.AddDate(n, 0, 0)
	}
	// Find an n that is far enough, then the first one.
	high := 1
	for !at(high).After(now.Time()) {
		high *= 2
	}
	low := high / 2
	for low < high {
		if mid := (low + high) / 2; at(mid).After(now.Time()) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return store.Instant(at(max(low, 1)).Unix()), true
}
