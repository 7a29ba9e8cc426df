// Package azure holds the templates to what can be known of them without Azure.
package azure

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// check runs check.mjs over the templates in dir.
func check(t *testing.T, dir string) (string, error) {
	t.Helper()
	out, err := exec.Command("node", "check.mjs", dir).CombinedOutput()
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

// Each kind of mistake that the check is there for is found.
func TestMistakesAreFound(t *testing.T) {
	needTools(t)
	for _, c := range []struct{ name, file, old, new, want string }{
		{"syntax", "main.bicep", "targetScope = 'resourceGroup'", "targetScope = 'resourceGroup", "syntax"},
		{"a property that there is not", "main.bicep", "replicaTimeout: longestRun", "replicaTimout: longestRun", "replicaTimout"},
		{"a value of another type", "main.bicep", "parallelism: 1", "parallelism: '1'", "not assignable to type 'number'"},
		{"a name that is declared nowhere", "main.bicep", "cronExpression: schedule", "cronExpression: scedule", "scedule is declared nowhere"},
		{"a parameter that is used nowhere", "main.bicep", "cronExpression: schedule", "cronExpression: '0 1 * * *'", "schedule is used nowhere"},
		{"a parameter that is not given", "main.bicepparam", "param dataverseUrl = 'https://org.crm4.dynamics.com'", "", "dataverseUrl is not given"},
		{"a parameter that there is not", "main.bicepparam", "param apply = false", "param aply = false", "no parameter aply"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
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
			if out, err := check(t, dir); err == nil || !strings.Contains(out, c.want) {
				t.Errorf("error %v, want %q in\n%s", err, c.want, out)
			}
		})
	}
}
