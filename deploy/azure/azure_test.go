// Package azure holds the templates to what can be known of them without Azure.
package azure

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// check runs check.mjs over the templates in folders.
func check(t *testing.T, dirs ...string) (string, error) {
	t.Helper()
	out, err := exec.Command("node", append([]string{"check.mjs"}, dirs...)...).CombinedOutput()
	return string(out), err
}

func needTools(t *testing.T) {
	t.Helper()
	_, noNode := exec.LookPath("node")
	_, noModules := os.Stat("../../tools/node_modules")
	if noNode == nil && noModules == nil {
		return
	}
	if os.Getenv("GALLRA_TOOLS") == "required" {
		t.Fatal("node and the packages of tools/ have to be installed: tools/README.md")
	}
	t.Skip("node or the packages of tools/ are not installed: tools/README.md")
}

func TestTemplates(t *testing.T) {
	needTools(t)
	if out, err := check(t, "."); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Each kind of mistake that the check is there for is found. One process looks at all of them: the types take it a second to read.
func TestMistakesAreFound(t *testing.T) {
	needTools(t)
	cases := []struct{ name, file, old, new, want string }{
		{"syntax", "main.bicep", "targetScope = 'resourceGroup'", "targetScope = 'resourceGroup", "syntax"},
		{"a property that there is not", "main.bicep", "replicaTimeout: longestRun", "replicaTimout: longestRun", "replicaTimout"},
		{"a value of another type", "main.bicep", "parallelism: 1", "parallelism: '1'", "not assignable to type 'number'"},
		{"a name that is declared nowhere", "main.bicep", "cronExpression: schedule", "cronExpression: scedule", "scedule is declared nowhere"},
		{"a parameter that is used nowhere", "main.bicep", "cronExpression: schedule", "cronExpression: '0 1 * * *'", "schedule is used nowhere"},
		{"a parameter that is not given", "main.bicepparam", "param dataverseUrl = 'https://org.crm4.dynamics.com'", "", "dataverseUrl is not given"},
		{"a parameter that there is not", "main.bicepparam", "param apply = false", "param aply = false", "no parameter aply"},
		{"no mistake", "main.bicep", "targetScope", "targetScope", ""},
	}
	var dirs []string
	for _, c := range cases {
		dir := t.TempDir()
		dirs = append(dirs, dir)
		for _, file := range []string{"main.bicep", "main.bicepparam"} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if file == c.file {
				if !strings.Contains(string(text), c.old) {
					t.Fatalf("%s has no %q", file, c.old)
				}
				text = []byte(strings.ReplaceAll(string(text), c.old, c.new))
			}
			if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	out, err := check(t, dirs...)
	if err == nil {
		t.Error("no error")
	}
	for i, c := range cases {
		found := ""
		for line := range strings.Lines(out) {
			if mistake, ok := strings.CutPrefix(line, dirs[i]+": "); ok {
				found += mistake
			}
		}
		if (c.want == "") != (found == "") || !strings.Contains(found, c.want) {
			t.Errorf("%s: want %q in %q, of\n%s", c.name, c.want, found, out)
		}
	}
}
