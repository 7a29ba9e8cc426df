package purge_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
)

// What companies make of the policy that gallra policy init writes.

// starter is what gallra policy init writes for the environment, without the limits of a first run.
func (w *world) starter(years int) string {
	w.t.Helper()
	made, err := compile.NewStarter(w.t.Context(), w.client, compile.StarterOptions{Today: retention.DateOf(w.server.Now(), time.UTC), TimeZone: time.UTC})
	w.must(err)
	lines := strings.Split(made.Text(compile.Answers{compile.AllTopics: retention.Period{Years: years}}), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "limits:") {
			lines[i] = "limits: {purges: 1000, share: 100%, canary: 2}"
		}
	}
	return strings.Join(lines, "\n")
}

// vary changes the starter policy as a company might: contacts are anonymised, a table is left as it is, or rules of its own
// stand in place of '*'. It answers the tables that the policy leaves.
func (s *solution) vary() map[string]bool {
	s.t.Helper()
	left := make(map[string]bool)
	if s.one(3) {
		var lines []string
		for line := range strings.Lines(strings.Replace(s.policy, "    purge: delete", "    purge: anonymize", 1)) {
			if !strings.Contains(line, " whenBound: ") {
				lines = append(lines, line)
			}
		}
		s.policy = strings.Join(lines, "")
		if ps := s.problems(s.policy); len(ps) > 0 {
			s.t.Fatalf("contacts that are anonymised: %v\n%s", ps, s.shape())
		}
	}
	if s.one(3) {
		table := s.tables[s.IntN(len(s.tables))].name
		text := beforeRest(s.policy, "", "{table: "+table+", do: leave, why: Belongs to somebody else}")
		if len(s.problems(text)) == 0 { // a table that a delete reaches cannot be left
			s.policy, left[table] = text, true
		}
	}
	if s.one(3) {
		s.spellOut()
	}
	return left
}

// spellOut puts the rules that the check suggests in the place of '*'. With them the policy must be sound.
func (s *solution) spellOut() {
	s.t.Helper()
	text := strings.ReplaceAll(s.policy, "- {table: '*', do: delete}", "- {table: connection, link: record1id, do: delete} # the rest")
	for _, p := range s.problems(text) {
		_, subject, _ := strings.Cut(p.Message, "rows lead to a `")
		subject, _, found := strings.Cut(subject, "`")
		if !found {
			s.t.Fatalf("without '*': %v\n%s", p, text)
		}
		for line := range strings.Lines(p.Hint) {
			if rule, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok {
				text = beforeRest(text, subject, rule)
			}
		}
	}
	if ps := s.problems(text); len(ps) > 0 {
		s.t.Fatalf("with what the check suggests: %v\n%s\n%s", ps, s.shape(), text)
	}
	s.policy = text
}

// beforeRest puts a rule before the last one of a subject, or of every subject.
func beforeRest(text, subject, rule string) string {
	var out strings.Builder
	at := ""
	for line := range strings.Lines(text) {
		if name, ok := strings.CutSuffix(strings.TrimRight(line, "\n"), ":"); ok && strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "   ") {
			at = strings.TrimSpace(name)
		}
		if i := strings.Index(line, "- {table: '*'"); i >= 0 || strings.Contains(line, "# the rest") {
			if subject == "" || at == subject {
				indent := line[:strings.Index(line, "- {")]
				out.WriteString(indent + "- " + rule + "\n")
			}
		}
		out.WriteString(line)
	}
	return out.String()
}

// problems are what is wrong with a policy in this environment, and what it does not decide.
func (w *world) problems(text string) policy.Problems {
	w.t.Helper()
	file := filepath.Join(w.dir, "tried.yaml")
	w.must(os.WriteFile(file, []byte(text), 0o600))
	p, err := policy.Load(file)
	if err == nil {
		var checked *compile.Policy
		if checked, err = compile.Check(w.t.Context(), p, w.client); err == nil {
			err = checked.Decided()
		}
	}
	var ps policy.Problems
	if err != nil && !errors.As(err, &ps) {
		w.must(err)
	}
	return ps
}

// leftWith tells whether the map names a place of the row as left, along with a row that the policy leaves.
func (s *solution) leftWith(subject, at string) bool {
	table, _, _ := strings.Cut(at, " ")
	row := s.dump(table)[at]
	for _, kind := range s.checked(s.client).Subject(subject).Judged() {
		for _, p := range kind.Map.Aside() {
			if p.Table == table && p.Via != "" && row["_"+p.Column+"_value"] != nil {
				return true
			}
		}
	}
	return false
}

// around is what a row looks like.
func (s *solution) around(table, id string) string {
	rows := s.dump(table)
	return fmt.Sprint(rows[table+" "+id])
}
