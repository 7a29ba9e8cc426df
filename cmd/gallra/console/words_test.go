package console

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention/plan"
)

var placeholder = regexp.MustCompile(`\{[0-9]\}`)

// Every text is there in every language, with the same places to fill in, and says something.
func TestWordsInEveryLanguage(t *testing.T) {
	words, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	for key, text := range words["en"] {
		other, ok := words["sv"][key]
		if !ok {
			t.Errorf("%s is missing in Swedish", key)
			continue
		}
		if text == "" || other == "" {
			t.Errorf("%s says nothing", key)
		}
		a, b := placeholder.FindAllString(text, -1), placeholder.FindAllString(other, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: %q and %q differ in what is filled in", key, text, other)
		}
	}
	for key := range words["sv"] {
		if _, ok := words["en"][key]; !ok {
			t.Errorf("%s is missing in English", key)
		}
	}
}

var (
	saidInPage = regexp.MustCompile(`\{\{-?\s*(?:t|n) "([a-z0-9.-]+)"`)
	saidInGo   = regexp.MustCompile(`(?:\.T|\.N|tell\(w, r, [^,]+, (?:true|false),|tell\(w, r, path, true,|outside\(w, r, [A-Za-z.]+,) ?\(?"([a-z0-9.-]+)"`)
	madeInPage = regexp.MustCompile(`\(print "([a-z.-]+)"`)
)

// Every text that a page or the code asks for is there, and every text is asked for by somebody.
func TestWordsAreUsed(t *testing.T) {
	words, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	used, made := map[string]bool{}, map[string]bool{}
	read := func(name string, find ...*regexp.Regexp) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range find {
			for _, m := range f.FindAllStringSubmatch(string(text), -1) {
				if f == madeInPage || strings.HasSuffix(m[1], ".") {
					made[m[1]] = true
				} else {
					used[m[1]] = true
				}
			}
		}
	}
	pages, _ := fs.Glob(os.DirFS("."), "pages/*.html")
	for _, p := range pages {
		read(p, saidInPage, madeInPage)
	}
	code, _ := fs.Glob(os.DirFS("."), "*.go")
	for _, f := range code {
		if !strings.HasSuffix(f, "_test.go") {
			read(f, saidInGo)
		}
	}
	if len(used) < 150 {
		t.Fatalf("only %d texts are asked for", len(used))
	}
	for key := range used {
		_, plain := words["en"][key]
		_, one := words["en"][key+".one"]
		if !plain && !one {
			t.Errorf("nothing says %s", key)
		}
	}
	for key := range words["en"] {
		name := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		known := used[key] || used[name]
		for prefix := range made {
			known = known || strings.HasPrefix(key, prefix)
		}
		for _, prefix := range []string{"month.", "period.", "table.", "one.", "act.", "state."} {
			known = known || strings.HasPrefix(key, prefix)
		}
		if !known {
			t.Errorf("nobody asks for %s", key)
		}
	}
}

// What the engine can say has a word: the kinds and statuses of the ledger, the phases of a run, the actions and effects.
// Whoever adds one adds its words to words/en.json and words/sv.json.
func TestWordsForWhatTheEngineSays(t *testing.T) {
	words, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
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
		if words["en"][k] == "" {
			t.Logf("nothing says %s: words/en.json, words/sv.json", k)
			missing++
		}
	}
	if missing > 4 { // a new one reads as the engine has it until it is translated
		t.Errorf("%d words of the engine are not translated", missing)
	}
}
