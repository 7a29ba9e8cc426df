package policy

import (
	"os"
	"path/filepath"
	"slices"
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

// TestSuspiciousConsent: a filter beside the date of a consent makes the ground keep those who have no such date.
func TestSuspiciousConsent(t *testing.T) {
	for _, tt := range []struct {
		ground string
		warns  bool
	}{
		{"where: statecode eq 0, after: birthdate, keep: 1 year", true},
		{"where: statecode eq 0, until: birthdate", true},
		{"table: task, link: regardingobjectid, after: actualend, keep: 1 year", true},
		{"where: statecode eq 0, after: birthdate, keep: 1 year, missingDate: ignore", false},
		{"where: statecode eq 0, after: birthdate, keep: 1 year, missingDate: keep", false},
		{"where: statecode eq 0, after: birthdate, keep: 1 year, missingDate: createdon", false},
		{"after: birthdate, keep: 1 year", false}, // covers only those who have it
		{"where: statecode eq 0, after: createdon, keep: 1 year", false},
		{"where: statecode eq 0, after: lost, keep: 1 year", false},
	} {
		path := filepath.Join(t.TempDir(), "policy.yaml")
		text := "version: 1\nenvironment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}\ntimeZone: Europe/Stockholm\nsubjects:\n  contact:\n    purge: anonymize\n    grounds:\n      - {id: g, basis: consent, why: w, " + tt.ground + "}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		warns := slices.ContainsFunc(p.Suspicious(), func(w Problem) bool { return strings.Contains(w.Message, "keeps whoever has none") })
		if warns != tt.warns {
			t.Errorf("%s: warns %t", tt.ground, warns)
		}
	}
}

// TestShowSpellsOutSetsOfClasses: a set that stands in a class is spelled out like the subject's, and once where an environment's
// rules hold it for each class.
func TestShowSpellsOutSetsOfClasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := `version: 1
environment: {organization: d09f1406-5373-5ba9-8193-08d22d7fe17f}
timeZone: Europe/Stockholm
subjects:
  contact:
    purge: delete
    grounds: [{id: g, basis: contract, why: w, where: statecode eq 0}]
    related:
      - {set: service}
    classes:
      - id: one
        for: statecode eq 1
        related:
          - {set: marketing}
      - {id: rest}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := p.WriteSpelledOut(&b, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"table: incidentresolution", "table: listmember"} {
		if n := strings.Count(b.String(), want); n != 1 {
			t.Errorf("%s stands %d times in\n%s", want, n, b.String())
		}
	}
	marketing := p.Subjects[0].Classes[0].Rules.Related[0]
	became := RelatedRule{Table: "listmember", Link: "entityid", Do: Delete, From: "marketing", Pos: marketing.Pos}
	b.Reset()
	if err := p.WriteSpelledOut(&b, Rules{"contact": {became, became}}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "- {table: listmember, link: entityid, do: delete}"); n != 1 {
		t.Errorf("the rule stands %d times in\n%s", n, b.String())
	}
}
