package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Target is the environment that the cases are sent to.
type Target struct {
	// URL is the environment's address, such as https://org.crm4.dynamics.com.
	URL string
	// Token is the bearer token. It is sent to URL and nowhere else.
	Token string
	// Transport carries the requests; nil is http.DefaultTransport.
	Transport http.RoundTripper
}

const (
	apiPath     = "/api/data/v9.2/"
	maxAttempts = 6
	// maxWait is the longest Retry-After that is obeyed: the service's windows are five minutes.
	maxWait  = 6 * time.Minute
	readTime = 3 * time.Minute
	// writeTime is how long a write may take: a table is made in a minute or two.
	writeTime = 5 * time.Minute
	// maxAnswer is how much of an answer is read: the $metadata of a large environment has some 20 MB.
	maxAnswer = 64 << 20
)

// client sends one request after the other, and none that its guard refuses.
type client struct {
	target Target
	guard  func(request) error
	wait   func(context.Context, time.Duration) error
	// cookies keep the run on one web server: others may not know a table yet that was just made.
	cookies http.CookieJar
	sent    int
}

// request is a request without the parts that every request has.
type request struct {
	method, path, body string // the path below the service root, or a whole address below it
	header             map[string]string
}

// answer is an answer, read whole.
type answer struct {
	status int
	header http.Header
	text   string
	body   any // of JSON, numbers as json.Number
}

// unsure is an error after which nobody knows whether the service carried a request out.
type unsure struct{ error }

func (e unsure) Unwrap() error { return e.error }

// do sends a request. A write that has been sent is waited for, also when the context ends meanwhile: only its answer says
// what there is to remove.
func (c *client) do(ctx context.Context, r request) (*answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.guard(r); err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		a, err := c.send(ctx, r)
		if err != nil {
			return nil, err
		}
		wait, again := retryAfter(a, r.method, attempt)
		if !again {
			return a, nil
		}
		if wait > maxWait {
			return nil, fmt.Errorf("the service asks to wait for %s", wait)
		}
		if err := c.wait(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func (c *client) send(ctx context.Context, r request) (*answer, error) {
	reads := r.method == http.MethodGet || r.method == http.MethodHead
	limit := readTime
	if !reads {
		ctx, limit = context.WithoutCancel(ctx), writeTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	root := c.target.URL + apiPath
	address := r.path
	if !strings.HasPrefix(address, root) {
		address = root + escape(address)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, strings.NewReader(r.body))
	if err != nil {
		return nil, errors.New("a case has a path that is no URL")
	}
	req.Header.Set("Authorization", "Bearer "+c.target.Token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("OData-MaxVersion", "4.0")
	req.Header.Set("OData-Version", "4.0")
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	for _, k := range c.cookies.Cookies(req.URL) {
		req.AddCookie(k)
	}
	c.sent++
	transport := c.target.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	res, err := transport.RoundTrip(req) // no redirect is followed: the token stays with its service
	if err != nil {
		return nil, lost(reads, err)
	}
	defer res.Body.Close()
	c.cookies.SetCookies(req.URL, res.Cookies())
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, lost(reads, err)
	}
	a := &answer{status: res.StatusCode, header: res.Header, text: string(b)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") && len(b) > 0 {
		d := json.NewDecoder(strings.NewReader(a.text))
		d.UseNumber()
		if err := d.Decode(&a.body); err != nil {
			a.body = nil // checks of its shape name it
		}
	}
	return a, nil
}

// lost is the error of a request without an answer. Its text leaves out the address, which may hold a token of a page.
func lost(reads bool, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if reads {
		return err
	}
	return unsure{err}
}

// retryAfter tells whether a request goes again, and after which time: one that was throttled was not carried out, one
// that was answered 502 to 504 may have been.
func retryAfter(a *answer, method string, attempt int) (time.Duration, bool) {
	gateway := a.status >= http.StatusBadGateway && a.status <= http.StatusGatewayTimeout
	if attempt == maxAttempts || a.status != http.StatusTooManyRequests && (!gateway || method != http.MethodGet) {
		return 0, false
	}
	asked := a.header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(asked, 64); err == nil && seconds >= 0 {
		return time.Duration(seconds * float64(time.Second)), true
	}
	if at, err := http.ParseTime(asked); err == nil {
		now, err := http.ParseTime(a.header.Get("Date"))
		if err == nil {
			return max(0, at.Sub(now)), true
		}
	}
	return time.Duration(attempt*attempt) * 5 * time.Second, true
}

// escape encodes what may not stand in a URL and leaves alone what may, so that a case can hold both.
func escape(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>{}|\\^`", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// pause waits by the machine's clock.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
