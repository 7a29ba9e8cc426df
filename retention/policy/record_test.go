package policy

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
				for _, part := range []string{g.ID + " |", cell(g.Why), basisWords[g.Basis]} {
					if !strings.Contains(got, part) && !strings.HasPrefix(g.ID, Unjudged) {
						t.Errorf("%s: the record does not say %q", path, part)
					}
				}
			}
			for _, rules := range s.Judged() {
				for _, r := range rules.Related {
					if r.End != nil && !strings.Contains(got, r.End.Words()+", then ") {
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
