package policy

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gallra/gallra"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/internal/words/wordstest"
)

var english = &Prose{say: words.In("record", "en")}

// recordOf is the record of a policy without its hash: a comment more in the policy is no change of the record.
func recordOf(t *testing.T, path string) (*Policy, string) {
	t.Helper()
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	p.Hash = "sha256:…"
	var b bytes.Buffer
	if err := p.WriteRecord(&b, nil); err != nil {
		t.Fatal(err)
	}
	return p, b.String()
}

// TestRecords: the model policy in words, and of the schedules those that say most: classes, kept rows that end, a year of its
// own, persons whom nothing justifies.
func TestRecords(t *testing.T) {
	for _, name := range []string{"policy/sales", "schedules/association", "schedules/newsletter", "schedules/restricted", "schedules/two-stage"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			golden := "../../testdata/" + name + ".record.md"
			_, got := recordOf(t, "../../testdata/"+name+".yaml")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("run go test ./retention/policy -run Records -update (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTheModelPolicyHasTheLimitsOfAnOrdinaryNight: those that a policy has which names none.
func TestTheModelPolicyHasTheLimitsOfAnOrdinaryNight(t *testing.T) {
	if p, _ := recordOf(t, "../../testdata/policy/sales.yaml"); p.Limits != DefaultLimits {
		t.Errorf("%+v", p.Limits)
	}
	if gallra.ModelPolicy == gallra.ModelPolicyFile {
		t.Error("the demo and the tests purge by the limits of an ordinary night")
	}
}

// TestRecordsSayEveryRule: in words that are none of the language's own.
func TestRecordsSayEveryRule(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/schedules/*.yaml")
	if err != nil || len(paths) < 20 {
		t.Fatal(paths, err)
	}
	for _, path := range append(paths, "../../testdata/policy/sales.yaml") {
		if strings.HasSuffix(path, ".test.yaml") {
			continue
		}
		p, got := recordOf(t, path)
		for _, s := range p.Subjects {
			for _, g := range s.Grounds {
				for _, part := range []string{g.ID + " |", cell(g.Why), english.basis(g.Basis)} {
					if !strings.Contains(got, part) && !strings.HasPrefix(g.ID, Unjudged) {
						t.Errorf("%s: the record does not say %q", path, part)
					}
				}
			}
			for _, rules := range s.Judged() {
				for _, r := range rules.Related {
					if r.End != nil && !strings.Contains(got, english.span("", r.End.Span)+", then ") {
						t.Errorf("%s: the record does not say when rows of %s go", path, r.Table)
					}
				}
			}
		}
		for _, r := range p.Rows {
			if !strings.Contains(got, "| "+r.Name+" | ") || !strings.Contains(got, cell(r.Why)) {
				t.Errorf("%s: the record does not say %s", path, r.Name)
			}
		}
		for _, odd := range []string{"from end of", "| 0 days", " 0 days", "required-attendee", "part in as from", "part in as to "} {
			if strings.Contains(got, odd) {
				t.Errorf("%s: the record says %q", path, odd)
			}
		}
	}
}

// A column that may hold a year is said to count from its end: without an environment nobody knows which it holds.
func TestRecordsSayYears(t *testing.T) {
	_, university := recordOf(t, "../../testdata/schedules/university.yaml")
	const want = "Where `nor_entryyear` holds a year (a whole number) and no date, the period counts from the end of that year, whose last day is kept through."
	if strings.Count(university, want) == 0 {
		t.Errorf("the record does not say: %s", want)
	}
	if _, events := recordOf(t, "../../testdata/schedules/events.yaml"); strings.Contains(events, "holds a year") {
		t.Error("the record speaks of years where dates are meant")
	}
}

// The record comes in every language of gallra's, and says in none of them what another language says; what the policy says itself
// stands as it is written.
func TestRecordsInEveryLanguage(t *testing.T) {
	wordstest.Check(t, "record", []string{"record.go", "prose.go", "rows.go", "sets.go", "head.go", "called.go", "spoken.go", "spell.go"}, []string{"after.", "until.", "coarse.", "basis.", "party.", "page", "data.", "filter.", "and", "or", "nor"})
	for _, name := range []string{"policy/sales", "schedules/association", "schedules/two-stage", "schedules/restricted"} {
		p, want := recordOf(t, "../../testdata/"+name+".yaml")
		for _, lang := range words.All() {
			var b bytes.Buffer
			if err := p.WriteRecordIn(&b, lang, nil); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			if lang == "en" && got != want {
				t.Errorf("%s is another in English than in the policy's language, which is English", name)
			}
			if n, m := strings.Count(got, "\n"), strings.Count(want, "\n"); n != m || strings.Count(got, "|") != strings.Count(want, "|") {
				t.Errorf("%s in %s: %d lines, and in English %d", name, lang, n, m)
			}
			if strings.ContainsAny(got, "{}") && !strings.ContainsAny(want, "{}") || strings.Contains(got, "%!") {
				t.Errorf("%s in %s is not filled in", name, lang)
			}
			for _, english := range []string{"A person is kept", "which rows", " after `", "for as long as", "that the person", "anonymised,", "Nobody"} {
				if lang != "en" && strings.Contains(got, english) {
					t.Errorf("%s in %s says %q", name, lang, english)
				}
			}
			for _, s := range p.Subjects {
				for _, g := range s.Grounds {
					if !strings.Contains(got, cell(g.Why)) {
						t.Errorf("%s in %s does not say why: %s", name, lang, g.Why)
					}
				}
			}
		}
	}
}
