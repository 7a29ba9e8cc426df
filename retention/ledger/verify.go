package ledger

// The verifier. It reads the files with its own eyes: nothing here calls the code that writes or reads a ledger for a
// run, so that it cannot inherit its mistakes. It knows the form of a line, the rule of the chain and the closed schema.

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Proof is what [Verify] found.
type Proof struct {
	Files   int
	Entries int
	Head    string // the hash of the last entry, to be filed elsewhere
	// Unfinished tells that the last file ends within a line that a killed run was writing. That is no problem: the run
	// never relied on it, and the next run takes it off and says so.
	Unfinished bool
	// Organization is the one that the runs are of. A ledger is of one: runs of another are a problem.
	Organization uuid.UUID
	Problems     []Problem
}

// Problem is a place where the ledger is not what was written.
type Problem struct {
	File string
	Line int // counted from 1; zero: the file as a whole
	What string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.What
	}
	return fmt.Sprintf("%s line %d: %s", p.File, p.Line, p.What)
}

// Source is what the verifier reads: the files in their order, and the head beside them. Every [Storage] is one.
type Source interface {
	List(ctx context.Context) ([]File, error)
	Read(ctx context.Context, name string) (io.ReadCloser, error)
	Head(ctx context.Context) ([]byte, error)
}

// Verify reads the ledger in a folder and proves its chain. The error is about reading; what is wrong with the ledger
// stands in the proof. Checkpoints that were filed elsewhere are held against it.
func Verify(dir string, filed ...Checkpoint) (*Proof, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return VerifySource(context.Background(), plainFolder(dir), filed...)
}

// VerifySource is [Verify] for a ledger that lies anywhere.
func VerifySource(ctx context.Context, from Source, filed ...Checkpoint) (*Proof, error) {
	files, err := from.List(ctx)
	if err != nil {
		return nil, err
	}
	v := verifier{proof: &Proof{Files: len(files)}, next: 1, prev: strings.Repeat("0", 64), wanted: map[uint64]string{}, filed: filed}
	head, err := from.Head(ctx)
	if err != nil {
		return nil, err
	}
	if head != nil {
		var raw struct {
			Seq  json.Number
			Hash string
		}
		if json.Unmarshal(head, &raw) != nil {
			v.problem("head.json", 0, "it cannot be read")
		}
		v.head.Seq, v.head.Hash = raw.Seq.String(), raw.Hash
	}
	if seq, err := strconv.ParseUint(v.head.Seq, 10, 64); err == nil {
		v.wanted[seq] = ""
	}
	for _, c := range filed {
		v.wanted[c.Seq] = ""
	}
	for i, file := range files {
		v.index = i + 1
		if err := v.file(ctx, from, file.Name); err != nil {
			return nil, err
		}
	}
	v.end()
	return v.proof, nil
}

// plainFolder is a folder that is read with no more than the file system's own means.
type plainFolder string

func (d plainFolder) List(context.Context) ([]File, error) {
	names, err := filepath.Glob(filepath.Join(string(d), "*.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	sort.Strings(names)
	files := make([]File, len(names))
	for i, name := range names {
		files[i].Name = filepath.Base(name)
	}
	return files, nil
}

func (d plainFolder) Read(_ context.Context, name string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(string(d), name))
}

func (d plainFolder) Head(context.Context) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(string(d), "head.json"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	return b, err
}

type verifier struct {
	proof  *Proof
	next   uint64 // the number that the next line has to carry
	prev   string // the hash that it has to name
	head   struct{ Seq, Hash string }
	wanted map[uint64]string // the hashes of the entries that the head and the checkpoints name
	filed  []Checkpoint

	index int // of the file, counted from 1
	torn  struct {
		file  string
		index int // zero: no file ends within a line
		line  int
		bytes int64
		next  uint64
	}
}

func (v *verifier) problem(file string, line int, format string, args ...any) {
	v.proof.Problems = append(v.proof.Problems, Problem{File: filepath.Base(file), Line: line, What: fmt.Sprintf(format, args...)})
}

func (v *verifier) file(ctx context.Context, from Source, name string) error {
	f, err := from.Read(ctx, name)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	in := bufio.NewReader(f)
	for n := 1; ; n++ {
		text, err := in.ReadString('\n')
		if err == io.EOF {
			if text != "" {
				v.cut()
				v.torn.file, v.torn.index, v.torn.line, v.torn.bytes, v.torn.next = name, v.index, n, int64(len(text)), v.next
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		v.line(name, n, strings.TrimSuffix(text, "\n"))
	}
}

// cut says that a file ends within a line, unless that has been told or explained.
func (v *verifier) cut() {
	if v.torn.index > 0 {
		v.problem(v.torn.file, v.torn.line, "the line was cut")
		v.torn.index = 0
	}
}

// explained takes note of what follows a line that was cut. When a run is killed while it writes, and nothing can be
// taken off the end of a file, the next run says in its first entries how many bytes count for nothing.
func (v *verifier) explained(seq uint64, fields map[string]json.RawMessage) {
	if v.torn.index == 0 {
		return
	}
	var kind string
	var file int
	var bytes int64
	_ = json.Unmarshal(fields["kind"], &kind) // an empty kind explains nothing
	_ = json.Unmarshal(fields["file"], &file)
	_ = json.Unmarshal(fields["bytes"], &bytes)
	switch {
	case kind == "start" && seq == v.torn.next && v.index > v.torn.index:
	case kind == "repaired" && seq == v.torn.next+1 && file == v.torn.index && bytes == v.torn.bytes:
		v.torn.index = 0
	default:
		v.cut()
	}
}

// line checks one line: that it matches its own hash, that it follows the line before it, and that it keeps the schema.
func (v *verifier) line(file string, n int, text string) {
	const hashLength = 64
	tail := len(text) - hashLength - len(`,"hash":""}`)
	if tail < 0 || !strings.HasPrefix(text[tail:], `,"hash":"`) || !strings.HasSuffix(text, `"}`) {
		v.problem(file, n, "the line was changed or cut: it does not end with its hash")
		v.next++ // what follows is judged by its own numbers
		v.prev = ""
		return
	}
	stated := text[len(text)-hashLength-2 : len(text)-2]
	if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text[:tail]))); sum != stated {
		v.problem(file, n, "the line was changed: it does not match its hash")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		v.problem(file, n, "the line was changed: it is not JSON")
		v.next++
		v.prev = stated
		return
	}
	var seq uint64
	var prev string
	if json.Unmarshal(fields["seq"], &seq) != nil || json.Unmarshal(fields["prev"], &prev) != nil {
		v.problem(file, n, "the line was changed: it has no number or names no line before it")
	}
	v.explained(seq, fields)
	v.organization(file, n, fields)
	switch {
	case seq > v.next:
		v.problem(file, n, "%s missing before this line", entries(v.next, seq-1))
	case seq < v.next:
		v.problem(file, n, "entry %d stands out of order", seq)
	case v.prev != "" && prev != v.prev:
		v.problem(file, n, "the line before it was replaced: this line names another one")
	}
	for field := range fields {
		if !schemaFields[field] {
			v.problem(file, n, "the line has a field that no entry has")
		}
	}
	v.proof.Entries++
	v.proof.Head = stated
	v.next, v.prev = max(v.next, seq+1), stated
	if _, ok := v.wanted[seq]; ok {
		v.wanted[seq] = stated
	}
}

