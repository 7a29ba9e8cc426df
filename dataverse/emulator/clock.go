package emulator

import (
	"sync"
	"time"
)

// clock is the emulator's clock: the machine's, shifted.
type clock struct {
	machine func() time.Time
	mu      sync.Mutex
	shift   time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.machine().Add(c.shift).UTC()
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift = t.Sub(c.machine())
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += d
}
