package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

const schemaFile = "../../testdata/policy/policy.schema.json"

func TestPolicySchemaIsCurrent(t *testing.T) {
	got, err := PolicySchema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("testdata/policy/policy.schema.json is not what the types say; run go test ./retention/policy -run Schema -update")
	}
}

// validate holds a policy's text against the schema that editors use.
func validate(t *testing.T, text string) error {
	t.Helper()
	b, err := PolicySchema()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.schema.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(asJSON, &v); err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(v)
}

func TestPolicySchema(t *testing.T) {
	model, err := os.ReadFile("../../testdata/policy/sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, string(model)); err != nil {
		t.Errorf("the model policy: %v", err)
	}
	for name, change := range map[string][2]string{
		"a misspelt key":           {"keep: 24 months", "kepe: 24 months"},
		"a period without a unit":  {"notice: 2 months", "notice: 2"},
		"an unknown basis":         {"basis: contract", "basis: habit"},
		"a share without its sign": {"share: 5%", "share: 5"},
		"a missing reason":         {"why: Responsible for the agreement of an active customer", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(string(model), change[0], change[1], 1)
			if text == string(model) {
				t.Fatal("the model policy does not say " + change[0])
			}
			if validate(t, text) == nil {
				t.Error("the schema lets it pass")
			}
		})
	}
}
