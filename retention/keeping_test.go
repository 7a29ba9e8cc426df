package retention

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestKeepingEnds(t *testing.T) {
	for _, tt := range []struct{ keep, yearEnds, day, want string }{
		{"8 years", "", "2019-05-10", "2027-05-10"},
		{"7 years from end of year", "31 March", "2019-05-10", "2027-04-01"},
		{"7 years from the end of the year", "31 March", "2020-03-31", "2027-04-01"}, // the last day of that year
		{"7 years from end of year", "31 March", "2020-04-01", "2028-04-01"},         // the first of the next
		{"7 years from end of year", "", "2026-12-31", "2034-01-01"},
		{"7 years from end of year", "", "2026-01-01", "2034-01-01"},
		{"1 year from end of year", "28 February", "2024-02-29", "2025-03-01"}, // the end of February, in every year
		{"1 year from end of year", "29 February", "2023-02-28", "2024-03-01"},
		{"1 year from end of year", "29 February", "2023-03-01", "2025-03-01"},
		{"6 years from end of year", "5 April", "2026-04-05", "2032-04-06"},
		{"0 days from end of year", "", "2026-06-01", "2027-01-01"},
		{"2 weeks from end of month", "", "2024-02-29", "2024-03-15"},
		{"1 month from end of month", "", "2026-12-31", "2027-02-01"},
		{"3 months from end of quarter", "", "2026-11-24", "2027-04-01"},
		{"1 day from end of quarter", "", "2026-03-31", "2026-04-02"},
		{"1 year from end of year", "", "9999-06-01", "9999-12-31"},
	} {
		k, err := ParseKeeping(tt.keep)
		if err != nil {
			t.Fatal(err)
		}
		if tt.yearEnds != "" {
			if err := k.YearEnds.UnmarshalText([]byte(tt.yearEnds)); err != nil {
				t.Fatal(err)
			}
		}
		day, _ := ParseDate(tt.day)
		if got := k.End(day).String(); got != tt.want {
			t.Errorf("%s + %s (%s) is %s, want %s", tt.day, tt.keep, k.YearEnds, got, tt.want)
		}
	}
}

func TestKeepingRefuses(t *testing.T) {
	for _, text := range []string{"", "7 years from", "7 years from end", "7 years from the year", "from end of year", "7 years from end of week", "7 years from end of year or so", "7"} {
		if k, err := ParseKeeping(text); err == nil {
			t.Errorf("%q is %s", text, k)
		}
	}
	for _, text := range []string{"", "31", "31 Marsh", "31 April", "0 May", "30 February", "March 31", "31.3.", "1 2 3"} {
		var y YearEnd
		if err := y.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s", text, y)
		}
	}
}

func drawKeeping(t *rapid.T) Keeping {
	k := Keeping{Period: drawPeriod(t, "keep"), From: CountFrom(rapid.IntRange(0, 3).Draw(t, "from"))}
	if rapid.Bool().Draw(t, "fiscal") {
		text := rapid.SampledFrom([]string{"31 March", "5 April", "30 June", "28 February", "29 February", "1 January", "30 December"}).Draw(t, "yearEnds")
		if err := k.YearEnds.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func TestKeepingLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, day, today := drawKeeping(t), drawDate(t, "day"), drawDate(t, "today")
		if end, next := k.End(day), k.End(day+1); next < end {
			t.Fatalf("%s: %s ends on %s, and the day after it on %s", k, day, end, next)
		}
		if k.From != TheDate && (k.Start(day) <= day || k.begins(day) > day || k.Start(k.begins(day)) != k.Start(day) || k.Start(k.begins(day)-1) > day && day > First+400) {
			t.Fatalf("%s (%s): the unit of %s begins on %s and the next on %s", k, k.YearEnds, day, k.begins(day), k.Start(day))
		}
		first := k.FirstThatLasts(today)
		if day >= first != (k.End(day) > today) && today < Last-800 && today > First+800 && day < Last-800 {
			t.Fatalf("%s (%s): %s ends on %s, and the first that lasts beyond %s is %s", k, k.YearEnds, day, k.End(day), today, first)
		}
		read, err := ParseKeeping(k.String())
		read.YearEnds = k.YearEnds
		if err != nil || read != k {
			t.Fatalf("%s is read as %s, %v", k, read, err)
		}
	})
}

func TestKeepingInWords(t *testing.T) {
	for _, tt := range []struct {
		keep string
		ends YearEnd
		end  bool
		want string
	}{
		{"24 months", YearEnd{}, false, "24 months after the sale"},
		{"14 days", YearEnd{}, true, "14 days beyond the sale"},
		{"0 days", YearEnd{}, true, "until the sale"},
		{"7 years from end of year", YearEnd{}, false, "7 years from the end of the year of the sale"},
		{"7 years from end of year", YearEnd{time.March, 31}, true, "7 years from the end of the year of the sale, the year ending on 31 March"},
		{"0 days from end of quarter", YearEnd{}, false, "until the end of the quarter of the sale"},
		{"1 month from end of month", YearEnd{time.March, 31}, false, "1 month from the end of the month of the sale"},
	} {
		k, err := ParseKeeping(tt.keep)
		if err != nil {
			t.Fatal(err)
		}
		k.YearEnds = tt.ends
		if got := k.After("the sale", tt.end); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.keep, got, tt.want)
		}
	}
}
