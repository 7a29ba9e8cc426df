package compile

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// TestExamplesOfTheDocumentation: every example of docs/policy.md is a policy, or a part of one, that fits an environment.
func TestExamplesOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	e := newEnvironment(t)
	e.views = []dataverse.Row{{"name": "Contacts to keep", "returnedtypecode": "contact", "fetchxml": `<fetch><entity name="contact"><attribute name="contactid"/></entity></fetch>`}}
	const fetch = `<fetch><entity name="opportunity"><attribute name="actualclosedate" alias="after"/><attribute name="parentcontactid" alias="person"/></entity></fetch>`
	const lead = "subjects:\n  lead: {purge: anonymize, grounds: [" + "{id: any, basis: contract, why: w, where: statecode eq 0}" + "]}\n"
	found := map[string]int{}
	for _, m := range regexp.MustCompile("(?s)```yaml(.*?)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		kind, body := strings.TrimSpace(m[1]), m[2]
		found[kind]++
		first, _, _ := strings.Cut(body, "\n")
		var pol string
		switch kind {
		case "policy":
			pol = body
		case "top":
			pol = body + onContact("anonymize", anyGround, "")
		case "subject":
			pol = header + "  contact:\n    " + strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n    ") + "\n"
		case "ground":
			pol = onContact("anonymize", body, "")
		case "stages": // their team exists in an environment alone; package purge runs them
			path := write(t, "policy.yaml", header+"  contact:\n    "+strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n    ")+"\n    grounds: ["+strings.TrimPrefix(strings.TrimSpace(anyGround), "- ")+"]\n")
			if _, err := policy.Load(path); err != nil {
				t.Error(err)
			}
			continue
		case "related":
			pol = onContact("anonymize", anyGround, body)
		case "test", "case": // package policytest runs them
			continue
		default:
			t.Errorf("an example of an unknown kind %q: %s", kind, first)
			continue
		}
		t.Run(kind+" "+first, func(t *testing.T) {
			path := write(t, "policy.yaml", pol, "leads.yaml", lead)
			dir := strings.TrimSuffix(path, "policy.yaml")
			if err := errors.Join(os.Mkdir(dir+"fetch", 0o700), os.WriteFile(dir+"fetch/superusers.xml", []byte(fetch), 0o600)); err != nil {
				t.Fatal(err)
			}
			p, err := policy.Load(path)
			if err == nil {
				_, err = Check(t.Context(), p, e)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	if found["ground"] < 8 || found["policy"] < 2 || found["related"] < 2 || found["test"] != 1 {
		t.Errorf("examples: %v", found)
	}
}

// TestDocumentationNamesEveryKey: the page knows the whole language.
func TestDocumentationNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := policy.PolicySchema()
	if err != nil {
		t.Fatal(err)
	}
	keys := regexp.MustCompile(`(?m)^ {4,}"([a-z]\w+)": \{$`).FindAllStringSubmatch(string(schema), -1)
	if len(keys) < 40 {
		t.Fatalf("only %d keys in the schema", len(keys))
	}
	for _, m := range keys {
		if key := m[1]; key != "properties" && key != "items" && key != "additionalProperties" && !strings.Contains(string(text), key) {
			t.Errorf("docs/policy.md does not name %s", key)
		}
	}
}

// TestLinksOfTheDocumentation: every link of a page to a heading, of its own or of another page, leads to one.
func TestLinksOfTheDocumentation(t *testing.T) {
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]map[string]bool{}
	pages := map[string]string{}
	for _, path := range append(paths, "../../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		pages[name], headings[name] = string(text), map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
			slug := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
			headings[name][strings.ReplaceAll(slug, " ", "-")] = true
		}
	}
	links := 0
	for name, text := range pages {
		for _, m := range regexp.MustCompile(`\]\(((?:docs/)?[\w-]+\.md)?#([^)]+)\)`).FindAllStringSubmatch(text, -1) {
			links++
			to := strings.TrimPrefix(m[1], "docs/")
			if to == "" {
				to = name
			}
			if !headings[to][m[2]] {
				t.Errorf("%s leads to #%s of %s, and there is no such heading", name, m[2], to)
			}
		}
	}
	if links < 40 {
		t.Errorf("%d links", links)
	}
}
