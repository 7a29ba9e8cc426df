package policy

import (
	"regexp"
	"strings"

	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
)

// Speller says parts of a policy as the record does, one by one: by what people call things where Called knows, and else by the names
// of the database.
type Speller struct {
	Language string
	Called   Called // nil where there is no environment
}

// Spelled is a text in the words of the app. Technical is what the policy says of the same in the names of the database; empty where the
// text has those itself.
type Spelled struct{ Text, Technical string }

// SpelledRule says which related rows one rule is about, or several that do the same, what happens to them and why.
type SpelledRule struct {
	Rows, Do Spelled
	Why      string
	Pos      Pos
}

// Becomes says what becomes of a person of a subject, or of a class, when nothing justifies them any more, and of the rows around them: a
// sentence or a few each. Notice is the policy's.
func (s Speller) Becomes(sub *Subject, notice retention.Period) []Spelled {
	r := s.prose(sub.Table)
	r.becomes(sub, notice)
	var out []Spelled
	for line := range strings.SplitSeq(r.String(), "\n") {
		if line != "" {
			out = append(out, r.spelled(line))
		}
	}
	for _, alike := range r.inSets(r.spelledOut(sub.Related)) {
		line := sentenceCase(r.together(alike)) + ": " + alike[0].disposition(r)
		if why := alike[0].Why; why != "" {
			line += " (" + Reason(s.Language, why) + ")"
		}
		out = append(out, r.spelled(line))
	}
	return out
}

// Ground says which rows a ground of a subject is about, and for how long it keeps a person.
func (s Speller) Ground(sub *Subject, g *Ground) (rows, period Spelled) {
	r := s.prose(sub.Table)
	return r.spelled(g.rows(r)), r.spelled(sentenceCase(g.period(r)))
}

// Related says what the related rules of a subject do, those of its sets with them.
func (s Speller) Related(sub *Subject) []SpelledRule {
	r := s.prose(sub.Table)
	var out []SpelledRule
	for _, alike := range r.inSets(r.spelledOut(sub.Related)) {
		out = append(out, SpelledRule{r.spelled(r.together(alike)), r.spelled(alike[0].disposition(r)), Reason(s.Language, alike[0].Why), alike[0].Pos})
	}
	return out
}

// Span says for how long a row of a table is kept by a date of its own, and what then happens.
func (s Speller) Span(table string, span Span, do Disposition, erase []string) Spelled {
	r := s.prose(table)
	return r.spelled(r.say.T("span.then", r.span(table, span), r.gone(table, do, erase, nil)))
}

// Columns names columns of a table.
func (s Speller) Columns(table string, names ...string) Spelled {
	r := s.prose(table)
	return r.spelled(r.columns(table, names))
}

func (s Speller) prose(of string) *Prose {
	return &Prose{say: words.In("record", s.Language), called: s.Called, of: of}
}

var footnote = regexp.MustCompile(`\[\^\d+\]`)

// spelled is a text without the marks of its footnotes, and what those say.
func (r *Prose) spelled(text string) Spelled {
	out := Spelled{Text: footnote.ReplaceAllString(text, "")}
	var notes []string
	for i, note := range r.notes {
		if strings.Contains(text, r.mark(i)) {
			notes = append(notes, strings.Join(strings.Fields(note), " "))
		}
	}
	out.Technical = strings.Join(notes, "; ")
	return out
}
