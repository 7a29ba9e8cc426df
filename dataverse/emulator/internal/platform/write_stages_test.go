package platform

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocsNameEveryStage holds docs/emulator.md against the stages of a write.
func TestDocsNameEveryStage(t *testing.T) {
	b, err := os.ReadFile("../../../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(b), "<!-- stages -->\n")
	section, _, closed := strings.Cut(rest, "<!-- /stages -->")
	if !found || !closed {
		t.Fatal("docs/emulator.md has no list of stages")
	}
	var want, got strings.Builder
	for _, write := range []struct {
		name   string
		stages []stage
	}{{"Create", onCreate()}, {"Update", onUpdate()}, {"Delete", onDelete()}} {
		fmt.Fprintf(&want, "%s\n", write.name)
		for i, s := range write.stages {
			fmt.Fprintf(&want, "%d %s\n", i+1, s.name)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^(?:\\*\\*(\\w+)\\*\\*|(\\d+)\\. `(\\w+)`: .+)$").FindAllStringSubmatch(section, -1) {
		if m[1] != "" {
			fmt.Fprintf(&got, "%s\n", m[1])
		} else {
			fmt.Fprintf(&got, "%s %s\n", m[2], m[3])
		}
	}
	if got.String() != want.String() {
		t.Errorf("docs/emulator.md names these stages:\n%s\nThere are:\n%s", got.String(), want.String())
	}
}

// TestNothingIsPutBeforeItIsChecked: only rules that need the row itself come after it is put.
func TestNothingIsPutBeforeItIsChecked(t *testing.T) {
	after := []string{"put", "audit", "beside", "mayRow", "duplicates", "children", "adopted", "finish", "follow", "parties", "postOperation"}
	for _, stages := range [][]stage{onCreate(), onUpsert(), onUpdate()} {
		put := slices.IndexFunc(stages, func(s stage) bool { return s.name == "put" })
		for i, s := range stages {
			if slices.Contains(after, s.name) != (i >= put) {
				t.Errorf("%s is stage %d, put is %d", s.name, i+1, put+1)
			}
		}
	}
}
