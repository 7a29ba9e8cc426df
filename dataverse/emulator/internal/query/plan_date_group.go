package query

import (
	"strconv"
	"time"
)

// dateGroup groups dates by a part (fetchxml/reference/attribute): day of the month, week of the year, month, quarter and
// period of the fiscal year.
func dateGroup(part string, x operand, zone *time.Location, f fiscal) (groupColumn, bool) {
	number := func(fn func(time.Time) int, label func(int) string) groupColumn {
		return groupColumn{
			read: func(e *Env) any {
				n, ok := x.num(e)
				if !ok {
					return nil
				}
				return int64(fn(x.clock(n, zone)))
			},
			label: func(v any) string { return label(int(v.(int64))) },
		}
	}
	plain := strconv.Itoa
	switch part {
	case "day":
		return number(time.Time.Day, plain), true
	case "week":
		return number(func(t time.Time) int {
			first := time.Date(t.Year(), 1, 1, 0, 0, 0, 0, t.Location())
			return (t.YearDay()-1+int(first.Weekday()))/7 + 1
		}, plain), true
	case "month":
		return number(func(t time.Time) int { return int(t.Month()) }, plain), true
	case "quarter":
		return number(func(t time.Time) int {
			months := (int(t.Month()) - int(f.month) + 12) % 12
			if t.Day() < f.day {
				months = (months + 11) % 12
			}
			return months/3 + 1
		}, plain), true
	case "year":
		return number(time.Time.Year, plain), true
	case "fiscal-year":
		return number(f.year, func(n int) string { return "FY" + strconv.Itoa(n) }), true
	case "fiscal-period":
		return number(func(t time.Time) int { return f.year(t)*100 + f.period(t) }, func(n int) string {
			return f.periodName() + " " + strconv.Itoa(n%100) + " FY" + strconv.Itoa(n/100)
		}), true
	}
	return groupColumn{}, false
}

func (f fiscal) periodName() string {
	switch f.months {
	case 12:
		return "Annual"
	case 6:
		return "Semester"
	case 1:
		return "Month"
	}
	return "Quarter"
}
