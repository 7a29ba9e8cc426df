package personmap_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/gallra/gallra/retention/personmap"
	"github.com/gallra/gallra/retention/policy"
)

// docs/erasure.md describes every way to lead to a person, every treatment and every class, and none that is not there.
func TestErasurePageIsOfTheMap(t *testing.T) {
	page := text(t, "../../docs/erasure.md")
	source := text(t, "place.go") + text(t, "known.go")
	for head, goType := range map[string]string{"leads by": "Kind", "treatment": "Treatment", "class": "Class"} {
		var want []string
		for _, m := range regexp.MustCompile(`(?m)^\t\w+\s+`+goType+`\s+= "([^"]+)"`).FindAllStringSubmatch(source, -1) {
			want = append(want, m[1])
		}
		got := described(page, head)
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("the table %q of docs/erasure.md describes %v, the map knows %v", head, got, want)
		}
	}
	if got, want := fmt.Sprint(personmap.Kinds()), described(page, "leads by"); got != fmt.Sprint(want) {
		t.Errorf("Kinds are %s, described are %v", got, want)
	}
	if got, want := fmt.Sprint(personmap.Treatments()), described(page, "treatment"); got != fmt.Sprint(want) {
		t.Errorf("Treatments are %s, described are %v", got, want)
	}
}

// described are the names in the first column of a table of a page.
func described(page, head string) []string {
	_, table, _ := strings.Cut(page, "\n| "+head+" | ")
	table, _, _ = strings.Cut(table, "\n\n")
	var all []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| \\S").FindAllStringSubmatch(table, -1) {
		all = append(all, m[1])
	}
	return all
}

// What gallra knows of standard tables and what its sets say rests on a page each, and the pages for people name all of it.
func TestKnowledgeHasItsPages(t *testing.T) {
	erasure, language := text(t, "../../docs/erasure.md"), text(t, "../../docs/policy.md")
	var known struct {
		Classes []struct {
			Class, Says, Page string
			Tables            []string
		}
		Mirrors, Numbers, Profiles []struct{ Table, Column, Page string }
		Rights                     []struct{ Table, Of, Page string }
		Objections                 []struct {
			Table, Column, Label, Page string
			Value                      int
		}
	}
	if err := yaml.UnmarshalWithOptions([]byte(text(t, "known.yaml")), &known, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, c := range known.Classes {
		if c.Says == "" || c.Page == "" || len(c.Tables) == 0 || !slices.Contains(described(erasure, "class"), c.Class) {
			t.Errorf("the class %s lacks a sentence, a page, tables, or its line in docs/erasure.md", c.Class)
		}
	}
	if len(known.Classes) != len(described(erasure, "class")) {
		t.Errorf("%d classes are known, docs/erasure.md describes %v", len(known.Classes), described(erasure, "class"))
	}
	for _, c := range slices.Concat(known.Mirrors, known.Numbers, known.Profiles) {
		if c.Table == "" || c.Column == "" || c.Page == "" {
			t.Errorf("%+v rests on no page", c)
		}
	}
	for _, r := range known.Rights {
		if r.Table == "" || r.Of == "" || r.Page == "" || personmap.RightsOf(r.Table) != r.Of {
			t.Errorf("%+v rests on no page", r)
		}
	}
	for _, o := range known.Objections {
		if got, is := personmap.ObjectionOf(o.Table); !is || o.Column == "" || o.Label == "" || o.Page == "" || got.Value != o.Value {
			t.Errorf("%+v rests on no page", o)
		}
	}
	for _, s := range policy.Sets() {
		if s.Says == "" || !strings.Contains(erasure, "`"+s.Name+"`") || !strings.Contains(language, "`"+s.Name+"`") {
			t.Errorf("the set %s lacks a sentence, or is not named in docs/erasure.md and docs/policy.md", s.Name)
		}
		for _, r := range s.Rules {
			if r.Page == "" {
				t.Errorf("the rule of the set %s about %s rests on no page", s.Name, r.Table)
			}
			if (r.Do == policy.Retain || r.Do == policy.Leave) && r.Why == "" {
				t.Errorf("the set %s keeps %s without a reason", s.Name, r.Table)
			}
		}
	}
}

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
