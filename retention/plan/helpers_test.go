package plan

import (
	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
	"github.com/gallra/gallra/retention"
)

func date(s string) retention.Date {
	d, err := retention.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func drawPeriod(t *rapid.T, name string) retention.Period {
	n := func(max int, unit string) int { return rapid.IntRange(0, max).Draw(t, name+" "+unit) }
	return retention.Period{Years: n(12, "years"), Months: n(30, "months"), Weeks: n(9, "weeks"), Days: n(70, "days")}
}
