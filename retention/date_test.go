package retention

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDateAdd(t *testing.T) {
	tests := []struct{ name, from, period, want string }{
		{"a month has its own length", "2026-01-15", "1 month", "2026-02-15"},
		{"31 August and 6 months", "2026-08-31", "6 months", "2027-02-28"},
		{"31 August and 6 months, into a leap year", "2027-08-31", "6 months", "2028-02-29"},
		{"31 March and a month", "2026-03-31", "1 month", "2026-04-30"},
		{"a leap day and a year", "2028-02-29", "1 year", "2029-02-28"},
		{"a leap day and 4 years", "2028-02-29", "4 years", "2032-02-29"},
		{"1900 was no leap year", "1899-12-31", "2 months", "1900-02-28"},
		{"2000 was one", "1999-12-31", "2 months", "2000-02-29"},
		{"months over a year's end", "2026-11-30", "15 months", "2028-02-29"},
		{"weeks are 7 days", "2026-12-28", "2 weeks", "2027-01-11"},
		{"days", "2026-02-27", "2 days", "2026-03-01"},
		{"months come before days: the last of a month and a day is the first", "2026-01-31", "1 month 1 day", "2026-03-01"},
		{"nothing", "2026-01-31", "0 days", "2026-01-31"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ParsePeriod(tt.period)
			if err != nil {
				t.Fatal(err)
			}
			if got := date(tt.from).Add(p); got.String() != tt.want {
				t.Errorf("%s + %s = %s, want %s", tt.from, tt.period, got, tt.want)
			}
		})
	}
	if got := date("2027-03-31").Sub(Period{Months: 1}); got != date("2027-02-28") {
		t.Errorf("31 March - 1 month = %s", got)
	}
	for _, d := range []Date{0, Open} {
		if d.Add(Period{Years: 1}) != d || d.Sub(Period{Years: 1}) != d {
			t.Errorf("%q moved", d)
		}
	}
}

func drawDate(t *rapid.T, name string) Date {
	return NewDate(1753, 1, 1) + Date(rapid.IntRange(0, 365*400).Draw(t, name))
}

func drawPeriod(t *rapid.T, name string) Period {
	n := func(max int, unit string) int { return rapid.IntRange(0, max).Draw(t, name+" "+unit) }
	return Period{Years: n(12, "years"), Months: n(30, "months"), Weeks: n(9, "weeks"), Days: n(70, "days")}
}

func TestDateLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, p := drawDate(t, "a"), drawDate(t, "b"), drawPeriod(t, "period")
		if a > b {
			a, b = b, a
		}
		if a.Add(p) > b.Add(p) || a.Sub(p) > b.Sub(p) {
			t.Fatalf("%s and %s changed places by %s", a, b, p)
		}
		if a.Add(p) < a {
			t.Fatalf("%s + %s = %s", a, p, a.Add(p))
		}
		if parsed, err := ParseDate(a.String()); err != nil || parsed != a {
			t.Fatalf("%s is read as %s, %v", a, parsed, err)
		}
		if parsed, err := ParsePeriod(p.String()); err != nil || parsed != p {
			t.Fatalf("%s is read as %s, %v", p, parsed, err)
		}
		if y, m, d := a.Time().Date(); NewDate(y, m, d) != a {
			t.Fatalf("%s is not its own year, month and day", a)
		}
		if months := (Period{Months: p.Months}); a.Add(months).Time().Day() > a.Time().Day() {
			t.Fatalf("%s + %s = %s: a later day of the month", a, months, a.Add(months))
		}
	})
}

