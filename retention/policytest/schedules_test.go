package policytest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
	"github.com/gallra/gallra/retention/policy"
)

// schedules are the policies in testdata/schedules, written after real kinds of retention schedules, by name.
func schedules(t *testing.T) map[string]*policy.Policy {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/schedules/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*policy.Policy{}
	for _, path := range paths {
		if strings.HasSuffix(path, ".test.yaml") {
			continue
		}
		p, err := policy.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".yaml")] = p
	}
	if len(all) < 10 {
		t.Fatalf("%d schedules", len(all))
	}
	return all
}

func testsOf(t *testing.T, name string) *policy.TestFile {
	t.Helper()
	f, err := policy.LoadTests("../../testdata/schedules/" + name + ".test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSchedulesPassTheirTests: each schedule fits the emulator, and its own tests come true whether or not negative conditions
// count empty columns.
func TestSchedulesPassTheirTests(t *testing.T) {
	for name, p := range schedules(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results, err := Run(t.Context(), testsOf(t, name), p)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range told(results, true) {
				t.Error(line)
			}
		})
	}
}

// TestSchedulesAreTested: a case is about each ground, each class, each rule of rows and each rule of the schedule's own for
// related rows; and the cases of each schedule turn on 29 February, on the end of a year and on an evening that is another day
// elsewhere.
func TestSchedulesAreTested(t *testing.T) {
	edges := map[string]*regexp.Regexp{
		"29 February":                        regexp.MustCompile(`-02-29`),
		"the last or first day of a year":    regexp.MustCompile(`-12-31|-01-01|-0[37]-31|-0[48]-01`),
		"an instant that is another day":     regexp.MustCompile(`T(1[01]|2[0-3]):\d\d:\d\dZ`),
		"the last day of a period":           regexp.MustCompile(`The last day of `),
		"the day after the end of a period":  regexp.MustCompile(`he day after|New Year's Day`),
		"a column that is empty on somebody": regexp.MustCompile(`\{table: (contact|lead), lastname: \w+\}|\{table: account, name: Bert Dahl, createdon`),
	}
	for name, p := range schedules(t) {
		text, err := os.ReadFile("../../testdata/schedules/" + name + ".test.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for what, edge := range edges {
			if !edge.Match(text) {
				t.Errorf("%s: no case is about %s", name, what)
			}
		}
		f := testsOf(t, name)
		expected := func(table string, want func(c policy.TestCase, x policy.TestExpect) bool) bool {
			return slices.ContainsFunc(f.Cases, func(c policy.TestCase) bool {
				all := slices.Clone(c.Expect)
				for _, day := range c.Later {
					all = append(all, day.Expect...)
				}
				return slices.ContainsFunc(all, func(x policy.TestExpect) bool {
					return c.Rows[x.Label] != nil && c.Rows[x.Label].Table == table && want(c, x)
				})
			})
		}
		if !slices.ContainsFunc(f.Cases, func(c policy.TestCase) bool {
			return slices.ContainsFunc(c.Later, func(d policy.TestDay) bool {
				return slices.ContainsFunc(d.Expect, func(x policy.TestExpect) bool {
					fate := policy.Fate(x.Action)
					return c.Rows[x.Label] != nil && p.Subject(c.Rows[x.Label].Table) != nil && (fate == policy.FateDelete || fate == policy.FateAnonymize)
				})
			})
		}) {
			t.Errorf("%s: no case carries a person to the end", name)
		}
		for _, s := range p.Subjects {
			for _, g := range s.Grounds {
				if !expected(s.Table, func(_ policy.TestCase, x policy.TestExpect) bool { return x.Ground == g.ID }) {
					t.Errorf("%s: no case is about the ground %s of %s", name, g.ID, s.Table)
				}
			}
			for _, rules := range s.Judged() {
				for _, r := range rules.Related {
					word := map[policy.Disposition][]policy.Fate{policy.Delete: {policy.FateDelete}, policy.Anonymize: {policy.FateAnonymize}, policy.Retain: {policy.FateKeep, policy.FateFree}}[r.Do]
					if r.End != nil { // its own period may be over when the person goes
						word = append(word, map[policy.Disposition]policy.Fate{policy.Delete: policy.FateDelete, policy.Anonymize: policy.FateAnonymize}[r.End.Then])
					}
					if r.Table == policy.AnyTable || r.Set != "" || p.Subject(r.Table) != nil {
						continue
					}
					if !expected(r.Table, func(_ policy.TestCase, x policy.TestExpect) bool { return slices.Contains(word, policy.Fate(x.Action)) }) {
						t.Errorf("%s: no case is about %s of %s", name, r.Do, r.Table)
					}
				}
			}
		}
		for _, r := range p.Rows {
			gone := policy.FateDelete
			if r.Do == policy.Anonymize {
				gone = policy.FateAnonymize
			}
			for _, fate := range []policy.Fate{gone, policy.FateLeave} {
				if !expected(r.Table, func(_ policy.TestCase, x policy.TestExpect) bool { return policy.Fate(x.Action) == fate }) {
					t.Errorf("%s: in no case is a row of %s to %s", name, r.Name, fate)
				}
			}
		}
	}
}

