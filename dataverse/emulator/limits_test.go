package emulator_test

import (
	"context"
	"io"
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

// send is a request with the administrator's token.
func send(t *testing.T, ctx context.Context, method, url, kind, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer emulator")
	r.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return nil, ""
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	return resp, string(b)
}

// Page api-limits: 20 minutes of combined execution time; a batch is one request, but all its time counts. The refusals
// that follow name the same limit, and the control plane has none.
func TestABatchIsOneRequestAndAllItsTime(t *testing.T) {
	clock := &handClock{now: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	site := httptest.NewServer(emulator.New(emulator.Options{Now: clock.Now, Limits: emulator.Limits{On: true, RowTime: 400 * time.Second}}))
	defer site.Close()
	api, ctx := site.URL+"/api/data/v9.2/", context.Background()
	first, body := send(t, ctx, "POST", api+"contacts", "application/json", `{"lastname":"A"}`)
	if first.StatusCode != 204 {
		t.Fatalf("%d %s", first.StatusCode, body)
	}
	clock.advance(300 * time.Second)
	row := strings.TrimPrefix(first.Header.Get("OData-EntityId"), api)
	part := "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET " + api + row + "?$select=lastname HTTP/1.1\r\n\r\n\r\n"
	resp, body := send(t, ctx, "POST", api+"$batch", "multipart/mixed; boundary=b", strings.Repeat(part, 3)+"--b--\r\n")
	if n := resp.Header.Get("x-ms-ratelimit-burst-remaining-xrm-requests"); resp.StatusCode != 200 || n != "5999" {
		t.Fatalf("%d, %s requests remaining: %s", resp.StatusCode, n, body)
	}
	if left := resp.Header.Get("x-ms-ratelimit-time-remaining-xrm-requests"); left != "0.00" {
		t.Errorf("%s s remaining after three rows of 400 s", left)
	}
	for range 2 { // a wait of a whole window is not lengthened
		resp, body := whoAmI(t, site.URL)
		if resp.StatusCode != 429 || !strings.Contains(body, "0x80072321") ||
			!strings.Contains(body, "Combined execution time of incoming requests exceeded limit of 1,200,000  milliseconds over time window of 300 seconds.") {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
		if got := resp.Header.Get("Retry-After"); got != "300" {
			t.Errorf("Retry-After %s", got)
		}
	}
	if resp, _ := send(t, ctx, "GET", site.URL+"/emulator/stats", "", ""); resp.StatusCode != 200 {
		t.Errorf("the control plane: %d", resp.StatusCode)
	}
	clock.advance(300 * time.Second)
	resp, _ = whoAmI(t, site.URL)
	if left := resp.Header.Get("x-ms-ratelimit-time-remaining-xrm-requests"); resp.StatusCode != 200 || left != "1,200.00" {
		t.Errorf("a window later: %d, %s s remaining", resp.StatusCode, left)
	}
}

// Page api-limits: concurrent requests over the limit are refused at once.
func TestConcurrentRequestsOverTheLimit(t *testing.T) {
	server := emulator.New(emulator.Options{Limits: emulator.Limits{On: true, Concurrency: 1, Requests: 1 << 30}})
	site := httptest.NewServer(server)
	defer site.Close()
	if err := server.SetFaults(emulator.Fault{Route: "RetrieveVersion", Delay: "1h"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var group sync.WaitGroup
	group.Go(func() { // holds the only place, once it has it
		for ctx.Err() == nil {
			send(t, ctx, "GET", site.URL+"/api/data/v9.2/RetrieveVersion", "", "")
		}
	})
	resp, body := whoAmI(t, site.URL)
	for resp.StatusCode == 200 {
		resp, body = whoAmI(t, site.URL)
	}
	if resp.StatusCode != 429 || !strings.Contains(body, "0x80072326") || !strings.Contains(body, "Number of concurrent requests exceeded the limit of 1.") || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if hint := resp.Header.Get("x-ms-dop-hint"); hint != "1" {
		t.Errorf("x-ms-dop-hint %s", hint)
	}
	cancel()
	group.Wait()
	for resp.StatusCode == 429 {
		resp, _ = whoAmI(t, site.URL)
	}
}

// waitClock stands still, but while the client waits out a refusal: so the windows close after the same requests on any
// machine.
type waitClock struct {
	mu    sync.Mutex
	base  time.Time
	since time.Time // when the wait began
	wait  time.Duration
}

func (c *waitClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Add(min(time.Since(c.since), c.wait))
}

func (c *waitClock) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil { // else the client would pace itself for a window of five minutes
		resp.Header.Del("x-ms-ratelimit-burst-remaining-xrm-requests")
	}
	if err == nil && resp.StatusCode == 429 {
		n, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		c.mu.Lock()
		defer c.mu.Unlock()
		c.base = c.base.Add(min(time.Since(c.since), c.wait))
		c.since, c.wait = time.Now(), time.Duration(n)*time.Second
	}
	return resp, err
}

// A client that is told to wait waits: it completes, and little of what it sends is refused.
func TestTheClientLivesWithTheLimits(t *testing.T) {
	clock := &waitClock{base: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	server := emulator.New(emulator.Options{Now: clock.Now, Limits: emulator.Limits{On: true, Requests: 1000, Window: 500 * time.Millisecond}})
	site := httptest.NewServer(server)
	defer site.Close()
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "emulator"})
	if err != nil {
		t.Fatal(err)
	}
	client, err := dataverse.New(dataverse.Options{URL: site.URL, Credential: credential, Transport: clock})
	if err != nil {
		t.Fatal(err)
	}
	const wanted = 3000
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
	if refused := stats.Requests.ByStatus[429]; refused == 0 || refused*100 >= stats.Requests.Total {
		t.Errorf("%d of %d requests were refused", refused, wanted)
	}
}
