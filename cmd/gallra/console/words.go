package console

import (
	"net/http"
	"time"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
)

// subject is whose texts the console says.
const subject = "console"

// tongue says things in one language.
type tongue struct{ *words.Words }

func newTongue(lang string) tongue { return tongue{words.In(subject, lang)} }

// preferred is the language that a browser asks for.
func preferred(r *http.Request) string {
	return words.Preferred(r.Header.Get("Accept-Language"))
}

// T is the text with that key; {0}, {1} … in it are the arguments.
func (t tongue) T(key string, args ...any) string {
	shown := make([]any, len(args))
	for i, a := range args {
		shown[i] = t.print(a)
	}
	return t.Words.T(key, shown...)
}

func (t tongue) print(a any) any {
	switch a := a.(type) {
	case retention.Date:
		return t.date(a)
	case retention.Period:
		return t.period(a)
	case retention.Keeping:
		if a.From == retention.TheDate {
			return t.period(a.Period)
		}
		return t.T("keep."+a.From.Word(), a.Period)
	case time.Time:
		return t.moment(a)
	}
	return a
}

// date is a date as a reader of the language writes it.
func (t tongue) date(d retention.Date) string {
	switch {
	case d.IsZero():
		return "–"
	case d == retention.Open:
		return t.T("date.open")
	}
	return t.ShortDate(d.Time(), "\u00a0")
}

// day is a date without its year.
func (t tongue) day(d retention.Date) string { return t.ShortDay(d.Time(), "\u00a0") }

func (t tongue) moment(at time.Time) string { return at.Format("2006-01-02 15:04") }

// period is a length of time in words.
func (t tongue) period(p retention.Period) string {
	return t.Period(p.Years, p.Months, p.Weeks, p.Days)
}
