package snapshot

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/go-json-experiment/json/jsontext"
)

// Reader reads a file from its beginning to its end, a line at a time.
type Reader struct {
	Head   Head
	Tables []Table
	Views  []View

	path  string
	file  io.Closer
	in    *bufio.Reader
	sum   hash.Hash
	lines int
	line  []byte
	rows  *rowsLine // whose rows come next; nil: none are left
	count int
	text  []byte // scratch of texts with escapes
}

// maxLine bounds a line: a definition of a table with thousands of options, or a row.
const maxLine = 64 << 20

// Open reads the head and the definitions. The rows, and whether the file is whole, come after: see [Reader.NextTable].
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{path: path, file: f, sum: sha256.New()}
	if err := r.begin(bufio.NewReaderSize(f, 1<<20)); err != nil {
		_ = f.Close()
		return nil, err
	}
	return r, nil
}

// Peek reads the head alone: what the file is of, not whether it is whole.
func Peek(path string) (Head, error) {
	f, err := os.Open(path)
	if err != nil {
		return Head{}, err
	}
	defer func() { _ = f.Close() }()
	r := &Reader{path: path, file: f, sum: sha256.New()}
	err = r.top(f)
	return r.Head, err
}

// top reads the head.
func (r *Reader) top(in io.Reader) error {
	zip, err := gzip.NewReader(in)
	if err != nil {
		return r.foreign()
	}
	r.in = bufio.NewReaderSize(zip, 1<<20)
	kind, err := r.next()
	if err != nil {
		return err
	}
	var head headLine
	if kind != "head" || json.Unmarshal(r.line, &head) != nil || head.Format < 1 {
		return r.foreign()
	}
	r.Head = head.Head
	if head.Format > Format {
		return r.refuse(fmt.Sprintf("it has the format %d, and this gallra reads formats up to %d", head.Format, Format), "use the gallra that wrote it, "+head.Gallra+", or a newer one")
	}
	return nil
}

func (r *Reader) begin(in io.Reader) error {
	if err := r.top(in); err != nil {
		return err
	}
	for {
		kind, err := r.next()
		if err != nil {
			return err
		}
		switch kind {
		case "table":
			var line tableLine
			if err := json.Unmarshal(r.line, &line); err != nil {
				return r.edited()
			}
			r.Tables = append(r.Tables, line.Table)
		case "view":
			var line viewLine
			if err := json.Unmarshal(r.line, &line); err != nil {
				return r.edited()
			}
			r.Views = append(r.Views, line.View)
		default:
			return r.section(kind)
		}
	}
}

// section takes a line that begins rows or ends the file.
func (r *Reader) section(kind string) error {
	switch kind {
	case "rows":
		r.rows, r.count = new(rowsLine), 0
		if json.Unmarshal(r.line, r.rows) != nil {
			return r.edited()
		}
		return nil
	case "end":
		return r.end()
	}
	return r.edited()
}

func (r *Reader) end() error {
	r.rows = nil
	var end endLine
	if json.Unmarshal(r.line, &end) != nil || end.Lines != r.lines || end.SHA256 != hex.EncodeToString(r.sum.Sum(nil)) {
		return r.edited()
	}
	if _, err := r.in.ReadByte(); err != io.EOF {
		return r.edited()
	}
	return nil
}

// NextTable is the table whose rows come next, with their columns. It is io.EOF where the file ends as it was written to end;
// nothing that was read may be used before.
func (r *Reader) NextTable() (table string, columns []RowColumn, err error) {
	if r.rows == nil {
		return "", nil, io.EOF
	}
	return r.rows.Table, r.rows.Columns, nil
}

// Cell is a value of a row.
type Cell struct {
	Column int    // the place of the column among those of the table
	Text   []byte // of a text, valid until the next row
	JSON   []byte // of anything else
}

// NextRow hands the cells of the next row of the table to fn, those that are not null. It is false after the last one.
func (r *Reader) NextRow(fn func(Cell) error) (bool, error) {
	kind, err := r.next()
	if err != nil {
		return false, err
	}
	if kind != "" {
		var end countLine
		if kind != "end of rows" || json.Unmarshal(r.line, &end) != nil || end.Rows != r.count {
			return false, r.edited()
		}
		if kind, err = r.next(); err != nil {
			return false, err
		}
		return false, r.section(kind)
	}
	r.count++
	return true, r.cells(fn)
}

func (r *Reader) cells(fn func(Cell) error) error {
	rest := r.line[1:]
	r.text = r.text[:0]
	for {
		if len(rest) == 0 {
			return r.edited()
		}
		if rest[0] == ']' {
			return nil
		}
		n, digits := 0, 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' && digits < 6 {
			n = n*10 + int(rest[digits]-'0')
			digits++
		}
		if digits == 0 || digits >= len(rest) || rest[digits] != ',' || n >= len(r.rows.Columns) {
			return r.edited()
		}
		rest = rest[digits+1:]
		c := Cell{Column: n}
		size := valueLength(rest)
		if size <= 0 {
			return r.edited()
		}
		if value := rest[:size]; value[0] == '"' {
			if bytes.IndexByte(value, '\\') < 0 {
				c.Text = value[1 : size-1]
			} else {
				from := len(r.text)
				var err error
				if r.text, err = jsontext.AppendUnquote(r.text, value); err != nil {
					return r.edited()
				}
				c.Text = r.text[from:]
			}
		} else {
			c.JSON = value
		}
		if err := fn(c); err != nil {
			return err
		}
		if rest = rest[size:]; len(rest) > 0 && rest[0] == ',' {
			rest = rest[1:]
		}
	}
}

// valueLength is the length of the JSON text, number or truth that b begins with; 0 where it begins with none.
func valueLength(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	if b[0] != '"' {
		if n := bytes.IndexAny(b, ",]"); n > 0 {
			return n
		}
		return 0
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// next reads a line and its kind; that of a row is empty.
func (r *Reader) next() (string, error) {
	before := r.line
	r.line = before[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		r.line = append(r.line, part...)
		switch {
		case err == nil:
			return r.kind()
		case errors.Is(err, bufio.ErrBufferFull) && len(r.line) < maxLine:
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return "", r.refuse("it is cut: its last line is missing", "take the snapshot again; a cut one is gone on with by the same command")
		case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
			return "", r.edited()
		default:
			return "", r.edited()
		}
	}
}

func (r *Reader) kind() (string, error) {
	if r.line[0] == '[' {
		r.noted()
		return "", nil
	}
	var line struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(r.line, &line); err != nil {
		if r.lines == 0 {
			return "", r.foreign()
		}
		return "", r.edited()
	}
	if line.Kind != "end" {
		r.noted()
	}
	return line.Kind, nil
}

func (r *Reader) noted() {
	r.sum.Write(r.line)
	r.lines++
	r.line = r.line[:len(r.line)-1]
}

// Line is the line that was read last, as it stands in the file: for those who search it.
func (r *Reader) Line() []byte { return r.line }

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }

func (r *Reader) refuse(why, remedy string) error {
	return &FileError{Path: r.path, Why: why, Remedy: remedy}
}

func (r *Reader) foreign() error {
	return r.refuse("it is no snapshot of gallra", "gallra snapshot --out FILE makes one")
}

func (r *Reader) edited() error {
	return r.refuse("it has been changed since it was written", "take the snapshot again")
}
