package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/purge"
)

// platform is what runs the job by the clock: it starts a process in a group of its own and stops it by a signal.
type platform struct {
	t   *testing.T
	dir string
	env []string
}

func newPlatform(t *testing.T, url string) *platform {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sales.yaml"), []byte(gallra.ModelPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// testscript.Main runs the command where the test binary bears its name.
	if err := os.Symlink(self, filepath.Join(dir, "gallra")); err != nil {
		t.Fatal(err)
	}
	return &platform{t: t, dir: dir, env: []string{
		"PATH=" + dir, "HOME=" + dir, "GALLRA_URL=" + url, "GALLRA_TOKEN=job-token", "GALLRA_POLICY=sales.yaml", "GALLRA_LEDGER=evidence",
		"GALLRA_LOG_FORMAT=json", "CONTAINER_APP_JOB_EXECUTION_NAME=gallra-run-x1y2z",
	}}
}

func (p *platform) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	c := exec.Command(filepath.Join(p.dir, "gallra"), args...)
	c.Dir, c.Env = p.dir, p.env
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log bytes.Buffer
	c.Stderr = &log
	return c, &log
}

func (p *platform) run(args ...string) (int, string) {
	p.t.Helper()
	c, log := p.command(args...)
	return exitOf(p.t, c.Run()), log.String()
}

func exitOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return 0
}

// lastLine is the line about the job's end.
func lastLine(t *testing.T, log string) map[string]any {
	t.Helper()
	var ended map[string]any
	for line := range strings.Lines(log) {
		var l map[string]any
		if json.Unmarshal([]byte(line), &l) == nil && l["msg"] == "job ended" {
			if ended != nil {
				t.Errorf("the job ended twice:\n%s", log)
			}
			ended = l
		}
	}
	if ended == nil {
		t.Fatalf("no line says how the job ended:\n%s", log)
	}
	return ended
}

// gate lets requests through to the emulator and tells of the first one that a test waits for.
type gate struct {
	http.Handler
	match   func(*http.Request) bool
	arrived chan struct{}
	open    chan struct{}
	once    sync.Once
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.match(r) {
		held := false
		g.once.Do(func() { held = true })
		if held {
			close(g.arrived)
			<-g.open
		}
	}
	g.Handler.ServeHTTP(w, r)
}

// A job that the platform stops finishes what is in flight, says so, and the next tick goes on where it ended.
func TestJobStoppedByItsPlatform(t *testing.T) {
	crm := company(t, emulator.Options{Token: "job-token"})
	held := &gate{Handler: crm, arrived: make(chan struct{}), open: make(chan struct{}), match: func(*http.Request) bool { return false }}
	web := httptest.NewServer(held)
	defer web.Close()
	p := newPlatform(t, web.URL)
	for _, args := range [][]string{{"provision"}, {"run", "--apply"}} {
		if code, log := p.run(args...); code != 0 {
			t.Fatalf("%v: exit %d\n%s", args, code, log)
		}
	}
	crm.Advance(1600 * time.Hour)

	// The third batch after the day has come is held until the signal is there.
	batches := 0
	var mu sync.Mutex
	held.match = func(r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/$batch") {
			batches++
		}
		return batches >= 3
	}
	c, log := p.command("run", "--apply")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-held.arrived
	if err := syscall.Kill(-c.Process.Pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	close(held.open)
	if code := exitOf(t, c.Wait()); code != 143 {
		t.Fatalf("exit %d, want 143\n%s", code, log)
	}
	if l := lastLine(t, log.String()); l["exit"] != float64(143) || l["level"] != "ERROR" || l["verb"] != "run" {
		t.Errorf("%v", l)
	}
	if code, log := p.run("ledger", "verify"); code != 0 {
		t.Fatalf("ledger verify: exit %d\n%s", code, log)
	}

	code, out := p.run("run", "--apply")
	if code != 0 {
		t.Fatalf("the run after it: exit %d\n%s", code, out)
	}
	if l := lastLine(t, out); l["exit"] != float64(0) || l["level"] != "INFO" {
		t.Errorf("%v", l)
	}
	for _, text := range []string{"julia.ilyina", "Julia Ilyina"} {
		if places := crm.Find(text); len(places) > 0 {
			t.Errorf("%q is still found: %v", text, places)
		}
	}
}

func TestJobStopsByItself(t *testing.T) {
	crm := company(t, emulator.Options{Token: "job-token"})
	held := &gate{Handler: crm, arrived: make(chan struct{}), open: make(chan struct{}), match: func(r *http.Request) bool {
		return strings.Contains(r.URL.Path, "/contacts")
	}}
	web := httptest.NewServer(held)
	defer web.Close()
	defer close(held.open)
	p := newPlatform(t, web.URL)
	if code, log := p.run("provision"); code != 0 {
		t.Fatalf("provision: exit %d\n%s", code, log)
	}
	code, log := p.run("run", "--apply", "--stop-after", "200ms") // the service never answers
	if code != 4 || !strings.Contains(log, "stopped after 200ms, as asked") {
		t.Errorf("exit %d\n%s", code, log)
	}
	if l := lastLine(t, log); l["exit"] != float64(4) || l["outcome"] != "stopped after 200ms, as asked" {
		t.Errorf("%v", l)
	}
	if code, log = p.run("run", "--apply", "--max-purges", "-1"); code != 2 || !strings.Contains(log, "--max-purges must not be negative") {
		t.Errorf("exit %d\n%s", code, log)
	}
	if code, log = p.run("run", "--apply", "--stop-after", "-1s"); code != 2 || !strings.Contains(log, "--stop-after must not be negative") {
		t.Errorf("exit %d\n%s", code, log)
	}
}

