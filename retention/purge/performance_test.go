package purge_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/purge"
)

// modelPolicy is the model policy, for any environment and with limits for a first wave.
func modelPolicy(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	wide := regexp.MustCompile(`(?m)^limits: .*`).ReplaceAllString(string(b), "limits: {purges: 25000, share: 100%, canary: 5}")
	return regexp.MustCompile(`(organization:) [0-9a-f-]{36}`).ReplaceAllString(wide, "$1 ORGANIZATION")
}

// tallied counts requests by what they are for.
type tallied struct {
	base  http.RoundTripper
	all   atomic.Int64
	audit atomic.Int64 // erasing audit history, and looking whether there is any
	mu    sync.Mutex
	kinds map[string]int
}

func (c *tallied) RoundTrip(r *http.Request) (*http.Response, error) {
	kind := r.Method + " " + regexp.MustCompile(`\(.*`).ReplaceAllString(r.URL.Path, "")
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(b))
		if m := regexp.MustCompile(`(?m)^(GET|POST|PATCH|PUT|DELETE) /api/data/v9\.2/([A-Za-z0-9_]+)`).FindSubmatch(b); m != nil {
			kind = "batch " + string(m[1]) + " " + string(m[2])
		}
	}
	c.all.Add(1)
	if strings.HasPrefix(kind, "batch POST DeleteRecordChangeHistory") || strings.HasPrefix(kind, "batch GET audits") {
		c.audit.Add(1)
	}
	c.mu.Lock()
	c.kinds[kind]++
	c.mu.Unlock()
	return c.base.RoundTrip(r)
}

func (w *world) tallied() *tallied {
	c := &tallied{base: http.DefaultTransport, kinds: make(map[string]int)}
	credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
	w.must(err)
	w.client, err = dataverse.New(dataverse.Options{URL: w.url, Credential: credential, Transport: c, Definitions: definitions})
	w.must(err)
	return c
}

// BenchmarkPurge purges who is due of a generated CRM by the model policy: with auditing and the recycle bin on, over HTTP,
// the emulator in the same process.
//
//	go test ./retention/purge -run '^$' -bench Purge -benchtime 1x -v
func BenchmarkPurge(b *testing.B) {
	for _, persons := range []int{1500, 6000} {
		b.Run(fmt.Sprint(persons), func(b *testing.B) {
			for b.Loop() {
				w := newWorld(b, modelPolicy(b))
				if err := w.server.Generate(emulator.Generated{Contacts: persons * 2 / 3, Leads: persons / 3, Seed: 7}); err != nil {
					b.Fatal(err)
				}
				w.client = w.connectWith(insists)
				before := w.requests()
				written := w.run().Subjects
				changed := 0
				for _, s := range written {
					changed += s.Written
				}
				b.Logf("schedule: %d persons changed in %d requests", changed, w.requests()-before)
				w.advance(61)
				c := w.tallied()
				w.checked(w.client)
				c.all.Store(0)
				c.audit.Store(0)
				clear(c.kinds)
				began := time.Now()
				var s *purge.Summary
				peak := peakHeap(func() { s = w.run() })
				took := time.Since(began)
				n := float64(s.Purged())
				b.ReportMetric(n, "persons")
				b.ReportMetric(n/took.Seconds(), "persons/s")
				b.ReportMetric(float64(c.all.Load()-c.audit.Load())/n, "requests/person")
				b.ReportMetric(float64(c.audit.Load())/n, "audit-requests/person")
				b.ReportMetric(float64(peak)/(1<<20), "MB-heap")
				if len(s.Failures)+len(s.Residue) > 0 {
					b.Errorf("%d failures, %d residue", len(s.Failures), len(s.Residue))
				}
				for k, n := range c.kinds {
					if n > 20 {
						b.Logf("%6d %s", n, k)
					}
				}
			}
		})
	}
}

func (w *world) requests() int {
	var out struct{ Requests struct{ Total int } }
	w.decode(w.control("stats", nil), &out)
	return out.Requests.Total
}

// peakHeap samples the live heap while f runs.
func peakHeap(f func()) uint64 {
	var peak atomic.Uint64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapAlloc))
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	f()
	close(stop)
	wg.Wait()
	return peak.Load()
}
