package policy

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// MaxReason is how many letters the column with the purge's reason holds.
const MaxReason = 500

// Sentence begins with a capital and ends without a full stop, so that something may follow.
func Sentence(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	r := []rune(s)
	if len(r) == 0 {
		return s
	}
	return strings.ToUpper(string(r[0])) + string(r[1:])
}

// Shorten cuts a text at a word, so that it has at most n letters.
func Shorten(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	cut := string(r[:n-1])
	if i := strings.LastIndexByte(cut, ' '); i > 0 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,.;:") + "…"
}

// maxText is the largest file of a policy that is read: some 100,000 lines.
const maxText = 8 << 20

// maxTold is how many problems of one kind are told of one file.
const maxTold = 100

// ByteOrderMark is what editors of Windows put before text in UTF-8.
var ByteOrderMark = []byte("\ufeff")

// readText reads a file that people write. A byte order mark at its beginning is left out and every line ends in a line
// feed, so that neither an editor nor a version control that turns line ends into those of Windows makes another policy of
// it. What is no text is told as problems.
func readText(path string) (text []byte, problems Problems, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return nil, nil, err
	}
	if len(b) > maxText {
		return nil, Problems{{Pos: Pos{File: path}, Message: fmt.Sprintf("the file is larger than %d MB", maxText>>20), Hint: "is it the right one? A policy can be split by `include`"}}, nil
	}
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return nil, Problems{{Pos: Pos{File: path}, Message: "the file is in UTF-16", Hint: "save it as UTF-8"}}, nil
	}
	b = bytes.TrimPrefix(b, ByteOrderMark)
	if bytes.IndexByte(b, '\r') >= 0 {
		b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
		b = bytes.ReplaceAll(b, []byte("\r"), []byte("\n"))
	}
	return b, notText(path, b), nil
}

// notText finds, line by line, what cannot stand in text that people review: bytes that are no UTF-8, control characters, and
// marks that make a line look otherwise than it reads.
func notText(path string, b []byte) Problems {
	var problems Problems
	for n, line := range bytes.Split(b, []byte("\n")) {
		for i, column := 0, 1; i < len(line); column++ {
			r, size := utf8.DecodeRune(line[i:])
			message, hint := "", ""
			switch {
			case r == utf8.RuneError && size == 1:
				message, hint = fmt.Sprintf("the byte 0x%02x is no text in UTF-8", line[i]), "save the file as UTF-8"
			case r == 0x7f || r < ' ' && r != '\t':
				message, hint = fmt.Sprintf("a control character (U+%04X)", r), "take it out"
			case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
				message, hint = fmt.Sprintf("a mark (U+%04X) that makes the line look otherwise than it reads", r), "take it out"
			}
			if message != "" {
				problems = append(problems, Problem{Pos: Pos{File: path, Line: n + 1, Column: column}, Message: message, Hint: hint, Source: shown(line)})
				break // the first of a line tells enough
			}
			i += size
		}
		if len(problems) == maxTold {
			break
		}
	}
	return problems
}

// shown is a line with a question mark for each character that a terminal should not get.
func shown(line []byte) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r == 0x7f || r < ' ' && r != '\t' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, string(line))
}
