package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/emulatortest"
	"github.com/gallra/gallra/dataverse/emulator/sample"
)

// ending is how a world ended: who is there, and where the names of those who are not are still found.
type ending struct {
	Persons []string
	Traces  []string
	Left    map[string]int // rows of tables that belong to persons
}

// TestUnderEverySetting: whichever way the service answers where its pages leave that open, the sample company's persons are
// planned, scheduled, told of, purged, searched for and reported alike. GALLRA_EMULATOR_OPTIONS runs any other test so.
func TestUnderEverySetting(t *testing.T) {
	if os.Getenv(emulatortest.Variable) != "" {
		t.Skip("this run tries one list of settings by " + emulatortest.Variable + ": the test goes through all of them by itself")
	}
	usual := lifeUnder(t, "")
	// The mail by which Thomas accepted a quote is kept, and so is the quote.
	if n := len(usual.Persons); n < 20 || n > 45 || slices.ContainsFunc(usual.Traces, func(at string) bool { return !strings.HasPrefix(at, "Thomas Andersen: row ") }) {
		t.Fatalf("the story purged too many or too little: %+v", usual)
	}
	for i, settings := range emulatortest.Together() {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(usual, lifeUnder(t, settings)); diff != "" {
				t.Errorf("the company ends otherwise (-by default +with %s):\n%s", settings, diff)
			}
		})
	}
}

// lifeUnder is the sample company's life up to the day after its first purges, with the verbs that a year takes.
func lifeUnder(t *testing.T, settings string) ending {
	t.Helper()
	loaded, err := sampled()
	if err != nil {
		t.Fatal(err)
	}
	server := loaded.Clone(emulatortest.With(emulator.Options{Token: "t", JobStep: time.Millisecond}, settings))
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	dir := t.TempDir()
	policy := strings.Replace(gallra.ModelPolicy, "allowProduction: false", "allowProduction: true", 1)
	if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"GALLRA_URL": web.URL, "GALLRA_TOKEN": "t", "GALLRA_POLICY": filepath.Join(dir, "policy.yaml"), "GALLRA_LEDGER": filepath.Join(dir, "ledger")}
	before := persons(server)
	for _, step := range []struct {
		args    []string
		changes []sample.Change // afterwards
		advance time.Duration
	}{
		{args: []string{"provision"}, changes: sample.AfterProvision(server.Now()), advance: time.Minute},
		{args: []string{"plan"}},
		{args: []string{"run", "--apply"}},
		{args: []string{"notify", "--apply"}, changes: []sample.Change{sample.Deal()}, advance: 14 * 24 * time.Hour},
		{args: []string{"run", "--apply"}, advance: 50 * 24 * time.Hour},
		{args: []string{"run", "--apply"}, advance: 24 * time.Hour},
		{args: []string{"run", "--apply"}, advance: 24 * time.Hour},
		{args: []string{"report", "--out", filepath.Join(dir, "report")}},
		{args: []string{"ledger", "verify"}},
	} {
		var out, errs bytes.Buffer
		a := &app{streams: streams{in: os.Stdin, out: &out, errs: &errs, getenv: func(name string) string { return env[name] }}, definitions: definitions}
		code := run(a, step.args)
		if code == 4 && strings.Contains(settings, "read-only-quotes=all") && strings.Contains(errs.String(), "0x8004022e") {
			code = 0 // who is bound by an order that nobody may change stays scheduled, and is named
		}
		if code != 0 {
			t.Fatalf("gallra %s with %q: code %d, %s", strings.Join(step.args, " "), settings, code, out.String()+errs.String())
		}
		for _, c := range step.changes {
			post(t, c.Method, web.URL+"/api/data/v9.2/"+c.Path, c.Body)
		}
		server.Advance(step.advance)
	}
	end := ending{Left: map[string]int{}}
	after := persons(server)
	for id, name := range before {
		if _, there := after[id]; there {
			end.Persons = append(end.Persons, name)
			continue
		}
		for _, p := range server.Find(name) {
			end.Traces = append(end.Traces, fmt.Sprintf("%s: %s %s.%s", name, p.Where, p.Table, p.Column))
		}
	}
	for _, table := range []string{"activityparty", "annotation", "connection", "email", "listmember", "phonecall", "task"} {
		end.Left[table] = len(server.Rows(table))
	}
	slices.Sort(end.Persons)
	slices.Sort(end.Traces)
	return end
}

// persons are the names of all contacts and leads, by their ids.
func persons(s *emulator.Server) map[string]string {
	all := map[string]string{}
	for _, table := range []string{"contact", "lead"} {
		for _, r := range s.Rows(table) {
			all[r.ID.String()] = fmt.Sprint(r.Values["fullname"])
		}
	}
	return all
}

func post(t *testing.T, method, url string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(text))
	r.Header.Set("Authorization", "Bearer t")
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= 300 {
		said, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s %s: %s %s", method, url, answer.Status, said)
	}
}
