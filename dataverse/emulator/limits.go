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

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Limits are the service protection limits: three, each per user and web server. Page: api-limits. What is zero is as the
// page says it. A batch is one request, and all its time counts. The daily entitlement is not modelled.
type Limits struct {
	On            bool
	Requests      int           // per window; 6,000
	Window        time.Duration // sliding, by the emulator's clock; 300 seconds
	ExecutionTime time.Duration // combined, per window; 20 minutes
	Concurrency   int           // at one moment; 52
	// Nodes are the web servers. A request with the affinity cookie goes to the cookie's one, others go round; 1.
	Nodes int
	// RowTime is what each row that is read or written adds to the execution time, without anybody waiting for it: the
	// emulator is faster than a database. Else a request takes what it took by the machine's clock, Options.Latency at
	// least.
	RowTime time.Duration
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
	now     func() time.Time // the emulator's clock: windows
	machine func() time.Time // how long a request took
	latency time.Duration
	turn    atomic.Uint64
	mu      sync.Mutex
	users   map[quotaKey]*quota
}

type quotaKey struct {
	user uuid.UUID
	node int
}

// quota is one user's use of one server. It holds admitted requests only, so the limit bounds its size.
type quota struct {
	requests []time.Time // when each came, oldest first
	work     []work      // what each took, by its end
	busy     time.Duration
	running  int
	latest   time.Time // when the clock was last looked at
	closed   time.Time // refused until then
	why      limit     // that closed it
}

type work struct {
	end  time.Time
	took time.Duration
}

type limit int

const (
	requestLimit limit = iota
	timeLimit
)

func newLimiter(l Limits, now, machine func() time.Time, latency time.Duration) *limiter {
	return &limiter{Limits: l.withDefaults(), now: now, machine: machine, latency: latency, users: map[quotaKey]*quota{}}
}

// dopHint is the degree of parallelism that the service recommends.
const dopHint = 48

// hint is what x-ms-dop-hint says: never more than would be let in.
func (l *limiter) hint() int {
	if l.On {
		return min(dopHint, l.Concurrency)
	}
	return dopHint
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
	n := int((l.turn.Add(1) - 1) % uint64(l.Nodes))
	cookie := affinity + "=" + nodeName(n) + "; path=/"
	if r.TLS != nil { // cookie jars would not send it back over http
		cookie += "; secure"
	}
	w.Header().Add("Set-Cookie", cookie+"; HttpOnly")
	return n
}

// admit lets a request in or refuses it.
func (l *limiter) admit(w http.ResponseWriter, r *http.Request, c *wire.Call) (*visit, *wire.Error) {
	if !l.On {
		return nil, nil
	}
	key := quotaKey{c.User, l.node(w, r)}
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.users[key]
	if q == nil {
		q = &quota{}
		l.users[key] = q
	}
	now := l.now()
	q.slide(now, l.Window)
	refused := l.refuse(q, now)
	if refused == nil {
		q.running++
		q.requests = append(q.requests, now)
	}
	l.tell(w.Header(), q)
	if refused != nil {
		return nil, refused
	}
	return &visit{limiter: l, quota: q, call: c, header: w.Header(), began: l.machine()}, nil
}

// refuse is why a request does not come in now, nil if it does.
func (l *limiter) refuse(q *quota, now time.Time) *wire.Error {
	switch {
	case now.Before(q.closed):
		// Going on lengthens the wait, never beyond a whole window: by then all that it was closed for has slid out.
		q.closed = q.closed.Add(l.Window / 300)
		if last := now.Add(l.Window); q.closed.After(last) {
			q.closed = last
		}
	case q.running >= l.Concurrency:
		return limitError("0x80072326", time.Second, "Number of concurrent requests exceeded the limit of %d.", l.Concurrency)
	case len(q.requests) >= l.Requests:
		q.why, q.closed = requestLimit, q.requests[len(q.requests)-l.Requests].Add(l.Window)
	case q.busy >= l.ExecutionTime:
		q.why, q.closed = timeLimit, q.idle(l.ExecutionTime).Add(l.Window)
	default:
		return nil
	}
	wait, window := q.closed.Sub(now), int(l.Window.Seconds())
	if q.why == timeLimit {
		// The page has both spaces before "milliseconds".
		return limitError("0x80072321", wait, "Combined execution time of incoming requests exceeded limit of %s  milliseconds over time window of %d seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.",
			thousands(l.ExecutionTime.Milliseconds()), window)
	}
	return limitError("0x80072322", wait, "Number of requests exceeded the limit of %d over time window of %d seconds.", l.Requests, window)
}

// limitError is a 429. Retry-After is in whole seconds.
func limitError(code string, wait time.Duration, format string, args ...any) *wire.Error {
	f := wire.NewError(http.StatusTooManyRequests, code, format, args...)
	whole := int((wait + time.Second - 1) / time.Second)
	f.Header = http.Header{"Retry-After": {strconv.Itoa(max(1, whole))}}
	return f
}

// tell writes what is left.
func (l *limiter) tell(h http.Header, q *quota) {
	h.Set("X-Ms-Ratelimit-Burst-Remaining-Xrm-Requests", strconv.Itoa(max(0, l.Requests-len(q.requests))))
	h.Set("X-Ms-Ratelimit-Time-Remaining-Xrm-Requests", seconds(max(0, l.ExecutionTime-q.busy)))
}

// visit is a request that was let in; nil where there are no limits.
type visit struct {
	limiter *limiter
	quota   *quota
	call    *wire.Call
	header  http.Header
	began   time.Time
	left    bool
}

// leave books what the request took and tells what is left then. It may be called again.
func (v *visit) leave() {
	if v == nil || v.left {
		return
	}
	v.left = true
	l, q := v.limiter, v.quota
	took := max(l.machine().Sub(v.began), l.latency) + time.Duration(v.call.Rows.Load())*l.RowTime
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	q.slide(now, l.Window)
	q.running--
	q.work = append(q.work, work{now, took})
	q.busy += took
	l.tell(v.header, q)
}

// slide drops what is a window old. A clock that was set back begins anew: what lies in the future would stay for
// ever.
func (q *quota) slide(now time.Time, window time.Duration) {
	if now.Before(q.latest) {
		q.requests, q.work, q.busy, q.closed = nil, nil, 0, time.Time{}
	}
	q.latest = now
	before := now.Add(-window)
	for len(q.requests) > 0 && !q.requests[0].After(before) {
		q.requests = q.requests[1:]
	}
	for len(q.work) > 0 && !q.work[0].end.After(before) {
		q.busy -= q.work[0].took
		q.work = q.work[1:]
	}
}

// idle is the end of the work with which, once it has slid out, less than the limit is left.
func (q *quota) idle(limit time.Duration) time.Time {
	busy := q.busy
	for _, w := range q.work {
		if busy -= w.took; busy < limit {
			return w.end
		}
	}
	return q.latest
}

// seconds prints a duration as the service does: 1,200.00.
func seconds(d time.Duration) string {
	d = d.Round(10 * time.Millisecond)
	return fmt.Sprintf("%s.%02d", thousands(int64(d/time.Second)), d%time.Second/(10*time.Millisecond))
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
