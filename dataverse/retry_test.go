package dataverse

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hangUp breaks the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	conn.Close()
}

// faults fail the first request of a test, each in its way.
var faults = map[string]func(http.ResponseWriter){
	"408":     func(w http.ResponseWriter) { writeError(w, 408, "", "") },
	"502":     func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html"); w.WriteHeader(502) },
	"503":     func(w http.ResponseWriter) { writeError(w, 503, "", "") },
	"504":     func(w http.ResponseWriter) { writeError(w, 504, "", "") },
	"500":     func(w http.ResponseWriter) { writeError(w, 500, "0x80040216", "An unexpected error occurred.") },
	"hang up": hangUp,
}

func TestReadsSurviveAFault(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			n := 0
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if n++; n == 1 {
					fault(w)
					return
				}
				writeJSON(w, 200, `{"fullname":"x"}`)
			})
			var row Row
			if err := connect(t, s.URL).Read(context.Background(), "contacts("+contactID+")", &row); err != nil || row.Text("fullname") != "x" {
				t.Errorf("Read = %v, %v", row, err)
			}
		})
	}
}

func TestWritesAreNotSentAgainBlindly(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { fault(w) })
			c := connect(t, s.URL)
			for _, op := range []Operation{
				{Method: "POST", Path: "contacts", Body: Row{}},
				{Method: "PATCH", Path: "contacts(" + contactID + ")", IfMatch: `W/"1"`, Body: Row{}},
			} {
				before := len(s.seen())
				err := c.Do(context.Background(), op, nil)
				var unsure *Uncertain
				if !errors.As(err, &unsure) {
					t.Errorf("%s: %v, want an Uncertain", op.Method, err)
				}
				if n := len(s.seen()) - before; n != 1 {
					t.Errorf("%s was sent %d times", op.Method, n)
				}
			}
		})
	}
}

func TestARepeatableWriteIsSentAgain(t *testing.T) {
	n := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			hangUp(w)
			return
		}
		w.WriteHeader(204)
	})
	op := Operation{Method: "PATCH", Path: "contacts(" + contactID + ")", IfMatch: "*", Body: Row{"a": 1}, Repeatable: true}
	if err := connect(t, s.URL).Do(context.Background(), op, nil); err != nil || n != 2 {
		t.Errorf("Do = %v after %d attempts", err, n)
	}
}

func TestADeleteThatFindsNothingAtItsSecondAttemptIsDone(t *testing.T) {
	for _, firstFault := range []bool{true, false} {
		n := 0
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 1 && firstFault {
				hangUp(w)
				return
			}
			writeError(w, 404, "0x80040217", "contact With Id = … Does Not Exist")
		})
		err := connect(t, s.URL).Call(context.Background(), "DELETE", "contacts("+contactID+")", nil, nil)
		if firstFault && err != nil {
			t.Errorf("after a fault: %v, want done", err)
		}
		if !firstFault && !errors.Is(err, ErrNotFound) {
			t.Errorf("at the first attempt: %v, want not found", err)
		}
	}
}

func TestThrottledRequestsOfAnyKindAreSentAgainAfterTheWait(t *testing.T) {
	for _, wait := range []string{"0.05", "0", ""} {
		n := 0
		var first, second time.Time
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 1 {
				first = time.Now()
				if wait != "" {
					w.Header().Set("Retry-After", wait)
				}
				writeError(w, 429, "0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds.")
				return
			}
			second = time.Now()
			w.WriteHeader(204)
		})
		if err := connect(t, s.URL).Call(context.Background(), "POST", "contacts", Row{}, nil); err != nil || n != 2 {
			t.Errorf("Retry-After %q: %v after %d attempts", wait, err, n)
		}
		if wait == "0.05" && second.Sub(first) < 50*time.Millisecond {
			t.Errorf("sent into the closed window after %v", second.Sub(first))
		}
	}
}

func TestAThrottleBeyondTheDeadlineEndsAtOnce(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "300")
		writeError(w, 429, "0x80072321", "")
	})
	c := connect(t, s.URL)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	start := time.Now()
	err := c.Call(ctx, "POST", "contacts", Row{}, nil)
	var unsure *Uncertain
	if !errors.Is(err, ErrThrottled) || errors.As(err, &unsure) {
		t.Errorf("%v, want throttled, and surely not done", err)
	}
	if err := c.Call(ctx, "POST", "contacts", Row{}, nil); !errors.Is(err, ErrThrottled) || len(s.seen()) != 1 {
		t.Errorf("into the closed window: %v, %d requests", err, len(s.seen()))
	}
	if time.Since(start) > 10*time.Second {
		t.Error("waited, though there was no time for it")
	}
}

func TestAnotherCustomisationDoesNotSlowDownEverything(t *testing.T) {
	n := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			writeError(w, 429, "0x80071151", "Cannot start the requested operation [PublishAll] because there is another [Import] running at this moment.")
			return
		}
		w.WriteHeader(204)
	})
	c := connect(t, s.URL)
	before, _ := c.Concurrency()
	if err := c.Call(context.Background(), "POST", "PublishAllXml", nil, nil); err != nil || n != 2 {
		t.Errorf("%v after %d attempts", err, n)
	}
	if after, _ := c.Concurrency(); after < before {
		t.Errorf("concurrency went from %d to %d", before, after)
	}
}

func TestRefusalsAreNotRepeated(t *testing.T) {
	// With a code of its own a 500 is the service's refusal: a plug-in's exception, a duplicate.
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { writeError(w, 500, "0x80040265", "plug-in") })
	err := connect(t, s.URL).Call(context.Background(), "GET", "contacts", nil, nil)
	var e *Error
	if !errors.As(err, &e) || e.Status != 500 || len(s.seen()) != 1 {
		t.Errorf("%v, %d requests", err, len(s.seen()))
	}
}

func TestARequestThatNeverLeftIsNotUncertain(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	s.Close()
	err := connect(t, s.URL).Call(context.Background(), "POST", "contacts", Row{}, nil)
	var unsure *Uncertain
	if err == nil || errors.As(err, &unsure) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v, want a refused connection", err)
	}
	if Hint(err) == "" {
		t.Error("no hint")
	}
}

func TestACancelledWriteIsUncertain(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	err := connect(t, s.URL).Call(ctx, "POST", "contacts", nil, nil)
	var unsure *Uncertain
	if !errors.As(err, &unsure) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want Uncertain and cancelled", err)
	}
}

func TestRetryAfter(t *testing.T) {
	date := "Tue, 24 Nov 2026 08:00:00 GMT"
	tests := []struct {
		text string
		want time.Duration
		ok   bool
	}{
		{"", 0, false}, {"nonsense", 0, false}, {"-1", 0, false}, {"NaN", 0, false},
		{"120", 2 * time.Minute, true}, {"1.5", 1500 * time.Millisecond, true}, {"1e300", 1e9 * time.Second, true},
		{"Tue, 24 Nov 2026 08:00:30 GMT", 30 * time.Second, true}, {"Tue, 24 Nov 2026 07:00:00 GMT", 0, true},
	}
	for _, tt := range tests {
		got, ok := retryAfter(http.Header{"Retry-After": {tt.text}, "Date": {date}})
		if got != tt.want || ok != tt.ok {
			t.Errorf("retryAfter(%q) = %v, %v, want %v, %v", tt.text, got, ok, tt.want, tt.ok)
		}
	}
}
