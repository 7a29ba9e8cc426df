package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// proving is a chunk with what its lines say.
type proving struct {
	chunk
	seen []said
}

func (p *proving) look() {
	for rest := p.text; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		p.seen = append(p.seen, look(line))
	}
	p.text = nil
}

// said is what a line says, taken by itself.
type said struct {
	hash     string // that it states; empty: it does not end with one
	changed  bool   // it does not match that hash
	json     bool
	whole    bool // it has a number and names the line before it
	foreign  bool // it has a field that no entry has
	dateless bool // it has something else where a date has to stand
	seq      uint64
	prev     string

	kind         string
	organization string // of a run's first line
	file         int
	bytes        int64
}

// look reads a line: that it matches its own hash, and what of it matters for the chain.
func look(line []byte) (s said) {
	const hashLength = 64
	tail := len(line) - hashLength - len(`,"hash":""}`)
	if tail < 0 || !bytes.HasPrefix(line[tail:], []byte(`,"hash":"`)) || !bytes.HasSuffix(line, []byte(`"}`)) {
		return s
	}
	s.hash = string(line[len(line)-hashLength-2 : len(line)-2])
	sum := sha256.Sum256(line[:tail])
	s.changed = hex.EncodeToString(sum[:]) != s.hash
	seq, prev := false, false
	d := jsontext.NewDecoder(bytes.NewReader(line))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return s
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return s
		}
		field := name.String()
		s.foreign = s.foreign || !schemaFields[field]
		value, err := d.ReadValue()
		if err != nil {
			return s
		}
		switch field {
		case "seq":
			seq = json.Unmarshal(value, &s.seq) == nil
		case "prev":
			prev = json.Unmarshal(value, &s.prev) == nil
		case "purgeOn", "noticedOn", "today":
			s.dateless = s.dateless || !isDate(value)
		case "kind":
			_ = json.Unmarshal(value, &s.kind) // an empty kind explains nothing
		case "organization":
			_ = json.Unmarshal(value, &s.organization)
		case "file":
			_ = json.Unmarshal(value, &s.file)
		case "bytes":
			_ = json.Unmarshal(value, &s.bytes)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return s
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return s
	}
	s.json, s.whole = true, seq && prev
	return s
}

// isDate tells whether a value is a calendar date, none, or open.
func isDate(value jsontext.Value) bool {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return false
	}
	if text == "" || text == "open" {
		return true
	}
	day, err := time.Parse("2006-01-02", text)
	return err == nil && day.Year() > 0
}

// schemaFields are the fields that a line can have. None of them holds free text.
var schemaFields = map[string]bool{
	"seq": true, "prev": true, "at": true, "kind": true, "facts": true, "hash": true,
	"run": true, "verb": true, "policy": true, "organization": true, "actor": true, "today": true, "version": true,
	"table": true, "id": true, "purgeOn": true, "noticedOn": true, "ground": true,
	"class": true, "do": true, "rows": true, "stays": true, "decided": true, "counts": true, "status": true, "code": true, "deleted": true, "guard": true,
	"first": true, "last": true, "file": true, "bytes": true,
}
