package dataverse

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	defaultRetries   = 6
	defaultRetryWait = 500 * time.Millisecond
	longestRetryWait = 30 * time.Second
	defaultMaxWait   = 10 * time.Minute
	// mostThrottles ends a request that the service put off again and again; at five minutes a time that is a day.
	mostThrottles = 250
	// firstContactRetries holds for connections that cannot be made, until the service has answered once: whoever
	// mistyped the address should hear it soon.
	firstContactRetries = 2
)

// attempts is the history of one request: what its retry policy decides on.
type attempts struct {
	operations int // that each attempt counts for
	c          *Client
	method     string
	// repeatable: doing it twice is as good as doing it once.
	repeatable bool

	n         int // attempts so far
	faults    int
	throttles int
	handled   bool   // the answer of this attempt has been read
	code      string // of a 500
	wait      time.Duration

	// doubt is set while an attempt has left and no clear answer to it is known; everDoubt that it was so for any.
	// They are atomics since an abandoned attempt may still be under way in the transport.
	doubt, everDoubt atomic.Bool
}

type attemptsKey struct{}

func attemptsOf(ctx context.Context) *attempts {
	a, _ := ctx.Value(attemptsKey{}).(*attempts)
	return a
}

// leaving notes that the request is about to leave for the service.
func (a *attempts) leaving() {
	if a != nil {
		a.n++
		a.handled = false
		a.code = ""
		a.doubt.Store(true)
	}
}

// settled notes that it is known what became of the attempt.
func (a *attempts) settled() {
	a.doubt.Store(false)
}

// check is the retry policy of the client:
//
//   - 429 is always sent again: the request was not carried out. So is whatever never left.
//   - 408, 500, 502, 503, 504, a broken connection and a broken answer are sent again where that does no harm.
//   - nothing else is.
func (a *attempts) check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if err == nil && a.handled {
		return false, nil
	}
	if ctx.Err() != nil {
		a.noteDoubt()
		return false, ctx.Err()
	}
	if err != nil {
		if unsent(err) {
			a.settled()
		}
		a.noteDoubt()
		if !transient(err) || (!a.repeatable && a.doubt.Load()) {
			return false, nil
		}
		if unsent(err) && a.c.Now().IsZero() && a.faults >= firstContactRetries {
			return false, nil
		}
		return a.again(ctx, a.faultWait(nil)), nil
	}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		a.settled()
		a.throttles++
		wait, _ := retryAfter(resp.Header)
		wait = a.c.atLeast(wait, a.throttles)
		a.wait = wait + jitter(wait/10)
		return a.throttles <= mostThrottles && a.inTime(ctx, wait), nil
	case a.faulty(resp.StatusCode):
		a.noteDoubt()
		if !a.repeatable {
			return false, nil
		}
		return a.again(ctx, a.faultWait(resp.Header)), nil
	}
	return false, nil
}

// faulty tells the statuses after which the request may succeed, and nobody knows whether it was carried out.
func (a *attempts) faulty(status int) bool {
	if status == http.StatusInternalServerError {
		// With a code it is the service's own refusal (a plug-in's exception, a duplicate), except for those that
		// pass by themselves.
		return a.code == "" || passing[a.code]
	}
	return gateway(status)
}

// gateway tells the statuses that something on the way to the service may have given.
func gateway(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// passing are the codes of failures that pass by themselves.
var passing = map[string]bool{
	"0x0":        true,
	"0x80040216": true, // UnExpected
	"0x80044150": true, // SQL error, deadlocks among them
	"0x80044151": true, // SQL timeout
	"0x80044339": true, // CouldNotObtainLockOnResource
	"0x80060888": true, // the web layer's catch-all
	"0x8006088a": true, // its older form
}

func (a *attempts) noteDoubt() {
	if a.doubt.Load() {
		a.everDoubt.Store(true)
	}
}

// again counts a fault and tells whether the request may be sent once more after the wait.
func (a *attempts) again(ctx context.Context, wait time.Duration) bool {
	a.faults++
	a.wait = wait
	return a.faults <= a.c.retries && a.inTime(ctx, wait)
}

func (a *attempts) inTime(ctx context.Context, wait time.Duration) bool {
	if wait > a.c.maxWait {
		return false
	}
	deadline, ok := ctx.Deadline()
	return !ok || time.Now().Add(wait).Before(deadline)
}

func (a *attempts) faultWait(h http.Header) time.Duration {
	wait := Exponential(a.c.RetryWait, a.faults+1)
	wait = wait/2 + jitter(wait/2)
	if asked, ok := retryAfter(h); ok && asked > wait {
		wait = asked + jitter(asked/10)
	}
	return wait
}

// atLeast is the floor under what the service asks to wait, for the nth time in a row: where it asks for less than the wait
// after a fault, it is left alone ever longer.
func (c *Client) atLeast(asked time.Duration, n int) time.Duration {
	if asked >= c.RetryWait {
		return asked
	}
	return Exponential(c.RetryWait, n)
}

func Exponential(wait time.Duration, n int) time.Duration {
	for ; n > 1 && wait < longestRetryWait; n-- {
		wait *= 2
	}
	return min(wait, longestRetryWait)
}

// backoff hands go-retryablehttp the wait that check decided on.
func (a *attempts) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return a.wait }

func jitter(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return rand.N(most)
}

// retryAfter reads seconds, which may have a fraction, or a date, which is held against the answer's own clock.
func retryAfter(h http.Header) (time.Duration, bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds >= 0) { // NaN as well
			return 0, false
		}
		// Beyond this a Duration overflows; it is more than any caller waits.
		return time.Duration(min(seconds, 1e9) * float64(time.Second)), true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		from = time.Now()
	}
	return max(0, at.Sub(from)), true
}

// unsent tells that the request surely never left: no connection was made.
func unsent(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	var dns *net.DNSError
	var token *tokenError
	var held *heldError
	return errors.As(err, &dns) || errors.As(err, &token) || errors.As(err, &held)
}

// transient tells that the same request may well succeed a moment later.
func transient(err error) bool {
	var token *tokenError
	var held *heldError
	if errors.As(err, &token) || errors.As(err, &held) || badCertificate(err) {
		return false
	}
	if errors.Is(err, ErrAnswer) && !errors.Is(err, errBroken) {
		return false // a page of some proxy will be the same page again
	}
	if errors.Is(err, context.Canceled) {
		return false
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false
	}
	return true
}
