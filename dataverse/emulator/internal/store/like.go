package store

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pattern is a text with the wildcards of T-SQL's LIKE (webapi/query/filter-rows and wildcard-characters): % is any
// run of characters, _ is one, [a-f] is one of a set, [^a-f] one outside it. It matches without regard to case.
type Pattern struct {
	parts []part
	never bool   // a bracket that is not closed matches nothing
	plain string // what a text has to contain, folded, when no wildcard stands inside; "" otherwise
}

type part struct {
	kind   partKind
	letter rune // folded
	set    []span
}

type partKind uint8

const (
	oneLetter partKind = iota
	anyLetter
	anyRun
	inSet
	notInSet
)

type span struct{ from, to rune }

// ParsePattern reads a pattern.
func ParsePattern(s string) *Pattern {
	p := &Pattern{}
	if inner, ok := strings.CutPrefix(s, "%"); ok {
		if inner, ok = strings.CutSuffix(inner, "%"); ok && inner != "" && !strings.ContainsAny(inner, "%_[") {
			p.plain = FoldText(inner)
		}
	}
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		switch r {
		case '%':
			if k := len(p.parts); k == 0 || p.parts[k-1].kind != anyRun {
				p.parts = append(p.parts, part{kind: anyRun})
			}
		case '_':
			p.parts = append(p.parts, part{kind: anyLetter})
		case '[':
			end := closing(s)
			if end < 0 {
				p.never = true
				return p
			}
			p.parts = append(p.parts, setOf(s[:end]))
			s = s[end+1:]
		default:
			p.parts = append(p.parts, part{letter: fold(r)})
		}
	}
	return p
}

// closing is where a set ends. A bracket that comes first belongs to the set.
func closing(s string) int {
	from := 0
	if strings.HasPrefix(s, "^") {
		from = 1
	}
	if strings.HasPrefix(s[from:], "]") {
		from++
	}
	if i := strings.IndexByte(s[from:], ']'); i >= 0 {
		return from + i
	}
	return -1
}

func setOf(s string) part {
	p := part{kind: inSet}
	if rest, ok := strings.CutPrefix(s, "^"); ok && rest != "" {
		p.kind, s = notInSet, rest
	}
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		from, to := fold(runes[i]), fold(runes[i])
		if i+2 < len(runes) && runes[i+1] == '-' {
			to = fold(runes[i+2])
			i += 2
		}
		p.set = append(p.set, span{from, to})
	}
	return p
}

func (p part) takes(r rune) bool {
	switch p.kind {
	case oneLetter:
		return fold(r) == p.letter
	case anyLetter:
		return true
	}
	f := fold(r)
	for _, s := range p.set {
		if s.from <= f && f <= s.to {
			return p.kind == inSet
		}
	}
	return p.kind == notInSet
}

// Match tells whether the whole of s matches. It allocates nothing, and goes back to the last % only.
func (p *Pattern) Match(s string) bool {
	switch {
	case p.never:
		return false
	case p.plain != "":
		return containsText(s, p.plain)
	}
	at, i := 0, 0           // in s, in parts
	mark, markPart := -1, 0 // where the last % began to take letters
	for at < len(s) || i < len(p.parts) {
		if i < len(p.parts) {
			if p.parts[i].kind == anyRun {
				mark, markPart = at, i+1
				i++
				continue
			}
			if at < len(s) {
				if r, n := next(s[at:]); p.parts[i].takes(r) {
					at += n
					i++
					continue
				}
			}
		}
		if mark < 0 || mark >= len(s) {
			return false
		}
		_, n := next(s[mark:])
		mark += n
		at, i = mark, markPart
	}
	return true
}

// containsText tells whether s holds folded, which is folded, without regard to case.
func containsText(s, folded string) bool {
	if first := folded[0]; first < utf8.RuneSelf {
		upper := byte(unicode.ToUpper(rune(first)))
		for i := 0; i < len(s); i++ {
			c := s[i]
			if c >= utf8.RuneSelf { // a letter beyond ASCII may fold to one in it
				s = s[i:]
				break
			}
			if (c == first || c == upper) && startsText(s[i:], folded) {
				return true
			}
			if i == len(s)-1 {
				return false
			}
		}
	}
	first, _ := next(folded)
	for s != "" {
		r, n := next(s)
		if fold(r) == first && startsText(s, folded) {
			return true
		}
		s = s[n:]
	}
	return false
}

func startsText(s, folded string) bool {
	for folded != "" {
		if s == "" {
			return false
		}
		x, n := next(s)
		y, m := next(folded)
		if fold(x) != y {
			return false
		}
		s, folded = s[n:], folded[m:]
	}
	return true
}
