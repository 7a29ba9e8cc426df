package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/dataverse/emulator/sample"
)

// jsonSchema is the documented shape of what gallra VERB --json prints; #/$defs/VERB is that of one of its lines.
const jsonSchema = "../../docs/json.schema.json"

// Every line that a verb prints with --json has the shape that is documented, and nothing else is on standard output.
func TestJSONIsAsDocumented(t *testing.T) {
	server := company(t, emulator.Options{Token: "script-token", JobStep: -1})
	if err := server.Load(emulator.Record{Table: "queue", ID: uuid.New(), Values: map[string]any{"name": "Retention"}}); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	defer web.Close()
	dir := t.TempDir()
	policy := filepath.Join(dir, "sales.yaml")
	other, rows, list, asks := filepath.Join(dir, "other.yaml"), filepath.Join(dir, "rows.yaml"), filepath.Join(dir, "list.yaml"), filepath.Join(dir, "asks.yaml")
	withRows := strings.Replace(gallra.ModelPolicy, "limits: {", "limits: {rowShare: 100%, ", 1) + "rows:\n  - {table: email, after: createdon, keep: 1 month, do: delete}\n"
	for path, text := range map[string]string{policy: gallra.ModelPolicy, rows: withRows, asks: strings.Replace(gallra.ModelPolicy, "    identity: emailaddress1", "    ask: {before: 30 days, queue: Retention, required: 14 days}\n    identity: emailaddress1", 1), list: gallra.ModelPolicy + "approval: list\n", other: strings.ReplaceAll(gallra.ModelPolicy, "keep: 24 months", "keep: 12 months")} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{"GALLRA_URL": web.URL, "GALLRA_TOKEN": "script-token", "GALLRA_POLICY": policy, "GALLRA_LEDGER": filepath.Join(dir, "ledger")} {
		t.Setenv(name, value)
	}
	linda, olivier := sample.ID("contact", "linda").String(), sample.ID("contact", "olivier").String()
	shapes := shapesOf(t)
	for _, wrong := range []string{`{"kind":"nonsense"}`, `{"kind":"totals","persons":1}`, `{"kind":"reviewed","decisions":1,"true":1,"stale":0,"name":"Anna"}`} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(wrong))
		if err != nil || shapes("plan").Validate(value) == nil {
			t.Fatalf("the schema takes %s (%v)", wrong, err)
		}
	}
	seen := map[string]bool{}
	for _, step := range []struct {
		code    int
		args    []string
		advance time.Duration // afterwards
	}{
		{1, []string{"doctor"}, 0},
		{0, []string{"provision", "--dry-run"}, 0},
		{0, []string{"provision"}, 0},
		{0, []string{"plan", "--all"}, 0},
		{0, []string{"run"}, 0},
		{0, []string{"run", "--apply"}, 0},
		{0, []string{"notify"}, 0},
		{0, []string{"notify", "--apply"}, 0},
		{0, []string{"hold", "contact", linda, "--reason", "dispute"}, 0},
		{0, []string{"release", "contact", linda, "--reason", "settled"}, 0},
		{0, []string{"explain", "contact", olivier}, 0},
		{0, []string{"explain", "--policy", rows, "contact", linda}, 0},
		{0, []string{"simulate", other}, 0},
		{0, []string{"simulate", asks}, 0},
		{0, []string{"simulate", "--back-cast", "24 months", asks}, 0},
		{0, []string{"simulate", "--back-cast", "24 months"}, 0},
		{0, []string{"erase", "contact", olivier}, 0},
		{0, []string{"erase", "contact", olivier, "--apply"}, 64 * 24 * time.Hour},
		{0, []string{"plan", "--policy", list}, 0},
		{3, []string{"run", "--policy", list, "--apply"}, 0},
		{0, []string{"run", "--apply"}, 0},
		{0, []string{"plan", "--policy", rows}, 0},
		{0, []string{"simulate", rows}, 0},
		{0, []string{"run", "--policy", rows, "--apply"}, 0},
		{0, []string{"status"}, 0},
		{0, []string{"report", "--out", filepath.Join(dir, "report"), "--mask"}, 0},
		{0, []string{"reapply"}, 0},
		{0, []string{"ledger", "verify"}, 0},
		{0, []string{"ledger", "export", "--out", filepath.Join(dir, "ledger.csv")}, 0},
		{0, []string{"ledger", "checkpoint"}, 0},
		{0, []string{"policy", "check"}, 0},
		{0, []string{"policy", "show"}, 0},
		{0, []string{"map"}, 0},
		{0, []string{"snapshot", "--out", filepath.Join(dir, "crm.gallra"), "--rows", "all", "--keep-ids"}, 0},
		{0, []string{"snapshot", "inspect", filepath.Join(dir, "crm.gallra"), "--search", "nobody at all"}, 0},
		{0, []string{"rehearse", "--snapshot", filepath.Join(dir, "crm.gallra"), "--months", "3", "--every", "31", "--keep-ledger", filepath.Join(dir, "rehearsed")}, 0},
		{0, []string{"rehearse", "--snapshot", filepath.Join(dir, "crm.gallra"), "--months", "3", "--every", "31", "--against", filepath.Join(dir, "rehearsed")}, 0},
		{0, []string{"rehearse", "--snapshot", filepath.Join(dir, "crm.gallra"), "--months", "3", "--every", "31", "--beside", rows}, 0},
	} {
		var out, errs bytes.Buffer
		if code := run(&app{streams: streams{in: os.Stdin, out: &out, errs: &errs}, definitions: definitions}, append(step.args, "--json")); code != step.code {
			t.Fatalf("gallra %s: code %d, %s", strings.Join(step.args, " "), code, errs.String())
		}
		verb := step.args[0]
		if verb == "ledger" || verb == "policy" || verb == "snapshot" && step.args[1] == "inspect" {
			verb += " " + step.args[1]
		}
		shape := shapes(verb)
		for line := range bytes.Lines(out.Bytes()) {
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
			if err != nil {
				t.Fatalf("%s prints a line that is no JSON: %s", verb, line)
			}
			if kind, ok := value.(map[string]any)["kind"].(string); ok {
				seen[verb+": "+kind] = true
			}
			if err := shape.Validate(value); err != nil {
				t.Fatalf("%s prints %s which is not as documented: %v", verb, line, err)
			}
		}
		server.Advance(step.advance)
	}
	for _, kind := range []string{"plan: decision", "run: outcome", "run: totals", "plan: rows", "plan: kept", "policy check: kept", "run: rows", "explain: ground", "explain: period", "explain: decision", "simulate: rows", "notify: digest", "simulate: change", "simulate: ask", "simulate: asks", "status: status", "erase: erasure", "erase: outcome", "ledger verify: proof", "map: place", "policy show: rule", "rehearse: difference"} {
		if !seen[kind] {
			t.Errorf("no line of the kind %s was seen", kind)
		}
	}
}

// shapesOf reads the schema; a verb that it does not know fails the test.
func shapesOf(t *testing.T) func(verb string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(jsonSchema)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("gallra.json", document); err != nil {
		t.Fatal(err)
	}
	return func(verb string) *jsonschema.Schema {
		s, err := c.Compile("gallra.json#/$defs/" + strings.ReplaceAll(verb, " ", "-"))
		if err != nil {
			t.Fatalf("%s is not documented: %v", verb, err)
		}
		return s
	}
}
