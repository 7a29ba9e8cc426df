package store

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Texts compare as in the service, without regard to case (webapi/query/filter-rows). Whether accents count is on no
// page; here they do: É equals é, and é does not equal e. In an order é stands beside e: letters are compared first, and
// their accents where the letters are the same.

// fold makes the letters that are the same but for case one.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// letters are the letters below the accents, for the Latin letters that have any.
var letters = func() (t [0x250]rune) {
	for r := range t {
		t[r] = fold(rune(r))
		if r < utf8.RuneSelf {
			continue
		}
		if d := norm.NFD.String(string(fold(rune(r)))); len(d) > 1 && d[0] < utf8.RuneSelf {
			t[r] = rune(d[0])
		}
	}
	return t
}()

func letter(r rune) rune {
	if int(r) < len(letters) {
		return letters[r]
	}
	return fold(r)
}

// FoldText is s with every letter folded. Texts that are equal without regard to case fold to the same text.
func FoldText(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return string(AppendFolded(make([]byte, 0, len(s)), s))
		}
	}
	return s
}

// AppendFolded appends s folded as by [FoldText].
func AppendFolded(b []byte, s string) []byte {
	for _, r := range s {
		b = utf8.AppendRune(b, fold(r))
	}
	return b
}

// next is the first letter of s and its length.
func next(s string) (rune, int) {
	if c := s[0]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	return utf8.DecodeRuneInString(s)
}

// EqualText tells whether two texts are the same without regard to case.
func EqualText(a, b string) bool {
	for a != "" && b != "" {
		x, n := next(a)
		y, m := next(b)
		if x != y && fold(x) != fold(y) {
			return false
		}
		a, b = a[n:], b[m:]
	}
	return a == b
}

// CompareText is the order of two texts; 0 exactly where they are equal.
func CompareText(a, b string) int {
	accents := 0
	for a != "" && b != "" {
		x, n := next(a)
		y, m := next(b)
		if x != y {
			if l, k := letter(x), letter(y); l != k {
				return OrderOf(l < k)
			}
			if f, g := fold(x), fold(y); f != g && accents == 0 {
				accents = OrderOf(f < g)
			}
		}
		a, b = a[n:], b[m:]
	}
	switch {
	case a == "" && b == "":
		return accents
	case a == "":
		return -1
	}
	return 1
}

// OrderOf is the order of two values that differ: -1 if the first is less, else 1.
func OrderOf(less bool) int {
	if less {
		return -1
	}
	return 1
}
