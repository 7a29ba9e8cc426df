package gallra_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestArchitectureNamesEveryPackage holds the map in docs/architecture.md: it names every package, and nothing that any page
// names as a file or a folder of the repository has moved.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{".": true}
	for _, f := range sources(t) {
		if folder := path.Dir(f.path); !named[folder] && !strings.Contains(string(text), "`"+folder+"`") {
			t.Errorf("docs/architecture.md does not name %s", folder)
			named[folder] = true
		}
	}
	place := regexp.MustCompile("(?:`|[ (]\\./)((?:clients|cmd|config|dataverse|deploy|docs|internal|retention|testdata|tools)(?:/[\\w.-]*\\w)*)")
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "README.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range place.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
}
