package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/conformance"
)

const address = "http://emulator.invalid"

// carrier is a transport that a test looks into.
type carrier func(*http.Request) (*http.Response, error)

func (f carrier) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// targetOf is a server as a target, reached through what the test puts between.
func targetOf(between http.RoundTripper) conformance.Target {
	return conformance.Target{URL: address, Token: "emulator", Transport: between}
}

// atOnce waits for nothing.
func atOnce(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// sent is a request as it left.
type sent struct{ method, path, body string }

func sentOf(t testing.TB, r *http.Request) sent {
	t.Helper()
	s := sent{method: r.Method, path: strings.TrimPrefix(r.URL.Path, "/api/data/v9.2/")}
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.body = string(b)
		r.Body = io.NopCloser(strings.NewReader(s.body))
	}
	return s
}

// partLine is a request line anywhere in the body of a batch.
var partLine = regexp.MustCompile(`(?m)^(\S+) (\S+) HTTP/1\.1`)

// TestReadOnlySendsOnlyReads: without Write nothing but GET and batches of GET leaves, whatever the cases are, and no rows
// of persons are read: what is answered 200 is definitions and the platform's own tables.
func TestReadOnlySendsOnlyReads(t *testing.T) {
	t.Parallel()
	server := newEmulator(emulator.Options{})
	before := contents(t, server)
	requests, parts := 0, 0
	report, err := conformance.Run(t.Context(), targetOf(carrier(func(r *http.Request) (*http.Response, error) {
		s := sentOf(t, r)
		requests++
		switch {
		case s.method == http.MethodPost && s.path == "$batch":
			for _, line := range partLine.FindAllStringSubmatch(s.body, -1) {
				parts++
				if line[1] != http.MethodGet {
					t.Errorf("%s %s in a batch", line[1], line[2])
				}
			}
			if strings.Count(s.body, "HTTP/1.1") != len(partLine.FindAllString(s.body, -1)) {
				t.Errorf("a request line that was not looked at: %.300s", s.body)
			}
		case s.method != http.MethodGet && s.method != http.MethodHead, s.body != "":
			t.Errorf("%s %s with a body of %d bytes", s.method, s.path, len(s.body))
		}
		res, err := inProcess{server}.RoundTrip(r)
		if err == nil && res.StatusCode == http.StatusOK {
			for _, persons := range []string{"contacts", "accounts", "leads", "emails"} {
				if strings.HasPrefix(s.path, persons) {
					t.Errorf("%s is read", s.path)
				}
			}
		}
		return res, err
	})), conformance.Options{})
	if err != nil || len(report.Differences) > 0 {
		t.Error(err, report.Summary())
	}
	if requests < 200 || parts < 1000 {
		t.Errorf("only %d requests and %d parts", requests, parts)
	}
	compare(t, before, contents(t, server))
}

// TestWritesStayInTheirTables: with Write everything that changes something is the making and the removal of the suite's
// publisher, solution and tables, or goes to these tables.
func TestWritesStayInTheirTables(t *testing.T) {
	t.Parallel()
	server := newEmulator(emulator.Options{})
	kinds := map[string]int{}
	own := regexp.MustCompile(`^(gconf_|\$\d|` + regexp.QuoteMeta(address) + `/api/data/v9\.2/gconf_|/api/data/v9\.2/gconf_)`)
	_, err := conformance.Run(t.Context(), targetOf(carrier(func(r *http.Request) (*http.Response, error) {
		s := sentOf(t, r)
		switch {
		case s.method == http.MethodGet:
		case s.method == http.MethodPost && s.path == "$batch":
			for _, line := range partLine.FindAllStringSubmatch(s.body, -1) {
				if line[1] != http.MethodGet && !own.MatchString(line[2]) {
					t.Errorf("%s %s in a batch", line[1], line[2])
				}
			}
		case own.MatchString(s.path):
		case strings.HasPrefix(s.path, "EntityDefinitions(LogicalName='gconf_"):
			kinds["definitions "+s.method]++
		case s.method == http.MethodPost && strings.Contains(s.body, `"SchemaName":"gconf_`), s.method == http.MethodPost && strings.Contains(s.body, `"uniquename":"gallraconformance"`):
			kinds["made "+s.path]++
		case s.method == http.MethodDelete:
			kinds["removed "+regexp.MustCompile(`\(.*`).ReplaceAllString(s.path, "")]++
		default:
			t.Errorf("%s %s", s.method, s.path)
		}
		return inProcess{server}.RoundTrip(r)
	})), conformance.Options{Write: true})
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]int{"made publishers": 1, "made solutions": 1, "made EntityDefinitions": 2, "made RelationshipDefinitions": 2, "removed publishers": 1, "removed solutions": 1, "definitions DELETE": 2} {
		if kinds[kind] != want {
			t.Errorf("%s: %d, want %d", kind, kinds[kind], want)
		}
	}
}

