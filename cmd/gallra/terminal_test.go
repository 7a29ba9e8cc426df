package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"pgregory.net/rapid"

	_ "github.com/gallra/gallra/internal/seeds"
)

// No text that came from elsewhere steers the terminal, however it is printed.
func TestNothingSteersTheTerminal(t *testing.T) {
	hostile := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"\x1b]0;owned\x07", "\x1b[2J\x1b[H", "\x9b31m", "\u202egnp.exe", "\u2066a\u2069", "a\rb", "a\bb", "\x1b[8mhidden", "\u200b\ufeff", "tab\there", "\xff\xfe", "two\n  lines",
	}))
	a := &streams{out: io.Discard}
	rapid.Check(t, func(t *rapid.T) {
		name := hostile.Draw(t, "name")
		var b strings.Builder
		w := &lines{w: &b}
		w.printf("%s|%v|%-10s|%s|%s\n", name, errors.New(name), name, a.screen().in(red, name), stringer(name))
		w.printf("%s\n", a.table([]string{"name", "n"}, [][]string{{name, "1"}, {"x", name}}))
		for _, r := range b.String() {
			if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200b || r == 0xfeff) {
				t.Fatalf("%q lets %q through: %q", name, r, b.String())
			}
		}
		if w.err != nil {
			t.Fatal(w.err)
		}
	})
}

type stringer string

func (s stringer) String() string { return string(s) }

func TestErrorsAreNeutral(t *testing.T) {
	var errs strings.Builder
	(&streams{errs: &errs}).printError(&usageError{"\x1b[2Jno \u202efile", "try\x07 this"})
	if got, want := errs.String(), "gallra: [2Jno file\nhint: try this\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNeutralKeepsLayout(t *testing.T) {
	for in, want := range map[string]string{"a  b\n   c": "a  b\n   c", "  x\x1b[1m  y\n": "  x [1m y\n", "\tindented\u200b": "    indented", "ÅÄÖ – “x”": "ÅÄÖ – “x”"} {
		if got := neutral(in); got != want {
			t.Errorf("neutral(%q) = %q, want %q", in, got, want)
		}
	}
}

// A table that goes anywhere but to a terminal has no codes, no frame and no broken lines, whatever the settings are.
func TestTableForAFile(t *testing.T) {
	t.Setenv("COLUMNS", "45")
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	long := strings.Repeat("word ", 30)
	got := string((&streams{out: f}).table([]string{"a", "b"}, [][]string{{"1", long}, {"222", "x"}}))
	want := "a    b\n  1  " + strings.TrimSpace(long) + "\n222  x"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// wide is the widest line in cells, styles aside.
func wide(text string) int {
	widest := 0
	for line := range strings.Lines(text) {
		widest = max(widest, lipgloss.Width(strings.TrimRight(line, "\r\n")))
	}
	return widest
}

func row(i int) []string {
	return []string{fmt.Sprint(i * 1000), "ground-with-a-long-name-" + fmt.Sprint(i), "why this is so, told at some length, so that it does not fit"}
}
