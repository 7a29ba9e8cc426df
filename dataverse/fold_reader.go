package dataverse

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

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

// foldPlain reads a page as the service writes them: in one pass, without a decoder that takes every page for the first JSON
// that it sees. It tells whether it could. Whatever is odd about a page, if only a column of another kind than texts, numbers
// and words, is left to [folder.foldAny], which knows what is wrong with it. What foldPlain takes foldAny takes as well, for
// the same.
func (f *folder) foldPlain(p *page[folded]) bool {
	if !plainText(p.body) {
		return false
	}
	p.rows.values, p.rows.scratch, p.rows.count = p.rows.values[:0], p.rows.scratch[:0], 0
	w := walker{text: p.body, out: &p.rows}
	found := false
	if !w.next('{') || w.next('}') {
		return false
	}
	for {
		name, ok := w.name()
		if !ok {
			return false
		}
		switch string(name) {
		case `"value"`:
			if w.blanks(); found || !w.rows(f, p) {
				return false
			}
			found = true
		case `"@odata.nextLink"`:
			text, ok := w.quoted()
			if !ok {
				return false
			}
			b, err := jsontext.AppendUnquote(nil, text)
			if p.next = string(b); err != nil {
				return false
			}
		case `"@odata.deltaLink"`:
			text, ok := w.quoted()
			if !ok {
				return false
			}
			b, err := jsontext.AppendUnquote(nil, text)
			if p.delta = string(b); err != nil {
				return false
			}
		case `"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"`:
			text, ok := w.quoted()
			if !ok {
				return false
			}
			b, err := jsontext.AppendUnquote(nil, text)
			if p.token = string(b); err != nil {
				return false
			}
		default:
			var v Value
			if w.blanks(); !w.value(&v) {
				return false
			}
			if string(name) == `"@Microsoft.Dynamics.CRM.morerecords"` {
				p.more = v.kind == kindTrue
			}
		}
		if w.next(',') {
			continue
		}
		if !w.next('}') {
			return false
		}
		w.blanks()
		p.count = p.rows.count
		return found && w.at == len(w.text)
	}
}

// plainText tells that a text is valid UTF-8 without control characters.
func plainText(b []byte) bool {
	rest := b
	for ; len(rest) >= 8; rest = rest[8:] {
		x := binary.LittleEndian.Uint64(rest)
		if (x-0x2020202020202020)&^x&0x8080808080808080 != 0 { // a byte below that of the space
			return false
		}
	}
	for _, c := range rest {
		if c < ' ' {
			return false
		}
	}
	return utf8.Valid(b)
}

// walker walks through a page. Each of its methods tells whether the page goes on as it should.
type walker struct {
	text []byte
	at   int
	out  *folded
}

func (w *walker) blanks() {
	for w.at < len(w.text) && w.text[w.at] == ' ' {
		w.at++
	}
}

// next passes over a sign, if it is the next one.
func (w *walker) next(sign byte) bool {
	w.blanks()
	if w.at < len(w.text) && w.text[w.at] == sign {
		w.at++
		return true
	}
	return false
}

// quoted is a text with its quotes, which may hold escapes.
func (w *walker) quoted() ([]byte, bool) {
	if w.blanks(); w.at >= len(w.text) || w.text[w.at] != '"' {
		return nil, false
	}
	rest := w.text[w.at:]
	end := bytes.IndexByte(rest[1:], '"') + 1
	if end == 0 {
		return nil, false
	}
	if bytes.IndexByte(rest[1:end], '\\') >= 0 {
		for end = 1; end < len(rest) && rest[end] != '"'; end++ {
			if rest[end] == '\\' {
				end++
			}
		}
		if end >= len(rest) {
			return nil, false
		}
	}
	w.at += end + 1
	return rest[:end+1], true
}

// name is the name of a member, without escapes, and passes over what stands before its value.
func (w *walker) name() ([]byte, bool) {
	name, ok := w.quoted()
	return name, ok && bytes.IndexByte(name, '\\') < 0 && w.next(':')
}

func (w *walker) rows(f *folder, p *page[folded]) bool {
	from := w.at
	if !w.next('[') {
		return false
	}
	for more := !w.next(']'); more; more = !w.next(']') {
		if p.rows.count > 0 && !w.next(',') || p.rows.count == mostPageRows {
			return false
		}
		start := len(w.out.values)
		w.out.values = append(w.out.values, f.empty...)
		w.out.count++
		if !w.members(f.root, w.out.values[start:start+f.width:start+f.width]) {
			return false
		}
	}
	p.list = w.text[from:w.at]
	return true
}

// members takes the members of an object.
func (w *walker) members(l *level, row []Value) bool {
	if !w.next('{') {
		return false
	}
	if w.next('}') {
		return true
	}
	last := len(l.names)
	for {
		w.blanks()
		i := l.after[last] // as in the row before, most of the time
		if i >= 0 && bytes.HasPrefix(w.text[w.at:], l.names[i]) {
			w.at += len(l.names[i])
			if !w.next(':') {
				return false
			}
		} else {
			name, ok := w.name()
			if !ok || bytes.HasSuffix(name, nextLink) {
				return false
			}
			if i = l.find(name, 0); i >= 0 {
				l.after[last] = i
			}
		}
		w.blanks()
		var ignored Value
		into := &ignored
		switch {
		case i < 0:
		case l.nests[i] == nil:
			into = &row[l.index[i]]
		case w.at < len(w.text) && w.text[w.at] == '{':
			if !w.members(l.nests[i], row) {
				return false
			}
			into = nil
		}
		if i >= 0 {
			last = i
		}
		if into != nil && !w.value(into) || into == &ignored && i >= 0 && ignored.kind != kindNull {
			return false
		}
		if w.next('}') {
			return true
		}
		if !w.next(',') {
			return false
		}
	}
}

// value takes a text, a number or a word.
func (w *walker) value(into *Value) bool {
	if w.at >= len(w.text) {
		return false
	}
	rest := w.text[w.at:]
	switch c := rest[0]; {
	case c == 'n' && bytes.HasPrefix(rest, []byte("null")):
		w.at += 4
		*into = Value{}
	case c == 't' && bytes.HasPrefix(rest, []byte("true")):
		w.at += 4
		*into = Value{kind: kindTrue, b: rest[:4]}
	case c == 'f' && bytes.HasPrefix(rest, []byte("false")):
		w.at += 5
		*into = Value{kind: kindFalse, b: rest[:5]}
	case c == '"':
		text, ok := w.quoted()
		if !ok {
			return false
		}
		if bytes.IndexByte(text, '\\') < 0 {
			*into = Value{kind: kindText, b: text[1 : len(text)-1]}
			return true
		}
		start := len(w.out.scratch)
		var err error
		if w.out.scratch, err = jsontext.AppendUnquote(w.out.scratch, text); err != nil {
			return false
		}
		*into = Value{kind: kindText, b: w.out.scratch[start:len(w.out.scratch):len(w.out.scratch)]}
	case c == '-' || '0' <= c && c <= '9':
		end := 1
		for end < len(rest) && (rest[end] >= '0' && rest[end] <= '9' || rest[end] == '.' || rest[end]|0x20 == 'e' || rest[end] == '-' || rest[end] == '+') {
			end++
		}
		w.at += end
		*into = Value{kind: kindNumber, b: rest[:end]}
		return end == 1 && c != '-' || jsontext.Value(rest[:end]).IsValid()
	default:
		return false
	}
	return true
}
