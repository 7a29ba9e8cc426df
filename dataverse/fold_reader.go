package dataverse

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

func isAnswerError(err error) bool { return errors.Is(err, ErrAnswer) }

// foldReader walks the tokens of a page. The decoder reads straight from the page's bytes, and what it returns are
// slices of them, which stay valid as long as the page does.
type foldReader struct {
	dec   *jsontext.Decoder
	out   *folded
	width int
}

func (r *foldReader) object(member func(name []byte) error) error {
	if r.dec.PeekKind() != '{' {
		return r.unexpected()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() == '"' {
		name, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

func (r *foldReader) array(element func() error) error {
	if r.dec.PeekKind() != '[' {
		return r.unexpected()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for k := r.dec.PeekKind(); k != ']' && k != 0; k = r.dec.PeekKind() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// unexpected tells a document that is whole but of another shape from one that is broken.
func (r *foldReader) unexpected() error {
	if _, err := r.dec.ReadValue(); err != nil {
		return err
	}
	return fmt.Errorf("%w: a list of another shape", ErrAnswer)
}

func (r *foldReader) text(into *string) error {
	v, err := r.dec.ReadValue()
	if err != nil {
		return err
	}
	if v.Kind() != '"' {
		return nil
	}
	b, err := jsontext.AppendUnquote(nil, v)
	*into = string(b)
	return err
}

func (r *foldReader) row(l *level) error {
	start := len(r.out.values)
	for range r.width {
		r.out.values = append(r.out.values, Value{})
	}
	r.out.count++
	return r.members(l, r.out.values[start:start+r.width:start+r.width])
}

// nextLink ends the names of annotations that continue an expanded collection.
var nextLink = []byte(`@odata.nextLink"`)

func (r *foldReader) members(l *level, row []Value) error {
	if r.dec.PeekKind() != '{' {
		return r.unexpected()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	hint := 0
	for r.dec.PeekKind() == '"' {
		name, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		i := l.find(name, hint)
		switch {
		case i < 0 && bytes.HasSuffix(name, nextLink):
			v, err := r.dec.ReadValue()
			if err != nil {
				return err
			}
			if bytes.Contains(v, []byte("skiptoken")) {
				return fmt.Errorf("%w: an expanded collection that goes on on further pages", ErrAnswer)
			}
		case i < 0:
			if err := r.dec.SkipValue(); err != nil {
				return err
			}
		case l.nests[i] != nil:
			hint = i + 1
			if r.dec.PeekKind() != '{' { // null: nothing is linked
				if err := r.dec.SkipValue(); err != nil {
					return err
				}
				continue
			}
			if err := r.members(l.nests[i], row); err != nil {
				return err
			}
		default:
			hint = i + 1
			v, err := r.dec.ReadValue()
			if err != nil {
				return err
			}
			if row[l.index[i]], err = r.value(v); err != nil {
				return err
			}
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

func (r *foldReader) value(v jsontext.Value) (Value, error) {
	switch v.Kind() {
	case 'n':
		return Value{}, nil
	case 't':
		return Value{kind: kindTrue, b: v}, nil
	case 'f':
		return Value{kind: kindFalse, b: v}, nil
	case '0':
		return Value{kind: kindNumber, b: v}, nil
	case '"':
		if bytes.IndexByte(v, '\\') < 0 {
			return Value{kind: kindText, b: v[1 : len(v)-1]}, nil
		}
		// Growing the scratch space moves it, but texts that were unescaped before keep the old one alive.
		start := len(r.out.scratch)
		var err error
		if r.out.scratch, err = jsontext.AppendUnquote(r.out.scratch, v); err != nil {
			return Value{}, err
		}
		return Value{kind: kindText, b: r.out.scratch[start:len(r.out.scratch):len(r.out.scratch)]}, nil
	}
	return Value{kind: kindOther, b: v}, nil
}
