package console

import (
	"io/fs"
	"os"
	"regexp"
	"testing"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/internal/words/wordstest"
	"github.com/gallra/gallra/retention/plan"
)

// Every text that a page or the code asks for is there, and every text is asked for by somebody.
func TestWordsAreUsed(t *testing.T) {
	wordstest.Check(t, subject, []string{"*.go", "pages/*.html"}, append(madeOf(t), "month.", "period.", "table.", "one.", "act.", "state."))
}

// madeOf are the beginnings of keys that pages and code make of the engine's words.
func madeOf(t *testing.T) (made []string) {
	for pattern, find := range map[string]*regexp.Regexp{"pages/*.html": regexp.MustCompile(`\(print "([a-z.-]+)"`), "*.go": regexp.MustCompile(`\.[TN]\("([a-z.-]+\.)"`)} {
		files, _ := fs.Glob(os.DirFS("."), pattern)
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range find.FindAllStringSubmatch(string(text), -1) {
				made = append(made, m[1])
			}
		}
	}
	return made
}

// What the engine can say has a word: the kinds and statuses of the ledger, the phases of a run, the actions and effects.
// Whoever adds one adds its words to the texts of package words.
func TestWordsForWhatTheEngineSays(t *testing.T) {
	w := words.In(subject, "en")
	keys := []string{"status."}
	for _, a := range actions {
		keys = append(keys, "state."+string(a), "verdict."+string(a))
	}
	for _, e := range plan.Effects {
		keys = append(keys, "effect."+string(e))
	}
	sources := func(pattern, prefix string, find *regexp.Regexp) {
		files, _ := fs.Glob(os.DirFS("../../.."), pattern)
		before := len(keys)
		for _, f := range files {
			text, err := os.ReadFile("../../../" + f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range find.FindAllStringSubmatch(string(text), -1) {
				keys = append(keys, prefix+m[1])
			}
		}
		if len(keys)-before < 4 {
			t.Errorf("only %d of %s were found: have they moved?", len(keys)-before, prefix)
		}
	}
	sources("retention/ledger/entry.go", "kind.", regexp.MustCompile(` Kind += "([a-z]+)"`))
	sources("retention/ledger/entry.go", "status.", regexp.MustCompile(` Status += "([a-z]+)"`))
	sources("retention/purge/*.go", "phase.", regexp.MustCompile(`Phase: "([a-z]+)"`))
	sources("cmd/gallra/console/*.go", "phase.", regexp.MustCompile(`\.phase\("([a-z]+)"`))
	missing := 0
	for _, k := range keys {
		if _, ok := w.Lookup(k); !ok {
			t.Logf("nothing says %s: the texts of package words", k)
			missing++
		}
	}
	if missing > 4 { // a new one reads as the engine has it until it is translated
		t.Errorf("%d words of the engine are not translated", missing)
	}
}
