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

// TestWhereToLook holds the first table of docs/architecture.md: a folder for each subject, and files in that folder.
func TestWhereToLook(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "| you look for | folder | file |\n| --- | --- | --- |\n")
	table, _, found := strings.Cut(rest, "\n\n")
	if !found {
		t.Fatal("there is no table of where to look")
	}
	name := regexp.MustCompile("^`([^`]+)`$")
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			t.Errorf("not a subject, a folder and a file: %s", line)
			continue
		}
		folder := name.FindStringSubmatch(strings.TrimSpace(cells[1]))
		if folder == nil {
			t.Errorf("no folder: %s", line)
			continue
		}
		for file := range strings.SplitSeq(cells[2], ",") {
			m := name.FindStringSubmatch(strings.TrimSpace(file))
			if m == nil || path.Dir(m[1]) != folder[1] {
				t.Errorf("%s is no file in %s", file, folder[1])
			} else if _, err := os.Stat(m[1]); err != nil {
				t.Error(err)
			}
		}
	}
	for _, subject := range []string{"the null logic of filters", "what a delete cascades to", "the notice rule", "the last look", "the audit sweep",
		"throttling", "what `doctor` asks", "the fake Entra ID", "FetchXML aggregates"} {
		if !strings.Contains("\n"+table, "\n| "+subject) {
			t.Errorf("the table does not say where %s is", subject)
		}
	}
}
