package emulator

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// postBatch runs a batch. Page: execute-batch-operations-using-web-api. Without the preference
// odata.continue-on-error it stops at the first error, and the whole is answered 400; with it always 200.
func (s *Server) postBatch(c *wire.Call) (*wire.Answer, error) {
	out := newMultipart("batchresponse_")
	reader := batchReader{lax: s.options.BatchLF, whole: s.options.BatchEndsInCRLF}
	items, err := reader.read(c.Header.Get("Content-Type"), c.Body)
	if err != nil {
		out.answer(wire.ErrorAnswer(err, c), "")
		return out.end(http.StatusBadRequest), nil
	}
	status := http.StatusOK
	goOn := c.Preference("odata.continue-on-error")
	for _, item := range items {
		if c.Ctx != nil && c.Ctx.Err() != nil {
			break // nobody waits for the answer: what has been done stays done, and nothing else is begun
		}
		failed := false
		if item.set {
			failed = s.runChangeSet(c, item.parts, out)
		} else {
			a := s.runPart(c, item.parts[0], nil, nil)
			failed = a.Status >= 400
			out.answer(a, "")
		}
		if failed && (goOn == "" || goOn == "false") {
			status = http.StatusBadRequest
			break
		}
	}
	return out.end(status), nil
}

// runChangeSet runs a change set as one transaction. A failed one is answered by a single plain part, and leaves no
// trace. It reports whether it failed.
func (s *Server) runChangeSet(c *wire.Call, parts []batchPart, out *multipartWriter) (failed bool) {
	t := s.engine.Store.Begin()
	done := false
	defer func() {
		if !done {
			t.Rollback()
		}
	}()
	inner := newMultipart("changesetresponse_")
	defer inner.done()
	contents := map[string]store.Ref{}
	for _, p := range parts {
		a := s.runPart(c, p, t, contents)
		if a.Status >= 400 {
			out.answer(a, "")
			return true
		}
		if a.Row.Table != "" {
			contents[p.contentID] = a.Row
		}
		inner.answer(a, p.contentID)
	}
	t.Commit()
	done = true
	c.CountWritten(t.Written)
	out.multipart(inner)
	return false
}

// runPart runs one request of a batch the way it would run by itself.
func (s *Server) runPart(c *wire.Call, p batchPart, t *store.Tx, contents map[string]store.Ref) *wire.Answer {
	sub, err := s.partCall(c, p, t, contents)
	if err != nil {
		return wire.ErrorAnswer(err, c)
	}
	return s.servePart(c, sub)
}

// partCall is the call that a part of a batch makes. Its URL is absolute, rooted, relative to the service root, or
// begins with $1.
func (s *Server) partCall(c *wire.Call, p batchPart, t *store.Tx, contents map[string]store.Ref) (*wire.Call, error) {
	target := p.url
	if strings.HasPrefix(target, "$") && !strings.HasPrefix(target, "$batch") && !strings.HasPrefix(target, "$metadata") {
		head, rest, _ := strings.Cut(target, "/")
		head, query, _ := strings.Cut(head, "?")
		r, ok := contents[head[1:]]
		if !ok {
			return nil, platform.UnknownContentID(head)
		}
		set := c.View().Schema.Tables[r.Table].Set
		target = set + "(" + r.ID.String() + ")"
		if rest != "" {
			target += "/" + rest
		}
		if query != "" {
			target += "?" + query
		}
	}
	resource, query, _ := strings.Cut(target, "?")
	if i := strings.Index(resource, "://"); i >= 0 {
		_, after, _ := strings.Cut(resource[i+3:], "/")
		resource = "/" + after
	}
	if strings.HasPrefix(resource, "/") {
		after, found := strings.CutPrefix(resource, wire.APIRoot)
		version, rest, _ := strings.Cut(after, "/")
		if !found || version != "v9.0" && version != "v9.1" && version != "v9.2" {
			return nil, wire.NewError(http.StatusNotFound, "", "No HTTP resource was found that matches the request URI '%s'.", resource)
		}
		resource = rest
	}
	segments, err := wire.ParsePath(resource)
	if err != nil {
		return nil, err
	}
	if len(segments.Segments) > 0 && segments.Segments[0].Name == "$batch" {
		return nil, wire.BadQuery("A batch request cannot contain a batch request.")
	}
	values, err := wire.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	return &wire.Call{
		Ctx: c.Ctx, Engine: s.engine, Method: p.method, Path: segments, Query: values, Raw: query, Header: p.header,
		Body: p.body, Base: c.Base, User: c.User, Caller: c.Caller, Tx: t, Contents: contents, Part: true, Rows: c.Rows,
	}, nil
}