// TestJobEndsWhenItsOperationsAreUsed gives a run little to do with, by the flag and by the policy, of which the flag can only
// lower the figure.
func TestJobEndsWhenItsOperationsAreUsed(t *testing.T) {
	web := httptest.NewServer(company(t, emulator.Options{Token: "job-token"}))
	defer web.Close()
	p := newPlatform(t, web.URL)
	if code, log := p.run("provision"); code != 0 {
		t.Fatalf("provision: exit %d\n%s", code, log)
	}
	ends := func(told string, args ...string) {
		t.Helper()
		code, log := p.run(append([]string{"run", "--apply"}, args...)...)
		if l := lastLine(t, log); code != 4 || l["exit"] != float64(4) || l["outcome"] != told {
			t.Errorf("%v: exit %d, %v\n%s", args, code, l, log)
		}
	}
	ends("stopped after 40 operations, as asked", "--max-operations", "40")
	policy := filepath.Join(t.TempDir(), "thrifty.yaml")
	text := strings.Replace(gallra.ModelPolicy, "limits: {", "limits: {operations: 30, ", 1)
	if text == gallra.ModelPolicy {
		t.Fatal("the model policy has no limits to change")
	}
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ends("stopped after 30 operations, as asked", "--policy", policy)
	ends("stopped after 20 operations, as asked", "--policy", policy, "--max-operations", "20")
	ends("stopped after 30 operations, as asked", "--policy", policy, "--max-operations", "4000")
	if code, log := p.run("run", "--apply"); code != 0 {
		t.Errorf("the run after them: exit %d\n%s", code, log)
	}
	if code, log := p.run("run", "--apply", "--max-operations", "-1"); code != 2 || !strings.Contains(log, "--max-operations must not be negative") {
		t.Errorf("exit %d\n%s", code, log)
	}
}

func TestAStoppedRunSaysHowFarItCame(t *testing.T) {
	s := &purge.Summary{Due: 12, Finished: 2, Subjects: []purge.SubjectSummary{{Table: "contact", Past: 15, Deleted: 5, Anonymized: 1}}}
	if got, want := stopped("stopped after 1m15s, as asked", s), "stopped after 1m15s, as asked: 4 of 12 due were purged"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var out strings.Builder
	a := &app{streams: streams{out: &out, getenv: func(string) string { return "" }}}
	if err := a.runWords(s, nil); err != nil || !strings.Contains(out.String(), "15 past their date when the run began; 4 of 12 due were purged") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// What the templates start the job with is what the command takes.
func TestTemplateArguments(t *testing.T) {
	text, err := os.ReadFile("../../deploy/azure/main.bicep")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "args: concat([")
		if !ok {
			continue
		}
		found++
		list, optional, _ := strings.Cut(rest, "], apply ? [")
		args := quotedWords(list + ", " + strings.TrimSuffix(optional, "] : [])"))
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "${deadline}", "21000")
		}
		a := &app{streams: streams{out: &bytes.Buffer{}, errs: &bytes.Buffer{}}}
		c, flags, err := newRoot(a).Find(args)
		if err != nil || c.Name() != args[0] {
			t.Errorf("%v: %v, %v", args, c.Name(), err)
			continue
		}
		if err := c.ParseFlags(flags); err != nil {
			t.Errorf("%v: %v", args, err)
		}
		if apply, err := c.Flags().GetBool("apply"); err != nil || !apply {
			t.Errorf("%v: apply %v, %v", args, apply, err)
		}
	}
	if found != 2 {
		t.Errorf("%d jobs with arguments, want 2", found)
	}
}

// quotedWords are the quoted ones of a list.
func quotedWords(list string) (all []string) {
	for i, part := range strings.Split(list, "'") {
		if i%2 == 1 {
			all = append(all, part)
		}
	}
	return all
}

// The commands of the workflow example are ones that there are.
func TestWorkflowCommands(t *testing.T) {
	text, err := os.ReadFile("../../deploy/github/gallra.yml")
	if err != nil {
		t.Fatal(err)
	}
	var workflow any
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		_, command, ok := strings.Cut(line, "run: bin/gallra ")
		if !ok {
			continue
		}
		found++
		command, _, _ = strings.Cut(command, ">>")
		a := &app{streams: streams{out: &bytes.Buffer{}, errs: &bytes.Buffer{}}}
		c, rest, err := newRoot(a).Find(strings.Fields(command))
		if err != nil || c.HasSubCommands() {
			t.Errorf("%q: %v", command, err)
			continue
		}
		if err := c.ParseFlags(rest); err != nil {
			t.Errorf("%q: %v", command, err)
		} else if err := c.ValidateArgs(c.Flags().Args()); err != nil {
			t.Errorf("%q: %v", command, err)
		}
	}
	if found < 3 {
		t.Errorf("%d commands", found)
	}
}
