package dataverse

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
)

// opText names a request in errors and logs: the method and the path below the service root, never what follows a
// question mark. Of keys and parameters in parentheses only ids, numbers and names of tables and columns remain,
// since an alternate key may be an e-mail address.
func opText(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	if i := strings.Index(path, apiPath); i >= 0 {
		path = path[i+len(apiPath):]
	} else if i := strings.Index(path, "://"); i >= 0 {
		path = "…"
	}
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	path, _, _ = strings.Cut(path, "?")
	var b strings.Builder
	if method != "" {
		b.WriteString(method + " ")
	}
	for path != "" {
		before, rest, ok := strings.Cut(path, "(")
		b.WriteString(safeSegment(before))
		if !ok {
			break
		}
		// A quoted text may hold parentheses: the group ends at the last one that does not stand in quotes.
		end := groupEnd(rest)
		if group := rest[:end]; safeGroup.MatchString(group) {
			b.WriteString("(" + group + ")")
		} else {
			b.WriteString("(…)")
		}
		path = strings.TrimPrefix(rest[end:], ")")
	}
	return b.String()
}

var (
	safeGroup = regexp.MustCompile(`^(|[0-9a-fA-F-]{1,36}|(LogicalName|Name|SchemaName|PrivilegeName)='[A-Za-z0-9_]{1,128}')$`)
	odd       = regexp.MustCompile(`[^A-Za-z0-9_./$…-]`)
)

func safeSegment(s string) string { return odd.ReplaceAllString(s, "…") }

func groupEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\'':
			quoted = !quoted
		case s[i] == ')' && !quoted:
			return i
		}
	}
	return len(s)
}

// transportError is a request that got no answer. Its text is made of known causes only: the ones that net/http
// prints hold the address with its query, and pieces of a malformed answer.
type transportError struct {
	op  string
	err error
}

func (e *transportError) Error() string { return e.op + ": " + faultText(e.err) }

func (e *transportError) Unwrap() error { return e.err }

// stripURL takes off the layers that hold the address.
func stripURL(err error) error {
	for {
		var u *url.Error
		if !errors.As(err, &u) {
			return err
		}
		err = u.Err
	}
}

// faultText names the cause of a fault in words that hold nothing from the wire.
func faultText(err error) string {
	err = stripURL(err)
	var dns *net.DNSError
	var timeout net.Error
	var token *tokenError
	var held *heldError
	var host x509.HostnameError
	switch {
	case errors.As(err, &token):
		return token.Error()
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &held):
		return held.Error()
	case errors.Is(err, ErrAnswer):
		return err.Error()
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return "no such host"
		}
		return "the host's name could not be resolved"
	case errors.As(err, &host):
		return "the certificate is for another host"
	case badCertificate(err):
		return "the certificate is not trusted"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended early"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	return "the connection failed"
}

var requestIDText = regexp.MustCompile(`^[0-9a-fA-F-]{8,64}$`)

// requestID is what Microsoft's support asks for. REQ_ID equals the second x-ms-service-request-id.
func requestID(h http.Header) string {
	for _, name := range []string{"REQ_ID", "x-ms-service-request-id"} {
		values := h.Values(name)
		for i := len(values) - 1; i >= 0; i-- {
			if requestIDText.MatchString(values[i]) {
				return values[i]
			}
		}
	}
	return ""
}