// organization sees to it that all runs are of one: nothing that writes a ledger takes one of another environment.
func (v *verifier) organization(file string, n int, fields map[string]json.RawMessage) {
	var kind, of string
	_ = json.Unmarshal(fields["kind"], &kind)
	if kind != "start" || json.Unmarshal(fields["organization"], &of) != nil {
		return
	}
	id, err := uuid.Parse(of)
	switch {
	case err != nil:
		v.problem(file, n, "the run's organisation is no id")
	case v.proof.Organization == uuid.Nil:
		v.proof.Organization = id
	case id != v.proof.Organization:
		v.problem(file, n, "the run is of another organisation (%s) than those before it (%s)", id, v.proof.Organization)
	}
}

func (v *verifier) end() {
	if v.torn.index > 0 && v.torn.next == v.next { // nothing follows: the run that wrote it was the last
		v.torn.index, v.proof.Unfinished = 0, true
	}
	v.cut()
	for _, c := range v.filed {
		switch hash := v.wanted[c.Seq]; {
		case c.Organization != uuid.Nil && v.proof.Organization != uuid.Nil && c.Organization != v.proof.Organization:
			v.problem(checkpointName, 0, "the checkpoint of %s is of the organisation %s, and this is the ledger of %s", c.At.UTC().Format(time.RFC3339), c.Organization, v.proof.Organization)
		case c.Seq >= v.next:
			v.problem(checkpointName, 0, "%s missing at the end: entry %d was the last when the checkpoint of %s was filed", entries(v.next, c.Seq), c.Seq, c.At.UTC().Format(time.RFC3339))
		case hash != c.Hash:
			v.problem(checkpointName, 0, "entry %d is not the one of the checkpoint of %s: it, or one before it, was replaced", c.Seq, c.At.UTC().Format(time.RFC3339))
		}
	}
	if v.head.Seq == "" {
		if v.proof.Entries > 0 {
			v.problem("head.json", 0, "it is missing: entries that were taken off at the end would not show")
		}
		return
	}
	seq, err := strconv.ParseUint(v.head.Seq, 10, 64)
	if err != nil {
		v.problem("head.json", 0, "it cannot be read")
		return
	}
	switch hash := v.wanted[seq]; {
	case seq >= v.next:
		v.problem("head.json", 0, "%s missing at the end", entries(v.next, seq))
	case hash != "" && hash != v.head.Hash:
		v.problem("head.json", 0, "entry %d was replaced", seq)
	}
}

func entries(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("entry %d is", from)
	}
	return fmt.Sprintf("entries %d to %d are", from, to)
}

// schemaFields are the fields that a line can have. None of them holds free text.
var schemaFields = map[string]bool{
	"seq": true, "prev": true, "at": true, "kind": true, "facts": true, "hash": true,
	"run": true, "verb": true, "policy": true, "organization": true, "actor": true, "today": true, "version": true,
	"table": true, "id": true, "purgeOn": true, "noticedOn": true, "ground": true,
	"do": true, "rows": true, "stays": true, "counts": true, "status": true, "code": true, "deleted": true, "guard": true,
	"first": true, "last": true, "file": true, "bytes": true,
}