func read(t testing.TB, server *emulator.Server, path string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, address+"/api/data/v9.2/"+path, nil)
	r.Header.Set("Authorization", "Bearer emulator")
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// contents is which tables the emulator has and which versions of which rows, by table, but for its log of what was
// done, from which nothing may be taken away.
func contents(t testing.TB, server *emulator.Server) map[string]string {
	t.Helper()
	get := func(path string) string { return read(t, server, path) }
	const tables = "EntityDefinitions?$select=LogicalName,EntitySetName,MetadataId,PrimaryIdAttribute"
	out := map[string]string{"tables": get(tables)}
	var list struct {
		Value []struct{ LogicalName, EntitySetName, PrimaryIdAttribute string }
	}
	if err := json.Unmarshal([]byte(out["tables"]), &list); err != nil {
		t.Fatal(err)
	}
	for _, d := range list.Value {
		if d.EntitySetName != "" && d.LogicalName != "audit" {
			out[d.LogicalName] = get(d.EntitySetName + "?$select=" + d.PrimaryIdAttribute) // with each row's version
		}
	}
	for _, place := range server.Find("gconf") {
		if place.Where == "audit" {
			continue
		}
		out["text: "+place.Table+" "+place.Column] = fmt.Sprint(place)
	}
	return out
}

func compare(t testing.TB, before, after map[string]string) {
	t.Helper()
	for name, text := range after {
		if before[name] != text {
			t.Errorf("%s has changed:\n%.600s\nnow\n%.600s", name, before[name], text)
		}
	}
	for name := range before {
		if _, there := after[name]; !there {
			t.Errorf("%s is gone", name)
		}
	}
}

// TestNothingStays: after a run with writes definitions and rows are what they were.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	server := newEmulator(emulator.Options{})
	before, relationships := contents(t, server), read(t, server, "RelationshipDefinitions?$select=SchemaName")
	report, err := conformance.Run(t.Context(), targetOf(inProcess{server}), conformance.Options{Write: true})
	if err != nil || len(report.Left) > 0 {
		t.Fatal(err, report.Left)
	}
	compare(t, before, contents(t, server))
	if read(t, server, "RelationshipDefinitions?$select=SchemaName") != relationships {
		t.Error("other relationships")
	}
}

// errLost is a request or an answer that did not arrive.
var errLost = errors.New("connection reset")

// few are areas enough to read and write.
func few(area string) bool { return area == "bulk messages" || area == "$expand" }

// TestNothingStaysWhereverItStops ends a run at requests drawn from all that it sends: by the context before or behind the
// request, and by requests and answers that are lost. Nothing stays in any of these cases.
func TestNothingStaysWhereverItStops(t *testing.T) {
	t.Parallel()
	server := newEmulator(emulator.Options{})
	all := 0
	if _, err := conformance.Run(t.Context(), targetOf(carrier(func(r *http.Request) (*http.Response, error) {
		all++
		return inProcess{server}.RoundTrip(r)
	})), conformance.Options{Write: true, Only: few}); err != nil {
		t.Fatal(err)
	}
	before := contents(t, server)
	seed := rand.Uint64()
	drawn := rand.New(rand.NewPCG(seed, 0))
	for _, how := range []string{"ended before", "ended behind", "request lost", "answer lost"} {
		for _, at := range drawn.Perm(all)[:7] {
			ctx, cancel := context.WithCancel(t.Context())
			n := 0
			report, err := conformance.Run(ctx, targetOf(carrier(func(r *http.Request) (*http.Response, error) {
				here := n == at
				n++
				if here && how == "ended before" {
					cancel()
				}
				if here && how == "request lost" {
					return nil, errLost
				}
				res, err := inProcess{server}.RoundTrip(r)
				if here && how == "ended behind" {
					cancel()
				}
				if here && how == "answer lost" {
					return nil, errLost
				}
				return res, err
			})), conformance.Options{Write: true, Only: few, Wait: atOnce})
			cancel()
			if strings.HasPrefix(how, "ended") && err == nil && n < all {
				t.Errorf("%s request %d: the run went on", how, at)
			}
			if len(report.Left) > 0 {
				t.Errorf("%s request %d: left %v", how, at, report.Left)
			}
			if compare(t, before, contents(t, server)); t.Failed() {
				t.Fatalf("%s request %d of %d (seed %d)", how, at, all, seed)
			}
		}
	}
}

