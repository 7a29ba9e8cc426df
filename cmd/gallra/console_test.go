package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/config"
	"github.com/gallra/gallra/dataverse/emulator"
)

// TestConsoleVerb starts gallra console as a program would: the first line is the link, which lets one browser in; a line
// on standard input makes another; the health page has what the doctor says; and a signal ends it.
func TestConsoleVerb(t *testing.T) {
	server := company(t, emulator.Options{Token: "console-token"})
	web := httptest.NewServer(server)
	defer web.Close()
	dir := t.TempDir()
	policy := filepath.Join(dir, "sales.yaml")
	if err := os.WriteFile(policy, []byte(gallra.ModelPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	in, keys, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, printed := io.Pipe()
	a := &app{streams: streams{in: in, out: printed, errs: io.Discard}, settings: config.Settings{URL: web.URL, Auth: "token", Token: "console-token", Policy: policy, Ledger: filepath.Join(dir, "ledger"), LogLevel: "error"}}
	a.log = newLog(io.Discard, a.settings)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- a.runConsole(ctx, consoleOptions{listen: "127.0.0.1:0", noOpen: true, idle: time.Hour})
	}()

	lines := bufio.NewReader(out)
	link := func() string {
		t.Helper()
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var said struct{ URL string }
		if err := json.Unmarshal(line, &said); err != nil || !strings.HasPrefix(said.URL, "http://127.0.0.1:") {
			t.Fatalf("%s: %v", line, err)
		}
		return said.URL
	}
	get := func(c *http.Client, url string) (int, string) {
		t.Helper()
		res, err := c.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(body)
	}
	browser := func() *http.Client {
		jar, _ := cookiejar.New(nil)
		return &http.Client{Jar: jar}
	}
	first := link()
	me := browser()
	if status, _ := get(me, first); status != http.StatusOK {
		t.Errorf("the link answers %d", status)
	}
	if status, _ := get(browser(), first); status != http.StatusForbidden {
		t.Errorf("the link answers %d the second time", status)
	}
	if _, err := keys.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(browser(), link()); status != http.StatusOK {
		t.Errorf("the other link answers %d", status)
	}
	base, _, _ := strings.Cut(first, "/start/")
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, page := get(me, base+"/health"); strings.Contains(page, "f-error") {
			if !strings.Contains(page, "gallra provision") {
				t.Error("the doctor does not say that columns are missing")
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the doctor does not come")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	_ = keys.Close()
}
