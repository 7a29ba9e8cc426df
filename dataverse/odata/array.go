package odata

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	noComma = "Invalid JSON. A comma character ',' was expected in scope 'Array'. Every two elements in an array and properties of an object must be separated by commas."
	noJSON  = "Invalid JSON. An unrecognized value was found in scope 'Array'."
)

// array reads a JSON array. Its strings may stand in single quotes; a doubled quote is no escape there, as the error
// on webapi/query/filter-rows shows.
func (p *parser) array() Expr {
	a := &Array{Position: Position(p.tok.pos)}
	i := p.skip(p.pos)
	if i < len(p.s) && p.s[i] == ']' {
		p.pos = i + 1
		p.next()
		return a
	}
	for {
		l, end := p.element(p.skip(i))
		if p.err != nil {
			return nil
		}
		a.Items = append(a.Items, l)
		i = p.skip(end)
		switch {
		case i < len(p.s) && p.s[i] == ']':
			p.pos = i + 1
			p.next()
			return a
		case i < len(p.s) && p.s[i] == ',':
			i++
		default:
			p.fail(i, noComma)
			return nil
		}
	}
}

func (p *parser) skip(i int) int {
	for i < len(p.s) && isSpace(p.s[i]) {
		i++
	}
	return i
}

func (p *parser) element(start int) (*Literal, int) {
	if start == len(p.s) {
		p.fail(start, noJSON)
		return nil, start
	}
	if c := p.s[start]; c == '"' || c == '\'' {
		s, end, ok := unescape(p.s, start)
		if !ok {
			p.fail(start, noJSON)
		}
		return &Literal{Position(start), String, s}, end
	}
	end := start
	for end < len(p.s) && p.s[end] != ',' && p.s[end] != ']' && !isSpace(p.s[end]) {
		end++
	}
	switch text := p.s[start:end]; text {
	case "null", "true", "false":
		return word(start, text), end
	default:
		if !isNumber(text) {
			p.fail(start, noJSON)
			return nil, end
		}
		kind, value, _ := parseWord(text)
		return &Literal{Position(start), kind, value}, end
	}
}

// unescape reads a string of JSON in either quote.
func unescape(s string, start int) (text string, end int, ok bool) {
	quote := s[start]
	var buf []byte
	from := start + 1
	for i := from; i < len(s); i++ {
		switch s[i] {
		case quote:
			if buf == nil {
				return s[from:i], i + 1, true
			}
			return string(append(buf, s[from:i]...)), i + 1, true
		case '\\':
			buf = append(buf, s[from:i]...)
			r, n := escape(s[i:])
			if n == 0 {
				return "", i, false
			}
			buf = utf8.AppendRune(buf, r)
			i += n - 1
			from = i + 1
		}
	}
	return "", len(s), false
}

// escape reads an escape at the start of s and returns its length, 0 if it is none.
func escape(s string) (rune, int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\'', '\\', '/':
		return rune(s[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r, ok := unit(s)
		if !ok {
			return 0, 0
		}
		if utf16.IsSurrogate(r) {
			if low, ok := unit(s[6:]); ok {
				if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
					return both, 12
				}
			}
			return utf8.RuneError, 6
		}
		return r, 6
	}
	return 0, 0
}

func unit(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}
