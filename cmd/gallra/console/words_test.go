package console

import (
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/internal/words/wordstest"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/plan"
)

// Every text that a page or the code asks for is there, and every text is asked for by somebody.
func TestWordsAreUsed(t *testing.T) {
	wordstest.Check(t, subject, []string{"*.go", "pages/*.html"}, append(madeOf(t), "table.", "one.", "act.", "state."))
	wordstest.Said(t, "rehearsal", "pages/*.html")
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
		keys = append(keys, "state."+string(a))
	}
	for _, f := range []retention.CountFrom{retention.EndOfMonth, retention.EndOfQuarter, retention.EndOfYear} {
		keys = append(keys, "keep."+f.Word())
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

// Every page is said in the language that the browser asks for, the reader has chosen or the console was started in, and in no
// other.
func TestLanguages(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(nil)
	w.enter()
	p := w.somebody()
	for _, lang := range words.All() {
		say, english := words.In(subject, lang), words.In(subject, "en")
		for _, path := range []string{"/", "/?by=owner", "/people", personPath("contact", p.ID), "/policy?try=contact/closed-opportunity", "/run", "/ledger", "/health", "/nowhere"} {
			a := w.do(http.MethodGet, path, nil, map[string]string{"Accept-Language": lang + ",en;q=0.5"})
			text := html.UnescapeString(a.body)
			if !strings.Contains(text, `<html lang="`+lang+`">`) || !strings.Contains(text, say.T("page.coming")) || !strings.Contains(text, say.T("leave")) {
				t.Errorf("%s is not in %s", path, say.T("name"))
			}
			for _, key := range []string{"leave", "page.coming", "read.again", "person.keep", "ledger.whole", "kind.scheduled", "coming.tables"} {
				if lang != "en" && strings.Contains(text, english.T(key)) {
					t.Errorf("%s says %q in %s", path, english.T(key), lang)
				}
			}
		}
	}
	if a := w.do(http.MethodGet, "/", nil, map[string]string{"Accept-Language": "fr"}); !strings.Contains(a.body, `<html lang="en">`) {
		t.Error("who asks for French gets no English")
	}
	w.post("/language", url.Values{"language": {"fi"}, "back": {"/people"}})
	if a := w.get("/people"); !strings.Contains(a.body, `<html lang="fi">`) {
		t.Error("the switch does nothing")
	}
}

// A console that was started in a language speaks it, whatever the browser asks for, until the reader chooses.
func TestLanguageOfTheConsole(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	w.serve(func(o *Options) { o.Language = "da" })
	w.enter()
	if a := w.do(http.MethodGet, "/people", nil, map[string]string{"Accept-Language": "sv"}); !strings.Contains(a.body, `<html lang="da">`) {
		t.Error("the setting does nothing")
	}
	w.post("/language", url.Values{"language": {"nb"}, "back": {"/people"}})
	if a := w.get("/people"); !strings.Contains(a.body, `<html lang="nb">`) {
		t.Error("the switch does nothing")
	}
}
