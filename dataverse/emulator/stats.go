package emulator

import (
	"maps"
	"strings"
	"sync"

	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// stats counts what the Web API was asked; the control plane is not counted.
type stats struct {
	mu          sync.Mutex
	total       int
	byStatus    map[int]int
	byRoute     map[string]int
	refused     map[string]int // what is not emulated, by name
	rowsRead    int
	rowsWritten int
	looked      map[string]Looked
	running     int
	peak        int
}

func newStats() *stats {
	s := &stats{}
	s.reset()
	return s
}

// reset sets the counts to zero. Requests that are running now still count for the peak.
func (s *stats) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total, s.rowsRead, s.rowsWritten, s.peak = 0, 0, 0, s.running
	s.byStatus, s.byRoute, s.refused, s.looked = map[int]int{}, map[string]int{}, map[string]int{}, map[string]Looked{}
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

// unanswered is the status of a request whose connection was dropped.
const unanswered = 0

func (s *stats) count(route string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	s.byStatus[status]++
	if route != "" {
		tally(s.byRoute, route)
	}
}

// maxNames bounds what a caller who invents names can make the statistics keep.
const (
	maxNames      = 10_000
	maxNameLength = 200
)

// tally counts under a name; names that are too many or too long share "(others)".
func tally(in map[string]int, name string) {
	if _, known := in[name]; !known && (len(in) >= maxNames || len(name) > maxNameLength) {
		name = "(others)"
	}
	in[name]++
}

func (s *stats) Unsupported(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tally(s.refused, what)
}

func (s *stats) Read(rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rowsRead += rows
}

func (s *stats) Wrote(rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rowsWritten += rows
}

// saw counts the rows that the queries of a route have looked at.
func (s *stats) saw(route string, rows [2]int) {
	if rows == [2]int{} {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.looked[route]; !known && (len(s.looked) >= maxNames || len(route) > maxNameLength) {
		route = "(others)"
	}
	n := s.looked[route]
	n.ByIndex += rows[wire.ByIndex]
	n.ByScan += rows[wire.ByScan]
	s.looked[route] = n
}

// Looked counts rows that queries have looked at, whether or not they were part of an answer: what a relational store has
// to do for them.
type Looked struct {
	ByIndex int `json:"byIndex"` // by id, by a lookup, by a text, by the moment of the last change
	ByScan  int `json:"byScan"`  // since only a look at every row could tell
}

// Stats is what the Web API was asked since the start or the last reset, as GET /emulator/stats tells it.
type Stats struct {
	Requests struct {
		Total int `json:"total"`
		// ByStatus counts answers; 0 stands for connections that a fault closed without one.
		ByStatus map[int]int `json:"byStatus"`
		// ByRoute counts requests by method and entity set or operation: "PATCH contacts", "POST $batch".
		ByRoute map[string]int `json:"byRoute"`
	} `json:"requests"`
	RowsRead    int `json:"rowsRead"`
	RowsWritten int `json:"rowsWritten"`
	// RowsScanned counts by route; the parts of a batch count under their own: "GET contacts".
	RowsScanned     map[string]Looked `json:"rowsScanned"`
	PeakConcurrency int               `json:"peakConcurrency"`
	// Unsupported counts what was refused because the emulator does not cover it, by name.
	Unsupported map[string]int `json:"unsupported"`
}

func (s *stats) report() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Stats{RowsRead: s.rowsRead, RowsWritten: s.rowsWritten, PeakConcurrency: s.peak, Unsupported: maps.Clone(s.refused), RowsScanned: maps.Clone(s.looked)}
	out.Requests.Total = s.total
	out.Requests.ByStatus = maps.Clone(s.byStatus)
	out.Requests.ByRoute = maps.Clone(s.byRoute)
	return out
}

// label names a path for people, in stats and in fault rules: the entity set or the operation, without keys. A bound
// operation is named after itself: "BulkDelete", "$batch", "contacts", "CreateMultiple".
func label(p wire.Path) string {
	if len(p.Segments) == 0 {
		return "/"
	}
	last := p.Segments[len(p.Segments)-1].Name
	if name, bound := strings.CutPrefix(last, wire.CRMNamespace); bound {
		return name
	}
	return p.Segments[0].Name
}
