package dataverse

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// answerPart is one part of a batch's answer: of a change set that was carried out one answer for each operation,
// otherwise a single one.
type answerPart struct {
	set     bool
	answers []*answer
	ids     []int // the Content-IDs, 0 where there is none
}

// readBatch holds the answer against what was sent. A broken answer is an error; the caller then knows nothing of
// any part.
func readBatch(ans *answer, w *batchWriter) ([]Result, error) {
	parts, err := splitBatch(ans)
	if err != nil {
		return nil, err
	}
	return matchParts(parts, w.sent)
}

// matchParts gives each answer to its part. Answers come in the order of the request. Parts without one were never
// carried out: a batch ends at its first failure where the service does not honour continue-on-error, and a
// malformed change set has been seen to leave none.
func matchParts(parts []answerPart, sent []sentPart) ([]Result, error) {
	results := make([]Result, len(sent))
	at := 0
	for _, p := range parts {
		if at = p.place(at, sent); at < 0 || at >= len(sent) {
			return nil, broken("more answers than parts, or in another order")
		}
		if err := p.fill(&results[at], sent[at]); err != nil {
			return nil, err
		}
		at++
	}
	for i := range results {
		if results[i].Statuses == nil {
			results[i].Skipped = true
			results[i].Err = fmt.Errorf("%s: %w", sent[i].ops[0], ErrSkipped)
		}
	}
	return results, nil
}

// place is the sent part that an answer belongs to, -1 if it fits none. The answers of a change set repeat their
// Content-IDs, so that they can be told even where answers of earlier parts are missing.
func (p answerPart) place(from int, sent []sentPart) int {
	if p.set && len(p.ids) > 0 && p.ids[0] > 0 {
		for i := from; i < len(sent); i++ {
			if s := sent[i]; s.set && s.firstID <= p.ids[0] && p.ids[0] < s.firstID+len(s.ops) {
				return i
			}
		}
		return -1
	}
	if from >= len(sent) || p.set && !sent[from].set {
		return -1
	}
	if !p.set && sent[from].set && p.answers[0].status < 300 {
		return -1 // a single answer to a change set can only be its refusal
	}
	return from
}

func (p answerPart) fill(r *Result, s sentPart) error {
	for i, a := range p.answers {
		r.Statuses = append(r.Statuses, a.status)
		r.Bodies = append(r.Bodies, json.RawMessage(a.body))
		r.Headers = append(r.Headers, a.header)
		if a.status >= 300 && r.Err == nil {
			op := s.ops[0].String()
			if p.set && i < len(s.ops) {
				op = s.ops[i].String()
			}
			if s.set && !p.set {
				op = fmt.Sprintf("change set of %d", len(s.ops))
			}
			// The service's own word that the part failed, whatever the status: a change set was rolled back.
			r.Err = newError(op, a)
		}
	}
	if r.Err == nil && len(p.answers) != len(s.ops) {
		return broken("a change set with another number of answers")
	}
	return nil
}

// singleAnswer is the answer to a batch of one operation.
func singleAnswer(ans *answer) (*answer, error) {
	parts, err := splitBatch(ans)
	if err != nil {
		return nil, err
	}
	if len(parts) != 1 || parts[0].set {
		return nil, broken("a batch of one with another number of answers")
	}
	inner := parts[0].answers[0]
	if inner.status < 300 && inner.status != http.StatusNoContent {
		if err := checkMedia(inner, ""); err != nil {
			return nil, err
		}
	}
	return inner, nil
}

func splitBatch(ans *answer) ([]answerPart, error) {
	var parts []answerPart
	err := eachPart(ans.header.Get("Content-Type"), ans.body, func(header textproto.MIMEHeader, body []byte) error {
		media := header.Get("Content-Type")
		if media != "application/http" {
			var err error
			if media, _, err = mime.ParseMediaType(media); err != nil {
				return broken("a part without a type")
			}
		}
		if media != "multipart/mixed" {
			a, err := parseAnswer(body)
			if err != nil {
				return err
			}
			parts = append(parts, answerPart{answers: []*answer{a}, ids: []int{contentID(header)}})
			return nil
		}
		p := answerPart{set: true}
		if err := eachPart(header.Get("Content-Type"), body, func(header textproto.MIMEHeader, body []byte) error {
			a, err := parseAnswer(body)
			p.answers = append(p.answers, a)
			p.ids = append(p.ids, contentID(header))
			return err
		}); err != nil {
			return err
		}
		if len(p.answers) == 0 {
			return broken("a change set without answers")
		}
		parts = append(parts, p)
		return nil
	})
	return parts, err
}

func contentID(h textproto.MIMEHeader) int {
	n, _ := strconv.Atoi(strings.TrimSpace(h.Get("Content-Id")))
	return n
}

// eachPart walks a multipart body. One that lacks its closing delimiter was cut off. What fn gets are pieces of the body
// and no copies: the definitions of a table are a megabyte, and a page of rows may be several.
func eachPart(contentType string, body []byte, fn func(textproto.MIMEHeader, []byte) error) error {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return broken("a batch's answer without a boundary")
	}
	delimiter := []byte("--" + params["boundary"])
	_, part, last := nextDelimiter(body, delimiter, 0)
	for !last {
		end, next, final := nextDelimiter(body, delimiter, part)
		if next < 0 {
			return broken("a batch's answer cut off")
		}
		header, rest, plain := plainHeader(body[part:end])
		if !plain {
			h := newHead(body[part:end])
			var err error
			if header, err = h.ReadMIMEHeader(); err != nil {
				return broken("a batch's answer cut off")
			}
			rest = h.rest()
		}
		if err := fn(header, rest); err != nil {
			return err
		}
		part, last = next, final
	}
	return nil
}

