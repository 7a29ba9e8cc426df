package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSuspiciousInClasses: rules of a class for related rows are looked at like the subject's, and those that several classes
// take from it once.
func TestSuspiciousInClasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}
timeZone: Europe/Stockholm
subjects:
  contact:
    purge: delete
    grounds: [{id: g, basis: contract, why: w, where: statecode eq 0}]
    related:
      - {table: task, link: regardingobjectid, do: delete}
      - {table: task, link: regardingobjectid, do: keep, why: Never reached}
    classes:
      - {id: one, for: statecode eq 1}
      - id: two
        for: statecode eq 0
        related:
          - {table: email, party: any, do: delete}
          - {table: email, party: from, do: keep, why: Never reached}
      - {id: rest}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range p.Suspicious() {
		got = append(got, w.Message)
	}
	if len(got) != 2 || !strings.Contains(got[0], "keep rule for `task` never applies") || !strings.Contains(got[1], "keep rule for `email` never applies") {
		t.Errorf("%q", got)
	}
}

func TestPercentage(t *testing.T) {
	for share, want := range map[float64]string{0: "0%", 0.05: "5%", 0.0501: "5.1%", 1: "100%"} {
		if got := Percentage(share); got != want {
			t.Errorf("%g: %s, want %s", share, got, want)
		}
	}
}
