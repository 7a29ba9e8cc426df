package dataverse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	apiPath = "/api/data/v9.2/"
	// maxBody bounds an answer. A page of 5,000 wide rows is some 20 MB.
	maxBody      = 256 << 20
	maxErrorBody = 1 << 20
)

// errBroken marks an answer that began well and ended early or made no sense: a fault, worth another attempt.
var errBroken = errors.New("broken off")

func broken(what string) error { return &brokenError{what} }

// brokenError is an answer that broke off, and what showed it.
type brokenError struct{ what string }

func (e *brokenError) Error() string {
	return ErrAnswer.Error() + ": " + errBroken.Error() + ": " + e.what
}

// Is makes it no answer of the service, of the kind that is worth another attempt.
func (e *brokenError) Is(target error) bool { return target == ErrAnswer || target == errBroken }

// Hint tells what to do about it.
func (e *brokenError) Hint() string {
	return "the answer broke off again and again: try later, and look for a proxy on the way"
}

// request is one exchange with the service, with as many attempts as its policy allows.
type request struct {
	method     string
	reading    bool // it only reads, whatever the method
	url        *url.URL
	header     http.Header
	body       []byte
	repeatable bool
	media      string // what a good answer's body is; JSON when empty
	// read takes a good answer in. It runs within the retries: when it fails the answer counts as broken, and the
	// request is sent again if it may be. So it must not hand anything out.
	read       func(*answer) error
	operations int    // that the service counts; 1 when zero
	into       []byte // storage for the body
	room       *share // what the storage takes of the client's budget; nil where the body is dropped once it was read
	// partial takes a 400 whose body is of the right media for an answer: a batch that ended at its first failure.
	partial bool
}

// answer is a response whose body has been read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
	good   bool
}

// send runs a request. The error is an [*Error] when the service refused, an [*Uncertain] when a write was sent and
// nobody knows what became of it.
func (c *Client) send(ctx context.Context, r *request) (*answer, error) {
	op := opText(r.method, r.url.EscapedPath())
	var body any
	if r.body != nil {
		body = r.body
	}
	if r.room == nil {
		r.room = &share{b: c.budget}
		defer r.room.read(0)
	}
	a := &attempts{c: c, operations: max(1, r.operations), method: r.method, repeatable: r.repeatable || r.method == http.MethodGet || r.method == http.MethodDelete}
	ctx = context.WithValue(ctx, attemptsKey{}, a)
	req, err := retryablehttp.NewRequestWithContext(ctx, r.method, r.url.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%s: the request cannot be built", op)
	}
	c.setHeaders(req.Header, r)
	var ans *answer
	req.SetResponseHandler(func(resp *http.Response) error {
		var err error
		a.handled = true
		ans, err = readAnswer(ctx, resp, r)
		resp.Body = http.NoBody
		if err == nil && !a.faulty(resp.StatusCode) {
			a.settled()
		}
		return err
	})
	retries := retryablehttp.Client{
		HTTPClient:   c.http,
		RetryMax:     1 << 30, // the policy counts
		CheckRetry:   a.check,
		Backoff:      a.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	resp, err := retries.Do(req)
	switch {
	case err != nil && resp != nil:
		resp.Body.Close()
	case err == nil && !a.handled:
		// The policy gave up on a status that it would otherwise have sent again.
		ans, err = readAnswer(ctx, resp, r)
	}
	a.noteDoubt()
	if err == nil && ans.good {
		return ans, nil
	}
	if err == nil {
		if r.method == http.MethodDelete && ans.status == http.StatusNotFound && a.everDoubt.Load() {
			return &answer{status: http.StatusNoContent, header: ans.header}, nil
		}
		err = newError(op, ans)
	} else {
		err = &transportError{op: op, err: stripURL(err)}
	}
	if a.everDoubt.Load() && r.method != http.MethodGet {
		return nil, &Uncertain{Op: op, Err: err}
	}
	return nil, err
}

func (c *Client) setHeaders(h http.Header, r *request) {
	h.Set("Accept", "application/json")
	h.Set("OData-MaxVersion", "4.0")
	h.Set("OData-Version", "4.0")
	h.Set("User-Agent", c.userAgent)
	if r.method == http.MethodGet {
		// The literal word: it defeats caches that would answer with a stale expanded collection.
		h.Set("If-None-Match", "null")
	}
	if r.body != nil {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	for name, values := range r.header {
		h[http.CanonicalHeaderKey(name)] = values
	}
}

// asks tells that the request only reads: an answer without a body is none, and never a list without rows.
func (r *request) asks() bool { return r.method == http.MethodGet || r.reading }

// readAnswer reads the whole body. What is no answer of the service, or ends early, is an error.
func readAnswer(ctx context.Context, resp *http.Response, r *request) (*answer, error) {
	defer resp.Body.Close()
	good := resp.StatusCode < 300 || r.partial && resp.StatusCode == http.StatusBadRequest && isMedia(resp.Header, r.media)
	limit := int64(maxErrorBody)
	if good {
		limit = maxBody
	}
	defer func() { r.room.read(int64(cap(r.into))) }()
	body, err := r.room.readAll(ctx, resp.Body, r.into[:0], limit, resp.ContentLength)
	ans := &answer{status: resp.StatusCode, header: resp.Header, body: body, good: good}
	switch {
	case err != nil && !good:
		ans.body = nil // the status says enough
		return ans, nil
	case errors.Is(err, errTooLong):
		return nil, fmt.Errorf("%w: longer than %d MB", ErrAnswer, limit>>20)
	case isAnswerError(err):
		return nil, err
	case err != nil:
		if ctxErr := ctx.Err(); ctxErr != nil {
			return nil, ctxErr
		}
		return nil, broken("the body ended early")
	}
	r.into = body
	if good && resp.StatusCode == http.StatusNoContent && r.read != nil && r.asks() {
		return nil, broken("nothing, where rows or a document were asked for")
	}
	if !good || resp.StatusCode == http.StatusNoContent {
		return ans, nil
	}
	if err := checkMedia(ans, r.media); err != nil {
		return nil, err
	}
	if r.read != nil {
		if err := r.read(ans); err != nil {
			return nil, err
		}
	}
	return ans, nil
}

var errTooLong = errors.New("too long")

func isMedia(h http.Header, want string) bool {
	got, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && got == want
}

// checkMedia refuses a 200 that is a sign-in page or a proxy's.
func checkMedia(ans *answer, want string) error {
	if want == "" {
		want = "application/json"
	}
	got, _, err := mime.ParseMediaType(ans.header.Get("Content-Type"))
	if len(ans.body) == 0 && got == "" {
		return nil
	}
	if err != nil || got != want {
		if _, known := knownMedia[got]; !known {
			got = "something else"
		}
		return fmt.Errorf("%w: %s where %s was due", ErrAnswer, got, want)
	}
	return nil
}

// knownMedia may be named in an error; anything else came from the network and might be any text.
var knownMedia = map[string]struct{}{"text/html": {}, "text/plain": {}, "application/json": {}, "application/xml": {},
	"text/xml": {}, "multipart/mixed": {}, "application/atom+xml": {}}

// decodeInto is a read that decodes JSON into out, with numbers as they were printed.
func decodeInto(out any) func(*answer) error {
	if out == nil {
		return nil
	}
	return func(ans *answer) error { return decodeJSON(ans.body, out) }
}

func decodeJSON(body []byte, out any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(out); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return fmt.Errorf("%w: %s is of another type than expected", ErrAnswer, wrong.Field)
		}
		return broken("no whole JSON document")
	}
	if dec.More() {
		return broken("more than one JSON document")
	}
	return nil
}

