package dataverse

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// transport carries one attempt of a request: a place in flight, then a token, then the wire. It stands inside the
// retries, so that each attempt waits its turn and has a fresh token.
type transport struct {
	base   http.RoundTripper
	gate   *gate
	tokens *tokens
	log    *slog.Logger
	clock  *serviceClock
	wait   time.Duration // the shortest window that a 429 closes
	spent  spent
	// timeout bounds an attempt up to the end of its answer's body.
	timeout time.Duration
}

// newBase is a transport with as many idle connections as there may be requests in flight. There is no cookie jar
// anywhere: without affinity cookies requests spread over the service's web servers, and each has limits of its own.
func newBase() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = serviceConcurrency
	t.MaxIdleConns = 2 * serviceConcurrency
	return t
}

// heldError is why a request never left: its turn did not come.
type heldError struct{ err error }

func (e *heldError) Error() string { return e.err.Error() }
func (e *heldError) Unwrap() error { return e.err }

type sendByKey struct{}

// SendBy has requests fail with [ErrLate] instead of leaving after that time, whatever they waited for: their turn, the end
// of a closed window, another attempt. A request that has left is seen to its end. It is for writes that rest on a look at
// the data: while the service has them wait, the look grows old.
func SendBy(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, sendByKey{}, at)
}

func late(ctx context.Context) bool {
	at, ok := ctx.Value(sendByKey{}).(time.Time)
	return ok && time.Now().After(at)
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	l, err := t.gate.acquire(ctx)
	if err != nil {
		closeBody(req)
		return nil, &heldError{err}
	}
	if late(ctx) {
		l.release()
		closeBody(req)
		return nil, &heldError{ErrLate}
	}
	resp, err := t.authorized(req)
	if err != nil {
		l.release()
		return nil, err
	}
	if n, err := strconv.Atoi(resp.Header.Get("x-ms-dop-hint")); err == nil {
		t.gate.hint(n)
	}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		// Read here, because only the code tells a service protection limit from another customisation under way,
		// which is no reason to slow down everything.
		if !(&Error{Code: bufferError(resp)}).customizing() {
			wait, _ := retryAfter(resp.Header)
			l.throttled(max(wait, t.wait))
		}
		l.release()
		return resp, nil
	case resp.StatusCode == http.StatusInternalServerError:
		attemptsOf(ctx).code = bufferError(resp)
	case resp.StatusCode < 300:
		t.clock.saw(resp.Header.Get("Date"))
		l.succeeded()
	}
	resp.Body = &endingBody{ReadCloser: resp.Body, end: l.release}
	return resp, nil
}

// bufferError reads a refusal's body, leaves it to be read again, and returns its code.
func bufferError(resp *http.Response) string {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return parseErrorBody(body).code
}

// endingBody does something when the answer has been read: a place is given back then, not when the answer began.
type endingBody struct {
	io.ReadCloser
	end func()
}

func (b *endingBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// authorized sends the request with a token, and once more when the service challenges it for claims that the
// token lacks.
func (t *transport) authorized(req *http.Request) (*http.Response, error) {
	token, err := t.tokens.get(req.Context(), "")
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := t.send(req, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	claims := challengedClaims(resp.Header)
	if claims == "" {
		noteAudience(resp, token, req.URL.Hostname())
	}
	if claims == "" || (req.Body != nil && req.GetBody == nil) {
		return resp, nil
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, maxErrorBody))
	resp.Body.Close()
	attemptsOf(req.Context()).settled() // a 401 carried nothing out
	if token, err = t.tokens.get(req.Context(), claims); err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	return t.send(again, token)
}

func (t *transport) send(req *http.Request, token string) (*http.Response, error) {
	ctx := req.Context()
	// The token may have taken a while, and the window may have closed meanwhile.
	if err := t.gate.open(ctx); err != nil {
		closeBody(req)
		return nil, &heldError{err}
	}
	attempt, cancel := context.WithTimeout(ctx, t.timeout)
	out := req.Clone(attempt)
	out.Header.Set("Authorization", "Bearer "+token)
	a := attemptsOf(ctx)
	a.leaving()
	start := time.Now()
	resp, err := t.base.RoundTrip(out)
	t.trace(ctx, req, a, resp, err, time.Since(start))
	if resp == nil || resp.StatusCode != http.StatusTooManyRequests { // which was not carried out
		t.spent.add(int64(a.operations))
	}
	if err != nil {
		cancel()
		return nil, err
	}
	t.gate.saw(resp.Header, time.Since(start))
	resp.Body = &endingBody{ReadCloser: resp.Body, end: cancel}
	return resp, nil
}

func (t *transport) trace(ctx context.Context, req *http.Request, a *attempts, resp *http.Response, err error, took time.Duration) {
	if !t.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("op", opText(req.Method, req.URL.EscapedPath())),
		slog.Int("attempt", a.n),
		slog.Duration("took", took),
	}
	if err != nil {
		attrs = append(attrs, slog.String("fault", faultText(err)))
	} else {
		attrs = append(attrs, slog.Int("status", resp.StatusCode), slog.String("request", requestID(resp.Header)))
	}
	t.log.LogAttrs(ctx, slog.LevelDebug, "dataverse request", attrs...)
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// audienceHeader carries from here to the error what environment a refused token was for.
const audienceHeader = "X-Gallra-Audience"

// noteAudience finds out whether a refused token was meant for another host. Of the token nothing else is looked at.
func noteAudience(resp *http.Response, token, host string) {
	resp.Header.Del(audienceHeader)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return
	}
	var claims struct {
		Audience string `json:"aud"`
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(b, &claims) != nil {
		return
	}
	if u, err := url.Parse(claims.Audience); err == nil && u.Hostname() != "" && !strings.EqualFold(u.Hostname(), host) {
		resp.Header.Set(audienceHeader, u.Scheme+"://"+u.Host)
	}
}

var claimsParam = regexp.MustCompile(`(?i)\bclaims="([^"]*)"`)

// challengedClaims is the JSON of the claims that a 401 asks for (continuous access evaluation), empty if it asks
// for none.
func challengedClaims(h http.Header) string {
	for _, challenge := range h.Values("WWW-Authenticate") {
		if !strings.Contains(challenge, "insufficient_claims") {
			continue
		}
		m := claimsParam.FindStringSubmatch(challenge)
		if m == nil {
			continue
		}
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if b, err := enc.DecodeString(m[1]); err == nil {
				return string(b)
			}
		}
	}
	return ""
}

func badCertificate(err error) bool {
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	return errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &host) ||
		errors.As(err, &invalid) || errors.As(err, &record)
}
