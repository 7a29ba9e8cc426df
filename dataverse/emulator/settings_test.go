package emulator

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEveryOptionIsASetting: whatever Options have, but for functions, has a name, a line of help and a form as text that is read back.
func TestEveryOptionIsASetting(t *testing.T) {
	fields := map[string]bool{}
	var walk func(reflect.Type, string)
	walk = func(typ reflect.Type, prefix string) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if f.Type == reflect.TypeFor[Limits]() {
				walk(f.Type, f.Name+".")
			} else {
				fields[prefix+f.Name] = true
			}
		}
	}
	walk(reflect.TypeFor[Options](), "")
	for _, name := range onlyGo {
		if !fields[name] {
			t.Errorf("%s is no option any more", name)
		}
		delete(fields, name)
	}
	names := map[string]bool{}
	for _, s := range Settings() {
		if names[s.Name] || s.Help == "" || !fields[s.Field] {
			t.Errorf("%s (%s): help %q", s.Name, s.Field, s.Help)
		}
		names[s.Name] = true
		delete(fields, s.Field)
		text := map[string]string{"text": "x", "true or false": "true", "number": "7", "numbers": "1031,1053", "duration": "3s", "time zone": "Europe/Stockholm", "id": "11111111-2222-4333-8444-555555555555"}[s.Kind]
		if s.Kind == "choice" {
			text = s.Values[len(s.Values)-1]
		}
		var o Options
		if err := o.Set(s.Name, text); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if got, err := o.Get(s.Name); err != nil || got != text {
			t.Errorf("%s: %q is read back as %q (%v)", s.Name, text, got, err)
		}
		if reflect.ValueOf(o).FieldByIndex(s.path).IsZero() {
			t.Errorf("%s does not set %s", s.Name, s.Field)
		}
		if s.Kind != "text" {
			if err := o.Set(s.Name, "nonsense"); err == nil || !strings.Contains(err.Error(), s.Name) {
				t.Errorf("%s takes nonsense: %v", s.Name, err)
			}
		}
	}
	if len(fields) > 0 {
		t.Errorf("options that only Go can reach: %v", fields)
	}
	for field := range help {
		if !slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Field == field }) {
			t.Errorf("help for %s, which is no option", field)
		}
	}
}

// TestOptionsAreShown by the control plane, with what they are set to and without the token.
func TestOptionsAreShown(t *testing.T) {
	s, url, _ := serveOne(t)
	s.options.NullNegation = NullMatchesNothing
	var got []SettingValue
	control200(t, "GET", url+"/emulator/options", "", &got)
	if len(got) != len(Settings()) {
		t.Errorf("%d options", len(got))
	}
	for _, o := range got {
		if o.Name == "token" && strings.Contains(o.Value, "secret") || o.Name == "null-negation" && o.Value != "nothing" {
			t.Errorf("%s: %s", o.Name, o.Value)
		}
	}
	resp, b, err := send(t, "GET", url+"/emulator/health", "", "")
	var ready map[string]string
	if err != nil || resp.StatusCode != 200 || json.Unmarshal(b, &ready) != nil || ready["status"] != "ready" || ready["organizationId"] != s.engine.OrganizationID.String() {
		t.Errorf("%v %s", err, b)
	}
}

// TestDocsNameEveryOption holds the table of options in docs/emulator.md.
func TestDocsNameEveryOption(t *testing.T) {
	var want strings.Builder
	want.WriteString("| flag and key | in Go | takes | says |\n|---|---|---|---|\n")
	for _, s := range Settings() {
		takes := s.Kind
		if s.Values != nil {
			takes = "`" + strings.Join(s.Values, "`, `") + "`"
		}
		fmt.Fprintf(&want, "| `%s` | `%s` | %s | %s |\n", s.Name, s.Field, takes, s.Help)
	}
	b, err := os.ReadFile("../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "<!-- options -->\n")
	got, _, found := strings.Cut(rest, "<!-- /options -->")
	if !found || got != want.String() {
		t.Errorf("docs/emulator.md has to say between its marks:\n%s", want.String())
	}
}
