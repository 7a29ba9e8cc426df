package snapshot

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"github.com/gallra/gallra/internal/filelock"
)

// Writer writes a file, part by part. It writes beside the file, and the file is there once all of it is: [Writer.Finish].
type Writer struct {
	path  string
	file  *os.File
	buf   *bufio.Writer
	zip   *gzip.Writer
	sum   hash.Hash
	line  []byte
	state state
}

// state is what a writer needs to go on where it was cut. It holds the secret of the masking, and is gone with the last part.
type state struct {
	Head   json.RawMessage `json:"head"`
	Secret []byte          `json:"secret"`
	Notes  json.RawMessage `json:"notes,omitempty"`
	Done   []string        `json:"done"`
	At     int64           `json:"at"` // bytes
	Lines  int             `json:"lines"`
	Digest []byte          `json:"digest"`
}

// secretBytes is how long the key of a masking is.
const secretBytes = 32

func partial(path string) string { return path + ".partial" }
func resume(path string) string  { return path + ".resume" }

// Begin begins a file, or goes on with one that was cut: resumed tells. What the cut one was asked for, its head says.
func Begin(path string) (w *Writer, resumed bool, err error) {
	w = &Writer{path: path, sum: sha256.New()}
	if w.file, err = alone(path); err != nil {
		return nil, false, err
	}
	if resumed, err = w.begin(); err != nil {
		_ = w.Close()
		return nil, false, err
	}
	w.buf = bufio.NewWriterSize(w.file, 1<<20)
	w.zip, _ = gzip.NewWriterLevel(w.buf, gzip.BestSpeed)
	return w, resumed, nil
}

// alone opens the file that is being written for nobody else: two that write the same one would mix their keys and their rows.
func alone(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(partial(path), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		taken, err := filelock.Take(f)
		if err == nil && taken {
			mine, err := f.Stat()
			if err == nil {
				if there, err := os.Stat(partial(path)); err == nil && os.SameFile(mine, there) {
					return f, nil
				}
			}
			_ = f.Close() // another one has finished it meanwhile
			continue
		}
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", partial(path), err)
		}
		return nil, &FileError{Path: path, Why: "somebody else takes a snapshot into it", Remedy: "wait for that one, or name another file"}
	}
}

// begin makes the key, or takes up what a snapshot that was cut left.
func (w *Writer) begin() (resumed bool, err error) {
	text, err := os.ReadFile(resume(w.path))
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &w.state); err != nil || len(w.state.Secret) != secretBytes {
			return false, &FileError{Path: resume(w.path), Why: "it is not what a cut snapshot leaves", Remedy: "delete it and " + partial(w.path) + " to begin anew"}
		}
		return true, w.goOn()
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	w.state.Secret = make([]byte, secretBytes)
	_, _ = rand.Read(w.state.Secret) // it fails never
	return false, w.file.Truncate(0)
}

// goOn cuts off what was written behind the last whole part.
func (w *Writer) goOn() error {
	info, err := w.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < w.state.At {
		return &FileError{Path: partial(w.path), Why: "it is shorter than its parts", Remedy: "delete it and " + resume(w.path) + " to begin anew"}
	}
	if err := w.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(w.state.Digest); err != nil {
		return err
	}
	if err := w.file.Truncate(w.state.At); err != nil {
		return err
	}
	_, err = w.file.Seek(w.state.At, io.SeekStart)
	return err
}

// Secret is the key of the masking: made with the file and thrown away with its last part.
func (w *Writer) Secret() []byte { return w.state.Secret }

// Head is the head of a file that is gone on with.
func (w *Writer) Head() (Head, error) {
	var line headLine
	err := json.Unmarshal(w.state.Head, &line)
	return line.Head, err
}

// Done tells whether a part is there already.
func (w *Writer) Done(part string) bool { return slices.Contains(w.state.Done, part) }

