package ledger

// The verifier. It reads the files with its own eyes: nothing here calls the code that writes or reads a ledger for a
// run, so that it cannot inherit its mistakes. It knows the form of a line, the rule of the chain and the closed schema.

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Proof is what [Verify] found.
type Proof struct {
	Files   int
	Entries int
	Head    string // the hash of the last entry, to be filed elsewhere
	// Unfinished tells that the last file ends within a line that a killed run was writing. That is no problem: the run
	// never relied on it, and the next run takes it off and says so.
	Unfinished bool
	Problems   []Problem
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

// Verify reads the ledger in a folder and proves its chain. The error is about reading; what is wrong with the ledger
// stands in the proof.
func Verify(dir string) (*Proof, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	sort.Strings(names)
	v := verifier{proof: &Proof{Files: len(names)}, next: 1, prev: strings.Repeat("0", 64), hashes: map[uint64]string{}}
	if v.head, err = readHead(filepath.Join(dir, "head.json")); err != nil {
		v.problem("head.json", 0, "it cannot be read")
	}
	for i, name := range names {
		if err := v.file(name, i == len(names)-1); err != nil {
			return nil, err
		}
	}
	v.end()
	return v.proof, nil
}

type verifier struct {
	proof  *Proof
	next   uint64 // the number that the next line has to carry
	prev   string // the hash that it has to name
	head   struct{ Seq, Hash string }
	hashes map[uint64]string // only of the entry that the head names
}

func readHead(name string) (head struct{ Seq, Hash string }, err error) {
	b, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		return head, nil
	}
	if err != nil {
		return head, err
	}
	var raw struct {
		Seq  json.Number
		Hash string
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return head, err
	}
	head.Seq, head.Hash = raw.Seq.String(), raw.Hash
	return head, nil
}

func (v *verifier) problem(file string, line int, format string, args ...any) {
	v.proof.Problems = append(v.proof.Problems, Problem{File: filepath.Base(file), Line: line, What: fmt.Sprintf(format, args...)})
}

func (v *verifier) file(name string, last bool) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	in := bufio.NewReader(f)
	for n := 1; ; n++ {
		text, err := in.ReadString('\n')
		if err == io.EOF {
			switch {
			case text == "":
			case last:
				v.proof.Unfinished = true
			default:
				v.problem(name, n, "the line was cut")
			}
			if n == 1 && text == "" && !last {
				v.problem(name, 0, "the file is empty")
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		v.line(name, n, strings.TrimSuffix(text, "\n"))
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
	if fmt.Sprint(seq) == v.head.Seq {
		v.hashes[seq] = stated
	}
}

func (v *verifier) end() {
	if v.head.Seq == "" {
		if v.proof.Entries > 0 {
			v.problem("head.json", 0, "it is missing: entries that were taken off at the end would not show")
		}
		return
	}
	var seq uint64
	if _, err := fmt.Sscan(v.head.Seq, &seq); err != nil {
		v.problem("head.json", 0, "it cannot be read")
		return
	}
	switch hash, found := v.hashes[seq]; {
	case seq >= v.next:
		v.problem("head.json", 0, "%s missing at the end", entries(v.next, seq))
	case found && hash != v.head.Hash:
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
	"seq": true, "prev": true, "at": true, "kind": true, "hash": true,
	"run": true, "verb": true, "policy": true, "organization": true, "actor": true, "today": true, "version": true,
	"table": true, "id": true, "purgeOn": true, "noticedOn": true, "ground": true,
	"do": true, "rows": true, "counts": true, "status": true, "code": true, "deleted": true, "guard": true,
	"first": true, "last": true, "file": true, "bytes": true,
}
