package seeds

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestTheSameValuesInEveryRun: what is drawn hangs on the seed alone.
func TestTheSameValuesInEveryRun(t *testing.T) {
	draw := func() (drawn []int) {
		rapid.Check(t, func(t *rapid.T) { drawn = append(drawn, rapid.Int().Draw(t, "n")) })
		return drawn
	}
	first := draw()
	if !slices.Equal(first, draw()) {
		t.Error("two runs draw different values")
	}
	if err := flag.Set("rapid.seed", "4711"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = flag.Set("rapid.seed", "1970") }()
	if slices.Equal(first, draw()) {
		t.Error("another seed draws the same values")
	}
}

// TestEveryPropertyTestHasItsSeed: a package whose tests use rapid imports this one.
func TestEveryPropertyTestHasItsSeed(t *testing.T) {
	out, err := exec.Command("git", "-C", "../..", "ls-files", "*_test.go").Output()
	if err != nil {
		t.Skip("not a working copy: ", err)
	}
	uses, seeded := map[string]bool{}, map[string]bool{}
	for _, name := range strings.Fields(string(out)) {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			continue // deleted, and not committed yet
		}
		dir := filepath.Dir(name)
		uses[dir] = uses[dir] || strings.Contains(string(text), `"pgregory.net/rapid"`)
		seeded[dir] = seeded[dir] || strings.Contains(string(text), `_ "github.com/gallra/gallra/internal/seeds"`)
	}
	for dir, is := range uses {
		if is && !seeded[dir] && dir != "internal/seeds" {
			t.Errorf("the tests of %s draw other values in every run: import _ %q", dir, "github.com/gallra/gallra/internal/seeds")
		}
	}
}
