package emulator

import (
	"net/http"
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

// stats counts what the Web API was asked; the control plane is not counted.
type stats struct {
	mu          sync.Mutex
	total       int
	byStatus    map[int]int
	byRoute     map[string]int
	refused     map[string]int // what is not emulated, by name
	rowsRead    int
	rowsWritten int
	running     int
	peak        int
}

func newStats() *stats {
	return &stats{byStatus: map[int]int{}, byRoute: map[string]int{}, refused: map[string]int{}}
}

// begin counts a request as running until the function it returns is called.
func (s *stats) begin() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running++
	s.peak = max(s.peak, s.running)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running--
	}
}

func (s *stats) count(route string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	s.byStatus[status]++
	if route != "" {
		s.byRoute[route]++
	}
}

func (s *stats) unsupported(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[what]++
}

func (s *stats) read(rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rowsRead += rows
}

func (s *stats) wrote(rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rowsWritten += rows
}

// serveControl answers the control plane.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	http.NotFound(w, r)
}