// Part writes a part: all of it, or it will be written anew.
func (w *Writer) Part(name string, write func() error) error {
	if w.Done(name) {
		return nil
	}
	w.zip.Reset(w.buf)
	if err := write(); err != nil {
		return err
	}
	if err := w.zip.Close(); err != nil {
		return err
	}
	if err := w.buf.Flush(); err != nil {
		return err
	}
	return w.keep(name)
}

// keep notes that a part is whole.
func (w *Writer) keep(name string) error {
	if err := w.file.Sync(); err != nil {
		return err
	}
	at, err := w.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if w.state.Digest, err = w.sum.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
		return err
	}
	w.state.At, w.state.Done = at, append(w.state.Done, name)
	text, err := json.Marshal(w.state)
	if err != nil {
		return err
	}
	fresh := resume(w.path) + ".new"
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, resume(w.path))
}

// Size is how many bytes the parts take so far.
func (w *Writer) Size() int64 { return w.state.At }

// The kinds of line; rows are arrays.
type (
	headLine struct {
		Kind string `json:"kind"`
		Head
	}
	tableLine struct {
		Kind  string `json:"kind"`
		Table Table  `json:"table"`
	}
	viewLine struct {
		Kind string `json:"kind"`
		View View   `json:"view"`
	}
	rowsLine struct {
		Kind    string      `json:"kind"`
		Table   string      `json:"table"`
		Columns []RowColumn `json:"columns"`
	}
	countLine struct {
		Kind string `json:"kind"`
		Rows int    `json:"rows"`
	}
	endLine struct {
		Kind   string `json:"kind"`
		Lines  int    `json:"lines"`
		SHA256 string `json:"sha256"`
	}
)

// WriteHead writes the head, within a part of its own.
func (w *Writer) WriteHead(h Head) error {
	h.Format = Format
	line := headLine{"head", h}
	var err error
	if w.state.Head, err = json.Marshal(line); err != nil {
		return err
	}
	return w.writeJSON(line)
}

// WriteTable writes a definition.
func (w *Writer) WriteTable(t Table) error { return w.writeJSON(tableLine{"table", t}) }

// WriteView writes a view.
func (w *Writer) WriteView(v View) error { return w.writeJSON(viewLine{"view", v}) }

// Rows begins the rows of a table; [Writer.EndRows] ends them.
func (w *Writer) Rows(table string, columns []RowColumn) error {
	return w.writeJSON(rowsLine{"rows", table, columns})
}

// Row writes a row: an array of the numbers of its columns that have a value, each followed by the value as JSON.
func (w *Writer) Row(line []byte) error { return w.write(line) }

// EndRows says how many there were.
func (w *Writer) EndRows(n int) error { return w.writeJSON(countLine{"end of rows", n}) }

func (w *Writer) writeJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	return w.write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func (w *Writer) write(line []byte) error {
	w.line = append(append(w.line[:0], line...), '\n')
	w.sum.Write(w.line)
	w.state.Lines++
	_, err := w.zip.Write(w.line)
	return err
}

// Finish writes the last line and puts the file in its place. The secret is gone then.
func (w *Writer) Finish() error {
	end := endLine{"end", w.state.Lines, hex.EncodeToString(w.sum.Sum(nil))}
	if err := w.Part("end", func() error { return w.writeJSON(end) }); err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // where an open file keeps its name
		if err := w.file.Close(); err != nil {
			return err
		}
	}
	if err := os.Rename(partial(w.path), w.path); err != nil {
		return err
	}
	if err := os.Remove(resume(w.path)); err != nil {
		return err
	}
	return w.Close() // last, since it lets others begin
}

// Close ends a writer that is not to be finished: the file can be gone on with.
func (w *Writer) Close() error {
	unlocked := filelock.Release(w.file)
	err := w.file.Close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return errors.Join(unlocked, err)
}

// FileError says why a file is refused.
type FileError struct {
	Path, Why, Remedy string
}

func (e *FileError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Why) }

// Hint says what to do.
func (e *FileError) Hint() string { return e.Remedy }

// ExitCode is that of wrong usage.
func (e *FileError) ExitCode() int { return 2 }
