package odata

import (
	"strconv"
	"time"
)

func (e *Compare) String() string  { return string(e.appendTo(nil)) }
func (e *Logic) String() string    { return string(e.appendTo(nil)) }
func (e *Not) String() string      { return string(e.appendTo(nil)) }
func (e *In) String() string       { return string(e.appendTo(nil)) }
func (e *Call) String() string     { return string(e.appendTo(nil)) }
func (e *Function) String() string { return string(e.appendTo(nil)) }
func (e *Lambda) String() string   { return string(e.appendTo(nil)) }
func (e *Path) String() string     { return string(e.appendTo(nil)) }
func (e *Literal) String() string  { return string(e.appendTo(nil)) }
func (e *Array) String() string    { return string(e.appendTo(nil)) }
func (e *Alias) String() string    { return "@" + e.Name }

func (e *Compare) appendTo(b []byte) []byte {
	b = appendOperand(b, e.Left)
	b = append(append(append(b, ' '), opNames[e.Op]...), ' ')
	return appendOperand(b, e.Right)
}

func (e *Logic) appendTo(b []byte) []byte {
	for i, t := range e.Terms {
		if i > 0 {
			b = append(append(append(b, ' '), e.Op.String()...), ' ')
		}
		if _, ok := t.(*Logic); ok {
			b = append(t.appendTo(append(b, '(')), ')')
		} else {
			b = t.appendTo(b)
		}
	}
	return b
}

func (e *Not) appendTo(b []byte) []byte { return appendOperand(append(b, "not "...), e.X) }

func (e *In) appendTo(b []byte) []byte {
	b = append(appendOperand(b, e.X), " in ("...)
	for i, x := range e.List {
		if i > 0 {
			b = append(b, ',')
		}
		b = x.appendTo(b)
	}
	return append(b, ')')
}

// appendOperand sets what has an operator of its own in parentheses.
func appendOperand(b []byte, e Expr) []byte {
	switch e.(type) {
	case *Compare, *Logic, *Not, *In:
		return append(e.appendTo(append(b, '(')), ')')
	}
	return e.appendTo(b)
}

func (e *Call) appendTo(b []byte) []byte {
	b = append(append(b, e.Name...), '(')
	for i, x := range e.Args {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOperand(b, x)
	}
	return append(b, ')')
}

func (e *Function) appendTo(b []byte) []byte {
	b = append(append(append(b, Namespace...), e.Name...), '(')
	for i, p := range e.Params {
		if i > 0 {
			b = append(b, ',')
		}
		b = p.Value.appendTo(append(append(b, p.Name...), '='))
	}
	return append(b, ')')
}

func (e *Lambda) appendTo(b []byte) []byte {
	b = e.Path.appendTo(b)
	if e.All {
		b = append(b, "/all("...)
	} else {
		b = append(b, "/any("...)
	}
	if e.Body != nil {
		b = append(append(b, e.Var...), ':')
		b = e.Body.appendTo(b)
	}
	return append(b, ')')
}

func (e *Path) appendTo(b []byte) []byte {
	for i, s := range e.Segments {
		if i > 0 {
			b = append(b, '/')
		}
		b = append(b, s...)
	}
	return b
}

func (e *Literal) appendTo(b []byte) []byte {
	switch v := e.Value.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendQuoted(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case time.Time:
		if e.Kind == Date {
			return v.AppendFormat(b, time.DateOnly)
		}
		return v.UTC().AppendFormat(b, "2006-01-02T15:04:05.999999999Z")
	case EnumValue:
		return appendQuoted(append(append(b, Namespace...), v.Type...), v.Member)
	}
	return append(b, e.Text()...)
}

func (e *Alias) appendTo(b []byte) []byte { return append(append(b, '@'), e.Name...) }

func (e *Array) appendTo(b []byte) []byte {
	b = append(b, '[')
	for i, x := range e.Items {
		if i > 0 {
			b = append(b, ',')
		}
		if x.Kind == String {
			b = appendJSON(b, x.Value.(string))
		} else {
			b = x.appendTo(b)
		}
	}
	return append(b, ']')
}

// appendJSON writes s between double quotes, the form that also holds an apostrophe.
func appendJSON(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
