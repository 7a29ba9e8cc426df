package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestFaultStatus(t *testing.T) {
	_, url, worked := serveOne(t)
	control200(t, "POST", url+"/emulator/faults", `{"status":429,"retryAfter":2,"route":"PATCH contacts","after":1,"count":1}`, nil)
	var status []int
	for range 3 {
		resp, b, err := send(t, "PATCH", url+contactPath, "secret", "{}")
		if err != nil {
			t.Fatal(err)
		}
		status = append(status, resp.StatusCode)
		if resp.StatusCode == http.StatusTooManyRequests {
			var body struct {
				Error struct{ Code, Message string }
			}
			if err := json.Unmarshal(b, &body); err != nil {
				t.Fatal(err)
			}
			if body.Error.Code != "0x80072322" || !strings.HasPrefix(body.Error.Message, "Number of requests exceeded the limit") {
				t.Errorf("429 says %+v", body.Error)
			}
			if got := resp.Header.Get("Retry-After"); got != "2" {
				t.Errorf("Retry-After: %q", got)
			}
		}
	}
	if status[0] != 204 || status[1] != 429 || status[2] != 204 {
		t.Errorf("answers %v, want the second refused", status)
	}
	if *worked != 2 {
		t.Errorf("the work was done %d times, want 2: a refused request does nothing", *worked)
	}
	if resp, _, err := send(t, "GET", url+"/api/data/v9.2/contacts", "secret", ""); err != nil || resp.StatusCode != 200 {
		t.Errorf("another route: %v, %v", resp, err)
	}
}

func TestFaultDrop(t *testing.T) {
	for when, done := range map[string]int{"before": 0, "after": 1} {
		t.Run(when, func(t *testing.T) {
			s, url, worked := serveOne(t)
			control200(t, "POST", url+"/emulator/faults", `[{"drop":"`+when+`","route":"PATCH"}]`, nil)
			if resp, _, err := send(t, "PATCH", url+contactPath, "secret", "{}"); err == nil {
				t.Fatalf("answered %d", resp.StatusCode)
			}
			if *worked != done {
				t.Errorf("the work was done %d times, want %d", *worked, done)
			}
			if got := s.Stats().Requests; got.Total != 1 || got.ByStatus[unanswered] != 1 || got.ByRoute["PATCH contacts"] != 1 {
				t.Errorf("stats: %+v", got)
			}
		})
	}
}

func TestFaultTruncate(t *testing.T) {
	_, url, worked := serveOne(t)
	control200(t, "POST", url+"/emulator/faults", `{"truncate":true,"route":"contacts"}`, nil)
	resp, b, err := send(t, "GET", url+"/api/data/v9.2/contacts", "secret", "")
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("err = %v, want an unexpected end", err)
	}
	if resp.ContentLength <= int64(len(b)) || len(b) == 0 {
		t.Errorf("%d bytes of %d came", len(b), resp.ContentLength)
	}
	if *worked != 1 {
		t.Errorf("the work was done %d times", *worked)
	}
}

// TestFaultsWithoutAConnection: a client in the emulator's own process meets what one at the other end of a connection does.
func TestFaultsWithoutAConnection(t *testing.T) {
	s, _, worked := serveOne(t)
	ask := func(ctx context.Context, f Fault) (*http.Response, []byte, error) {
		t.Helper()
		if err := s.SetFaults(f); err != nil {
			t.Fatal(err)
		}
		*worked = 0
		r, _ := http.NewRequestWithContext(ctx, "GET", "http://127.0.0.1/api/data/v9.2/contacts", nil)
		r.Header.Set("Authorization", "Bearer secret")
		resp, err := s.Transport().RoundTrip(r)
		if err != nil {
			return nil, nil, err
		}
		b, err := io.ReadAll(resp.Body)
		return resp, b, err
	}
	for drop, times := range map[string]int{"before": 0, "after": 1} {
		if _, _, err := ask(t.Context(), Fault{Drop: drop}); !errors.Is(err, io.EOF) || *worked != times {
			t.Errorf("dropped %s the work: %v, and done %d times", drop, err, *worked)
		}
	}
	if resp, b, err := ask(t.Context(), Fault{Truncate: true}); !errors.Is(err, io.ErrUnexpectedEOF) || resp.ContentLength <= int64(len(b)) || len(b) == 0 {
		t.Errorf("truncated: %v, %d bytes of %v", err, len(b), resp)
	}
	gone, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, _, err := ask(gone, Fault{Delay: "1m"}); !errors.Is(err, context.Canceled) {
		t.Errorf("whoever asked has gone, and hears %v", err)
	}
}

