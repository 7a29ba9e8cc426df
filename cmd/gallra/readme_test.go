package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeShowsTheDemo holds what the README shows against what the demo prints. Figures and days move with the date.
func TestReadmeShowsTheDemo(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "<!-- demo -->\n```\n")
	block, _, found := strings.Cut(rest, "\n```\n<!-- /demo -->")
	if !found {
		t.Fatal("the README shows no demo")
	}
	var out bytes.Buffer
	a := &app{streams: streams{in: os.Stdin, out: &out, errs: &bytes.Buffer{}}}
	if err := a.runDemo(context.Background()); err != nil {
		t.Fatal(err)
	}
	printed := normal(out.String())
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "…"))
		if line != "" && !strings.Contains(printed, normal(line)) {
			t.Errorf("the README shows a line that the demo does not print:\n%s", line)
		}
	}
}

var (
	months = regexp.MustCompile(`January|February|March|April|May|June|July|August|September|October|November|December`)
	digits = regexp.MustCompile(`[0-9a-f]{16}|[0-9]+`)
	blanks = regexp.MustCompile(` +|─+`)
)

func normal(s string) string {
	return blanks.ReplaceAllString(digits.ReplaceAllString(months.ReplaceAllString(s, "M"), "0"), " ")
}

// TestReadmeNamesEveryVerb: who looks for a verb in the README's table finds it there, or takes it for missing.
func TestReadmeNamesEveryVerb(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "\n## Verbs\n")
	table, _, _ = strings.Cut(table, "\n## ")
	first := regexp.MustCompile(`(?m)^\| (.*?) \|`)
	var named strings.Builder
	for _, m := range first.FindAllStringSubmatch(table, -1) {
		named.WriteString(m[1] + "\n")
	}
	word := func(name string) bool { return regexp.MustCompile("[`, ]" + name + "\\b").MatchString(named.String()) }
	for _, verb := range newRoot(&app{}).Commands() {
		if !verb.Hidden && verb.Name() != "help" && !word(verb.Name()) {
			t.Errorf("the README's table of verbs does not name %s", verb.Name())
		}
		for _, sub := range verb.Commands() {
			if !sub.Hidden && verb.Name() != "completion" && !word(sub.Name()) {
				t.Errorf("the README's table of verbs does not name %s", sub.CommandPath())
			}
		}
	}
}
