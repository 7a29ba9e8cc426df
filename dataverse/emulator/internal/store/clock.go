package store

import (
	"sync"
	"time"
)

// Clock is the emulator's clock: the machine's, shifted.
type Clock struct {
	Machine func() time.Time
	mu      sync.Mutex
	shift   time.Duration
}

// Now is the emulator's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Machine().Add(c.shift).UTC()
}

// Set sets the time; the clock runs on from there.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift = t.Sub(c.Machine())
}

// Advance moves the time by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += d
}
