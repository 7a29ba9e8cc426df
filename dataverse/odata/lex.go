package odata

import (
	"fmt"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tEOF    tokenKind = iota
	tIdent            // name, also with dots
	tOption           // $name
	tValue            // literal
	tAlias            // @name
	tPunct            // one character
)

type token struct {
	kind     tokenKind
	punct    byte
	pos, end int
	value    *Literal
}

// parser reads one option. After an error it sees only the end of the text.
type parser struct {
	s          string
	pos        int // behind tok
	tok        token
	depth      int
	conditions int
	expands    int
	err        *SyntaxError
	lastPath   *Path // of the last column that had another name than the one before
}

func newParser(s string) *parser {
	p := &parser{s: s}
	switch {
	case len(s) > MaxLength:
		p.fail(MaxLength, fmt.Sprintf("The query option is longer than %d characters.", MaxLength))
	case !utf8.ValidString(s):
		p.fail(0, "The query option is not valid UTF-8.")
	default:
		p.next()
	}
	return p
}

// text is the text of the current token.
func (p *parser) text() string { return p.s[p.tok.pos:p.tok.end] }

func (p *parser) next() {
	for p.pos < len(p.s) && isSpace(p.s[p.pos]) {
		p.pos++
	}
	start := p.pos
	if start == len(p.s) {
		p.tok = token{kind: tEOF, pos: start, end: start}
		return
	}
	switch c := p.s[start]; {
	case isGUIDAt(p.s, start):
		p.word(start)
	case isLetter(c):
		p.tok = token{kind: tIdent, pos: start, end: p.name(start)}
		if p.pos < len(p.s) && p.s[p.pos] == '\'' {
			p.prefixed(start)
		}
	case '0' <= c && c <= '9', c == '-' && start+1 < len(p.s) && '0' <= p.s[start+1] && p.s[start+1] <= '9':
		p.word(start)
	case c == '\'':
		p.quoted(start, "There is an unterminated string literal")
	case c == '$' || c == '@':
		if start+1 == len(p.s) || !isLetter(p.s[start+1]) {
			p.badCharacter(start)
			return
		}
		kind := tOption
		if c == '@' {
			kind = tAlias
		}
		p.tok = token{kind: kind, pos: start, end: p.name(start + 1)}
	case c == '(' || c == ')' || c == ',' || c == '/' || c == ':' || c == ';' || c == '=' || c == '[' || c == '*':
		p.pos++
		p.tok = token{kind: tPunct, punct: c, pos: start, end: p.pos}
	default:
		p.badCharacter(start)
	}
}

func (p *parser) badCharacter(at int) {
	r, _ := utf8.DecodeRuneInString(p.s[at:])
	p.failAt(at, fmt.Sprintf("Syntax error: character '%c' is not valid", r))
}

func (p *parser) unrecognized(k Kind, start, end int) {
	p.fail(start, fmt.Sprintf("Unrecognized '%s' literal '%s' at '%d' in '%s'.", k, p.s[start:end], utf16Len(p.s[:start]), p.s))
}

// name moves behind an identifier and returns where it ends. A dot joins the parts of a qualified name.
func (p *parser) name(from int) int {
	i := from
	for i < len(p.s) && (isLetter(p.s[i]) || '0' <= p.s[i] && p.s[i] <= '9' ||
		p.s[i] == '.' && i+1 < len(p.s) && isLetter(p.s[i+1])) {
		i++
	}
	p.pos = i
	return i
}

// word reads a literal without quotes, up to the first character that none can hold.
func (p *parser) word(start int) {
	i := start + 1
	for i < len(p.s) {
		c := p.s[i]
		if !isLetter(c) && !('0' <= c && c <= '9') && c != '-' && c != ':' && c != '.' && c != '+' {
			break
		}
		i++
	}
	kind, value, ok := parseWord(p.s[start:i])
	if !ok {
		p.unrecognized(kind, start, i)
		return
	}
	p.pos = i
	p.tok = token{kind: tValue, pos: start, end: i, value: &Literal{Position(start), kind, value}}
}

// quoted reads a string in which a quote is doubled.
func (p *parser) quoted(start int, unterminated string) {
	text, end, ok := unquote(p.s, start)
	if !ok {
		p.failAt(len(p.s), unterminated)
		return
	}
	p.pos = end
	p.tok = token{kind: tValue, pos: start, end: end, value: &Literal{Position(start), String, text}}
}

// prefixed reads the member of an enumeration behind its type. What else has a quote right behind a name is a string
// whose quote was not doubled.
func (p *parser) prefixed(start int) {
	name := p.s[start:p.pos]
	p.quoted(p.pos, "There is an unterminated literal")
	if p.err != nil {
		return
	}
	typ, ok := cutNamespace(name)
	if !ok {
		p.unrecognized(String, start, p.pos)
		return
	}
	p.tok.pos = start
	p.tok.value = &Literal{Position(start), Enum, EnumValue{typ, p.tok.value.Value.(string)}}
}

func unquote(s string, start int) (text string, end int, ok bool) {
	var buf []byte
	from := start + 1
	for i := from; i < len(s); i++ {
		if s[i] != '\'' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			buf = append(buf, s[from:i+1]...)
			i++
			from = i + 1
			continue
		}
		if buf == nil {
			return s[from:i], i + 1, true
		}
		return string(append(buf, s[from:i]...)), i + 1, true
	}
	return "", len(s), false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }

// isGUIDAt matters because a GUID can begin with a letter.
func isGUIDAt(s string, i int) bool {
	if len(s) < i+36 || s[i+8] != '-' || !isGUID(s[i:i+36]) {
		return false
	}
	return len(s) == i+36 || !(isLetter(s[i+36]) || '0' <= s[i+36] && s[i+36] <= '9' || s[i+36] == '-')
}
