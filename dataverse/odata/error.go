package odata

import (
	"fmt"
	"unicode/utf8"
)

// SyntaxError is a text that Dataverse refuses before it looks at any table.
type SyntaxError struct {
	Pos  int    // byte offset
	Msg  string // as Dataverse words it; it may quote the query
	Code string // Dataverse's own code where a page names one, otherwise ""
}

func (e *SyntaxError) Error() string { return e.Msg }

// fail notes the first error and ends the token stream, so that every loop of the parser ends.
func (p *parser) fail(pos int, msg string) {
	if p.err == nil {
		p.err = &SyntaxError{Pos: pos, Msg: msg}
		p.pos = len(p.s)
		p.tok = token{kind: tEOF, pos: pos, end: pos}
	}
}

// failAt is fail with the tail that Microsoft's OData library gives its messages.
func (p *parser) failAt(pos int, what string) {
	p.fail(pos, fmt.Sprintf("%s at position %d in '%s'.", what, utf16Len(p.s[:pos]), p.s))
}

// utf16Len is the length of s as the service counts characters.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff && r != utf8.RuneError {
			n++
		}
	}
	return n
}
