package scenario_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/scenario"
)

// TestAFileSaysEverything: each option, tables, rows, hooks and faults.
func TestAFileSaysEverything(t *testing.T) {
	var text strings.Builder
	want := map[string]string{}
	for _, o := range emulator.Settings() {
		value := map[string]string{"text": "x", "true or false": "true", "number": "7", "numbers": "1031,1053", "duration": "3s", "time zone": "Europe/Stockholm", "id": "11111111-2222-4333-8444-555555555555"}[o.Kind]
		switch {
		case o.Kind == "choice":
			value = o.Values[1]
		case o.Name == "limits":
			value = "off"
		}
		fmt.Fprintf(&text, "%s: %s\n", o.Name, value)
		want[o.Name] = strings.ReplaceAll(value, "off", "false")
	}
	text.WriteString(`
data: none
tables:
  - {name: new_log, columns: [{name: new_text, type: memo}]}
rows:
  - {table: contact, as: berg, values: {lastname: Berg}}
  - {table: new_log, values: {new_text: hello}}
hooks:
  - {table: contact, message: Delete, refuse: {message: Kept}}
faults:
  - {status: 503, route: GET contacts, count: 1}
`)
	s := scenario.New()
	if err := s.Parse([]byte(text.String())); err != nil {
		t.Fatal(err)
	}
	for name, value := range want {
		if got, err := s.Options.Get(name); err != nil || got != value {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	s.Options.Latency = 0
	server, err := s.Server()
	if err != nil {
		t.Fatal(err)
	}
	if len(server.Rows("new_log")) != 1 || len(server.Rows("contact")) != 1 || len(server.Hooks()) != 1 {
		t.Errorf("%d logs, %d contacts, %d hooks", len(server.Rows("new_log")), len(server.Rows("contact")), len(server.Hooks()))
	}
	web := httptest.NewServer(server)
	defer web.Close()
	r, _ := http.NewRequest("GET", web.URL+"/api/data/v9.2/contacts", nil)
	r.Header.Set("Authorization", "Bearer x")
	if res, err := http.DefaultClient.Do(r); err != nil || res.StatusCode != 503 {
		t.Errorf("%v, %v", res, err)
	} else {
		_ = res.Body.Close()
	}
}

// TestAFileIsReadStrictly: an error has its place and a hint.
func TestAFileIsReadStrictly(t *testing.T) {
	for text, words := range map[string][]string{
		"data: none\naudit-dealy: 3s\n":                    {"line 2, column 1", `"audit-delay"`},
		"audit-delay: soon\n":                              {"line 1, column 1", "duration such as"},
		"null-negation: negaton\n":                         {"line 1", `is "negation" meant?`},
		"hooks:\n  - table: contact\n    mesage: Delete\n": {"line 3, column 5", `is "message" meant?`},
		"rows:\n  - {table: contact, vals: {}}\n":          {"line 2"},
		"contacts: many\n":                                 {"line 1", "number"},
		"contacts: -1\n":                                   {"line 1", "number"},
		"- a\n":                                            {"no list of keys"},
		"data: none\n---\ndata: none\n":                    {"more than one document"},
		"latency: [1, 2]\n":                                {"line 1", "one value"},
		"data: [\n":                                        {"line"},
		"token: \"\"\n":                                    {"line 1", "must not be empty"},
		"faults:\n  - status: five\n":                      {"line 2"},
	} {
		err := scenario.New().Parse([]byte(text))
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %v, want %q", text, err, w)
			}
		}
	}
	if err := scenario.New().Parse([]byte("# nothing\n")); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"hooks: [{table: contcat, message: Delete, refuse: {}}]", "rows: [{table: contcat, values: {}}]", "faults: [{rate: 2}]"} {
		s := scenario.New()
		if err := s.Parse([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Server(); err == nil {
			t.Errorf("%s begins", text)
		}
	}
}
