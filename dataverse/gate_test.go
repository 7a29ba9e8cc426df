package dataverse

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestTheGateHoldsTheHint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0, time.Minute)
		g.hint(5)
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				l, err := g.acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Second)
				l.succeeded()
				l.release()
				l.release() // twice does no harm
			})
		}
		start := time.Now()
		wg.Wait()
		if g.peak != 5 || time.Since(start) != 8*time.Second {
			t.Errorf("peak %d in %v, want 5 at a time: 8s", g.peak, time.Since(start))
		}
		if g.inFlight != 0 {
			t.Errorf("%d still in flight", g.inFlight)
		}
	})
}

func TestTheHintAndTheCapsBoundTheGate(t *testing.T) {
	for _, tt := range []struct{ own, hint, want int }{{0, 4, 4}, {0, 100, 52}, {3, 50, 3}, {10, 4, 4}, {0, 0, 8}, {0, -1, 8}} {
		g := newGate(tt.own, time.Minute)
		g.hint(tt.hint)
		if got := g.places(); got != tt.want {
			t.Errorf("own %d, hint %d: %d places, want %d", tt.own, tt.hint, got, tt.want)
		}
	}
}

func TestA429HalvesOnceAndClosesTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0, time.Minute)
		g.hint(16)
		var leases []*lease
		for range 16 {
			l, _ := g.acquire(t.Context())
			leases = append(leases, l)
		}
		// All that were under way are told no: that is one piece of news, not sixteen.
		for _, l := range leases {
			l.throttled(10 * time.Second)
			l.release()
		}
		if got := g.places(); got != 8 {
			t.Errorf("%d places after the halving, want 8", got)
		}
		start := time.Now()
		l, err := g.acquire(t.Context())
		if err != nil || time.Since(start) != 10*time.Second {
			t.Errorf("got in after %v (%v), want when the window opens", time.Since(start), err)
		}
		l.throttled(time.Second)
		l.release()
		if got := g.places(); got != 4 {
			t.Errorf("%d places after the second, want 4", got)
		}
		for range 200 {
			l, _ := g.acquire(t.Context())
			l.succeeded()
			l.release()
		}
		if got := g.places(); got != 16 {
			t.Errorf("%d places after many successes, want the hint", got)
		}
	})
}

func TestWhoeverCannotWaitThatLongLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, time.Minute)
		g.throttled(0, 2*time.Minute)
		if _, err := g.acquire(t.Context()); !errors.Is(err, ErrThrottled) {
			t.Errorf("%v, want throttled: longer than anybody waits", err)
		}
		time.Sleep(90 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := g.acquire(ctx); !errors.Is(err, ErrThrottled) || time.Since(start) > 0 {
			t.Errorf("%v after %v, want throttled at once: beyond the deadline", err, time.Since(start))
		}
	})
}

func TestALeavingWaiterPassesItsTurnOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, time.Minute)
		held, _ := g.acquire(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { _, err := g.acquire(ctx); gone <- err }()
		synctest.Wait()
		in := make(chan error)
		go func() {
			l, err := g.acquire(t.Context())
			if err == nil {
				l.release()
			}
			in <- err
		}()
		synctest.Wait()
		cancel()
		held.release()
		if err := <-in; err != nil {
			t.Error(err)
		}
		<-gone
	})
}

// Whatever happens in whatever order, no more than the limit are in flight, and everybody gets in.
func TestGateLaws(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hints := rapid.SliceOfN(rapid.IntRange(1, 60), 1, 5).Draw(rt, "hints")
		rejects := rapid.SliceOfN(rapid.Bool(), 1, 30).Draw(rt, "rejects")
		synctest.Test(t, func(t *testing.T) {
			g := newGate(0, time.Hour)
			var wg sync.WaitGroup
			for i, reject := range rejects {
				wg.Go(func() {
					l, err := g.acquire(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					time.Sleep(time.Duration(i+1) * time.Millisecond)
					if reject {
						l.throttled(time.Duration(i) * time.Millisecond)
					} else {
						l.succeeded()
					}
					g.hint(hints[i%len(hints)])
					l.release()
				})
			}
			wg.Wait()
			if g.peak > serviceConcurrency {
				t.Errorf("%d in flight", g.peak)
			}
			if g.inFlight != 0 || g.waiting != 0 || g.limit < 1 || g.limit > g.ceiling {
				t.Errorf("in the end: %d in flight, %d waiting, limit %v of %v", g.inFlight, g.waiting, g.limit, g.ceiling)
			}
		})
	})
}
