package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain is a text of somebody else's as it may be shown in a line of a page, a workbook or a terminal: control characters,
// escapes and line ends are blanks, and what turns the reading order or takes no room is gone. What is not valid UTF-8
// is replaced.
func Plain(s string) string {
	if harmless(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case hidden(r):
		case unicode.IsControl(r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r) // utf8.RuneError for what is no letter
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// harmless tells in one pass that nothing is to be done, as for nearly every name.
func harmless(s string) bool {
	blank := true // nor does it begin or end with one, or have two side by side
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == 0x7f || c >= utf8.RuneSelf || c == ' ' && blank {
			return len(s) > 0 && c >= utf8.RuneSelf && harmlessLetters(s)
		}
		blank = c == ' '
	}
	return !blank || s == ""
}

func harmlessLetters(s string) bool {
	blank := true
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) || r == ' ' && blank {
			return false
		}
		blank = r == ' '
	}
	return !blank
}

// hidden tells whether a character shows nothing and may deceive: marks of direction, isolates, joiners outside of words,
// byte order marks, tags and variation beyond the usual.
func hidden(r rune) bool {
	switch {
	case r == '\u200c' || r == '\u200d': // joiners, which Persian, Indic names and emoji need
		return false
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
		return true
	case 0xfff9 <= r && r <= 0xfffb:
		return true
	case r&0xfffe == 0xfffe, 0xfdd0 <= r && r <= 0xfdef: // noncharacters, which XML does not take
		return true
	}
	return false
}
