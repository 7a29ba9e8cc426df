package dataverse

import (
	"net/http"
	"sync"
	"time"
)

const clockHint = "the day is the service's own, by the Date header of its answers: look for a proxy or a cache on the way that takes it away or answers by itself"

// Why the service's clock cannot be relied on.
var (
	ErrNoClock    = error(&meaning{"the answers do not tell the time: they lack a Date header", clockHint})
	ErrClockTurns = error(&meaning{"the answers tell different times: by some it is much earlier than by others before them", clockHint})
)

// clockSlack is how far the clocks of web servers, and answers that overtake each other, may differ.
const clockSlack = 15 * time.Minute

// serviceClock remembers the newest Date that the service has told.
type serviceClock struct {
	mu    sync.Mutex
	now   time.Time
	mute  bool // an answer told nothing
	turns bool // an answer told a time long before what another had told
}

func (c *serviceClock) saw(date string) {
	t, err := http.ParseTime(date)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.mute = true
	case t.After(c.now):
		c.now = t.UTC()
	case c.now.Sub(t) > clockSlack:
		c.turns = true
	}
}

func (c *serviceClock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *serviceClock) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.turns:
		return ErrClockTurns
	case c.now.IsZero() && c.mute:
		return ErrNoClock
	}
	return nil
}
