package purge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge"
)

var throughputRequests = flag.Int("purge.requests", 240, "requests that are allowed in five minutes in TestThroughputUnderLimits; the service allows 6,000")

// direct carries requests to the emulator without a network, so that time can be virtual, and counts the answers.
type direct struct {
	handler http.Handler
	mu      sync.Mutex
	status  map[int]int
}

func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status[w.Code]++
	return w.Result(), nil
}

// TestThroughputUnderLimits purges for ten virtual minutes with the service protection limits on. At least 90 % of what is
// allowed must be used, fewer than 1 % of the requests refused, and nobody fail.
//
//	go test ./retention/purge -run TestThroughputUnderLimits -v -purge.requests 6000
func TestThroughputUnderLimits(t *testing.T) {
	text := modelPolicy(t)
	for _, tt := range []struct {
		name  string
		nodes int
		limit emulator.Limits
	}{
		{"requests", 1, emulator.Limits{}},
		{"requests of three servers", 3, emulator.Limits{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				allowed := *throughputRequests / tt.nodes
				limits := tt.limit
				limits.On, limits.Nodes, limits.Requests = true, tt.nodes, allowed
				server := emulator.New(emulator.Options{Token: token, Limits: limits, Latency: 100 * time.Millisecond, Now: time.Now})
				control := func(path string, body any) {
					b, _ := json.Marshal(body)
					r := httptest.NewRequest(http.MethodPost, "/emulator/"+path, bytes.NewReader(b))
					r.Header.Set("Authorization", "Bearer "+token)
					w := httptest.NewRecorder()
					server.ServeHTTP(w, r)
					if w.Code >= 300 {
						t.Fatalf("%s: %d %s", path, w.Code, w.Body)
					}
				}
				must := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				credential, err := dataverse.NewCredential(dataverse.CredentialOptions{Method: "token", Token: token})
				must(err)
				connect := func() (*dataverse.Client, *direct) {
					d := &direct{handler: server, status: make(map[int]int)}
					c, err := dataverse.New(dataverse.Options{URL: "http://127.0.0.1:1", Credential: credential, Transport: d})
					must(err)
					return c, d
				}
				control("clock", row{"now": day0})
				c, _ := connect()
				provisioning := provision.Gallra([]string{"contact", "lead"}, nil)
				provisioning.Role = provision.Role{}
				_, err = provision.Run(t.Context(), c, provisioning, false, func(provision.Step) {})
				must(err)
				persons := 6 * *throughputRequests
				must(server.Generate(emulator.Generated{Contacts: persons * 2 / 3, Leads: persons / 3, Seed: 7}))
				run := func(most time.Duration) (*purge.Summary, *direct, error) {
					control("clock", row{"advance": "24h"})
					c, d := connect()
					org, err := c.Organization(t.Context())
					must(err)
					file := filepath.Join(dir, "policy.yaml")
					must(os.WriteFile(file, []byte(strings.ReplaceAll(text, "ORGANIZATION", org.ID.String())), 0o600))
					p, err := policy.Load(file)
					must(err)
					checked, err := compile.Check(t.Context(), p, c)
					must(err)
					l, err := ledger.Open(filepath.Join(dir, "ledger"))
					must(err)
					defer l.Close()
					time.Sleep(10 * time.Minute) // what the check used has slid out
					d.status = make(map[int]int)
					ctx, cancel := context.WithTimeout(t.Context(), most)
					defer cancel()
					s, err := purge.Run(ctx, purge.Deps{Client: c, Ledger: l, Policy: checked, Chunk: 10, Today: retention.DateOf(c.Now(), checked.Policy.TimeZone),
						Run: ledger.Run{ID: "run", Verb: "run", Version: "test"}})
					return s, d, err
				}
				_, _, err = run(24 * time.Hour)
				must(err)
				control("clock", row{"advance": "1464h"})
				s, d, err := run(10 * time.Minute)
				if err == nil {
					t.Error("everybody was purged before ten minutes were over: there were too few")
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				sent, refused := d.status[200]+d.status[204], d.status[429]
				t.Logf("%d requests of %d allowed (%.1f %%), %d refused, %d persons purged (%.2f requests each), %d failed",
					sent, 2**throughputRequests, 50*float64(sent)/float64(*throughputRequests), refused, s.Purged(), float64(sent)/float64(s.Purged()), len(s.Failures))
				if sent*100 < 2**throughputRequests*90 {
					t.Errorf("less than 90 %% of what is allowed was used")
				}
				if refused*100 >= sent+refused {
					t.Errorf("%d of %d requests were refused", refused, sent+refused)
				}
				if len(s.Failures)+len(s.Residue) > 0 {
					t.Errorf("%d failed, %d places of residue", len(s.Failures), len(s.Residue))
				}
			})
		})
	}
}
