package words

import (
	"strconv"
	"strings"
	"time"
)

// engine is the subject of what the engine finds and says wherever it is asked: guard rails, changes in the environment, findings of
// the doctor.
const engine = "engine"

// Said is something that the engine says before anybody knows who reads it: a key of the subject engine, and what it is filled in with.
// The command line and files for machines have it in English ([Said.String]), pages in the language of their reader ([Said.In]). The zero
// Said says nothing.
type Said struct {
	key    string
	args   []any
	counts bool // the first argument chooses the form
	quote  bool // the first argument is what is said
}

// Say is the text with that key. Arguments may be texts themselves. Numbers and days take the form of the language.
func Say(key string, args ...any) Said { return Said{key: key, args: args} }

// Count is the text for a number of things, in the form that the number takes: {0} is the number.
func Count(key string, n int, more ...any) Said {
	return Said{key: key, args: append([]any{n}, more...), counts: true}
}

// Quote is a text that says the same in every language: somebody's own words, an answer of the service.
func Quote(text string) Said {
	if text == "" {
		return Said{}
	}
	return Said{args: []any{text}, quote: true}
}

// Length is a length of time.
func Length(years, months, weeks, days int) Said {
	return Said{args: []any{years, months, weeks, days}}
}

// Some are the first of a list of names, and how many there are besides.
func Some(list []string, most int) Said { return First(list[:min(len(list), most)], len(list)) }

// First are the first of n names, and how many there are besides.
func First(names []string, n int) Said {
	text := strings.Join(names, ", ")
	if n <= len(names) {
		return Quote(text)
	}
	return Say("more", text, n-len(names))
}

// List are texts one after the other.
func List(texts []Said, between string) Said {
	all := []any{between}
	for _, t := range texts {
		all = append(all, t)
	}
	return Said{key: listed, args: all}
}

// listed is no key of any file.
const listed = " list"

// IsZero tells whether it says nothing.
func (s Said) IsZero() bool { return s.key == "" && len(s.args) == 0 }

// Quoted tells whether it is a quotation, which no language has words of its own for.
func (s Said) Quoted() bool { return s.quote }

// String is the text in English, with plain numbers.
func (s Said) String() string { return s.say(In(engine, source), strconv.Itoa) }

// In is the text in a language.
func (s Said) In(lang string) string {
	w := In(engine, lang)
	return s.say(w, w.Number)
}

func (s Said) say(w *Words, number func(int) string) string {
	show := func(a any) any {
		switch a := a.(type) {
		case Said:
			return a.say(w, number)
		case int:
			return number(a)
		case interface{ Time() time.Time }:
			return w.Date(a.Time(), " ")
		}
		return a
	}
	switch {
	case s.IsZero():
		return ""
	case s.quote:
		return w.print(s.args[0])
	case s.key == "":
		return w.Period(s.args[0].(int), s.args[1].(int), s.args[2].(int), s.args[3].(int))
	}
	shown := make([]any, len(s.args))
	for i, a := range s.args {
		shown[i] = show(a)
	}
	switch {
	case s.key == listed:
		parts := make([]string, 0, len(shown))
		for _, p := range shown[1:] {
			parts = append(parts, w.print(p))
		}
		return strings.Join(parts, w.print(shown[0]))
	case s.counts:
		return w.N(s.key, s.args[0].(int), shown...)
	}
	return w.T(s.key, shown...)
}

// MarshalText writes it as String says it.
func (s Said) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote, which can be said in no other language any more.
func (s *Said) UnmarshalText(text []byte) error {
	*s = Quote(string(text))
	return nil
}

// Equal tells whether both say the same, in whatever language.
func (s Said) Equal(o Said) bool { return s.String() == o.String() }