// multipartWriter writes the answers of a batch.
type multipartWriter struct {
	boundary string
	buf      *bytes.Buffer
}

// buffers are those of answers that have been put together.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func newMultipart(prefix string) *multipartWriter {
	return &multipartWriter{boundary: prefix + uuid.NewString(), buf: buffers.Get().(*bytes.Buffer)}
}

// done gives the buffer back; the writer is not used any more.
func (m *multipartWriter) done() {
	if m.buf.Cap() <= 8<<20 {
		m.buf.Reset()
		buffers.Put(m.buf)
	}
	m.buf = nil
}

const crlf = "\r\n"

func (m *multipartWriter) line(parts ...string) {
	for _, p := range parts {
		m.buf.WriteString(p)
	}
	m.buf.WriteString(crlf)
}

// answer writes an answer as a part.
func (m *multipartWriter) answer(a *wire.Answer, contentID string) {
	m.line("--", m.boundary)
	m.line("Content-Type: application/http")
	m.line("Content-Transfer-Encoding: binary")
	if contentID != "" {
		m.line("Content-ID: ", contentID)
	}
	m.line()
	body := a.Bytes()
	m.line("HTTP/1.1 ", strconv.Itoa(a.Status), " ", http.StatusText(a.Status))
	if a.Status >= 400 {
		m.line("REQ_ID: ", uuid.NewString())
	}
	h := a.Header
	kind := "" // where the answer says none
	if len(body) > 0 && h.Get("Content-Type") == "" {
		kind = "application/json; odata.metadata=minimal"
		if a.Status < 400 {
			kind += "; odata.streaming=true"
		}
		if len(h) > 0 {
			h = h.Clone()
			h.Set("Content-Type", kind)
		}
	}
	if len(h) == 0 && kind != "" {
		m.line("Content-Type: ", kind)
	}
	for _, name := range headerNames(h) {
		for _, v := range h[name] {
			m.line(wireName(name), ": ", v)
		}
	}
	m.line("OData-Version: 4.0")
	m.line()
	m.buf.Write(body)
	m.line()
}

func headerNames(h http.Header) []string {
	return platform.MemberNames(h)
}

// wireName is a header's name as the service writes it; Go's form of it differs in case.
func wireName(name string) string {
	switch name {
	case "Odata-Entityid":
		return "OData-EntityId"
	case "Etag":
		return "ETag"
	}
	return name
}

// multipart writes another writer's whole as a part: a change set's answers.
func (m *multipartWriter) multipart(inner *multipartWriter) {
	m.line("--", m.boundary)
	m.line("Content-Type: multipart/mixed; boundary=", inner.boundary)
	m.line()
	m.buf.Write(inner.buf.Bytes())
	m.line("--", inner.boundary, "--")
}

// end closes the batch's answer.
func (m *multipartWriter) end(status int) *wire.Answer {
	m.line("--", m.boundary, "--")
	a := &wire.Answer{Status: status, Body: bytes.Clone(m.buf.Bytes())}
	m.done()
	return a.SetHeader("Content-Type", "multipart/mixed; boundary="+m.boundary)
}
