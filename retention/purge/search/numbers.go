package search

import (
	"strings"
	"unicode"
)

// Phone numbers, by which what is left of a purged person is looked for. That two numbers are one is a reason to tell
// somebody, never one to delete a row or to take two rows for the same human being: `070-123 45 67` may well be another
// country's number than `+46 70 123 45 67`.

const (
	minNumber   = 6 // digits that a number has at least
	minNational = 7 // digits, without country code and leading zero, by which two notations are taken for one number
)

// number is a phone number taken apart.
type number struct {
	digits   string   // all of them
	country  string   // of one that says so, by + or 00
	national string   // without country code and leading zeros
	groups   []string // the national digits as they were written in groups
	abroad   bool     // it begins with + or 00
}

// readNumber takes a text for a phone number. What follows the number in words, as an extension does, is no part of it.
func readNumber(text string) (n number, ok bool) {
	text = strings.ReplaceAll(strings.TrimSpace(text), "(0)", " ")
	if at := strings.IndexFunc(text, func(r rune) bool { return r == '+' || '0' <= r && r <= '9' }); at > 0 {
		text = text[at:]
	}
	if at := strings.IndexFunc(text, func(r rune) bool { return unicode.IsLetter(r) || r == '#' || r == ',' || r == ';' }); at >= 0 {
		text = text[:at]
	}
	n.digits = digits(text)
	if len(n.digits) < minNumber {
		return number{}, false
	}
	rest := n.digits
	switch {
	case strings.HasPrefix(text, "+"):
		n.abroad = true
	case strings.HasPrefix(rest, "00"):
		n.abroad, rest = true, rest[2:]
	}
	if n.abroad {
		n.country = countryCode(rest)
		rest = rest[len(n.country):]
	}
	n.national = strings.TrimLeft(rest, "0")
	left := len(n.digits) - len(n.national) // digits that are not national
	for _, group := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		cut := min(left, len(group))
		if left -= cut; cut < len(group) {
			n.groups = append(n.groups, group[cut:])
		}
	}
	return n, true
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// tail is what two notations of one number have in common at least.
func (n number) tail() string {
	return n.digits[max(0, len(n.digits)-minNational):]
}

// same tells whether two numbers are one, as far as their notation tells: all digits are equal, or the national ones where
// not both name a country. A country code may also stand without its + or 00.
func (n number) same(o number) bool {
	switch {
	case n.digits == o.digits:
		return true
	case len(n.national) < minNational || len(o.national) < minNational:
		return false
	case n.abroad && o.abroad:
		return n.country == o.country && n.national == o.national
	case n.national == o.national:
		return true
	}
	return n.bareOf(o) || o.bareOf(n)
}

// bareOf tells whether n is o with a country code that nothing marks: 46701234567 of 070-123 45 67.
func (n number) bareOf(o number) bool {
	if n.abroad || n.digits != n.national { // marked, or led by a zero
		return false
	}
	code := countryCode(n.digits)
	return len(code) < len(n.digits) && strings.TrimLeft(n.digits[len(code):], "0") == o.national && (!o.abroad || o.country == code)
}

// notations are the common ways of writing the number, by which an environment is asked for it: a query compares whole
// texts. Where the number itself names no country, the given ones are tried.
func (n number) notations(text string, countries []string) []string {
	var out []string
	add := func(s string) {
		for _, known := range out {
			if known == s {
				return
			}
		}
		out = append(out, s)
	}
	add(strings.TrimSpace(text))
	add(n.digits)
	if len(n.national) < minNational {
		return out
	}
	if n.abroad {
		countries = []string{n.country}
	}
	blanks, dashed, dashes, halves := n.written()
	for _, code := range countries {
		if code == "1" { // no zero ahead, and the area in parentheses
			if len(n.national) == 10 {
				area, office, line := n.national[:3], n.national[3:6], n.national[6:]
				for _, form := range []string{n.national, area + "-" + office + "-" + line, area + "." + office + "." + line, area + " " + office + " " + line, "(" + area + ") " + office + "-" + line} {
					add(form)
					add("+1 " + form)
				}
				add("+1" + n.national)
				add("1" + n.national)
				add("1-" + area + "-" + office + "-" + line)
				add("+1-" + area + "-" + office + "-" + line)
			}
			continue
		}
		add("+" + code + n.national)
		add("00" + code + n.national)
		add("+" + code + " " + blanks)
		add("+" + code + " " + dashed)
		add("+" + code + " (0)" + blanks)
		add("+" + code + " (0)" + dashed)
		add(code + n.national)
		add("0" + n.national)
		add("0" + blanks)
		add("0" + dashed)
		add("0" + dashes)
		add("0" + halves)
	}
	if len(countries) == 0 {
		add(n.national)
		add("0" + n.national)
		add("0" + blanks)
		add("0" + dashed)
	}
	return out
}

// written are the national digits with blanks between the groups, with a dash behind the first and blanks then, with dashes,
// and with a dash behind the first only.
func (n number) written() (blanks, dashed, dashes, halves string) {
	groups := n.groups
	if len(groups) < 2 {
		groups = grouped(n.national)
	}
	rest := groups[1:]
	blanks, dashes = strings.Join(groups, " "), strings.Join(groups, "-")
	dashed = groups[0] + "-" + strings.Join(rest, " ")
	halves = groups[0] + "-" + strings.Join(rest, "")
	return blanks, dashed, dashes, halves
}

// grouped cuts national digits into groups as they are common: an area of two digits, and the rest in twos behind a first
// group of two or three.
func grouped(national string) []string {
	groups := []string{national[:2]}
	rest := national[2:]
	if len(rest)%2 == 1 {
		groups, rest = append(groups, rest[:3]), rest[3:]
	}
	for ; len(rest) > 0; rest = rest[2:] {
		groups = append(groups, rest[:2])
	}
	return groups
}

// countryCode is the country code that an international number begins with. Codes have one digit, the two below, or three
// (ITU-T E.164).
func countryCode(digits string) string {
	switch {
	case digits == "":
		return ""
	case digits[0] == '1' || digits[0] == '7':
		return digits[:1]
	case len(digits) >= 2 && strings.Contains(" 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ", " "+digits[:2]+" "):
		return digits[:2]
	}
	return digits[:min(3, len(digits))]
}
