package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// callTimeout is how long an endpoint may take. Page: use-webhooks ("The timeout is 60 seconds").
const callTimeout = 60 * time.Second

// largestBody is beyond what a body loses the rows that it carries. Page: use-webhooks.
const largestBody = 256 << 10

// post calls the webhook and refuses unless it answers 2xx. After 502, 503 and 504 it tries once more. Page: use-webhooks;
// codes: web-service-error-codes.
func (h *Hooks) post(s *step, ev *Event, sn *store.Snapshot) error {
	status, err := h.try(s, ev, sn)
	if err == nil && (status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout) {
		status, err = h.try(s, ev, sn)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return wire.NewError(http.StatusBadRequest, "0x80050202", "The webhook call failed because the Http request timed out at client side. Please check your webhook request handler.")
	case err != nil:
		return wire.NewError(http.StatusBadRequest, "0x80050205", "The webhook call failed during http post. Please check the exception for more details. %v", err)
	case status < 200 || status > 299:
		return wire.NewError(http.StatusBadRequest, "0x80050201", "The webhook call failed because the http request received non-success httpStatus code. Please check your webhook request handler. Http response status: %d.", status)
	}
	return nil
}

// try sends one request and looks at nothing but the status of the answer.
func (h *Hooks) try(s *step, ev *Event, sn *store.Snapshot) (int, error) {
	w := s.Webhook
	body, cut := h.body(s, ev, sn)
	limit := h.Timeout
	if limit <= 0 {
		limit = callTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	u, err := url.Parse(w.URL)
	if err != nil {
		return 0, err
	}
	q := u.Query()
	for k, v := range w.Query {
		q.Set(k, v)
	}
	if w.Key != "" {
		q.Set("code", w.Key)
	}
	u.RawQuery = q.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for k, v := range w.Headers {
		r.Header.Set(k, v)
	}
	domain := strings.TrimPrefix(strings.TrimPrefix(ev.Base, "https://"), "http://")
	domain, _, _ = strings.Cut(domain, "/")
	set := func(k, v string) { r.Header[k] = []string{v} }
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	set("x-request-id", ev.Correlation.String())
	set("x-ms-dynamics-organization", domain)
	set("x-ms-dynamics-entity-name", ev.Table.Name)
	set("x-ms-dynamics-request-name", ev.Message)
	set("x-ms-correlation-request-id", ev.Correlation.String())
	if cut {
		set("x-ms-dynamics-msg-size-exceeded", "True")
	}
	answer, err := h.client().Do(r)
	if err != nil {
		var at *url.Error // it quotes the address, whose query may hold a key
		if errors.As(err, &at) {
			err = at.Err
		}
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // so that the connection is used again
	return answer.StatusCode, nil
}

// client calls nobody but this machine, whatever a name resolves to, unless it may; it follows no redirection.
func (h *Hooks) client() *http.Client {
	dialer := &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		if ip := net.ParseIP(host); !h.Remote && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("%s is not this machine; the option webhook-remote lets rows be sent elsewhere", host)
		}
		return nil
	}}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// call is a call of an asynchronous hook.
type call struct {
	step *step
	ev   Event
	sn   *store.Snapshot
}

// enqueue adds a call; they go out one after the other, in the order of their writes. The caller holds the lock.
func (h *Hooks) enqueue(c call) {
	h.calls = append(h.calls, c)
	if h.calling {
		return
	}
	h.calling = true
	go func() {
		for {
			h.mu.Lock()
			if len(h.calls) == 0 {
				h.calling = false
				h.mu.Unlock()
				return
			}
			next := h.calls[0]
			h.calls = h.calls[1:]
			h.mu.Unlock()
			if err := h.post(next.step, &next.ev, next.sn); err != nil && h.Failed != nil {
				h.Failed(&next.step.Hook, &next.ev, err)
			}
		}
	}()
}
