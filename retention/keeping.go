package retention

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Keeping is for how long something is kept after a date: for a period, which counts from the date itself or from the end of
// the month, quarter or year that the date lies in. Laws count from the end of the year: "seven years from the end of the
// year in which the gift was made". The last day of that time is kept through.
type Keeping struct {
	Period
	From     CountFrom
	YearEnds YearEnd // which day ends a year, where From is [EndOfYear]
}

// CountFrom is what a period counts from.
type CountFrom uint8

// What a period can count from.
const (
	TheDate CountFrom = iota
	EndOfMonth
	EndOfQuarter // of the calendar
	EndOfYear
)

var countFromWords = map[CountFrom]string{EndOfMonth: "month", EndOfQuarter: "quarter", EndOfYear: "year"}

// Word names the time at whose end a period begins to count: month, quarter or year; empty where it counts from the date itself.
func (f CountFrom) Word() string { return countFromWords[f] }

// YearEnd is the day of the calendar that ends a year, such as the fiscal or the academic one. The zero YearEnd is 31 December.
// The last day of February is that of the year, whether it was written as 28 or 29.
type YearEnd struct {
	Month time.Month
	Day   int
}

// In is the day on which a year ends in that year of the calendar.
func (y YearEnd) In(year int) Date {
	switch {
	case y.Month == 0:
		return NewDate(year, time.December, 31)
	case y.Month == time.February && y.Day >= 28:
		return NewDate(year, time.March, 1) - 1
	}
	return NewDate(year, y.Month, y.Day)
}

// String is the form that is read: 31 March.
func (y YearEnd) String() string {
	if y.Month == 0 {
		y = YearEnd{time.December, 31}
	}
	return fmt.Sprintf("%d %s", y.Day, y.Month)
}

// MarshalText writes the form of String.
func (y YearEnd) MarshalText() ([]byte, error) { return []byte(y.String()), nil }

// UnmarshalText reads a day and the name of a month: 31 March.
func (y *YearEnd) UnmarshalText(b []byte) error {
	wrong := fmt.Errorf("%q is no day of the year, such as 31 March", b)
	fields := strings.Fields(string(b))
	if len(fields) != 2 {
		return wrong
	}
	day, err := strconv.Atoi(fields[0])
	if err != nil {
		return wrong
	}
	for m := time.January; m <= time.December; m++ {
		if strings.EqualFold(fields[1], m.String()) || strings.EqualFold(fields[1], m.String()[:3]) {
			last := time.Date(2000, m+1, 0, 0, 0, 0, 0, time.UTC).Day() // 2000 was a leap year
			if day < 1 || day > last {
				return wrong
			}
			*y = YearEnd{m, day}
			return nil
		}
	}
	return wrong
}

// Start is the day that the period counts from: the date itself, or the first day after the month, quarter or year that it
// lies in.
func (k Keeping) Start(d Date) Date {
	if d == 0 || d == Open {
		return d
	}
	year, month, _ := d.Time().Date()
	switch k.From {
	case EndOfMonth:
		return within(NewDate(year, month+1, 1))
	case EndOfQuarter:
		return within(NewDate(year, month-(month-1)%3+3, 1))
	case EndOfYear:
		end := k.YearEnds.In(year)
		if d > end {
			end = k.YearEnds.In(year + 1)
		}
		return within(end + 1)
	}
	return d
}

// begins is the first day of the month, quarter or year that the date lies in; the date itself where a period counts from that.
func (k Keeping) begins(d Date) Date {
	year, month, _ := d.Time().Date()
	switch k.From {
	case EndOfMonth:
		return within(NewDate(year, month, 1))
	case EndOfQuarter:
		return within(NewDate(year, month-(month-1)%3, 1))
	case EndOfYear:
		end := k.YearEnds.In(year)
		if d <= end {
			end = k.YearEnds.In(year - 1)
		}
		return within(end + 1)
	}
	return d
}

