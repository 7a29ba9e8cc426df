package retention

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Date is a calendar date: no time of day, no time zone. It counts days, so dates compare with < and fit four bytes.
//
// The zero Date is "no date"; Open is later than every date and stands for "without an end".
type Date int32

// First and Last are the ends of the calendar: what lies beyond them nobody who reads a date back would take for one. Sums stop
// there.
const (
	First Date = 1       // 0001-01-01
	Last  Date = 3652059 // 9999-12-31
)

// Open is the retain-until of a person whom a ground justifies without an end.
const Open Date = math.MaxInt32

// NewDate is the given calendar date. Out-of-range days roll over as in time.Date.
func NewDate(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()/secondsPerDay + epochDay)
}

// DateOf is the calendar date that t reads in loc.
func DateOf(t time.Time, loc *time.Location) Date {
	return within(NewDate(t.In(loc).Date()))
}

// within is d, or the end of the calendar that it lies beyond.
func within(d Date) Date { return min(max(d, First), Last) }

// FarAhead is how far ahead of today a date that a ground counts from may lie before it is told: nobody plans that far, and a
// typo keeps its person for as long.
var FarAhead = Period{Years: 30}

// Endless tells whether d is of the year 9999, which systems write that need a date and have none: 9999-12-31, or the day
// before where a time zone has moved it. It is no date that anything could count from.
func (d Date) Endless() bool { return d >= Last-364 && d != Open }

// Valid tells whether d is a date that can be written and read back, no date, or open.
func (d Date) Valid() bool { return d == 0 || d == Open || d == within(d) }

// ParseDate reads YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() == 0 {
		return 0, fmt.Errorf("%q is not a date of the form 2026-11-24", s)
	}
	return NewDate(t.Date()), nil
}

const (
	secondsPerDay = 24 * 60 * 60
	// epochDay is 1970-01-01 counted from 0001-01-01 as day 1, which keeps every date of Dataverse (1753 on) above zero.
	epochDay = 719163
)

// IsZero tells whether d is no date.
func (d Date) IsZero() bool { return d == 0 }

// Time is midnight UTC of d, for formatting.
func (d Date) Time() time.Time {
	return time.Unix((int64(d)-epochDay)*secondsPerDay, 0).UTC()
}

// String is YYYY-MM-DD, "open", or "" for no date.
func (d Date) String() string {
	switch d {
	case 0:
		return ""
	case Open:
		return "open"
	}
	return d.Time().Format(time.DateOnly)
}

// Words is d as the sales staff read it: 14 May 2024.
func (d Date) Words() string {
	if d == 0 || d == Open {
		return d.String()
	}
	return d.Time().Format("2 January 2006")
}

// MarshalText writes the form of String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the form of String.
func (d *Date) UnmarshalText(b []byte) error {
	switch s := string(b); s {
	case "":
		*d = 0
	case "open":
		*d = Open
	default:
		v, err := ParseDate(s)
		if err != nil {
			return err
		}
		*d = v
	}
	return nil
}

// Add is d plus p in calendar arithmetic: years and months first, a day that the month does not have becomes the
// month's last (31 August + 6 months = 28 February), then weeks and days. No date and Open stay what they are, and a sum beyond
// the calendar is its last day.
func (d Date) Add(p Period) Date { return d.shift(p, 1) }

// Sub is d minus p, by the same rules. It is not the inverse of Add: months differ in length.
func (d Date) Sub(p Period) Date { return d.shift(p, -1) }

func (d Date) shift(p Period, sign int) Date {
	if d == 0 || d == Open {
		return d
	}
	if months := sign * (12*p.Years + p.Months); months != 0 {
		y, m, day := d.Time().Date()
		first := time.Date(y, m+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
		last := time.Date(first.Year(), first.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
		d = NewDate(first.Year(), first.Month(), min(day, last))
	}
	return within(d + Date(sign*(7*p.Weeks+p.Days)))
}

// Period is a length of time in calendar units, such as "6 months" or "1 year 2 weeks".
type Period struct {
	Years, Months, Weeks, Days int
}

// IsZero tells whether p has no length.
func (p Period) IsZero() bool { return p == Period{} }

// ParsePeriod reads "6 months", "1 year", "14 days", "2 weeks", or several of them: "1 year 6 months". A number
// without a unit is an error: nobody should have to guess what "6" meant.
func ParsePeriod(s string) (Period, error) {
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return Period{}, fmt.Errorf("a period needs a number and a unit, such as 6 months")
	}
	if len(fields)%2 != 0 {
		return Period{}, fmt.Errorf("%q: a period is a number and a unit, such as 6 months", s)
	}
	var p Period
	for i := 0; i < len(fields); i += 2 {
		n, err := strconv.Atoi(fields[i])
		if err != nil || n < 0 || n > maxPeriodCount {
			return Period{}, fmt.Errorf("%q: %q is not a number from 0 to %d", s, fields[i], maxPeriodCount)
		}
		var unit *int
		switch strings.TrimSuffix(fields[i+1], "s") {
		case "year":
			unit = &p.Years
		case "month":
			unit = &p.Months
		case "week":
			unit = &p.Weeks
		case "day":
			unit = &p.Days
		default:
			return Period{}, fmt.Errorf("%q: %q is not a unit: days, weeks, months or years", s, fields[i+1])
		}
		if *unit != 0 {
			return Period{}, fmt.Errorf("%q: %s stands twice", s, fields[i+1])
		}
		*unit = n
	}
	if p.tooLong() {
		return Period{}, fmt.Errorf("%q: a period is %d years at most: what it is added to would leave the calendar, which ends with the year 9999", s, maxPeriodYears)
	}
	return p, nil
}

// maxPeriodYears keeps what today plus a period comes to far within the calendar.
const maxPeriodYears = 1000

func (p Period) tooLong() bool {
	return p.Years*366+p.Months*31+p.Weeks*7+p.Days > maxPeriodYears*366
}

// maxPeriodCount keeps date arithmetic far from overflow; nobody keeps data for 10,000 of anything.
const maxPeriodCount = 9999

// String is the form that ParsePeriod reads: "1 year 6 months". The zero Period is "0 days".
func (p Period) String() string {
	var parts []string
	for _, u := range []struct {
		n    int
		unit string
	}{{p.Years, "year"}, {p.Months, "month"}, {p.Weeks, "week"}, {p.Days, "day"}} {
		switch {
		case u.n == 1:
			parts = append(parts, "1 "+u.unit)
		case u.n != 0:
			parts = append(parts, strconv.Itoa(u.n)+" "+u.unit+"s")
		}
	}
	if len(parts) == 0 {
		return "0 days"
	}
	return strings.Join(parts, " ")
}

// MarshalText writes the form of String.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the form of ParsePeriod.
func (p *Period) UnmarshalText(b []byte) error {
	v, err := ParsePeriod(string(b))
	if err != nil {
		return err
	}
	*p = v
	return nil
}

// Month is the calendar month as a number that grows.
func (d Date) Month() int {
	y, m, _ := d.Time().Date()
	return y*12 + int(m)
}
