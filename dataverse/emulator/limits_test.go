package emulator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
)

// handClock is a machine's clock that a test moves.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func whoAmI(t *testing.T, url string, cookies ...*http.Cookie) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest("GET", url+"/api/data/v9.2/WhoAmI", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer emulator")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var b strings.Builder
	buf := make([]byte, 4096)
	n, _ := resp.Body.Read(buf)
	b.Write(buf[:n])
	return resp, b.String()
}

// Page api-limits: 6,000 requests in a sliding window of 300 seconds; the error's code tells the limits apart.
func TestRequestsOverTheLimitAreRefusedUntilTheWindowSlides(t *testing.T) {
	clock := &handClock{now: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	site := httptest.NewServer(emulator.New(emulator.Options{Now: clock.Now, Limits: emulator.Limits{On: true, Requests: 5, Window: 300 * time.Second}}))
	defer site.Close()
	for i := range 5 {
		resp, _ := whoAmI(t, site.URL)
		if got := resp.Header.Get("x-ms-ratelimit-burst-remaining-xrm-requests"); resp.StatusCode != 200 || got != strconv.Itoa(4-i) {
			t.Fatalf("request %d: %d, %s remaining", i, resp.StatusCode, got)
		}
		clock.advance(10 * time.Second)
	}
	resp, body := whoAmI(t, site.URL)
	if resp.StatusCode != 429 || !strings.Contains(body, "0x80072322") || !strings.Contains(body, "Number of requests exceeded the limit of 5 over time window of 300 seconds.") {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	// The first request was 50 seconds ago: it slides out in 250.
	if got := resp.Header.Get("Retry-After"); got != "250" {
		t.Errorf("Retry-After %s", got)
	}
	resp, _ = whoAmI(t, site.URL)
	if got := resp.Header.Get("Retry-After"); got != "251" {
		t.Errorf("going on is to lengthen the wait: Retry-After %s", got)
	}
	clock.advance(251 * time.Second)
	if resp, body := whoAmI(t, site.URL); resp.StatusCode != 200 {
		t.Errorf("after the wait: %d %s", resp.StatusCode, body)
	}
}

func TestServersCountByThemselves(t *testing.T) {
	site := httptest.NewServer(emulator.New(emulator.Options{Limits: emulator.Limits{On: true, Requests: 2, Nodes: 2}}))
	defer site.Close()
	first, _ := whoAmI(t, site.URL)
	cookie := first.Cookies()[0]
	if cookie.Name != "ARRAffinity" {
		t.Fatalf("cookie %s", cookie.Name)
	}
	if resp, _ := whoAmI(t, site.URL, cookie); resp.StatusCode != 200 {
		t.Fatalf("second on the same server: %d", resp.StatusCode)
	}
	if resp, _ := whoAmI(t, site.URL, cookie); resp.StatusCode != 429 {
		t.Errorf("third on the same server: %d", resp.StatusCode)
	}
	if resp, _ := whoAmI(t, site.URL); resp.StatusCode != 200 {
		t.Errorf("on the other server: %d", resp.StatusCode)
	}
}

// A client that is told to wait waits: it completes, and little of what it sends is refused.
func TestTheClientLivesWithTheLimits(t *testing.T) {
	server := emulator.New(emulator.Options{Limits: emulator.Limits{On: true, Requests: 200, Window: time.Second}})
	site := httptest.NewServer(server)
	defer site.Close()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "emulator"})
	if err != nil {
		t.Fatal(err)
	}
	client, err := dataverse.New(dataverse.Options{URL: site.URL, Credential: credential})
	if err != nil {
		t.Fatal(err)
	}
	const wanted = 420
	var group sync.WaitGroup
	failed := make(chan error, wanted)
	for range 6 {
		group.Go(func() {
			for range wanted / 6 {
				if _, err := client.WhoAmI(context.Background()); err != nil {
					failed <- err
				}
			}
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		t.Fatal(err)
	}
	stats := server.Stats()
	t.Logf("%d requests, by status %v", stats.Requests.Total, stats.Requests.ByStatus)
	if refused := stats.Requests.ByStatus[429]; refused*20 > wanted {
		t.Errorf("%d of %d requests were refused", refused, wanted)
	}
}