// End is the first day on which what happened on d justifies nothing any more.
func (k Keeping) End(d Date) Date { return k.Start(d).Add(k.Period) }

// IsZero tells whether nothing is added to a date.
func (k Keeping) IsZero() bool { return k.Period.IsZero() && k.From == TheDate }

// String is the form that ParseKeeping reads: 7 years from end of year.
func (k Keeping) String() string {
	if k.From == TheDate {
		return k.Period.String()
	}
	return k.Period.String() + " from end of " + countFromWords[k.From]
}

// ParseKeeping reads a period, and perhaps what it counts from: "7 years from end of year". Words may be written out: "from the
// end of the year".
func ParseKeeping(s string) (Keeping, error) {
	period, from, counts := strings.Cut(s, " from ")
	p, err := ParsePeriod(period)
	if err != nil || !counts {
		return Keeping{Period: p}, err
	}
	words := strings.Fields(strings.ReplaceAll(" "+from+" ", " the ", " "))
	if len(words) == 3 && words[0] == "end" && words[1] == "of" {
		for counted, word := range countFromWords {
			if word == words[2] {
				return Keeping{Period: p, From: counted}, nil
			}
		}
	}
	return Keeping{}, fmt.Errorf("%q: a period counts from a date, or `from end of year`, `quarter` or `month`", s)
}

// MarshalText writes the form of String.
func (k Keeping) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the form of ParseKeeping.
func (k *Keeping) UnmarshalText(b []byte) error {
	v, err := ParseKeeping(string(b))
	if err != nil {
		return err
	}
	*k = v
	return nil
}

// Words is for how long something is kept, counted from a date, as people read it: 7 years from the end of 2026.
func (k Keeping) Words(d Date) string {
	if k.From == TheDate || d == 0 || d == Open {
		return k.Period.String()
	}
	last := k.Start(d) - 1
	text := last.Words()
	if k.From == EndOfYear && k.YearEnds.In(last.Time().Year()) == NewDate(last.Time().Year(), time.December, 31) {
		text = strconv.Itoa(last.Time().Year())
	}
	if text != last.Words() {
		text = "the end of " + text
	}
	if k.Period.IsZero() {
		return "until " + text
	}
	return k.Period.String() + " from " + text
}

// After is for how long something is kept after whatever date is meant, as people read it: 7 years from the end of the year of
// the gift. Beside a date that is itself the end, the period is time beyond it.
func (k Keeping) After(date string, end bool) string {
	switch {
	case k.From != TheDate:
		text := "the end of the " + countFromWords[k.From] + " of " + date
		if k.From == EndOfYear && k.YearEnds != (YearEnd{}) {
			text += ", the year ending on " + k.YearEnds.String()
		}
		if k.Period.IsZero() {
			return "until " + text
		}
		return k.Period.String() + " from " + text
	case end && k.Period.IsZero():
		return "until " + date
	case end:
		return k.Period.String() + " beyond " + date
	}
	return k.Period.String() + " after " + date
}

// boundMargin widens a pushed bound. An instant's date differs by at most a day between UTC and any time zone; the
// rest is room for what nobody thought of, at the price of a few rows.
const boundMargin = 3

// FirstThatMatters is a date such that every earlier one has ended by today.
func (k Keeping) FirstThatMatters(today Date) Date { return k.FirstThatLasts(today) - boundMargin }

// FirstThatLasts is the earliest date that, kept, ends later than the day. Adding a period never reorders dates, so it is found
// by going up from well below it.
func (k Keeping) FirstThatLasts(day Date) Date {
	d := day.Sub(k.Period) - 10 // months of unequal length and clamped days shift it by fewer
	if day >= Last {
		return Last // no sum is later
	}
	for d.Add(k.Period) <= day {
		d++
	}
	if k.From == TheDate {
		return d
	}
	return k.begins(d - 1) // the unit whose end is no earlier than the day before
}
