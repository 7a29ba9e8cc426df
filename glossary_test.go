package gallra_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGlossaryHoldsOneWordForOneThing looks for the words that the glossary rules out in every English text that people read and
// in what the verbs say of themselves.
func TestGlossaryHoldsOneWordForOneThing(t *testing.T) {
	page, err := os.ReadFile("docs/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	not := map[string]string{} // word, and the one that is used instead
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || strings.Contains(cells[1], "---") || strings.TrimSpace(cells[1]) == "word" {
			continue
		}
		for word := range strings.SplitSeq(cells[3], ",") {
			if word = strings.TrimSpace(word); word != "" {
				not[word] = strings.TrimSpace(cells[1])
			}
		}
	}
	if len(not) < 20 {
		t.Fatalf("the glossary rules out only %d words", len(not))
	}
	texts := map[string]string{}
	catalogues, err := filepath.Glob("internal/words/texts/*.en.json")
	if err != nil || len(catalogues) < 5 {
		t.Fatal(catalogues, err)
	}
	for _, name := range catalogues {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(name, err)
		}
		for key, text := range all {
			texts[name+": "+key] = text
		}
	}
	verbs, err := filepath.Glob("cmd/gallra/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(verbs, "README.md", "docs/quickstart.md", "docs/operations.md", "docs/console.md", "docs/policy.md", "docs/erasure.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	for word, instead := range not {
		written := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(word) + `\b`)
		for where, text := range texts {
			if at := written.FindStringIndex(text); at != nil && !strings.HasSuffix(where, "_test.go") {
				t.Errorf("%s says %q, and the glossary %q: …%s…", where, word, instead, text[max(0, at[0]-30):min(len(text), at[1]+30)])
			}
		}
	}
}
