package main

import (
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse/emulator"
)

// What a verb has read goes with it, where one process calls many: the tests here do, and their process would hold the definitions of
// each call.
func TestAVerbLeavesNothingBehind(t *testing.T) {
	web := httptest.NewServer(company(t, emulator.Options{Token: "t"}))
	defer web.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sales.yaml"), []byte(gallra.ModelPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"GALLRA_URL": web.URL, "GALLRA_TOKEN": "t", "GALLRA_POLICY": filepath.Join(dir, "sales.yaml"),
		"GALLRA_LEDGER": filepath.Join(dir, "ledger"), "GALLRA_CACHE": filepath.Join(dir, "cache")}
	a := &app{streams: streams{in: os.Stdin, out: io.Discard, errs: io.Discard, getenv: func(name string) string { return env[name] }}, definitions: definitions}
	if code := run(a, []string{"provision"}); code != 0 {
		t.Fatalf("code %d", code)
	}
	if len(a.reads) != 0 {
		t.Errorf("%d clients are held by a verb that has ended", len(a.reads))
	}
}
