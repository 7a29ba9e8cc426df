// Package clients_test runs Web API clients that others wrote against the emulator.
package clients_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/sample"
)

const token = "third-party"

// ready skips a test whose clients are not installed, or fails it where GALLRA_CLIENTS says that they have to be.
func ready(t *testing.T) {
	t.Helper()
	missing := t.Skip
	if os.Getenv("GALLRA_CLIENTS") == "required" {
		missing = t.Fatal
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("node is not installed; the clients are JavaScript")
	}
	if _, err := os.Stat("node_modules"); err != nil {
		missing("the clients are not installed: run `npm ci` in clients/")
	}
}

// company is an environment with the sample data.
func company(t *testing.T, o emulator.Options) *emulator.Server {
	t.Helper()
	o.Token = token
	s := emulator.New(o)
	if err := sample.Load(s); err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs a script of tests under node.
func run(t *testing.T, script, server string, env ...string) {
	t.Helper()
	for _, name := range []string{script, "client.mjs", "package-lock.json"} { // so that a cached result does not outlive a change
		if _, err := os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "--test-reporter=spec", script)
	cmd.Env = append(os.Environ(), append(env, "GALLRA_SERVER="+server, "GALLRA_TOKEN="+token, "NO_PROXY=127.0.0.1")...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	if !bytes.Contains(out, []byte("fail 0")) || bytes.Contains(out, []byte("pass 0")) {
		t.Fatalf("%s ran no tests:\n%s", script, out)
	}
	t.Logf("%s", out)
}

// TestDynamicsWebAPI drives the emulator with the npm package dynamics-web-api.
func TestDynamicsWebAPI(t *testing.T) {
	ready(t)
	server := httptest.NewServer(company(t, emulator.Options{}))
	defer server.Close()
	run(t, "dynamics-web-api.test.mjs", server.URL)
}

// TestODataClients drive the emulator with npm packages that speak OData and know nothing of Dataverse: @odata/client, and
// odata, which is o.js.
func TestODataClients(t *testing.T) {
	ready(t)
	for _, script := range []string{"odata-client.test.mjs", "o.test.mjs"} {
		server := httptest.NewServer(company(t, emulator.Options{}))
		defer server.Close()
		run(t, script, server.URL)
	}
}

// TestMetadataDocument has $metadata read by the npm package odata-csdl.
func TestMetadataDocument(t *testing.T) {
	ready(t)
	server := httptest.NewServer(company(t, emulator.Options{}))
	defer server.Close()
	run(t, "csdl.test.mjs", server.URL)
}

// TestDataverseWebAPI drives the emulator with the npm package dataverse-webapi, which speaks https only and
// ends its batches without a line end.
func TestDataverseWebAPI(t *testing.T) {
	ready(t)
	server := httptest.NewTLSServer(company(t, emulator.Options{}))
	defer server.Close()
	strict := httptest.NewTLSServer(company(t, emulator.Options{BatchEndsInCRLF: true}))
	defer strict.Close()
	run(t, "dataverse-webapi.test.mjs", server.URL, "GALLRA_STRICT_SERVER="+strict.URL, "NODE_EXTRA_CA_CERTS="+authority(t, server))
}

// authority is a file with the certificate of the server, for node to trust.
func authority(t *testing.T, server *httptest.Server) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "authority.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
