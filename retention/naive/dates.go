package naive

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// plus is calendar arithmetic: 31 August + 6 months = 28 February.
func plus(t testing.TB, day time.Time, period string) time.Time {
	t.Helper()
	words := strings.Fields(period)
	months, days := 0, 0
	for i := 0; i+1 < len(words); i += 2 {
		n, err := strconv.Atoi(words[i])
		if err != nil {
			t.Fatal(err)
		}
		switch strings.TrimSuffix(words[i+1], "s") {
		case "day":
			days += n
		case "week":
			days += 7 * n
		case "month":
			months += n
		case "year":
			months += 12 * n
		default:
			t.Fatalf("no unit in %q", period)
		}
	}
	shifted := day.AddDate(0, months, 0)
	if months != 0 {
		if shifted.Day() != day.Day() { // rolled over into the next month: back to the last day of the right one
			if shifted.Day() > 4 {
				t.Fatalf("%s + %s", day, period)
			}
			shifted = shifted.AddDate(0, 0, -shifted.Day())
		}
	}
	return shifted.AddDate(0, 0, days)
}

// forever is the end of what has no end.
var forever = time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC)

// independent are the columns whose times are the same on every clock in the world, though the service prints a Z.
var independent = map[string]bool{"msevtmgt_eventenddate": true, "msevtmgt_eventstartdate": true}

// day is the calendar day of a date as the service writes it.
func (p Policy) day(t testing.TB, column, text string) time.Time {
	t.Helper()
	if len(text) == len("2026-11-24") || independent[column] {
		d, err := time.Parse("2006-01-02", text[:10])
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	at, err := time.Parse("2006-01-02T15:04:05Z", text)
	if err != nil {
		t.Fatal(err)
	}
	y, m, d := at.In(p.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// date is the day in a column of a row, if there is one.
func (p Policy) date(t testing.TB, crm *CRM, row Row, column string) (time.Time, bool) {
	text, _ := crm.value(row, column).(string)
	if text == "" {
		return time.Time{}, false
	}
	return p.day(t, column[strings.LastIndex(column, "/")+1:], text), true
}

// kept is the first day on which a row of that day justifies nothing any more.
func (p Policy) kept(t testing.TB, day time.Time, g Ground) time.Time {
	period, from, _ := strings.Cut(g["keep"], " from ")
	if from == "" {
		return plus(t, day, period)
	}
	ends := p.yearEnds
	if g["yearEnds"] != "" {
		ends = g["yearEnds"]
	}
	// From day to day, until one begins a month, a quarter or a year.
	for next := day.AddDate(0, 0, 1); ; next = next.AddDate(0, 0, 1) {
		begins := false
		switch words := strings.Fields(from); words[len(words)-1] {
		case "month":
			begins = next.Day() == 1
		case "quarter":
			begins = next.Day() == 1 && (next.Month()-1)%3 == 0
		case "year":
			begins = next.AddDate(0, 0, -1).Format("2 January") == ends
			if ends == "28 February" || ends == "29 February" { // 28 and 29 are the same
				begins = next.Format("2 January") == "1 March"
			}
		}
		if begins {
			return plus(t, next, period)
		}
	}
}

func latest(days ...time.Time) time.Time {
	var last time.Time
	for _, d := range days {
		if d.After(last) {
			last = d
		}
	}
	return last
}

func words(d time.Time) string {
	switch {
	case d.IsZero():
		return ""
	case d.Equal(forever):
		return "open"
	}
	return d.Format("2006-01-02")
}
