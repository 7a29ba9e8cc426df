package query

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Relative dates (fetchxml/reference/operators, webapi/reference). Days begin at midnight in the user's time zone and
// weeks on Sunday. The pages leave the bounds of "last x" and "next x" open; here last-x-days begins at the midnight x
// days ago, so that olderthan-x-days is its complement, and both end, or begin, now.

// interval is a stretch of time: from is in it, to is not.
type interval struct{ from, to time.Time }

var (
	beginning = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	ending    = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Add(time.Second)
)

// fiscal is the organisation's fiscal year: its first month and day, and how many months a period has.
type fiscal struct {
	month  time.Month
	day    int
	months int // 12, 6, 3 or 1
}

// fiscal reads the settings of the organization row; without any the year begins on 1 January and has four quarters.
func (e *Env) fiscal() fiscal {
	f := fiscal{time.January, 1, 3}
	t := e.Snap.Schema.Tables["organization"]
	if t == nil {
		return f
	}
	e.liveRows(t).Scan(e, [16]byte{}, func(r *store.Row) bool {
		if c := t.ByName["fiscalcalendarstart"]; c != nil {
			switch v := r.Get(c.Index).(type) {
			case store.Instant:
				f.month, f.day = v.Time().Month(), v.Time().Day()
			case store.Day:
				f.month, f.day = v.Time().Month(), v.Time().Day()
			}
		}
		if c := t.ByName["fiscalperiodtype"]; c != nil {
			switch r.Get(c.Index) {
			case int64(2000):
				f.months = 12
			case int64(2001):
				f.months = 6
			case int64(2003):
				f.months = 1
			}
		}
		return false
	})
	return f
}

// year is the fiscal year that t lies in, by the calendar year it begins in.
func (f fiscal) year(t time.Time) int {
	y := t.Year()
	if t.Before(f.start(y, 1, t.Location())) {
		y--
	}
	return y
}

// period is the fiscal period that t lies in, from 1.
func (f fiscal) period(t time.Time) int {
	y := f.year(t)
	p := 1
	for p < 12/f.months && !t.Before(f.start(y, p+1, t.Location())) {
		p++
	}
	return p
}

// start is the first moment of a period; periods beyond the year's lie in the years after, below 1 in those before.
func (f fiscal) start(year, period int, zone *time.Location) time.Time {
	return time.Date(year, f.month+time.Month((period-1)*f.months), f.day, 0, 0, 0, 0, zone)
}

// addMonths keeps to the month: 31 March less a month is the last of February.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// relative is the interval of a date operator without a value or with a number; false if the operator is none.
func relative(operator string, x int, now time.Time, f fiscal) (interval, bool) {
	zone := now.Location()
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, zone)
	days := func(n int) time.Time { return today.AddDate(0, 0, n) }
	month := func(n int) time.Time { return time.Date(now.Year(), now.Month()+time.Month(n), 1, 0, 0, 0, 0, zone) }
	year := func(n int) time.Time { return time.Date(now.Year()+n, 1, 1, 0, 0, 0, 0, zone) }
	week := func(n int) time.Time { return days(7*n - int(today.Weekday())) }
	fy, fp := f.year(now), f.period(now)
	period := func(n int) time.Time { return f.start(fy, fp+n, zone) }
	fyear := func(n int) time.Time { return f.start(fy+n, 1, zone) }
	just := now.Add(time.Second) // the end of "until now"
	switch operator {
	case "today":
		return interval{today, days(1)}, true
	case "yesterday":
		return interval{days(-1), today}, true
	case "tomorrow":
		return interval{days(1), days(2)}, true
	case "last-seven-days":
		return interval{days(-7), days(1)}, true
	case "next-seven-days":
		return interval{today, days(8)}, true
	}
	bounds := map[string]func(int) time.Time{"week": week, "month": month, "year": year, "fiscal-period": period, "fiscal-year": fyear}
	for prefix, n := range map[string]int{"last-": -1, "this-": 0, "next-": 1} {
		if unit, ok := strings.CutPrefix(operator, prefix); ok {
			if b := bounds[unit]; b != nil {
				return interval{b(n), b(n + 1)}, true
			}
		}
	}
	// shifted is midnight x units away; for hours and minutes it is exact
	shifted := func(unit string, n int) (time.Time, bool) {
		switch unit {
		case "minutes":
			return now.Add(time.Duration(n) * time.Minute), true
		case "hours":
			return now.Add(time.Duration(n) * time.Hour), true
		case "days":
			return days(n), true
		case "weeks":
			return days(7 * n), true
		case "months":
			return addMonths(today, n), true
		case "years":
			return addMonths(today, 12*n), true
		case "fiscal-periods":
			return period(n), true
		case "fiscal-years":
			return fyear(n), true
		}
		return time.Time{}, false
	}
	if unit, ok := strings.CutPrefix(operator, "last-x-"); ok {
		from, ok := shifted(unit, -x)
		return interval{from, just}, ok
	}
	if unit, ok := strings.CutPrefix(operator, "olderthan-x-"); ok {
		to, ok := shifted(unit, -x)
		return interval{beginning, to}, ok
	}
	if unit, ok := strings.CutPrefix(operator, "next-x-"); ok {
		to, ok := shifted(unit, x)
		switch unit {
		case "hours":
			to = to.Add(time.Second)
		case "fiscal-periods", "fiscal-years":
			to, ok = shifted(unit, x+1)
		default:
			to = to.AddDate(0, 0, 1)
		}
		return interval{now, to}, ok
	}
	return interval{}, false
}

