package policy

import (
	"io"
	"slices"

	"github.com/gallra/gallra/internal/words"
)

// notice is the policy in plain words. What it shares with the record is said by that.
type notice struct {
	Prose
	record Prose
}

// WriteNotice prints the policy in plain words, as Markdown, for the privacy notice on a company's web page (articles 13 and 14
// GDPR): why a person's data are kept, for how long, what happens then, what has to stay longer, and whom to ask. It names no table
// and no column. The reasons are those of the policy, as it is written.
func (p *Policy) WriteNotice(w io.Writer, language string) error {
	r := &notice{Prose{say: words.In("privacy", language)}, Prose{say: words.In("record", language)}}
	r.line("# ", "title")
	r.Line("")
	if p.Head.Controller != "" {
		r.line("", "controller", p.Head.Controller)
	}
	r.line("", "intro")
	for i := range p.Subjects {
		s := &p.Subjects[i]
		for j, rules := range s.Judged() {
			if len(s.Classes) > 0 && s.Classes[j].Unjudged {
				continue
			}
			r.Line("")
			title := r.say.T("register", s.Table)
			if text, ok := r.say.Lookup("of." + s.Table); ok {
				title = text
			}
			if len(s.Classes) > 0 {
				switch k := &s.Classes[j]; {
				case k.Who != "":
					title += ": " + k.Who
				case k.For == "":
					title += ": " + r.say.T("class.rest")
				default:
					title += ": " + k.ID
				}
			}
			r.Line("## %s", title)
			r.Line("")
			for k := range rules.Grounds {
				g := &rules.Grounds[k]
				line := Sentence(g.Why) + ": " + r.plainly(g) + "."
				if text, ok := r.record.say.Lookup("basis." + g.Basis); ok {
					line += " " + r.say.T("basis", text)
				}
				r.Line("- %s", line)
			}
			r.Line("")
			then := "then.deleted"
			if rules.Purge == Anonymize {
				then = "then.anonymised"
			}
			r.line("", then, r.period(rules.Notice))
			if kept := r.keptLonger(rules); len(kept) > 0 {
				r.Line("")
				r.line("", "longer")
				r.Line("")
				for _, line := range kept {
					r.Line("- %s", line)
				}
			}
		}
	}
	r.Line("")
	r.line("## ", "rights")
	r.Line("")
	r.line("", "rights.text")
	if slices.ContainsFunc(p.Subjects, func(s Subject) bool {
		return slices.ContainsFunc(s.Judged(), func(k *Subject) bool {
			return slices.ContainsFunc(k.Grounds, func(g Ground) bool { return g.Basis == "consent" })
		})
	}) {
		r.line("", "rights.consent")
	}
	if p.Head.Contact != "" {
		r.line("", "ask", p.Head.Contact)
	}
	if p.Head.Officer != "" {
		r.line("", "officer", p.Head.Officer)
	}
	r.line("", "complain")
	_, err := io.WriteString(w, r.String())
	return err
}

// plainly says for how long a ground keeps a person, without names of tables and columns.
func (r *notice) plainly(g *Ground) string {
	said := r.say.T("that")
	if g.Trigger != "" {
		said = r.record.quote(g.Trigger)
	}
	switch {
	case g.WhenLost():
		return r.say.T("lost", r.period(g.Keep.Period))
	case g.After+g.Until == "" && g.Keep.IsZero():
		return r.say.T("open")
	case g.Until != "" && g.Keep.IsZero():
		return r.say.T("until", said)
	}
	text := r.record.after(g.Keep, said, g.Until != "")
	if !g.AtMost.IsZero() {
		text += ", " + r.say.T("at-most", r.period(g.AtMost.Period))
	}
	return text
}

// ofOthers are the reasons of the sets for rows that are not about the person: of the company, of other persons, of things. The person's
// name leaves them, and a notice to the person does not speak of them.
var ofOthers = []string{"company", "contacts", "leads", "resource", "site", "thing"}

// keptLonger are the reasons for which data about a person stay when the person goes, each once.
func (r *notice) keptLonger(s *Subject) (lines []string) {
	for _, rule := range r.record.spelledOut(s.Related) {
		if rule.Do == Delete || rule.Why == "" || slices.ContainsFunc(ofOthers, func(key string) bool { return words.In(reasons, "en").T(key) == rule.Why }) {
			continue
		}
		line := Sentence(Reason(r.say.Language, rule.Why))
		if rule.End != nil {
			line += " (" + r.period(rule.End.For.Period) + ")"
		}
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}