// TestWhatCannotBeRemovedIsNamed: where the connection is lost for good the report names all that is there, a next run
// refuses to begin, and Clean removes it.
func TestWhatCannotBeRemovedIsNamed(t *testing.T) {
	t.Parallel()
	server := newEmulator(emulator.Options{})
	before := contents(t, server)
	for _, last := range []int{7, 8, 9, 10, 25, 60} {
		n := 0
		report, err := conformance.Run(t.Context(), targetOf(carrier(func(r *http.Request) (*http.Response, error) {
			if n++; n > last {
				return nil, errLost
			}
			return inProcess{server}.RoundTrip(r)
		})), conformance.Options{Write: true, Only: few, Wait: atOnce})
		if err == nil {
			t.Errorf("lost after %d requests: no error", last)
		}
		left := strings.Join(report.Left, "\n")
		now := contents(t, server)
		for what, table := range map[string]string{"table gconf_group": "gconf_group", "table gconf_item": "gconf_item"} {
			if _, there := now[table]; there && !strings.Contains(left, what) {
				t.Errorf("lost after %d requests: %s is there and not named in %q", last, what, left)
			}
		}
		for what, table := range map[string]string{"publisher gallraconformance": "publisher", "solution gallraconformance": "solution"} {
			if now[table] != before[table] && !strings.Contains(left, what) {
				t.Errorf("lost after %d requests: %s is there and not named in %q", last, what, left)
			}
		}
		if last >= 8 {
			if _, err := conformance.Run(t.Context(), targetOf(inProcess{server}), conformance.Options{Write: true, Only: few}); err == nil || !strings.Contains(err.Error(), "has left") {
				t.Errorf("lost after %d requests: a next run begins: %v", last, err)
			}
		}
		if report, err := conformance.Clean(t.Context(), targetOf(inProcess{server}), conformance.Options{}); err != nil || len(report.Left) > 0 {
			t.Error(err, report.Left)
		}
		compare(t, before, contents(t, server))
	}
}

// TestAnotherPublisherWithThePrefixStays: the prefix of somebody else's publisher keeps a run from writing, and Clean from
// removing it.
func TestAnotherPublisherWithThePrefixStays(t *testing.T) {
	t.Parallel()
	server := newEmulator(emulator.Options{})
	r := httptest.NewRequest(http.MethodPost, address+"/api/data/v9.2/publishers", strings.NewReader(`{"friendlyname":"Other","uniquename":"other","customizationprefix":"gconf","customizationoptionvalueprefix":11111}`))
	r.Header.Set("Authorization", "Bearer emulator")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if server.ServeHTTP(w, r); w.Code != http.StatusNoContent {
		t.Fatal(w.Body)
	}
	before := contents(t, server)
	if _, err := conformance.Run(t.Context(), targetOf(inProcess{server}), conformance.Options{Write: true, Only: few}); err == nil || !strings.Contains(err.Error(), "publisher of another") {
		t.Error(err)
	}
	if report, err := conformance.Clean(t.Context(), targetOf(inProcess{server}), conformance.Options{}); err != nil || len(report.Left) > 0 {
		t.Error(err, report.Left)
	}
	compare(t, before, contents(t, server))
}

// TestRequestsFollowEachOther: one at a time, and as long after a refusal as Retry-After says.
func TestRequestsFollowEachOther(t *testing.T) {
	t.Parallel()
	server := newEmulator(emulator.Options{})
	var waited []time.Duration
	refuse := []string{"2", "0.5", "Tue, 24 Nov 2026 08:00:30 GMT", ""}
	wait := func(_ context.Context, d time.Duration) error { waited = append(waited, d); return nil }
	one := make(chan struct{}, 1)
	transport := carrier(func(r *http.Request) (*http.Response, error) {
		select {
		case one <- struct{}{}:
		default:
			t.Error("two requests at once")
		}
		defer func() { <-one }()
		if len(refuse) > 0 {
			h := http.Header{"Date": {"Tue, 24 Nov 2026 08:00:00 GMT"}, "Retry-After": {refuse[0]}}
			refuse = refuse[1:]
			return &http.Response{StatusCode: http.StatusTooManyRequests, Header: h, Body: http.NoBody, Request: r}, nil
		}
		return inProcess{server}.RoundTrip(r)
	})
	if _, err := conformance.Run(t.Context(), targetOf(transport), conformance.Options{Only: few, Wait: wait}); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{2 * time.Second, 500 * time.Millisecond, 30 * time.Second, 80 * time.Second}; !slices.Equal(waited, want) {
		t.Errorf("waited %v, want %v", waited, want)
	}
	refuse = []string{"3600"}
	if _, err := conformance.Run(t.Context(), targetOf(transport), conformance.Options{Only: few, Wait: wait}); err == nil || !strings.Contains(err.Error(), "1h0m0s") {
		t.Error(err)
	}
}
