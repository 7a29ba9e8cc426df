package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse/emulator"
)

// TestVerbsBeginWithThreeRequests calls verbs a second time: who signs in, which environment it is, and which version its
// definitions have is asked; definitions are not.
func TestVerbsBeginWithThreeRequests(t *testing.T) {
	server := company(t, emulator.Options{Token: "script-token", JobStep: -1})
	web := httptest.NewServer(server)
	defer web.Close()
	dir := t.TempDir()
	policy := filepath.Join(dir, "sales.yaml")
	if err := os.WriteFile(policy, []byte(gallra.ModelPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"GALLRA_URL": web.URL, "GALLRA_TOKEN": "script-token", "GALLRA_POLICY": policy,
		"GALLRA_LEDGER": filepath.Join(dir, "ledger"), "GALLRA_CACHE": filepath.Join(dir, "cache")} {
		t.Setenv(name, value)
	}
	call := func(args ...string) (map[string]int, int) {
		t.Helper()
		before := server.Stats().Requests
		var out, errs bytes.Buffer
		if code := run(&app{streams: streams{in: os.Stdin, out: &out, errs: &errs}}, args); code != 0 {
			t.Fatalf("gallra %s: code %d, %s", strings.Join(args, " "), code, errs.String())
		}
		after := server.Stats().Requests
		routes := map[string]int{}
		for route, n := range after.ByRoute {
			if n -= before.ByRoute[route]; n > 0 {
				routes[route] = n
			}
		}
		return routes, after.Total - before.Total
	}
	call("provision")
	for _, verb := range []struct {
		args []string
		most int // requests, those about rows and rights included; 0: as many as the policy has grounds and rules to look at
	}{
		{[]string{"status"}, 13},
		{[]string{"policy", "check"}, 0},
		{[]string{"plan"}, 0},
	} {
		name := strings.Join(verb.args, " ")
		_, cold := call(verb.args...)
		routes, warm := call(verb.args...)
		if verb.args[0] == "status" && cold < warm+40 {
			t.Errorf("%s: %d requests the first time, %d the second", name, cold, warm)
		}
		// The rights of columns are asked for each time.
		if verb.most > 0 && warm > verb.most || routes["GET WhoAmI"] > 3 || routes["GET usersettingscollection"] != 1 || routes["POST $batch"] > 0 || routes["GET RetrieveMetadataChanges"] > 0 || routes["GET EntityDefinitions"] > 2 || routes["GET RetrieveCurrentOrganization"] != 1 {
			t.Errorf("%s: %d requests the second time: %v", name, warm, routes)
		}
		if t.Failed() {
			continue
		}
		t.Setenv("GALLRA_CACHE", "none")
		if routes, _ := call(verb.args...); routes["POST $batch"] == 0 {
			t.Errorf("%s: nothing is to be remembered, and no definition is read: %v", name, routes)
		}
		t.Setenv("GALLRA_CACHE", filepath.Join(dir, "cache"))
	}
}

// counted counts the bytes of answers.
type counted struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	c.bytes.Add(int64(len(b)))
	return c.ResponseWriter.Write(b)
}

// TestAQuietNightReadsNextToNothing plans in a night in which nothing has changed: what it asks and reads does not depend on how many
// persons there are.
func TestAQuietNightReadsNextToNothing(t *testing.T) {
	server := company(t, emulator.Options{Token: "script-token", JobStep: -1})
	var read atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(counted{w, &read}, r) }))
	defer web.Close()
	dir := t.TempDir()
	policy := filepath.Join(dir, "sales.yaml")
	if err := os.WriteFile(policy, []byte(gallra.ModelPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"GALLRA_URL": web.URL, "GALLRA_TOKEN": "script-token", "GALLRA_POLICY": policy, "GALLRA_LEDGER": filepath.Join(dir, "ledger"),
		"GALLRA_CACHE": filepath.Join(dir, "cache"), "GALLRA_STATE": filepath.Join(dir, "state"), "GALLRA_STATE_KEY": strings.Repeat("A", 43) + "="} {
		t.Setenv(name, value)
	}
	call := func(args ...string) (requests int, bytesRead int64) {
		t.Helper()
		total, size := server.Stats().Requests.Total, read.Load()
		var out, errs bytes.Buffer
		if code := run(&app{streams: streams{in: os.Stdin, out: &out, errs: &errs}}, args); code != 0 {
			t.Fatalf("gallra %s: code %d, %s", strings.Join(args, " "), code, errs.String())
		}
		return server.Stats().Requests.Total - total, read.Load() - size
	}
	call("provision")
	call("run", "--apply") // writes dates
	call("run", "--apply") // is told of them
	requests, size := call("plan", "--json")
	full, fullSize := call("plan", "--json", "--full")
	if requests > 20 || size > 100_000 || requests >= full || size >= fullSize {
		t.Errorf("a plan of a quiet night: %d requests and %d bytes; a full one %d and %d", requests, size, full, fullSize)
	}
	if requests, size := call("run", "--apply"); requests > 30 || size > 100_000 {
		t.Errorf("a run of a quiet night: %d requests and %d bytes", requests, size)
	}
}
