package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallra/gallra/retention"
)

// asking is a policy that asks, with lines for its class.
func asking(ask, more string) string {
	return header + "  contact:\n    purge: anonymize\n    ask: " + ask + "\n    grounds:\n      - {id: g, basis: contract, why: w, where: statecode eq 0}\n" + more
}

func loadText(t *testing.T, text string) (*Policy, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

// Each kind of mistake about asking is told at its place, with what to do.
func TestAskIsRefused(t *testing.T) {
	for _, tt := range []struct{ ask, more, want, hint string }{
		{"{queue: Retention}", "", "`ask` needs `before`", ""},
		{"{before: 30 days}", "", "`ask` needs `queue`", ""},
		{"{before: 0 days, queue: Retention}", "", "7:19: `before` of no time leaves nobody the time to answer", "such as before: 30 days"},
		{"{before: 3 months, queue: Retention}", "", "7:19: nobody can be asked 3 months before: a purge date stands for 2 months, and is not known earlier", "a longer `notice`"},
		{"{before: 30 days, queue: Retention}", "    classes: [{id: a, for: statecode eq 1, notice: 1 week}, {id: b}]\n", "7:19: nobody can be asked 30 days before: a purge date stands for 1 week", "a longer `notice`"},
		{"{before: 30 days, queue: ' '}", "", "7:35: `queue` is empty", ""},
		{"{before: 30 days, queue: R, required: 0 days}", "", "7:48: `required` of no time asks for nothing", "leave it out"},
		{"{before: 30 days, queue: R, required: 2 months}", "", "7:48: whoever is asked 30 days before the purge date was not asked 2 months ago", "at most as long as `before`"},
		{"{before: 30 days, queue: R, by: mail}", "", "7:38: unknown key `by` in `ask`", "known here"},
		{"{before: 30 days, queue: R}", "    classes: [{id: a, for: statecode eq 1, judged: false, why: w, ask: {before: 1 week, queue: R}}, {id: b}]\n", "`ask` has no meaning beside judged: false", ""},
	} {
		_, err := loadText(t, asking(tt.ask, tt.more))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.hint) {
			t.Errorf("%s: %v, want %s", tt.ask, err, tt.want)
		}
	}
	if _, err := loadText(t, "limits: {asks: -1}\n"+asking("{before: 30 days, queue: R}", "")); err == nil || !strings.Contains(err.Error(), "`asks` cannot be below 0") {
		t.Error(err)
	}
}

// A class has the word of its subject, or one of its own; who is not judged is not asked.
func TestAskOfClasses(t *testing.T) {
	p, err := loadText(t, asking("{before: 30 days, queue: R, required: 2 weeks}", `    classes:
      - {id: staff, for: statecode eq 1, judged: false, why: Employees}
      - {id: minor, for: statecode eq 0, ask: {before: 1 week, queue: Schools}}
      - {id: others}
`))
	if err != nil {
		t.Fatal(err)
	}
	all := p.Subjects[0].Judged()
	if all[0].Ask != nil || all[1].Ask.Queue != "Schools" || !all[1].Ask.Required.IsZero() || all[2].Ask.Queue != "R" || all[2].Ask.Required != (retention.Period{Weeks: 2}) || p.Limits.Asks != 500 {
		t.Errorf("%+v, %+v, %+v", all[0].Ask, all[1].Ask, all[2].Ask)
	}
	found := false
	for _, w := range p.Suspicious() {
		found = found || strings.HasPrefix(w.Message, "persons are asked, and no ground is a consent")
	}
	if !found {
		t.Error("an answer would keep nobody, and nothing says so")
	}
	var b strings.Builder
	if err := p.WriteRecord(&b, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 week before the purge date the person is asked", "a task in the queue “Schools”", "Nobody is purged who was not asked at least 2 weeks before", "at most 500 persons asked"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the record does not say %q", want)
		}
	}
}
