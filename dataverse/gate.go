package dataverse

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// serviceConcurrency is the documented limit of requests in flight for one user on one web server. A hint above it
// would count on requests being spread over several servers, which nobody promises.
const serviceConcurrency = 52

// firstConcurrency holds until the first answer brings the service's own hint.
const firstConcurrency = 8

// gate decides how many requests are in flight: the service's hint at most, half as many after each time that it
// says too many, one more after as many successes as are in flight. While the service has closed its window
// nothing passes.
type gate struct {
	maxWait time.Duration

	mu          sync.Mutex
	limit       float64
	ceiling     float64
	own         float64 // the caller's cap
	hinted      bool
	inFlight    int
	peak        int
	epoch       int // counts the halvings
	closedUntil time.Time
	waiters     []chan struct{}
}

func newGate(own int, maxWait time.Duration) *gate {
	g := &gate{maxWait: maxWait, own: serviceConcurrency}
	if own > 0 {
		g.own = min(float64(own), serviceConcurrency)
	}
	g.ceiling = g.own
	g.limit = min(firstConcurrency, g.ceiling)
	return g
}

// lease is a place in flight.
type lease struct {
	g     *gate
	epoch int
	once  sync.Once
}

// acquire waits for a place and for the window to be open.
func (g *gate) acquire(ctx context.Context) (*lease, error) {
	for {
		if err := g.open(ctx); err != nil {
			return nil, err
		}
		g.mu.Lock()
		if time.Now().Before(g.closedUntil) {
			g.mu.Unlock()
			continue
		}
		if g.inFlight < g.places() {
			g.inFlight++
			g.peak = max(g.peak, g.inFlight)
			l := &lease{g: g, epoch: g.epoch}
			g.mu.Unlock()
			return l, nil
		}
		turn := make(chan struct{})
		g.waiters = append(g.waiters, turn)
		g.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			g.leave(turn)
			return nil, ctx.Err()
		}
	}
}

// open waits until the window is open.
func (g *gate) open(ctx context.Context) error {
	for {
		g.mu.Lock()
		wait := time.Until(g.closedUntil)
		g.mu.Unlock()
		if wait <= 0 {
			return ctx.Err()
		}
		if wait > g.maxWait {
			return fmt.Errorf("%w: the service asks to wait %s", ErrThrottled, wait.Round(time.Second))
		}
		if deadline, ok := ctx.Deadline(); ok && time.Now().Add(wait).After(deadline) {
			return fmt.Errorf("%w: the service asks to wait %s, longer than there is time", ErrThrottled, wait.Round(time.Second))
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// leave takes a waiter out. One that was already called passes the call on.
func (g *gate) leave(turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiters {
		if w == turn {
			g.waiters = append(g.waiters[:i], g.waiters[i+1:]...)
			return
		}
	}
	g.call()
}

func (g *gate) places() int { return max(1, int(g.limit)) }

// call lets as many waiters try as there are free places.
func (g *gate) call() {
	for free := g.places() - g.inFlight; free > 0 && len(g.waiters) > 0; free-- {
		close(g.waiters[0])
		g.waiters = g.waiters[1:]
	}
}

// hint takes the service's recommendation, which may change at any time.
func (g *gate) hint(n int) {
	if n <= 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ceiling = max(1, min(float64(n), g.own))
	if !g.hinted {
		g.hinted = true
		if g.epoch == 0 {
			g.limit = g.ceiling
		}
	}
	g.limit = min(g.limit, g.ceiling)
	g.call()
}

// release gives the place back. It may be called more than once.
func (l *lease) release() {
	l.once.Do(func() {
		l.g.mu.Lock()
		defer l.g.mu.Unlock()
		l.g.inFlight--
		l.g.call()
	})
}

// succeeded lets the limit grow.
func (l *lease) succeeded() {
	l.g.mu.Lock()
	defer l.g.mu.Unlock()
	l.g.limit = min(l.g.ceiling, l.g.limit+1/l.g.limit)
	l.g.call()
}

// throttled halves the limit, once for all requests that were under way when it last changed, and closes the
// window.
func (l *lease) throttled(wait time.Duration) {
	l.g.throttled(l.epoch, wait)
}

func (g *gate) throttled(epoch int, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if epoch == g.epoch {
		g.epoch++
		g.limit = math.Max(1, g.limit/2)
	}
	if until := time.Now().Add(wait); until.After(g.closedUntil) {
		g.closedUntil = until
	}
}

// now tells the current epoch, for [gate.throttled] on behalf of parts of a batch.
func (g *gate) now() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.epoch
}