// nextDelimiter finds the next line of text that is the delimiter: where what stands before it ends, where what follows
// begins, and whether it is the last one. Where there is none, next is negative.
func nextDelimiter(text, delimiter []byte, from int) (end, next int, last bool) {
	for at := from; at >= 0; {
		i := bytes.Index(text[at:], delimiter)
		if i < 0 {
			break
		}
		begins := at + i
		at = begins + len(delimiter)
		if begins > 0 && text[begins-1] != '\n' {
			continue
		}
		line, _, whole := bytes.Cut(text[at:], []byte("\n"))
		rest := bytes.TrimRight(line, " \t\r")
		last = string(rest) == "--"
		if !last && (len(rest) > 0 || !whole) {
			continue
		}
		end = max(from, begins-1)
		if end > from && text[end-1] == '\r' {
			end--
		}
		return end, min(at+len(line)+1, len(text)), last
	}
	return 0, -1, false
}

// head reads the lines that a part begins with.
type head struct {
	*textproto.Reader
	text []byte
	left *bytes.Reader
}

func newHead(text []byte) head {
	left := bytes.NewReader(text)
	return head{textproto.NewReader(bufio.NewReaderSize(left, 512)), text, left}
}

// rest is what follows the lines that were read, as a piece of the part.
func (h head) rest() []byte { return h.text[len(h.text)-h.left.Len()-h.R.Buffered():] }

// plainHeader reads header lines as the service writes them, each in one piece, up to the empty line behind them, and returns what follows.
// It is false for anything else, which textproto reads.
func plainHeader(text []byte) (textproto.MIMEHeader, []byte, bool) {
	h := make(textproto.MIMEHeader, 4)
	for {
		line, rest, whole := bytes.Cut(text, []byte("\r\n"))
		if !whole {
			return nil, nil, false
		}
		if len(line) == 0 {
			return h, rest, true
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || len(name) == 0 {
			return nil, nil, false
		}
		for _, ch := range name {
			if !('a' <= ch|0x20 && ch|0x20 <= 'z' || '0' <= ch && ch <= '9' || ch == '-') {
				return nil, nil, false
			}
		}
		for _, ch := range value {
			if ch < ' ' || ch == 0x7f {
				return nil, nil, false
			}
		}
		key := headerKey(name)
		h[key] = append(h[key], string(bytes.Trim(value, " ")))
		text = rest
	}
}

// headerKey is a header's name in its canonical form, of the usual ones without a copy.
func headerKey(name []byte) string {
	switch string(name) {
	case "Content-Type":
		return "Content-Type"
	case "Content-ID", "Content-Id":
		return "Content-Id"
	case "Content-Transfer-Encoding":
		return "Content-Transfer-Encoding"
	case "OData-Version":
		return "Odata-Version"
	case "OData-EntityId":
		return "Odata-Entityid"
	case "Preference-Applied":
		return "Preference-Applied"
	}
	return textproto.CanonicalMIMEHeaderKey(string(name))
}

// parseAnswer reads a response from a part. http.ReadResponse would wait for a body without a length to end with
// the connection, which is what a part's end is here.
func parseAnswer(part []byte) (*answer, error) {
	line, header, body, err := statusAndHeader(part)
	if err != nil && line == "" {
		return nil, err
	}
	headerErr := err
	proto, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	status, err := strconv.Atoi(code)
	if !strings.HasPrefix(proto, "HTTP/") || err != nil || status < 100 || status > 599 {
		return nil, broken("a part without a status")
	}
	if headerErr != nil {
		return nil, headerErr
	}
	if n, err := strconv.Atoi(header.Get("Content-Length")); err == nil && n >= 0 {
		if n > len(body) {
			return nil, broken("a part cut off")
		}
		body = body[:n]
	}
	body = bytes.TrimRight(body, "\r\n")
	if len(body) > 0 && isJSON(header) && !wholeJSON(body) {
		return nil, broken("a part that is no whole JSON document")
	}
	return &answer{status: status, header: http.Header(header), body: body}, nil
}

// statusAndHeader takes a response apart.
func statusAndHeader(part []byte) (line string, header textproto.MIMEHeader, body []byte, err error) {
	if first, rest, whole := bytes.Cut(part, []byte("\r\n")); whole && len(first) > 0 && bytes.IndexByte(first, '\n') < 0 {
		if header, body, plain := plainHeader(rest); plain {
			return string(first), header, body, nil
		}
	}
	in := newHead(part)
	if line, err = in.ReadLine(); err != nil {
		return "", nil, nil, broken("a part without a status")
	}
	header, err = in.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) { // a bare 204 may end right after its headers
		header, err = nil, broken("a part whose headers make no sense")
	} else {
		err = nil
	}
	return line, header, in.rest(), err
}

// wholeJSON tells what [json.Valid] tells, in a fifth of the time: the definitions of a table are a megabyte.
func wholeJSON(body []byte) bool {
	return jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

func isJSON(h textproto.MIMEHeader) bool {
	kind := h.Get("Content-Type")
	switch kind { // as the service writes it: there are thousands in a run
	case "application/json; odata.metadata=minimal; odata.streaming=true", "application/json; odata.metadata=minimal":
		return true
	}
	media, _, err := mime.ParseMediaType(kind)
	return err == nil && media == "application/json"
}
