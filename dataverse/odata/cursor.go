package odata

func (p *parser) isPunct(c byte) bool { return p.tok.kind == tPunct && p.tok.punct == c }

// before tells whether c follows the current token.
func (p *parser) before(c byte) bool {
	i := p.pos
	for i < len(p.s) && isSpace(p.s[i]) {
		i++
	}
	return i < len(p.s) && p.s[i] == c
}

// punct moves over c, or fails.
func (p *parser) punct(c byte, expected string) {
	if !p.isPunct(c) {
		p.failAt(p.tok.pos, expected)
		return
	}
	p.next()
}

// ident moves over a name, or fails.
func (p *parser) ident() bool {
	if p.tok.kind != tIdent {
		p.failAt(p.tok.pos, "Syntax error")
		return false
	}
	p.next()
	return p.err == nil
}

// end fails unless the whole text was read.
func (p *parser) end() {
	if p.err == nil && p.tok.kind != tEOF {
		p.failAt(p.tok.pos, "Syntax error")
	}
}
