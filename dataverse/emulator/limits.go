package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Limits are the service protection limits: three, each per user and web server. Page: api-limits. What is zero is as the
// page says it. A batch is one request, and all its time counts. The daily entitlement is not modelled.
type Limits struct {
	On            bool
	Requests      int           // per window; 6,000
	Window        time.Duration // sliding; 300 seconds
	ExecutionTime time.Duration // combined, per window; 20 minutes
	Concurrency   int           // at one moment; 52
	// Nodes are the web servers. A request with the affinity cookie goes to the cookie's one, others go round; 1.
	Nodes int
}

func (l Limits) withDefaults() Limits {
	set := func(n *int, standard int) {
		if *n <= 0 {
			*n = standard
		}
	}
	set(&l.Requests, 6000)
	set(&l.Concurrency, 52)
	set(&l.Nodes, 1)
	if l.Window <= 0 {
		l.Window = 300 * time.Second
	}
	if l.ExecutionTime <= 0 {
		l.ExecutionTime = 20 * time.Minute
	}
	return l
}

// limiter keeps the books of the limits.
type limiter struct {
	Limits
	now   func() time.Time
	turn  atomic.Uint64
	mu    sync.Mutex
	users map[quotaKey]*quota
}

type quotaKey struct {
	user uuid.UUID
	node int
}

// quota is one user's use of one server: by slices of the window, so that its size does not grow with the requests.
type quota struct {
	slices  []slice
	running int
	closed  time.Time // refused until then
}

type slice struct {
	start    time.Time
	requests int
	busy     time.Duration
}

// slicesPerWindow is how finely the window slides.
const slicesPerWindow = 300

func newLimiter(l Limits, now func() time.Time) *limiter {
	return &limiter{Limits: l.withDefaults(), now: now, users: map[quotaKey]*quota{}}
}

// affinity is the cookie that keeps a client on its server.
const affinity = "ARRAffinity"

func nodeName(n int) string {
	sum := sha256.Sum256([]byte("node " + strconv.Itoa(n)))
	return hex.EncodeToString(sum[:])
}

// node is the server that takes the request.
func (l *limiter) node(w http.ResponseWriter, r *http.Request) int {
	if c, err := r.Cookie(affinity); err == nil {
		for n := range l.Nodes {
			if c.Value == nodeName(n) {
				return n
			}
		}
	}
	n := int(l.turn.Add(1)-1) % l.Nodes
	w.Header().Add("Set-Cookie", affinity+"="+nodeName(n)+"; path=/; secure; HttpOnly")
	return n
}

// admit lets a request in or refuses it. Whoever is let in calls leave when the answer is ready.
func (l *limiter) admit(w http.ResponseWriter, r *http.Request, user uuid.UUID) (leave func(), refused *fault) {
	if !l.On {
		return func() {}, nil
	}
	key := quotaKey{user, l.node(w, r)}
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.users[key]
	if q == nil {
		q = &quota{}
		l.users[key] = q
	}
	now := l.now()
	q.forget(now.Add(-l.Window))
	requests, busy := q.used()
	defer func() {
		h := w.Header()
		h.Set("X-Ms-Ratelimit-Burst-Remaining-Xrm-Requests", strconv.Itoa(max(0, l.Requests-requests)))
		h.Set("X-Ms-Ratelimit-Time-Remaining-Xrm-Requests", seconds(max(0, l.ExecutionTime-busy)))
	}()
	switch {
	case now.Before(q.closed):
		// Going on lengthens the wait.
		q.closed = q.closed.Add(time.Second)
		return nil, l.tooMany(q.closed.Sub(now))
	case q.running >= l.Concurrency:
		return nil, limitFault("0x80072326", time.Second, "Number of concurrent requests exceeded the limit of %d.", l.Concurrency)
	case requests >= l.Requests:
		q.closed = q.room(now, l.Window, func(r int, _ time.Duration) bool { return r < l.Requests })
		return nil, l.tooMany(q.closed.Sub(now))
	case busy >= l.ExecutionTime:
		q.closed = q.room(now, l.Window, func(_ int, b time.Duration) bool { return b < l.ExecutionTime })
		return nil, limitFault("0x80072321", q.closed.Sub(now), "Combined execution time of incoming requests exceeded limit of %s milliseconds over time window of %d seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.",
			thousands(l.ExecutionTime.Milliseconds())+" ", int(l.Window.Seconds()))
	}
	requests++
	q.running++
	q.add(now, l.Window, 1, 0)
	began := time.Now()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		q.running--
		q.add(l.now(), l.Window, 0, time.Since(began))
	}, nil
}

func (l *limiter) tooMany(wait time.Duration) *fault {
	return limitFault("0x80072322", wait, "Number of requests exceeded the limit of %d over time window of %d seconds.", l.Requests, int(l.Window.Seconds()))
}

// limitFault is a 429. Retry-After is in whole seconds.
func limitFault(code string, wait time.Duration, format string, args ...any) *fault {
	f := newFault(http.StatusTooManyRequests, code, format, args...)
	whole := int((wait + time.Second - 1) / time.Second)
	f.header = http.Header{"Retry-After": {strconv.Itoa(max(1, whole))}}
	return f
}

// forget drops what has slid out of the window.
func (q *quota) forget(before time.Time) {
	n := 0
	for n < len(q.slices) && !q.slices[n].start.After(before) {
		n++
	}
	q.slices = q.slices[n:]
}

func (q *quota) used() (requests int, busy time.Duration) {
	for _, s := range q.slices {
		requests += s.requests
		busy += s.busy
	}
	return requests, busy
}

func (q *quota) add(now time.Time, window time.Duration, requests int, busy time.Duration) {
	if n := len(q.slices); n == 0 || now.Sub(q.slices[n-1].start) >= window/slicesPerWindow {
		q.slices = append(q.slices, slice{start: now})
	}
	s := &q.slices[len(q.slices)-1]
	s.requests += requests
	s.busy += busy
}

// room is when so much will have slid out of the window that there is room again.
func (q *quota) room(now time.Time, window time.Duration, enough func(requests int, busy time.Duration) bool) time.Time {
	requests, busy := q.used()
	for _, s := range q.slices {
		requests -= s.requests
		busy -= s.busy
		if enough(requests, busy) {
			return s.start.Add(window)
		}
	}
	return now.Add(window)
}

// seconds prints a duration as the service does: 1,200.00.
func seconds(d time.Duration) string {
	whole := int64(d / time.Second)
	return fmt.Sprintf("%s.%02d", thousands(whole), (d%time.Second)/(10*time.Millisecond))
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
