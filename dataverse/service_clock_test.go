package dataverse

import (
	"errors"
	"net/http"
	"testing"
)

func TestServiceClock(t *testing.T) {
	const (
		before = "Tue, 24 Nov 2026 07:50:00 GMT"
		now    = "Tue, 24 Nov 2026 08:00:00 GMT"
		later  = "Tue, 24 Nov 2026 09:30:00 GMT"
		year   = "Wed, 24 Nov 2027 08:00:00 GMT"
	)
	for _, tt := range []struct {
		name   string
		dates  []string
		newest string
		want   error
	}{
		{"no answer yet", nil, "", nil},
		{"time passes", []string{now, later, year}, year, nil},
		{"answers overtake each other", []string{now, before, now}, now, nil},
		{"one answer is a year ahead", []string{now, year, now}, year, ErrClockTurns},
		{"one answer is late", []string{later, now, later}, later, ErrClockTurns},
		{"no answer tells the time", []string{"", "yesterday"}, "", ErrNoClock},
		{"one answer tells nothing", []string{"", now}, now, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c serviceClock
			for _, d := range tt.dates {
				c.saw(d)
			}
			if err := c.check(); !errors.Is(err, tt.want) {
				t.Errorf("check() = %v, want %v", err, tt.want)
			}
			newest := ""
			if !c.time().IsZero() {
				newest = c.time().Format(http.TimeFormat)
			}
			if newest != tt.newest {
				t.Errorf("time() = %q, want %q", newest, tt.newest)
			}
		})
	}
}

// An answer without a body is no list without rows: grounds would seem to match nobody.
func TestNothingIsNoList(t *testing.T) {
	for _, long := range []bool{false, true} {
		n := 0
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			n++
			w.WriteHeader(http.StatusNoContent)
		})
		c := connect(t, s.URL, func(o *Options) { o.Retries = 2 })
		q := Query{Table: "contact", Select: []string{"contactid"}, Filter: "firstname eq 'x'"}
		if long {
			for len(q.Filter) < longURL {
				q.Filter += " or firstname eq 'x'"
			}
		}
		var err error
		for _, err = range c.Rows(t.Context(), q) {
		}
		if !errors.Is(err, ErrAnswer) || n != 3 {
			t.Errorf("long %v: rows from nothing: %v after %d requests, want %v after 3", long, err, n, ErrAnswer)
		}
		if err := c.Read(t.Context(), "contacts", &struct{}{}); !errors.Is(err, ErrAnswer) {
			t.Errorf("a document from nothing: %v, want %v", err, ErrAnswer)
		}
	}
}
