package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/ledger/azuritetest"
)

// program runs the command in a process of its own with the settings given.
type program struct {
	t   *testing.T
	dir string
	env []string
}

func (p program) run(code int, args ...string) (out, errs string) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	c := exec.Command("gallra", args...)
	c.Dir, c.Stdout, c.Stderr = p.dir, &stdout, &stderr
	c.Env = append(os.Environ(), p.env...)
	got := 0
	var exit *exec.ExitError
	if err := c.Run(); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		p.t.Fatal(err)
	}
	if got != code {
		p.t.Fatalf("gallra %s ended with %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout.String(), stderr.String())
	}
	return stdout.String(), stderr.String()
}

// TestLedgerInAzure lives the whole life of a purge with the ledger in Azurite.
func TestLedgerInAzure(t *testing.T) {
	azurite := azuritetest.Start(t, false)
	address := azurite.Container(t, "gallra") + "/sandbox"
	crm := company(t, emulator.Options{Token: "t"})
	web := httptest.NewServer(crm)
	defer web.Close()
	p := program{t: t, dir: t.TempDir(), env: []string{"GALLRA_URL=" + web.URL, "GALLRA_TOKEN=t", "GALLRA_POLICY=sales.yaml",
		"GALLRA_LEDGER=" + address, "GALLRA_LEDGER_KEY=" + azuritetest.Key, "NO_COLOR=1"}}
	p.env = append(p.env, "TMPDIR="+filepath.Join(p.dir, "tmp"))
	if err := os.Mkdir(filepath.Join(p.dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "sales.yaml"), []byte(gallra.ModelPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run(0, "provision")
	if out, _ := p.run(2, "ledger", "verify"); out != "" {
		t.Errorf("a container without a ledger: %s", out)
	}
	// Nights keep what they read in another container.
	nights := azurite.Container(t, "nights") + "/sandbox"
	p.env = append(p.env, "GALLRA_STATE="+nights, "GALLRA_STATE_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if _, errs := p.run(0, "run", "--apply"); !strings.Contains(errs, "there is no ledger in "+address) || !strings.Contains(errs, "nothing is kept yet") {
		t.Errorf("the missing ledger is not named: %s", errs)
	}
	if _, errs := p.run(0, "run", "--apply"); !regexp.MustCompile(`what nights keep was read.*kept=\d\d`).MatchString(errs) {
		t.Errorf("what nights keep was not read: %s", errs)
	}
	if out, _ := p.run(0, "plan", "--json", "--full"); true {
		if kept, _ := p.run(0, "plan", "--json"); kept != out {
			t.Errorf("a plan of what is kept is another one: %s", kept)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "tmp", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	lost := p
	lost.env = append(slices.Clone(p.env), "GALLRA_STATE="+azurite.URL+"/nowhere")
	if _, errs := lost.run(0, "run", "--apply"); !strings.Contains(errs, "everything is read in full") || !strings.Contains(errs, "make the container") {
		t.Errorf("without the container: %s", errs)
	}
	signed := p
	signed.env = append(slices.Clone(p.env), "GALLRA_STATE="+nights+"?sig=topsecret")
	if _, errs := signed.run(2, "plan"); !strings.Contains(errs, "takes no signature") || strings.Contains(errs, "topsecret") {
		t.Errorf("with a signature: %s", errs)
	}
	crm.Advance(64 * 24 * time.Hour)

	// Somebody else holds the lock.
	storage, err := ledger.Container(ledger.ContainerOptions{URL: address, Key: azuritetest.Key})
	if err != nil {
		t.Fatal(err)
	}
	release, err := storage.Lock(t.Context(), ledger.Holder{Run: "nightly-7", Since: time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	if _, errs := p.run(1, "run", "--apply"); !strings.Contains(errs, "run nightly-7 has held the lock on the ledger since 2026-11-24T02:00:00Z") {
		t.Errorf("the holder is not named: %s", errs)
	}
	skipping := p
	skipping.env = append(skipping.env, "GALLRA_SKIP_IF_LOCKED=true")
	out, errs := skipping.run(0, "run", "--apply", "--json")
	var last map[string]any
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last["kind"] != "skipped" || last["run"] != "nightly-7" {
		t.Errorf("--json ends with %v (%v)", last, err)
	}
	if !strings.Contains(errs, "skipped: another run is under way") {
		t.Errorf("the log does not say it: %s", errs)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}

	out, errs = p.run(0, "run", "--apply", "--json")
	if !strings.Contains(out, `"action":"purge","do":"delete","status":"done"`) {
		t.Errorf("nobody was purged: %s", out)
	}
	if strings.Contains(out+errs, azuritetest.Key) {
		t.Error("the key was printed")
	}
	if out, _ := p.run(0, "ledger", "verify"); !strings.Contains(out, "the chain is whole") {
		t.Errorf("verify: %s", out)
	}
	p.run(0, "ledger", "checkpoint", "--out", "filed.jsonl")
	p.run(0, "status")
	p.run(0, "ledger", "export", "--out", "evidence.csv")
	if out, _ := p.run(0, "ledger", "verify", "--checkpoint", "filed.jsonl"); !strings.Contains(out, "at 1 checkpoint") {
		t.Errorf("verify: %s", out)
	}
	p.env = append(p.env, "GALLRA_LEDGER_KEY=")
	if _, errs := p.run(2, "status"); !strings.Contains(errs, "is not sent to a storage account") {
		t.Errorf("the environment's token: %s", errs)
	}
	if _, errs := p.run(1, "ledger", "verify", "--ledger", address+"?sv=2024&sig=topsecret"); !strings.Contains(errs, "Storage Blob Data Contributor") || strings.Contains(errs, "topsecret") {
		t.Errorf("a wrong signature: %s", errs)
	}
}