// bounds is the interval as values of the operand: moments count in seconds, dates in days. A moment that knows no
// time zone, and a date, are compared with what the user's clock reads.
func (x operand) bounds(i interval) (from, to int64) {
	if x.class == classDay {
		return dayOf(i.from), dayOf(i.to.Add(24*time.Hour - time.Second))
	}
	if x.col != nil && x.col.Behavior == "TimeZoneIndependent" {
		return reading(i.from), reading(i.to)
	}
	return i.from.Unix(), i.to.Unix()
}

// reading is what a clock at t reads, in seconds as if it were UTC.
func reading(t time.Time) int64 {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC).Unix()
}

func dayOf(t time.Time) int64 { return int64(math.Floor(float64(reading(t)) / 86400)) }

// dateCondition compiles the operators on dates; false if the operator is none of them.
func (q *Compiler) dateCondition(x operand, operator string, values []string) (predicate, bool, error) {
	isDate := x.class == classDay || x.class == classMoment
	now := q.env.Now.In(q.env.Zone)
	switch operator {
	case "on", "on-or-after", "on-or-before":
		if !isDate {
			return nil, true, wrongOperator(x, operator)
		}
		t, err := q.dateValue(x, operator, values)
		if err != nil {
			return nil, true, err
		}
		i := interval{t, t.AddDate(0, 0, 1)}
		switch operator {
		case "on-or-after":
			i.to = ending
		case "on-or-before":
			i.from = beginning
		}
		return x.within(x.bounds(i)), true, nil
	case "in-fiscal-period", "in-fiscal-year", "in-fiscal-period-and-year", "in-or-after-fiscal-period-and-year", "in-or-before-fiscal-period-and-year":
		if !isDate {
			return nil, true, wrongOperator(x, operator)
		}
		p, err := q.fiscalCondition(x, operator, values)
		return p, true, err
	}
	n := 0
	if strings.Contains(operator, "-x-") {
		if len(values) != 1 {
			return nil, true, wire.BadArgument("The condition operator '%s' requires one value.", operator)
		}
		var err error
		if n, err = strconv.Atoi(values[0]); err != nil || n <= 0 || n > 1_000_000 {
			return nil, true, wire.BadArgument("The value of the condition operator '%s' must be a whole number above zero.", operator)
		}
		if x.class == classDay && (strings.HasSuffix(operator, "-hours") || strings.HasSuffix(operator, "-minutes")) {
			return nil, true, wrongOperator(x, operator)
		}
	}
	i, ok := relative(operator, n, now, q.env.fiscal())
	if !ok {
		return nil, false, nil
	}
	if !isDate {
		return nil, true, wrongOperator(x, operator)
	}
	return x.within(x.bounds(i)), true, nil
}

// dateValue is the day that a value names, as its midnight in the user's time zone.
func (q *Compiler) dateValue(x operand, operator string, values []string) (time.Time, error) {
	if len(values) == 1 {
		if t, ok := wire.ParseMoment(values[0]); ok {
			if strings.ContainsAny(values[0], "TZ") {
				t = t.In(q.env.Zone)
			}
			return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, q.env.Zone), nil
		}
	}
	return time.Time{}, wrongValue(x, operator)
}

func (q *Compiler) fiscalCondition(x operand, operator string, values []string) (predicate, error) {
	want := 2
	if operator == "in-fiscal-period" || operator == "in-fiscal-year" {
		want = 1
	}
	numbers := make([]int, 0, 2)
	for _, v := range values {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 9999 {
			return nil, wrongValue(x, operator)
		}
		numbers = append(numbers, n)
	}
	if len(numbers) != want {
		return nil, wire.BadArgument("The condition operator '%s' requires %d values.", operator, want)
	}
	f, zone := q.env.fiscal(), q.env.Zone
	periods := 12 / f.months
	switch operator {
	case "in-fiscal-year":
		return x.within(x.bounds(interval{f.start(numbers[0], 1, zone), f.start(numbers[0]+1, 1, zone)})), nil
	case "in-fiscal-period":
		return func(e *Env) truth {
			n, ok := x.num(e)
			if !ok {
				return unknown
			}
			return truthOf(f.period(x.clock(n, zone)) == numbers[0])
		}, nil
	}
	if numbers[0] < 1 || numbers[0] > periods {
		return func(e *Env) truth { return no }, nil // no rows, no error (fetchxml/reference/operators)
	}
	i := interval{f.start(numbers[1], numbers[0], zone), f.start(numbers[1], numbers[0]+1, zone)}
	switch operator {
	case "in-or-after-fiscal-period-and-year":
		i.to = ending
	case "in-or-before-fiscal-period-and-year":
		i.from = beginning
	}
	return x.within(x.bounds(i)), nil
}

// clock is a value of the operand as the user's clock reads it.
func (x operand) clock(n int64, zone *time.Location) time.Time {
	switch {
	case x.class == classDay:
		n *= 86400
	case x.col == nil || x.col.Behavior != "TimeZoneIndependent":
		return time.Unix(n, 0).In(zone)
	}
	t := time.Unix(n, 0).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
}
