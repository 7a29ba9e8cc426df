// Package wordstest holds that what a package says and what package words has for it are the same. It is for tests.
package wordstest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gallra/gallra/internal/words"
)

var (
	quoted = regexp.MustCompile("[\"`]([a-z0-9.-]+)[\"`]")
	asked  = regexp.MustCompile(`(?:\bT|\bN|\bline\("[# ]*",|\{\{-? ?t|\{\{-? ?n)[( ]"([a-z0-9.-]+)"`)
	saying = regexp.MustCompile(`[{(]say "([a-z0-9.-]+)"`)
	form   = regexp.MustCompile(`\.(zero|one|two|few|many|other)$`)
)

// Check reads the sources in the test's folder that the patterns name. Every key that they ask for by T and N has a text, and
// every text's key stands in them; those that begin with one of the prefixes are made from what the engine says.
func Check(t *testing.T, subject string, patterns, prefixes []string) {
	t.Helper()
	w := words.In(subject, "en")
	has := map[string]bool{}
	for _, key := range append(words.In("common", "en").Keys(), w.Keys()...) {
		has[key], has[form.ReplaceAllString(key, "")] = true, true
	}
	said := map[string]bool{}
	found := 0
	for _, pattern := range patterns {
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
			for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
				said[m[1]] = true
			}
			for _, m := range asked.FindAllStringSubmatch(string(text), -1) {
				found++
				if !has[m[1]] && !strings.HasSuffix(m[1], ".") {
					t.Errorf("%s asks for %s, which nothing says", file, m[1])
				}
			}
		}
	}
	if found == 0 {
		t.Errorf("nothing in %v asks for a text: has it moved?", patterns)
	}
	for _, key := range w.Keys() {
		made := false
		for _, p := range prefixes {
			made = made || strings.HasPrefix(key, p)
		}
		if !made && !said[key] && !said[form.ReplaceAllString(key, "")] {
			t.Errorf("nobody asks for %s of %s", key, subject)
		}
	}
}

// Said holds that every key that templates ask for by say has a text of the subject, whatever the subject of the templates themselves.
func Said(t *testing.T, subject, pattern string) {
	t.Helper()
	w, found := words.In(subject, "en"), 0
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range saying.FindAllStringSubmatch(string(text), -1) {
			found++
			if _, ok := w.Lookup(m[1]); !ok {
				t.Errorf("%s asks for %s of %s, which nothing says", file, m[1], subject)
			}
		}
	}
	if found == 0 {
		t.Errorf("nothing in %s asks for a text of %s: has it moved?", pattern, subject)
	}
}
