package ledger

// The verifier. It reads the lines with its own eyes: nothing here calls the code that writes or reads entries for a run, so
// that it cannot inherit its mistakes. It knows the form of a line, the rule of the chain and the closed schema. Only how the
// bytes come from the storage (ahead.go) is common to both; what got lost on that way would show as lines that are missing.

import (
	"context"
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
			v.unreadable = true
		}
		v.head.Seq, v.head.Hash = raw.Seq.String(), raw.Hash
	}
	if seq, err := strconv.ParseUint(v.head.Seq, 10, 64); err == nil {
		v.wanted[seq] = ""
	}
	for _, c := range filed {
		v.wanted[c.Seq] = ""
	}
	if err := v.files(ctx, from, files); err != nil {
		return nil, err
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
	proof *Proof
	next  uint64 // the number that the next line has to carry
	prev  string // the hash that it has to name
	head  struct{ Seq, Hash string }

	unreadable bool              // the head
	wanted     map[uint64]string // the hashes of the entries that the head and the checkpoints name
	filed      []Checkpoint

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

// files goes through the lines of all files. Each line is looked at by itself first, several at once; what it says about the
// others is judged in their order.
func (v *verifier) files(ctx context.Context, from Source, files []File) error {
	produce := func(ctx context.Context, yield func(*proving) bool) error {
		return chunks(ctx, from.Read, files, func(c chunk) bool { return yield(&proving{chunk: c}) })
	}
	err := inOrder(ctx, produce, (*proving).look, func(p *proving) error {
		name := files[p.file].Name
		v.index = p.file + 1
		for i := range p.seen {
			v.line(name, p.line+i, &p.seen[i])
		}
		if p.ends && p.torn > 0 {
			v.cut()
			v.torn.file, v.torn.index, v.torn.line, v.torn.bytes, v.torn.next = name, v.index, p.line+len(p.seen), p.torn, v.next
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
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
func (v *verifier) explained(s *said) {
	if v.torn.index == 0 {
		return
	}
	switch {
	case s.kind == "start" && s.seq == v.torn.next && v.index > v.torn.index:
	case s.kind == "repaired" && s.seq == v.torn.next+1 && s.file == v.torn.index && s.bytes == v.torn.bytes:
		v.torn.index = 0
	default:
		v.cut()
	}
}

// line judges one line: that it matches its own hash, that it follows the line before it, and that it keeps the schema.
func (v *verifier) line(file string, n int, s *said) {
	if s.hash == "" {
		v.problem(file, n, "the line was changed or cut: it does not end with its hash")
		v.next++ // what follows is judged by its own numbers
		v.prev = ""
		return
	}
	if s.changed {
		v.problem(file, n, "the line was changed: it does not match its hash")
	}
	if !s.json {
		v.problem(file, n, "the line was changed: it is not JSON")
		v.next++
		v.prev = s.hash
		return
	}
	if !s.whole {
		v.problem(file, n, "the line was changed: it has no number or names no line before it")
	}
	v.explained(s)
	v.organization(file, n, s)
	switch {
	case s.seq > v.next:
		v.problem(file, n, "%s missing before this line", entries(v.next, s.seq-1))
	case s.seq < v.next:
		v.problem(file, n, "entry %d stands out of order", s.seq)
	case v.prev != "" && s.prev != v.prev:
		v.problem(file, n, "the line before it was replaced: this line names another one")
	}
	if s.foreign {
		v.problem(file, n, "the line has a field that no entry has")
	}
	if s.dateless {
		v.problem(file, n, "the line has a date that nobody can read: no run can use the ledger")
	}
	v.proof.Entries++
	v.proof.Head = s.hash
	v.next, v.prev = max(v.next, s.seq+1), s.hash
	if _, ok := v.wanted[s.seq]; ok {
		v.wanted[s.seq] = s.hash
	}
}

// organization sees to it that all runs are of one: nothing that writes a ledger takes one of another environment.
func (v *verifier) organization(file string, n int, s *said) {
	if s.kind != "start" || s.organization == "" {
		return
	}
	id, err := uuid.Parse(s.organization)
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
		if v.proof.Entries > 1 && !v.unreadable { // with one, a run was killed before it could set the head
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
