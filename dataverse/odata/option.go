package odata

// Select is the columns of a $select. The one path * means all.
type Select []*Path

// OrderBy is a $orderby.
type OrderBy []Order

// Order is one column to sort by.
type Order struct {
	Position
	By   Expr // *Path or *Alias
	Desc bool
}

// ParseSelect reads a $select.
func ParseSelect(s string) (Select, error) {
	p := newParser(s)
	list := p.selects()
	p.end()
	if p.err != nil {
		return nil, p.err
	}
	return list, nil
}

// ParseOrderBy reads a $orderby.
func ParseOrderBy(s string) (OrderBy, error) {
	p := newParser(s)
	list := p.orders()
	p.end()
	if p.err != nil {
		return nil, p.err
	}
	return list, nil
}

func (p *parser) selects() Select {
	var list Select
	for p.err == nil {
		pos := Position(p.tok.pos)
		if p.isPunct('*') {
			p.next()
			list = append(list, &Path{pos, []string{"*"}})
		} else if path := p.plainPath(); path != nil {
			list = append(list, path)
		}
		if !p.isPunct(',') {
			break
		}
		p.next()
		if p.isPunct(';') || p.isPunct(')') || p.tok.kind == tEOF {
			break // the service takes a comma too many: web-api-basic-operations-sample
		}
	}
	return list
}

// plainPath reads a path that no any, all or call may follow.
func (p *parser) plainPath() *Path {
	path := &Path{Position: Position(p.tok.pos)}
	for {
		path.Segments = append(path.Segments, p.text())
		if !p.ident() || p.tooLong(path) {
			return nil
		}
		if !p.isPunct('/') {
			return path
		}
		p.next()
	}
}

func (p *parser) orders() OrderBy {
	var list OrderBy
	for p.err == nil {
		o := Order{Position: Position(p.tok.pos)}
		if p.tok.kind == tAlias {
			o.By = p.primary()
		} else if path := p.plainPath(); path != nil {
			o.By = path
		}
		if p.tok.kind == tIdent {
			switch p.text() {
			case "asc":
				p.next()
			case "desc":
				o.Desc = true
				p.next()
			}
		}
		list = append(list, o)
		if !p.isPunct(',') {
			break
		}
		p.next()
	}
	return list
}

// String is the canonical text, as for Expr.
func (s Select) String() string {
	return join(s, ",", func(b []byte, p *Path) []byte { return p.appendTo(b) })
}

// String is the canonical text, as for Expr.
func (o OrderBy) String() string {
	return join(o, ",", func(b []byte, o Order) []byte {
		b = o.By.appendTo(b)
		if o.Desc {
			b = append(b, " desc"...)
		}
		return b
	})
}

func join[T any](list []T, sep string, each func([]byte, T) []byte) string {
	var b []byte
	for i, x := range list {
		if i > 0 {
			b = append(b, sep...)
		}
		b = each(b, x)
	}
	return string(b)
}
