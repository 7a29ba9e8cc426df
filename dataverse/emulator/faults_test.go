package emulator

import (
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