func TestFaultDelayAndDuplicate(t *testing.T) {
	_, url, worked := serveOne(t)
	control200(t, "POST", url+"/emulator/faults", `{"delay":"30ms","duplicate":true,"route":"WhoAmI"}`, nil)
	start := time.Now()
	if resp, _, err := send(t, "POST", url+"/api/data/v9.2/WhoAmI", "secret", "{}"); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v, %v", resp, err)
	}
	if d := time.Since(start); d < 30*time.Millisecond {
		t.Errorf("answered after %v", d)
	}
	if *worked != 2 {
		t.Errorf("the work was done %d times, want twice", *worked)
	}
}

func TestFaultRateFollowsTheSeed(t *testing.T) {
	run := func(seed string) string {
		_, url, _ := serveOne(t)
		control200(t, "POST", url+"/emulator/faults", `{"status":503,"rate":0.5,"seed":`+seed+`}`, nil)
		var out strings.Builder
		for range 40 {
			resp, _, err := send(t, "GET", url+"/api/data/v9.2/contacts", "secret", "")
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode == 503 {
				out.WriteByte('x')
			} else {
				out.WriteByte('.')
			}
		}
		return out.String()
	}
	first, again, other := run("1"), run("1"), run("2")
	if first != again {
		t.Errorf("the same seed gives %s and %s", first, again)
	}
	if first == other {
		t.Errorf("two seeds give %s", first)
	}
	if n := strings.Count(first, "x"); n < 8 || n > 32 {
		t.Errorf("half of 40 is not %d: %s", n, first)
	}
}

func TestFaultsInForce(t *testing.T) {
	_, url, _ := serveOne(t)
	var got []map[string]any
	control200(t, "POST", url+"/emulator/faults", `[{"status":503,"retryAfter":0},{"drop":"after","rate":0.05,"seed":1}]`, &got)
	if len(got) != 2 || got[0]["retryAfter"] != 0.0 || got[1]["rate"] != 0.05 {
		t.Errorf("in force: %v", got)
	}
	control200(t, "POST", url+"/emulator/faults", `[]`, &got)
	if len(got) != 0 {
		t.Errorf("after [] still in force: %v", got)
	}
	if resp, _, err := send(t, "GET", url+"/api/data/v9.2/contacts", "secret", ""); err != nil || resp.StatusCode != 200 {
		t.Errorf("cleared: %v, %v", resp, err)
	}
	for _, bad := range []string{
		`{}`, `{"rate":0.5}`, `{"status":200}`, `{"drop":"now"}`, `{"drop":"after","truncate":true}`, `{"status":503,"drop":"before"}`,
		`{"delay":"soon"}`, `{"status":503,"rate":2}`, `{"status":503,"after":-1}`, `{"staus":503}`, `{"status":503,"route":"PATCH contacts please"}`,
		`{"retryAfter":3,"drop":"after"}`, `[{"status":503}`,
	} {
		if resp, _, err := send(t, "POST", url+"/emulator/faults", "secret", bad); err != nil || resp.StatusCode != http.StatusBadRequest {
			t.Errorf("faults %s: %v, %v; want 400", bad, resp, err)
		}
	}
}

// TestFaultsOfOneRow: with a code and a message of their own, counted, also in a batch; and no rule for what is not there.
func TestFaultsOfOneRow(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("contact", "c1", map[string]any{"lastname": "A"})
	w.put("contact", "c2", map[string]any{"lastname": "B"})
	if err := w.s.SetFaults(Fault{Route: "GET contacts", Row: idOfName("c1").String(), Status: 409, Code: "0x80048abc", Message: "Not this one."}); err != nil {
		t.Fatal(err)
	}
	if r := w.get("contacts(" + idOfName("c1").String() + ")"); r.status != 409 || !strings.Contains(r.text, `"0x80048abc"`) || !strings.Contains(r.text, "Not this one.") {
		t.Errorf("%d %s", r.status, r.text)
	}
	for _, path := range []string{"contacts(" + idOfName("c2").String() + ")", "contacts"} {
		if r := w.get(path); r.status != 200 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	if f := w.s.Faults()[0]; f.Hits != 1 || f.Seen != 1 {
		t.Errorf("%+v", f)
	}
	for _, f := range []Fault{{Route: "GET contcats", Status: 500}, {Row: "x", Status: 500}, {Code: "0x1", Delay: "1s"}} {
		if err := w.s.SetFaults(f); err == nil {
			t.Errorf("%+v is taken", f)
		} else if f.Route != "" && !strings.Contains(err.Error(), `"contacts"`) {
			t.Errorf("no hint: %v", err)
		}
	}
	for _, f := range []Fault{{Route: "GET new_things", Later: true, Status: 500}, {Route: "POST $batch", Status: 500}, {Route: "WhoAmI", Status: 500}, {Route: "EntityDefinitions", Status: 500}, {Route: "CreateMultiple", Status: 500}} {
		if err := w.s.SetFaults(f); err != nil {
			t.Error(err)
		}
	}
}
