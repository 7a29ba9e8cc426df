package dataverse_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
)

// inProcess carries requests to a handler without a network, so that time can be virtual.
type inProcess struct {
	handler http.Handler
	delay   func() time.Duration
	mu      sync.Mutex
	status  map[int]int
}

func (t *inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.delay != nil {
		time.Sleep(t.delay())
	}
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	t.handler.ServeHTTP(w, in)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.status == nil {
		t.status = make(map[int]int)
	}
	t.status[w.Code]++
	return w.Result(), nil
}

// TestPaceHoldsThePermittedRate sends requests as fast as they go for ten virtual minutes, with the service protection
// limits on. At least 90 % of what is allowed must be used, and hardly anything be refused.
func TestPaceHoldsThePermittedRate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		limits  emulator.Limits
		latency time.Duration
		jitter  time.Duration // on the way: no execution time
		callers int
		busy    bool // the execution time is what runs out
	}{
		{"requests run out", emulator.Limits{On: true}, 100 * time.Millisecond, 0, 48, false},
		{"requests run out, uneven answers", emulator.Limits{On: true}, 20 * time.Millisecond, time.Second, 48, false},
		{"few callers", emulator.Limits{On: true}, 100 * time.Millisecond, 0, 3, false},
		{"three servers", emulator.Limits{On: true, Nodes: 3}, 100 * time.Millisecond, 50 * time.Millisecond, 48, false},
		{"execution time runs out", emulator.Limits{On: true}, 2 * time.Second, 0, 48, true},
		{"execution time runs out on long requests", emulator.Limits{On: true}, 10 * time.Second, 0, 48, true},
		{"execution time runs out on three servers", emulator.Limits{On: true, Nodes: 3}, time.Second, 0, 48, true},
		{"another limit than the page says", emulator.Limits{On: true, Requests: 8000}, 100 * time.Millisecond, 0, 48, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const minutes = 10
				server := emulator.New(emulator.Options{Token: "t", Limits: tt.limits, Latency: tt.latency, Now: time.Now})
				transport := &inProcess{handler: server}
				if tt.jitter > 0 {
					transport.delay = func() time.Duration { return rand.N(tt.jitter) }
				}
				credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: "t"})
				if err != nil {
					t.Fatal(err)
				}
				c, err := dataverse.New(dataverse.Options{URL: "http://127.0.0.1:1", Credential: credential, Transport: transport})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), minutes*time.Minute)
				defer cancel()
				began := time.Now()
				var longest time.Duration
				var mu sync.Mutex
				var wg sync.WaitGroup
				for range tt.callers {
					wg.Go(func() {
						for ctx.Err() == nil {
							start := time.Now()
							if _, err := c.WhoAmI(ctx); err != nil {
								if time.Since(began) < (minutes-1)*time.Minute {
									t.Error(err)
								}
								return
							}
							mu.Lock()
							longest = max(longest, time.Since(start))
							mu.Unlock()
						}
					})
				}
				wg.Wait()
				nodes := max(1, tt.limits.Nodes)
				allowed := max(6000, tt.limits.Requests) * nodes * minutes / 5
				if tt.busy {
					allowed = int(20*time.Minute/tt.latency) * nodes * minutes / 5
				}
				good, refused := transport.status[200], transport.status[429]
				t.Logf("%d requests of %d allowed (%.1f %%), %d refused (%.2f %%), the longest wait %s",
					good, allowed, 100*float64(good)/float64(allowed), refused, 100*float64(refused)/float64(good+refused), longest)
				if good*100 < allowed*90 {
					t.Errorf("%d requests, and %d were allowed", good, allowed)
				}
				if refused*100 >= good+refused {
					t.Errorf("%d of %d refused", refused, good+refused)
				}
			})
		})
	}
}
