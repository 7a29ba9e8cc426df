package dataverse

import (
	"context"
	"fmt"
	"math"
	"net/http"
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
// nothing passes. Before that it has to go so far: what the service says is left is spread by pace.
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
	pace        pace
	waiting     int           // how many want a place
	turn        chan struct{} // closed when the first of them should try again; nil while it does not wait for a place
	// first is held by who is next: the others queue for it.
	first chan struct{}
}

func newGate(own int, maxWait time.Duration) *gate {
	g := &gate{maxWait: maxWait, own: serviceConcurrency, first: make(chan struct{}, 1)}
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

// acquire waits for a place, for the pace, and for the window to be open.
func (g *gate) acquire(ctx context.Context) (*lease, error) {
	if _, err := g.closed(ctx); err != nil {
		return nil, err
	}
	g.queue(1)
	defer g.queue(-1)
	select {
	case g.first <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-g.first }()
	for {
		if err := g.open(ctx); err != nil {
			return nil, err
		}
		l, turn, wait := g.enter()
		if l != nil {
			return l, nil
		}
		if err := pause(ctx, turn, wait); err != nil {
			return nil, err
		}
	}
}

func (g *gate) queue(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting += n
}

// enter takes a place if that may be. Otherwise it says when to try again.
func (g *gate) enter() (l *lease, turn <-chan struct{}, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if now.Before(g.closedUntil) {
		return nil, nil, g.closedUntil.Sub(now)
	}
	if g.inFlight >= g.places() {
		g.turn = make(chan struct{})
		return nil, g.turn, 0
	}
	if wait := g.pace.wait(now, g.inFlight); wait > 0 {
		return nil, nil, min(wait, time.Second) // an answer may bring news meanwhile
	}
	g.pace.leaves(now)
	g.inFlight++
	g.peak = max(g.peak, g.inFlight)
	return &lease{g: g, epoch: g.epoch}, nil, 0
}

// pause waits for a turn, or if there is none for a time.
func pause(ctx context.Context, turn <-chan struct{}, wait time.Duration) error {
	var timeUp <-chan time.Time
	if turn == nil {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		timeUp = timer.C
	}
	select {
	case <-turn:
	case <-timeUp:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// closed tells for how long the window is closed, which is an error if that is longer than the caller waits.
func (g *gate) closed(ctx context.Context) (time.Duration, error) {
	g.mu.Lock()
	wait := time.Until(g.closedUntil)
	g.mu.Unlock()
	if wait <= 0 {
		return 0, ctx.Err()
	}
	if wait > g.maxWait {
		return 0, fmt.Errorf("%w: the service asks to wait %s", ErrThrottled, wait.Round(time.Second))
	}
	if deadline, ok := ctx.Deadline(); ok && time.Now().Add(wait).After(deadline) {
		return 0, fmt.Errorf("%w: the service asks to wait %s, longer than there is time", ErrThrottled, wait.Round(time.Second))
	}
	return wait, nil
}

// open waits until the window is open.
func (g *gate) open(ctx context.Context) error {
	for {
		wait, err := g.closed(ctx)
		if wait <= 0 || err != nil {
			return err
		}
		if err := pause(ctx, nil, wait); err != nil {
			return err
		}
	}
}

func (g *gate) places() int { return max(1, int(g.limit)) }

// call has the first waiter try again.
func (g *gate) call() {
	if g.turn != nil {
		close(g.turn)
		g.turn = nil
	}
}

// saw takes in what an answer says about what is left.
func (g *gate) saw(h http.Header, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pace.saw(h, time.Now(), took)
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
