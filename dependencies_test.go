package gallra_test

import (
	"os"
	"regexp"
	"testing"
)

// TestEveryLibraryHasAReason holds docs/dependencies.md against what go.mod requires of its own: both name the same.
func TestEveryLibraryHasAReason(t *testing.T) {
	named := func(file string, find *regexp.Regexp) (all map[string]bool) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = map[string]bool{}
		for _, m := range find.FindAllStringSubmatch(string(text), -1) {
			all[m[1]] = true
		}
		return all
	}
	required := named("go.mod", regexp.MustCompile(`(?m)^\t(\S+) v\S+$`))                               // an indirect one goes on with a comment
	reasoned := named("docs/dependencies.md", regexp.MustCompile("`([a-z0-9-]+(?:\\.[a-z]+)+/[^`]+)`")) // a host and a path
	for library := range required {
		if !reasoned[library] {
			t.Errorf("docs/dependencies.md does not say why %s is required", library)
		}
	}
	for library := range reasoned {
		if !required[library] {
			t.Errorf("docs/dependencies.md names %s, which go.mod does not require of its own", library)
		}
	}
}
