package policy

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Rules are those that the sets of a policy have become: of each subject, in their order, with the set that each comes from.
// Nil where no environment was asked.
type Rules map[string][]RelatedRule

// setLine is a line of a policy that holds nothing but a set, and maybe a comment.
var setLine = regexp.MustCompile(`^(\s*)-\s+(?:\{\s*["']?set["']?\s*:\s*["']?[\w-]+["']?\s*,?\s*\}|["']?set["']?\s*:\s*["']?[\w-]+["']?)\s*(#.*)?$`)

// WriteSpelledOut prints a policy's files with what its sets say. Where the rules are known that they became in an environment,
// these stand in the place of the sets, and the text is a policy that says the same without them. Otherwise the sets stay, and
// what they say stands below each as a comment: rules of sets speak of lookups that only an environment knows.
func (p *Policy) WriteSpelledOut(w io.Writer, became Rules) error {
	out := &Prose{}
	said := map[Pos][]string{} // by the place of a set: the lines that stand for it
	twice := map[Pos]bool{}    // an alias lets one text be the rules of two subjects
	for i := range p.Subjects {
		s := &p.Subjects[i]
		for _, r := range s.AllRelated() {
			if r.Set == "" {
				continue
			}
			_, again := said[r.Pos]
			twice[r.Pos] = twice[r.Pos] || again
			said[r.Pos] = append(said[r.Pos], setLines(&r, s.Table, became)...)
		}
	}
	for _, file := range p.Files {
		if len(p.Files) > 1 {
			out.Line("# %s", filepath.Base(file))
		}
		var below []string
		for n, line := range p.Sources[file] {
			line = strings.TrimRight(line, "\r")
			if n == len(p.Sources[file])-1 && line == "" {
				break
			}
			sets := p.sets(file, n+1)
			form := setLine.FindStringSubmatch(line)
			switch {
			case len(sets) == 0:
				out.Line("%s", line)
			case form == nil || twice[sets[0]]:
				out.Line("%s", line)
				for _, pos := range sets {
					below = append(below, fmt.Sprintf("# line %d", pos.Line))
					below = append(below, commented(said[pos])...)
				}
			case became == nil:
				out.Line("%s", line)
				for _, text := range commented(said[sets[0]]) {
					out.Line("%s  %s", form[1], text)
				}
			default:
				for _, text := range said[sets[0]] {
					out.Line("%s%s", form[1], text)
				}
			}
		}
		for _, text := range below {
			out.Line("%s", text)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// sets are the places of the sets that stand in a line, each once.
func (p *Policy) sets(file string, line int) []Pos {
	var out []Pos
	for i := range p.Subjects {
		for _, r := range p.Subjects[i].AllRelated() {
			if r.Set != "" && r.Pos.File == file && r.Pos.Line == line && !slices.Contains(out, r.Pos) {
				out = append(out, r.Pos)
			}
		}
	}
	return out
}

// setLines are what stands for a set: what it does in a sentence, and its rules.
func setLines(at *RelatedRule, subject string, became Rules) []string {
	set := SetOf(at.Set)
	out := []string{fmt.Sprintf("# set %s, for a %s: %s", set.Name, subject, strings.Join(strings.Fields(set.Says), " "))}
	if became == nil {
		for i := range set.Rules {
			out = append(out, "- "+set.Rules[i].Text())
		}
		return out
	}
	before := len(out)
	for _, r := range became[subject] {
		if line := "- " + r.Text(); r.From == set.Name && r.Pos == at.Pos && !slices.Contains(out, line) { // classes have it each
			out = append(out, line)
		}
	}
	if len(out) == before {
		out = append(out, "# none of its tables leads to a "+subject+" in this environment")
	}
	return out
}

func commented(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, "# "+strings.TrimPrefix(line, "# "))
	}
	return out
}

// Text is the rule in one line, as a policy says it.
func (r *RelatedRule) Text() string {
	if r.Set != "" {
		return "{set: " + r.Set + "}"
	}
	table := r.Table
	if table == AnyTable {
		table = "'*'"
	}
	pairs := [][2]string{{"table", table}, {"link", bare(r.Link)}, {"party", r.Party}, {"behind", r.Behind}, {"where", inQuotes(r.Where)}, {"do", string(r.Do)},
		{"erase", flowList(r.Erase)}, {"retain", flowList(r.Keep)}, {"why", inQuotes(r.Why)}, {"evenIf", string(r.EvenIf)}}
	return ruleText(append(pairs, r.endText()...))
}

// Text is the rule of a set in one line, as the set says it.
func (r *SetRule) Text() string {
	lookups := ""
	if r.Lookups {
		lookups = "true"
	}
	return ruleText([][2]string{{"table", r.Table}, {"lookups", lookups}, {"link", bare(r.Link)}, {"party", r.Party}, {"value", r.Value}, {"where", inQuotes(r.Where)}, {"do", string(r.Do)},
		{"erase", flowList(r.Erase)}, {"why", inQuotes(r.Why)}})
}

func ruleText(pairs [][2]string) string {
	var parts []string
	for _, kv := range pairs {
		if kv[1] != "" {
			parts = append(parts, kv[0]+": "+kv[1])
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func flowList(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// bare is a link without quotes, which a join by value over several columns needs.
func bare(link string) string {
	if strings.ContainsAny(link, "=, ") {
		return inQuotes(link)
	}
	return link
}

// inQuotes is a text as YAML takes it whatever it holds; empty stays empty.
func inQuotes(s string) string {
	if s == "" {
		return ""
	}
	return Quoted(s)
}

// Quoted is a text as YAML takes it whatever it holds: names of tables and columns are the customer's.
func Quoted(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == '\u0085' || r == '\ufeff' {
			return ' '
		}
		return r
	}, s)) + `"`
}
