package notify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallra/gallra/internal/words/wordstest"
	"github.com/gallra/gallra/retention"
)

// Whatever the owner's language, there is a text that they can most likely read.
func TestPick(t *testing.T) {
	list, err := Languages()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		codes []int
		want  int
	}{
		{[]int{1053, 1033}, 1053}, {[]int{2057, 1053}, 1033}, {[]int{3079, 1053}, 1031}, {[]int{2077}, 1053},
		{[]int{1035, 1053, 1033}, 1035}, {[]int{1061, 1053, 1033}, 1053}, {[]int{1030}, 1030}, {[]int{2068}, 1044}, {[]int{0, 1031, 1033}, 1031}, {[]int{1061, 1036, 1033}, 1033},
	} {
		if got := pick(list, tt.codes...).Code; got != tt.want {
			t.Errorf("%v: %d, want %d", tt.codes, got, tt.want)
		}
	}
}

// Every text fits the column that it goes into, also for a company of everybody.
func TestTextsFit(t *testing.T) {
	list, err := Languages()
	if err != nil || len(list) != 6 {
		t.Fatal(len(list), err)
	}
	day, _ := retention.DateOnly.Date("2026-03-01", nil)
	for _, l := range list {
		for _, n := range []int{1, 2, 4_000_000_000} {
			body := l.body(n, day)
			if len(body) > 500 || strings.ContainsAny(body, "{}") || len(l.Title) > 100 {
				t.Errorf("%d: %s", l.Code, body)
			}
		}
	}
	for code, want := range map[int]string{1033: "2026-03-01", 1053: "2026-03-01", 1031: "01.03.2026", 1030: "01.03.2026", 1044: "01.03.2026", 1035: "1.3.2026"} {
		if got := pick(list, code).date(day); got != want {
			t.Errorf("%d: %s", code, got)
		}
	}
}

// The file in the docs is one that works, and wins over nothing that is built in.
func TestTheLanguageInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "```yaml\nlanguage:")
	text, _, closed := strings.Cut(text, "```")
	if !found || !closed {
		t.Fatal("docs/operations.md shows no language")
	}
	file := filepath.Join(t.TempDir(), "french.yaml")
	if err := os.WriteFile(file, []byte("language:"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := Languages(file)
	if err != nil || pick(list, 1036).Code != 1036 || pick(list, 1053).Code != 1053 {
		t.Errorf("%v, %v", list, err)
	}
}

// Every text that is built in is said to somebody.
func TestTextsAreSaid(t *testing.T) {
	wordstest.Check(t, "notify", []string{"language.go"}, nil)
}
