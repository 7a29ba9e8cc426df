package dataverse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
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
	ops     []string // for errors
	firstID int
}

func (c *Client) writeBatch(parts []Part) (*batchWriter, error) {
	w := &batchWriter{boundary: "batch_" + uuid.NewString(), next: 1}
	for i, p := range parts {
		w.line("--" + w.boundary)
		if p.Op != nil {
			w.sent = append(w.sent, sentPart{ops: []string{opText(p.Op.Method, p.Op.Path)}, firstID: w.next})
			if err := c.writeOperation(w, p.Op); err != nil {
				return nil, err
			}
			continue
		}
		boundary := "changeset_" + strconv.Itoa(i+1) + "_" + w.boundary[len("batch_"):]
		w.line(`Content-Type: multipart/mixed; boundary="` + boundary + `"`)
		w.line("")
		sent := sentPart{set: true, firstID: w.next}
		for j := range p.Set {
			sent.ops = append(sent.ops, opText(p.Set[j].Method, p.Set[j].Path))
			w.line("--" + boundary)
			if err := c.writeOperation(w, &p.Set[j]); err != nil {
				return nil, err
			}
		}
		w.sent = append(w.sent, sent)
		w.line("--" + boundary + "--")
		w.line("")
	}
	w.line("--" + w.boundary + "--")
	return w, nil
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
	w.line("Content-ID: " + strconv.Itoa(w.next))
	w.next++
	w.line("")
	w.line(op.Method + " " + target + " HTTP/1.1")
	header := http.Header{}
	for name, values := range op.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	if op.IfMatch != "" {
		header.Set("If-Match", op.IfMatch)
	}
	if header.Get("Accept") == "" {
		header.Set("Accept", "application/json")
	}
	if body != nil {
		header.Set("Content-Type", "application/json; charset=utf-8")
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, value := range header[name] {
			if strings.ContainsAny(name+value, "\r\n") {
				return fmt.Errorf("%s: a header with a line break", opText(op.Method, op.Path))
			}
			w.line(name + ": " + value)
		}
	}
	w.line("")
	w.buf.Write(body)
	w.line("")
	return nil
}

// partTarget is the request line's address: a path from the host's root, or a reference to another operation of
// the change set.
func (c *Client) partTarget(path string) (string, error) {
	if strings.HasPrefix(path, "$") && len(path) > 1 && '0' <= path[1] && path[1] <= '9' {
		return escapePath(path), nil
	}
	u, err := c.address(path)
	if err != nil {
		return "", err
	}
	return u.RequestURI(), nil
}

func (w *batchWriter) line(s string) {
	w.buf.WriteString(s)
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
