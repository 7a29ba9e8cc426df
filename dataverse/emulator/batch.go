package emulator

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// postBatch runs a batch. Page: execute-batch-operations-using-web-api. Without the preference
// odata.continue-on-error it stops at the first error, and the whole is answered 400; with it always 200.
func (s *Server) postBatch(c *call) (*answer, error) {
	out := newMultipart("batchresponse_")
	reader := batchReader{lax: s.options.BatchLF}
	items, err := reader.read(c.header.Get("Content-Type"), c.body)
	if err != nil {
		out.answer(faultAnswer(err, c), "")
		return out.end(http.StatusBadRequest), nil
	}
	status := http.StatusOK
	goOn := c.prefer("odata.continue-on-error")
	for _, item := range items {
		failed := false
		if item.set {
			failed = s.runChangeSet(c, item.parts, out)
		} else {
			a := s.runPart(c, item.parts[0], nil, nil)
			failed = a.status >= 400
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
func (s *Server) runChangeSet(c *call, parts []batchPart, out *multipartWriter) (failed bool) {
	t := s.engine.store.begin()
	done := false
	defer func() {
		if !done {
			t.rollback()
		}
	}()
	inner := newMultipart("changesetresponse_")
	contents := map[string]ref{}
	for _, p := range parts {
		a := s.runPart(c, p, t, contents)
		if a.status >= 400 {
			out.answer(a, "")
			return true
		}
		if a.row.Table != "" {
			contents[p.contentID] = a.row
		}
		inner.answer(a, p.contentID)
	}
	t.commit()
	done = true
	c.wroteRows(t.written)
	out.multipart(inner)
	return false
}

// runPart runs one request of a batch the way it would run by itself.
func (s *Server) runPart(c *call, p batchPart, t *tx, contents map[string]ref) *answer {
	sub, err := s.partCall(c, p, t, contents)
	if err != nil {
		return faultAnswer(err, c)
	}
	return s.servePart(c, sub)
}

// partCall is the call that a part of a batch makes. Its URL is absolute, rooted, relative to the service root, or
// begins with $1.
func (s *Server) partCall(c *call, p batchPart, t *tx, contents map[string]ref) (*call, error) {
	target := p.url
	if strings.HasPrefix(target, "$") && !strings.HasPrefix(target, "$batch") && !strings.HasPrefix(target, "$metadata") {
		head, rest, _ := strings.Cut(target, "/")
		head, query, _ := strings.Cut(head, "?")
		r, ok := contents[head[1:]]
		if !ok {
			return nil, noContentID(head)
		}
		set := c.view().schema.tables[r.Table].Set
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
		after, found := strings.CutPrefix(resource, apiRoot)
		version, rest, _ := strings.Cut(after, "/")
		if !found || version != "v9.0" && version != "v9.1" && version != "v9.2" {
			return nil, newFault(http.StatusNotFound, "", "No HTTP resource was found that matches the request URI '%s'.", resource)
		}
		resource = rest
	}
	segments, err := parsePath(resource)
	if err != nil {
		return nil, err
	}
	if len(segments.segments) > 0 && segments.segments[0].name == "$batch" {
		return nil, badQuery("A batch request cannot contain a batch request.")
	}
	values, err := queryOf(query)
	if err != nil {
		return nil, err
	}
	return &call{
		ctx: c.ctx, engine: s.engine, method: p.method, path: segments, query: values, raw: query, header: p.header,
		body: p.body, base: c.base, user: c.user, caller: c.caller, tx: t, contents: contents, part: true, rows: c.rows,
	}, nil
}

// multipartWriter writes the answers of a batch.
type multipartWriter struct {
	boundary string
	buf      bytes.Buffer
}

func newMultipart(prefix string) *multipartWriter {
	return &multipartWriter{boundary: prefix + uuid.NewString()}
}

const crlf = "\r\n"

func (m *multipartWriter) line(parts ...string) {
	for _, p := range parts {
		m.buf.WriteString(p)
	}
	m.buf.WriteString(crlf)
}

// answer writes an answer as a part.
func (m *multipartWriter) answer(a *answer, contentID string) {
	m.line("--", m.boundary)
	m.line("Content-Type: application/http")
	m.line("Content-Transfer-Encoding: binary")
	if contentID != "" {
		m.line("Content-ID: ", contentID)
	}
	m.line()
	body := a.bytes()
	m.line("HTTP/1.1 ", strconv.Itoa(a.status), " ", http.StatusText(a.status))
	h := a.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if len(body) > 0 && h.Get("Content-Type") == "" {
		kind := "application/json; odata.metadata=minimal"
		if a.status < 400 {
			kind += "; odata.streaming=true"
		}
		h.Set("Content-Type", kind)
	}
	if a.status >= 400 {
		m.line("REQ_ID: ", uuid.NewString())
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
	return memberNames(h)
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
func (m *multipartWriter) end(status int) *answer {
	m.line("--", m.boundary, "--")
	a := &answer{status: status, body: m.buf.Bytes()}
	return a.set("Content-Type", "multipart/mixed; boundary="+m.boundary)
}
