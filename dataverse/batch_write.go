package dataverse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// batchWriter builds the body of a $batch. Every line ends in CRLF, the last one too: the service answers anything
// else with errors about unreadable streams.
type batchWriter struct {
	boundary string
	buf      bytes.Buffer
	next     int // Content-IDs run through the whole batch: by the letter of OData they are unique in it
	sent     []sentPart
}

// sentPart is what the answer is held against.
type sentPart struct {
	set     bool
	ops     []sentOp // for errors
	firstID int
}

type sentOp struct{ method, path string }

func (o sentOp) String() string { return opText(o.method, o.path) }

func (c *Client) writeBatch(parts []Part) (*batchWriter, error) {
	w := &batchWriter{boundary: "batch_" + uuid.NewString(), next: 1, sent: make([]sentPart, 0, len(parts))}
	size := 0
	for i := range parts {
		size += 120 + parts[i].Op.size()
		for j := range parts[i].Set {
			size += 120 + parts[i].Set[j].size()
		}
	}
	w.buf.Grow(size)
	for i, p := range parts {
		w.line("--", w.boundary)
		if p.Op != nil {
			w.sent = append(w.sent, sentPart{ops: []sentOp{{p.Op.Method, p.Op.Path}}, firstID: w.next})
			if err := c.writeOperation(w, p.Op); err != nil {
				return nil, err
			}
			continue
		}
		boundary := "changeset_" + strconv.Itoa(i+1) + "_" + w.boundary[len("batch_"):]
		w.line(`Content-Type: multipart/mixed; boundary="`, boundary, `"`)
		w.line()
		sent := sentPart{set: true, firstID: w.next, ops: make([]sentOp, 0, len(p.Set))}
		for j := range p.Set {
			sent.ops = append(sent.ops, sentOp{p.Set[j].Method, p.Set[j].Path})
			w.line("--", boundary)
			if err := c.writeOperation(w, &p.Set[j]); err != nil {
				return nil, err
			}
		}
		w.sent = append(w.sent, sent)
		w.line("--", boundary, "--")
		w.line()
	}
	w.line("--", w.boundary, "--")
	return w, nil
}

// size is about how long the operation is in a batch.
func (op *Operation) size() int {
	if op == nil {
		return 0
	}
	n := 150 + len(op.Path)
	switch body := op.Body.(type) {
	case nil:
	case json.RawMessage:
		n += 120 + len(body)
	case []byte:
		n += 120 + len(body)
	default:
		n += 500
	}
	return n
}

func (c *Client) writeOperation(w *batchWriter, op *Operation) error {
	target, err := c.partTarget(op.Path)
	if err != nil {
		return err
	}
	var body []byte
	if op.Body != nil {
		if body, err = encodeBody(op.Body); err != nil {
			return fmt.Errorf("%s: the body is no JSON", opText(op.Method, op.Path))
		}
	}
	w.line("Content-Type: application/http")
	w.line("Content-Transfer-Encoding: binary")
	w.line("Content-ID: ", strconv.Itoa(w.next))
	w.next++
	w.line()
	w.line(op.Method, " ", target, " HTTP/1.1")
	var room [8]headerLine
	lines := room[:0]
	set := func(name, value string) {
		lines = slices.DeleteFunc(lines, func(l headerLine) bool { return l.name == name })
		lines = append(lines, headerLine{name, value})
	}
	accepts := false
	for name, values := range op.Header {
		name = http.CanonicalHeaderKey(name)
		for _, value := range values {
			accepts = accepts || name == "Accept" && value != ""
			lines = append(lines, headerLine{name, value})
		}
	}
	if op.IfMatch != "" {
		set("If-Match", op.IfMatch)
	}
	if !accepts {
		set("Accept", "application/json")
	}
	if body != nil {
		set("Content-Type", "application/json; charset=utf-8")
		set("Content-Length", strconv.Itoa(len(body)))
	}
	slices.SortStableFunc(lines, func(a, b headerLine) int { return strings.Compare(a.name, b.name) })
	for _, l := range lines {
		if strings.ContainsAny(l.name, "\r\n") || strings.ContainsAny(l.value, "\r\n") {
			return fmt.Errorf("%s: a header with a line break", opText(op.Method, op.Path))
		}
		w.line(l.name, ": ", l.value)
	}
	w.line()
	w.buf.Write(body)
	w.line()
	return nil
}

type headerLine struct{ name, value string }

// partTarget is the request line's address: a path from the host's root, or a reference to another operation of
// the change set.
func (c *Client) partTarget(path string) (string, error) {
	if strings.HasPrefix(path, "$") && len(path) > 1 && '0' <= path[1] && path[1] <= '9' {
		return escapePath(path), nil
	}
	if resource, query, asks := strings.Cut(path, "?"); plainResource(resource) && (!asks || query != "") {
		if !asks {
			return apiPath + resource, nil
		}
		return apiPath + resource + "?" + escapePath(query), nil
	}
	u, err := c.address(path)
	if err != nil {
		return "", err
	}
	return u.RequestURI(), nil
}

// plainResource tells that a path stands in a URL as it is, and leads nowhere but down: most do, and there are thousands in a run.
func plainResource(path string) bool {
	for i := range len(path) {
		switch ch := path[i]; {
		case 'a' <= ch && ch <= 'z', 'A' <= ch && ch <= 'Z', '0' <= ch && ch <= '9', ch == '-', ch == '_', ch == '(', ch == ')', ch == '=', ch == '\'', ch == '$':
		case ch == '/' && i > 0:
		default:
			return false
		}
	}
	return path != ""
}

func (w *batchWriter) line(parts ...string) {
	for _, s := range parts {
		w.buf.WriteString(s)
	}
	w.buf.WriteString("\r\n")
}

func (w *batchWriter) bytes() []byte { return w.buf.Bytes() }

func encodeBody(body any) ([]byte, error) {
	switch body := body.(type) {
	case json.RawMessage:
		return body, nil
	case []byte:
		return body, nil
	}
	return json.Marshal(body)
}
