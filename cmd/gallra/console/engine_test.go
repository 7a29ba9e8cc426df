package console

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gallra/gallra/internal/words"
)

// What the engine finds has a text wherever it is said, with what to do about it where there is something to do; and every text is said.
func TestWordsOfTheEngine(t *testing.T) {
	w := words.In("engine", "en")
	form := regexp.MustCompile(`\.(one|other)$`)
	has := map[string]bool{}
	for _, key := range w.Keys() {
		has[form.ReplaceAllString(key, "")] = true
	}
	literal := regexp.MustCompile(`"([a-z][a-z0-9.-]*)"`)
	asks := map[*regexp.Regexp]func(string) []string{
		regexp.MustCompile(`words\.(?:Say|Count)\("([a-z0-9.-]+)"`):                              func(k string) []string { return []string{k} },
		regexp.MustCompile(`NewRail\([\w.]+, "([a-z0-9.-]+)"`):                                   func(k string) []string { return []string{"rail." + k, "rail." + k + ".do"} },
		regexp.MustCompile(`\bd\.ok\("[a-z ]+", "([a-z0-9.-]+)"`):                                func(k string) []string { return []string{k} },
		regexp.MustCompile(`(?:d\.(?:warn|note|fail)\("[a-z ]+"|tell\([\w.]+), "([a-z0-9.-]+)"`): func(k string) []string { return []string{k, k + ".do"} },
	}
	said, found := map[string]bool{}, 0
	for _, pattern := range []string{"../../../retention/*/*.go", "../../../retention/purge/*/*.go", "../*.go", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
				said[m[1]], said["rail."+m[1]], said["treatment."+m[1]] = true, true, true
			}
			for ask, keys := range asks {
				for _, m := range ask.FindAllStringSubmatch(string(text), -1) {
					for _, key := range keys(m[1]) {
						found++
						if said[key] = true; !has[key] && key != "rail." && !strings.HasSuffix(key, ".") {
							t.Errorf("%s says %s, which has no text", file, key)
						}
					}
				}
			}
		}
	}
	if found < 150 {
		t.Errorf("only %d texts are asked for: have they moved?", found)
	}
	for key := range has {
		if !said[key] && key != "more" {
			t.Errorf("nobody says %s", key)
		}
	}
}
