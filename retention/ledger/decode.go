package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
)

// decoder reads lines that encode wrote. The words that come in every line it makes only once.
type decoder struct {
	last   string // the hash of the line before
	words  map[string]string
	record Record // the one that is being read: kept here, it is allocated once
}

// decode reads a line without its line end.
func (d *decoder) decode(line []byte) (r Record, hash string, err error) {
	i := bytes.LastIndex(line, []byte(`,"hash":"`))
	if i < 0 {
		return r, "", errors.New("it carries no hash")
	}
	sum := sha256.Sum256(line[:i])
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	if stated, ok := bytes.CutSuffix(line[i+len(`,"hash":"`):], []byte(`"}`)); !ok || !bytes.Equal(stated, text[:]) {
		return r, "", errors.New("it does not match its hash")
	}
	hash = string(text[:])
	p := plainLine{text: line[:i], decoder: d}
	d.record = Record{}
	if p.record(&d.record) {
		r = d.record
	} else {
		r, err = decodeAny(line)
	}
	d.last = hash
	return r, hash, err
}

// decodeAny reads a line in whatever way JSON can be written.
func decodeAny(line []byte) (Record, error) {
	var l struct {
		Record
		Hash string `json:"hash"`
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Record{}, errors.New("it is no entry")
	}
	return l.Record, nil
}

// word is a text that is likely to come again.
func (d *decoder) word(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if w, ok := d.words[string(b)]; ok {
		return w
	}
	w := string(b)
	if d.words == nil {
		d.words = make(map[string]string)
	}
	if len(d.words) < 1000 {
		d.words[w] = w
	}
	return w
}

// plainLine reads a line in the very form in which encode writes one: no blanks, no escapes, nothing but ASCII, every field
// once. A ledger has millions of lines, and this takes a fifth of the time of encoding/json. Whatever has another form it
// leaves to decodeAny; what it takes, it takes as that does.
type plainLine struct {
	text []byte
	*decoder
}

func (p *plainLine) next(c byte) bool {
	if len(p.text) == 0 || p.text[0] != c {
		return false
	}
	p.text = p.text[1:]
	return true
}

// string reads a text and its quotes.
func (p *plainLine) string() ([]byte, bool) {
	if !p.next('"') {
		return nil, false
	}
	for i, c := range p.text {
		switch {
		case c == '"':
			s := p.text[:i]
			p.text = p.text[i+1:]
			return s, true
		case c == '\\' || c < ' ' || c >= 0x7f:
			return nil, false
		}
	}
	return nil, false
}

// number reads a number of at most 18 digits.
func (p *plainLine) number() (n int64, ok bool) {
	i := 0
	for ; i < len(p.text) && i < 19 && p.text[i] >= '0' && p.text[i] <= '9'; i++ {
		n = 10*n + int64(p.text[i]-'0')
	}
	if i == 0 || i == 19 || i > 1 && p.text[0] == '0' {
		return 0, false
	}
	p.text = p.text[i:]
	return n, true
}

func (p *plainLine) id() (u uuid.UUID, ok bool) {
	s, ok := p.string()
	if !ok || len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, false
	}
	at := 0
	for i := range u {
		if at == 8 || at == 13 || at == 18 || at == 23 {
			at++
		}
		high, low := hexDigit(s[at]), hexDigit(s[at+1])
		if high > 15 || low > 15 {
			return u, false
		}
		u[i] = high<<4 | low
		at += 2
	}
	return u, true
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}

func (p *plainLine) date() (d retention.Date, ok bool) {
	s, ok := p.string()
	return d, ok && d.UnmarshalText(s) == nil
}

func (p *plainLine) time() (time.Time, bool) {
	s, ok := p.string()
	if !ok || len(s) != len("2006-01-02T15:04:05Z") || s[len(s)-1] != 'Z' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, string(s))
	return t, err == nil
}

// pairs reads the names and values of an object that has any, and none twice.
func (p *plainLine) pairs(value func(name string) bool) bool {
	if !p.next('{') {
		return false
	}
	for {
		name, ok := p.string()
		if !ok || !p.next(':') || !value(p.word(name)) {
			return false
		}
		if p.next('}') {
			return true
		}
		if !p.next(',') {
			return false
		}
	}
}

func (p *plainLine) rows() (rows map[string][]uuid.UUID, ok bool) {
	rows = make(map[string][]uuid.UUID)
	return rows, p.pairs(func(table string) bool {
		if _, twice := rows[table]; twice || !p.next('[') {
			return false
		}
		ids := make([]uuid.UUID, 0, bytes.IndexByte(p.text, ']')/39+1)
		for {
			id, ok := p.id()
			if !ok {
				return false
			}
			ids = append(ids, id)
			if p.next(']') {
				rows[table] = ids
				return true
			}
			if !p.next(',') {
				return false
			}
		}
	})
}

func (p *plainLine) counts() (counts map[string]int, ok bool) {
	counts = make(map[string]int)
	return counts, p.pairs(func(what string) bool {
		n, ok := p.number()
		_, twice := counts[what]
		counts[what] = int(n)
		return ok && !twice
	})
}

func (p *plainLine) facts() (facts map[string]string, ok bool) {
	facts = make(map[string]string)
	return facts, p.pairs(func(what string) bool {
		s, ok := p.string()
		_, twice := facts[what]
		facts[what] = p.word(s)
		return ok && !twice
	})
}

// record reads the whole line up to its hash: the number, what the line before hashes to and the moment, then the fields.
func (p *plainLine) record(r *Record) bool {
	if !p.literal(`{"seq":`) {
		return false
	}
	n, ok := p.number()
	r.Seq = uint64(n)
	if !ok || !p.literal(`,"prev":`) {
		return false
	}
	prev, ok := p.string()
	if r.Prev = p.last; string(prev) != p.last {
		r.Prev = string(prev)
	}
	if !ok || !p.literal(`,"at":`) {
		return false
	}
	if r.At, ok = p.time(); !ok {
		return false
	}
	var found uint64      // a bit for each field
	place := 0            // of a field in their list
	for len(p.text) > 0 { // the hash and the closing brace stand behind it
		if !p.next(',') {
			return false
		}
		name, ok := p.string()
		if !ok || !p.next(':') {
			return false
		}
		place = fieldAfter(place, name)
		if place < 0 || found&(1<<place) != 0 || !fields[place].read(p, &r.Entry) {
			return false
		}
		found |= 1 << place
	}
	return true
}

// literal reads that very text.
func (p *plainLine) literal(text string) bool {
	if len(p.text) < len(text) || string(p.text[:len(text)]) != text {
		return false
	}
	p.text = p.text[len(text):]
	return true
}
