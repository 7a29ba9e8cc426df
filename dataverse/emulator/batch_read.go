package emulator

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// batchItem is one item of a batch: a single operation, or a change set.
type batchItem struct {
	set   bool
	parts []batchPart
}

// batchPart is one HTTP request inside a batch.
type batchPart struct {
	contentID string
	method    string
	url       string
	header    http.Header
	body      []byte
}

// maxBatchParts is how many requests a batch may hold. Page: execute-batch-operations-using-web-api.
const maxBatchParts = 1000

// batchReader reads multipart text strictly: the lines of its frame end in CRLF, but for the last one.
type batchReader struct {
	count     int
	delimiter string // of the sections that are being read
	lax       bool   // lines may end in LF alone
	whole     bool   // the last line ends in CRLF too
}

// unreadable is what a batch with wrong line ends is answered. Page: troubleshoot Dataverse Web API client errors.
func unreadable() *wire.Error {
	return wire.BadPayload("", "System.ArgumentException: Stream was not readable.")
}

// read takes a whole batch apart before any of it is run.
func (b *batchReader) read(contentType string, body []byte) ([]batchItem, error) {
	boundary, err := multipartBoundary(contentType)
	if err != nil {
		return nil, err
	}
	sections, err := b.split(boundary, body, true)
	if err != nil {
		return nil, err
	}
	items := make([]batchItem, 0, len(sections))
	for _, s := range sections {
		b.delimiter = "--" + boundary
		item, err := b.item(s)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func multipartBoundary(contentType string) (string, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" {
		return "", wire.BadQuery("The content type of a batch request must be 'multipart/mixed' with a boundary.")
	}
	boundary := params["boundary"]
	if boundary == "" || len(boundary) > 70 {
		return "", wire.BadQuery("Invalid batch boundary: a boundary of 1 to 70 characters is required.")
	}
	return boundary, nil
}

// split cuts a multipart text at its boundary. What stands before the first delimiter and after the last is ignored.
func (b *batchReader) split(boundary string, text []byte, outermost bool) ([][]byte, error) {
	delimiter := []byte("--" + boundary)
	var sections [][]byte
	start := -1
	for at := 0; at < len(text); {
		end, next, whole := len(text), len(text), false
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			end, next, whole = at+i, at+i+1, true
		}
		line := text[at:end]
		if !bytes.HasPrefix(line, delimiter) {
			at = next
			continue
		}
		rest := bytes.TrimRight(line[len(delimiter):], " \t")
		crlf := whole && bytes.HasSuffix(rest, []byte("\r"))
		rest = bytes.TrimRight(rest, "\r \t")
		if len(rest) > 0 && !bytes.Equal(rest, []byte("--")) {
			at = next
			continue
		}
		last := len(rest) > 0
		if !crlf && !b.lax && (outermost || whole) && (!last || outermost && b.whole) {
			return nil, unreadable()
		}
		if start >= 0 {
			if err := b.ended(text[start:at]); err != nil {
				return nil, err
			}
			sections = append(sections, text[start:at])
		}
		if last {
			return sections, nil
		}
		start, at = next, next
	}
	return nil, unreadable()
}

// ended tells whether the line before a delimiter ends as it has to. The section keeps that line end: an empty line that
// ends the headers of a request without a body may stand right before the delimiter. Clients send it so, and the reader
// of the service, OData's own, does not ask for another one.
func (b *batchReader) ended(section []byte) error {
	if bytes.HasSuffix(section, []byte("\r\n")) || b.lax && bytes.HasSuffix(section, []byte("\n")) {
		return nil
	}
	return unreadable()
}

// line takes the first line off a text.
func (b *batchReader) line(text []byte) (line string, rest []byte, err error) {
	i := bytes.IndexByte(text, '\n')
	if i < 0 {
		return "", nil, fmt.Errorf("no line end")
	}
	l := text[:i]
	if !bytes.HasSuffix(l, []byte("\r")) && !b.lax {
		return "", nil, unreadable()
	}
	return string(bytes.TrimSuffix(l, []byte("\r"))), text[i+1:], nil
}

// headers reads header lines up to the empty line after them. Where that line is missing, the reader of the service
// takes the boundary for a header.
func (b *batchReader) headers(text []byte) (http.Header, []byte, error) {
	h := http.Header{}
	for {
		line, rest, err := b.line(text)
		if f, ok := err.(*wire.Error); ok {
			return nil, nil, f
		}
		if err != nil {
			return nil, nil, badHeader(string(text) + b.delimiter)
		}
		if line == "" {
			return h, rest, nil
		}
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t") {
			return nil, nil, badHeader(line)
		}
		h.Add(name, strings.TrimSpace(value))
		text = rest
	}
}