// TestSchedulesReadWithoutAWarning: what the check warns of by the looks of a policy alone is meant in none of them.
func TestSchedulesReadWithoutAWarning(t *testing.T) {
	for name, p := range schedules(t) {
		for _, w := range p.Suspicious() {
			t.Errorf("%s: %s", name, w)
		}
	}
}

// TestScheduleTable: docs/schedules.md counts its own lines right, every rule that it names stands in the policy that it names, and
// what can be said is shown by one.
func TestScheduleTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/schedules.md")
	if err != nil {
		t.Fatal(err)
	}
	all := schedules(t)
	said, detours, unsaid, named := 0, 0, 0, map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|(.*)\|$`).FindAllStringSubmatch(string(text), -1) {
		cells := strings.Split(m[2], " | ")
		if want := strconv.Itoa(said + detours + unsaid + 1); m[1] != want {
			t.Errorf("line %s should be %s", m[1], want)
		}
		if strings.Contains(cells[0], "**no**") {
			unsaid++
			continue
		}
		if len(cells) != 3 {
			t.Fatalf("line %s has %d cells", m[1], len(cells))
		}
		if strings.HasPrefix(strings.TrimSpace(cells[1]), "* ") {
			detours++
		} else {
			said++
		}
		schedule := ""
		for _, ref := range strings.Split(strings.TrimSpace(cells[2]), ", ") {
			rule := ref
			if name, r, ok := strings.Cut(ref, ": "); ok {
				schedule, rule = name, r
			}
			if p := all[schedule]; p == nil || !has(p, rule) {
				t.Errorf("line %s: no rule %q in %q", m[1], rule, schedule)
			}
			named[schedule] = true
		}
	}
	if want := fmt.Sprintf("Of the %d rules below, %d are said exactly, %d take a detour or lose something (*), and %d cannot be said", said+detours+unsaid, said, detours, unsaid); !strings.Contains(string(text), want) {
		t.Errorf("the page does not say: %s", want)
	}
	if len(named) != len(all) {
		t.Errorf("the page shows rules of %d of %d schedules", len(named), len(all))
	}
}

// has tells whether a policy has a ground, a class, a rule of rows or, as "related TABLE", one for related rows.
func has(p *policy.Policy, rule string) bool {
	table, related := strings.CutPrefix(rule, "related ")
	for _, s := range p.Subjects {
		if slices.ContainsFunc(s.Grounds, func(g policy.Ground) bool { return g.ID == rule }) ||
			slices.ContainsFunc(s.Classes, func(k policy.Class) bool { return k.ID == rule }) ||
			related && slices.ContainsFunc(s.Related, func(r policy.RelatedRule) bool { return r.Table == table }) {
			return true
		}
	}
	return slices.ContainsFunc(p.Rows, func(r policy.RowRule) bool { return r.Name == rule })
}

// TestSchedulesNoticeADay: were the period of any ground a day longer, a case that is about the ground would fail.
func TestSchedulesNoticeADay(t *testing.T) {
	periods := 0
	for name, p := range schedules(t) {
		f := testsOf(t, name)
		w, err := start(t.Context(), f, p, emulator.NullMatchesNothing)
		if err != nil {
			t.Fatal(err)
		}
		defer w.client.Close()
		for i := range p.Subjects {
			s := &p.Subjects[i]
			for j := range s.Grounds {
				g := &s.Grounds[j]
				if g.WhenLost() || g.After == "" && g.Until == "" {
					continue
				}
				periods++
				of := []*policy.Ground{g}
				for _, rules := range s.Judged() { // those of a class stand there as well
					for k := range rules.Grounds {
						if same := &rules.Grounds[k]; same.ID == g.ID && same != g {
							of = append(of, same)
						}
					}
				}
				for _, g := range of {
					g.Keep.Days++
				}
				noticed := slices.ContainsFunc(f.Cases, func(c policy.TestCase) bool {
					if !slices.ContainsFunc(c.Expect, func(x policy.TestExpect) bool { return x.Ground == g.ID }) {
						return false
					}
					r, err := w.run(t.Context(), &c)
					if err != nil {
						t.Fatal(err)
					}
					return len(r.Failures) > 0
				})
				for _, g := range of {
					g.Keep.Days--
				}
				if !noticed {
					t.Errorf("%s: no case notices that %s lasts a day longer", name, g.ID)
				}
			}
		}
	}
	if periods < 60 {
		t.Errorf("%d periods", periods)
	}
}
