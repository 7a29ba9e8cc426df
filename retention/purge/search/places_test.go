package search

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestEveryPlaceHasAKeyOfItsOwn reads the sources: a place without a key, or with another one's, would be told in English
// only, or with the words for something else.
func TestEveryPlaceHasAKeyOfItsOwn(t *testing.T) {
	place := regexp.MustCompile(`(?:Place)?\{(?:Key: (?:search\.)?(\w+), )?Name: `)
	used := map[string]int{}
	for _, pattern := range []string{"*.go", "../residue.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range place.FindAllStringSubmatch(string(text), -1) {
				used[m[1]]++
			}
		}
	}
	for key, times := range used {
		if key == "" || times > 1 {
			t.Errorf("%d places have the key %q", times, key)
		}
	}
	keys := PlaceKeys()
	slices.Sort(keys)
	if all := slices.Compact(slices.Clone(keys)); len(all) != len(keys) || len(all) != len(used) {
		t.Errorf("%d keys, %d of them different, of %d places", len(keys), len(all), len(used))
	}
}