// badHeader quotes no more than the beginning of what stands there: the rest may be a body.
func badHeader(line string) *wire.Error {
	if len(line) > 60 {
		line = line[:60]
	}
	return wire.BadPayload("", fmt.Sprintf("The message header '%s' is invalid. The header value must be of the format '<header name>: <header value>'.", strings.ToValidUTF8(line, "?")))
}

func (b *batchReader) item(section []byte) (batchItem, error) {
	h, rest, err := b.headers(section)
	if err != nil {
		return batchItem{}, err
	}
	kind := h.Get("Content-Type")
	if !strings.HasPrefix(strings.ToLower(kind), "multipart/") {
		p, err := b.part(h, rest)
		return batchItem{parts: []batchPart{p}}, err
	}
	boundary, err := multipartBoundary(kind)
	if err != nil {
		return batchItem{}, err
	}
	sections, err := b.split(boundary, rest, false)
	if err != nil {
		return batchItem{}, err
	}
	item := batchItem{set: true}
	seen := map[string]bool{}
	for _, s := range sections {
		b.delimiter = "--" + boundary
		h, rest, err := b.headers(s)
		if err != nil {
			return batchItem{}, err
		}
		p, err := b.part(h, rest)
		if err != nil {
			return batchItem{}, err
		}
		switch {
		case p.contentID == "":
			return batchItem{}, wire.BadQuery("Content-ID header not present.")
		case seen[p.contentID]:
			return batchItem{}, wire.BadQuery("The content ID '%s' was found more than once in the same change set or same batch request. Content IDs have to be unique across all operations of a change set.", p.contentID)
		case p.method == http.MethodGet || p.method == http.MethodHead:
			return batchItem{}, wire.BadQuery("An invalid HTTP method '%s' was detected for a request in a change set. Requests in change sets only support the HTTP methods 'POST', 'PUT', 'DELETE', and 'PATCH'.", p.method)
		}
		seen[p.contentID] = true
		item.parts = append(item.parts, p)
	}
	return item, nil
}

var batchMethods = map[string]bool{"GET": true, "POST": true, "PATCH": true, "PUT": true, "DELETE": true, "HEAD": true}

// part reads one request: application/http, binary.
func (b *batchReader) part(mimeHeader http.Header, text []byte) (batchPart, error) {
	if kind := mimeHeader.Get("Content-Type"); !isHTTP(kind) {
		return batchPart{}, wire.BadQuery("The content type of a part of a batch must be 'application/http'.")
	}
	if !strings.EqualFold(mimeHeader.Get("Content-Transfer-Encoding"), "binary") {
		return batchPart{}, wire.BadQuery("The header 'Content-Transfer-Encoding: binary' is missing in a part of the batch.")
	}
	if b.count++; b.count > maxBatchParts {
		return batchPart{}, wire.BadQuery("The number of requests in the batch exceeds the maximum of %d.", maxBatchParts)
	}
	p := batchPart{contentID: mimeHeader.Get("Content-ID")}
	line, rest, err := b.line(text)
	if f, ok := err.(*wire.Error); ok {
		return p, f
	}
	if err != nil {
		return p, badHeader(string(text) + b.delimiter) // the empty line after the headers is missing
	}
	method, target, found := strings.Cut(line, " ")
	end := strings.LastIndexByte(target, ' ')
	if !found || end < 0 || !batchMethods[method] || !strings.HasPrefix(target[end+1:], "HTTP/1.") {
		return p, badRequestLine(line)
	}
	p.method, p.url = method, strings.TrimSpace(target[:end])
	if len(p.url) > wire.MaxBatchURL {
		return p, wire.BadQuery("The URL of a request in the batch exceeds the maximum length of %d characters.", wire.MaxBatchURL)
	}
	if p.header, p.body, err = b.headers(rest); err != nil {
		return p, err
	}
	if id := p.header.Get("Content-ID"); p.contentID == "" {
		p.contentID = id
	}
	p.body = bytes.TrimRight(p.body, "\r\n")
	return p, nil
}

func isHTTP(kind string) bool {
	if kind == "application/http" {
		return true
	}
	kind, _, err := mime.ParseMediaType(kind)
	return err == nil && kind == "application/http"
}

func badRequestLine(line string) *wire.Error {
	if len(line) > 60 {
		line = line[:60]
	}
	return wire.BadPayload("", fmt.Sprintf("The request line '%s' is invalid. The request line at the start of each operation must be of the format 'HttpMethod RequestUrl HttpVersion'.", strings.ToValidUTF8(line, "?")))
}