// address makes the URL of a path below the service root. Bytes that may not stand in a URL are escaped, the rest,
// escapes included, goes as it is.
func (c *Client) address(path string) (*url.URL, error) {
	if strings.Contains(path, "://") {
		return c.follow(path)
	}
	u, err := url.Parse(c.Root + escapePath(strings.TrimPrefix(path, "/")))
	if err != nil {
		return nil, fmt.Errorf("%s: no address", opText("", path))
	}
	if !strings.HasPrefix(u.Path, apiPath) || climbs(u.Path) {
		return nil, fmt.Errorf("%s: leads out of the service", opText("", path))
	}
	return u, nil
}

// follow checks that an address from an answer leads to the same service, and takes it unchanged.
func (c *Client) follow(link string) (*url.URL, error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, fmt.Errorf("%w: a link that is no address", ErrAnswer)
	}
	if u.Scheme != c.base.Scheme || !strings.EqualFold(u.Host, c.base.Host) || u.User != nil {
		return nil, fmt.Errorf("%w: a link that leads to another host", ErrAnswer)
	}
	if !strings.HasPrefix(u.Path, "/api/data/") || climbs(u.Path) || u.Fragment != "" {
		return nil, fmt.Errorf("%w: a link that leads out of the service", ErrAnswer)
	}
	return u, nil
}

// climbs tells that a path, or what somebody on the way may take it for, has a step that leads up.
func climbs(path string) bool {
	for range 3 { // a proxy may unescape it once more
		for step := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
			step, _, _ = strings.Cut(step, ";")
			if step == ".." || step == "." {
				return true
			}
		}
		again, err := url.PathUnescape(path)
		if err != nil || again == path {
			return false
		}
		path = again
	}
	return true
}

func escapePath(path string) string {
	const hex = "0123456789ABCDEF"
	foreign := func(i int) bool {
		ch := path[i]
		return ch <= ' ' || ch >= 0x7f || strings.IndexByte("\"<>\\^`{|}#", ch) >= 0 || ch == '%' && !escaped(path[i:])
	}
	from := 0
	for from < len(path) && !foreign(from) {
		from++
	}
	if from == len(path) {
		return path
	}
	var b strings.Builder
	b.Grow(len(path) + 64)
	b.WriteString(path[:from])
	for i := from; i < len(path); i++ {
		switch ch := path[i]; {
		case foreign(i):
			b.WriteByte('%')
			b.WriteByte(hex[ch>>4])
			b.WriteByte(hex[ch&15])
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

func escaped(s string) bool {
	return len(s) >= 3 && isHex(s[1]) && isHex(s[2])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// escapeQuery escapes a value for a query string. A blank becomes %20, since + is not read as one everywhere.
func escapeQuery(value string) string {
	return string(AppendEscaped(make([]byte, 0, len(value)+len(value)/4+16), value))
}

// AppendEscaped appends a value as it stands in a query string. A blank becomes %20, since + is not read as one everywhere.
func AppendEscaped(b []byte, value string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(value) {
		switch ch := value[i]; {
		case 'a' <= ch && ch <= 'z', 'A' <= ch && ch <= 'Z', '0' <= ch && ch <= '9', ch == '-', ch == '_', ch == '.', ch == '~':
			b = append(b, ch)
		default:
			b = append(b, '%', hex[ch>>4], hex[ch&15])
		}
	}
	return b
}