// TestDatesStayInTheCalendar: whatever a column, a clock and a policy come to, what is written of it is read back as it was, and
// no sum changes the order of dates.
func TestDatesStayInTheCalendar(t *testing.T) {
	zones := []*time.Location{time.UTC, time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)}
	rapid.Check(t, func(t *rapid.T) {
		edge := func(name string) Date {
			return rapid.OneOf(rapid.Map(rapid.IntRange(0, 400), func(n int) Date { return Last - Date(n) }),
				rapid.Map(rapid.IntRange(0, 400), func(n int) Date { return First + Date(n) }), rapid.Just(NewDate(2026, 3, 1))).Draw(t, name)
		}
		a, b := edge("a"), edge("b")
		n := func(most int, unit string) int { return rapid.IntRange(0, most).Draw(t, unit) }
		p := Period{Years: n(9999, "years"), Months: n(9999, "months"), Weeks: n(9999, "weeks"), Days: n(9999, "days")}
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		instant := a.Time().Add(time.Duration(n(86399, "second")) * time.Second)
		read, _ := UserLocal.Date(instant.Format(time.RFC3339), zone)
		for _, d := range []Date{a.Add(p), a.Sub(p), DateOf(instant, zone), read, a.Add(p).Add(p)} {
			text, err := d.MarshalText()
			var back Date
			if err != nil || !d.Valid() || back.UnmarshalText(text) != nil || back != d {
				t.Fatalf("%s and %s came to %s, which is read as %s", a, p, text, back)
			}
		}
		if a > b {
			a, b = b, a
		}
		if a.Add(p) > b.Add(p) || a.Add(p) < a {
			t.Fatalf("%s and %s changed places by %s", a, b, p)
		}
		if (Keeping{Period: p}).FirstThatLasts(b) > Last {
			t.Fatalf("%s lasts beyond %s from %d on", p, b, Keeping{Period: p}.FirstThatLasts(b))
		}
	})
}

func TestDateMarshals(t *testing.T) {
	for _, d := range []Date{0, Open, date("2026-11-24")} {
		text, err := d.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Date
		if err := back.UnmarshalText(text); err != nil || back != d {
			t.Errorf("%q is read as %q, %v", text, back, err)
		}
	}
	var d Date
	for _, bad := range []string{"2026-02-30", "24.11.2026", "2026-11-24T00:00:00Z", "0000-12-31", "10000-01-13"} {
		if err := d.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read as %s", bad, d)
		}
	}
}

func TestParsePeriodRefuses(t *testing.T) {
	for _, s := range []string{"", "6", "months", "6 fortnights", "6 months 2", "-1 days", "1.5 years", "1 year 2 years", "10000 days", "P6M",
		"9000 years", "1001 years", "999 years 9999 months", "9999 months 9999 weeks 9999 days 500 years"} {
		if p, err := ParsePeriod(s); err == nil {
			t.Errorf("%q was read as %s", s, p)
		}
	}
}

func TestDateBehavior(t *testing.T) {
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		behavior DateBehavior
		text     string
		want     string
	}{
		{"a date only is that date", DateOnly, "2026-11-24", "2026-11-24"},
		{"a time-zone independent one is what it reads", TimeZoneIndependent, "2026-11-24T23:30:00Z", "2026-11-24"},
		{"a user-local one is its date in the policy's zone", UserLocal, "2026-11-24T23:30:00Z", "2026-11-25"},
		{"and in summer an hour sooner", UserLocal, "2026-07-24T22:00:00Z", "2026-07-25"},
		{"the last minute before", UserLocal, "2026-07-24T21:59:59Z", "2026-07-24"},
		{"fractions of a second", UserLocal, "2026-11-24T22:59:59.9999999Z", "2026-11-24"},
		{"no date", UserLocal, "soon", ""},
		{"the year nought", DateOnly, "0000-12-31", ""},
		{"the last moment is in no later year", UserLocal, "9999-12-31T23:59:59Z", "9999-12-31"},
		{"half a date", DateOnly, "2026-11", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.behavior.Date(tt.text, stockholm)
			if got.String() != tt.want || ok != (tt.want != "") {
				t.Errorf("%q is %q, %v; want %q", tt.text, got, ok, tt.want)
			}
		})
	}
}

// The bound that is pushed to the server leaves out no row that still lasts, in whatever zone its date is read.
func TestPushedBoundIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep, today := drawPeriod(t, "keep"), drawDate(t, "today")
		first := Keeping{Period: keep}.FirstThatMatters(today)
		row := today.Sub(keep) + Date(rapid.IntRange(-40, 40).Draw(t, "row"))
		if row < first && row.Add(keep) > today {
			t.Fatalf("%s + %s lasts beyond %s, and the bound is %s", row, keep, today, first)
		}
		if row >= first+2*boundMargin+10 && row.Add(keep) <= today {
			t.Fatalf("%s + %s has ended by %s, and the bound is as low as %s", row, keep, today, first)
		}
	})
}
