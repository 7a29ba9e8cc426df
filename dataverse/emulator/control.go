package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// controlTable is the control plane: it is no part of Dataverse, takes the start token, and is never limited, never
// faulted and never counted.
func (s *Server) controlTable() map[string]func(*control) (any, error) {
	return map[string]func(*control) (any, error){
		"GET clock":     s.readClock,
		"POST clock":    s.moveClock,
		"GET stats":     func(*control) (any, error) { return s.stats.report(), nil },
		"POST stats":    func(*control) (any, error) { s.stats.reset(); return s.stats.report(), nil },
		"GET faults":    func(*control) (any, error) { return s.faults.inForce(), nil },
		"POST faults":   s.setFaults,
		"GET hooks":     func(*control) (any, error) { return s.Hooks(), nil }, // hooks.go
		"POST hooks":    s.addHooks,
		"DELETE hooks":  s.deleteHooks,
		"POST snapshot": s.takeSnapshot,
		"POST restore":  s.restoreSnapshot,
		"GET find":      s.findText,
		"POST token":    s.giveToken,   // authenticate.go
		"GET options":   s.readOptions, // settings.go
		"POST load":     s.postLoad,    // load.go
	}
}

// control is one request to the control plane.
type control struct {
	request *http.Request
	body    []byte
	of      string // what stands behind the name: the id in hooks/ID
}

// controlError is a request to the control plane that makes no sense.
type controlError struct {
	status  int
	message string
}

func (e *controlError) Error() string { return e.message }

func badControl(format string, args ...any) error {
	return &controlError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// decode reads the body strictly. An empty body is {}.
func (c *control) decode(into any) error {
	if err := decodeStrict(c.body, into); err != nil {
		return badControl("the body: %v", err)
	}
	return nil
}

// serveControl answers the control plane.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method+" "+r.URL.Path == "GET /emulator/health" {
		writeControl(w, s.health(), nil)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+s.options.Token {
		w.Header().Set("WWW-Authenticate", "Bearer")
		writeControl(w, nil, &controlError{http.StatusUnauthorized, "the control plane takes the emulator's start token as bearer"})
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/emulator/")
	first, of, _ := strings.Cut(name, "/")
	h := s.control[r.Method+" "+first]
	if of != "" && first != "hooks" {
		h = nil
	}
	if h == nil {
		writeControl(w, nil, &controlError{http.StatusNotFound, "there is no " + r.Method + " /emulator/" + name})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.bodyLimit))
	if err != nil {
		writeControl(w, nil, badControl("the body: %v", err))
		return
	}
	out, err := h(&control{request: r, body: body, of: of})
	writeControl(w, out, err)
}

func writeControl(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	var c *controlError
	switch {
	case errors.As(err, &c):
		status, out = c.status, map[string]any{"error": map[string]string{"message": c.message}}
	case err != nil:
		status, out = http.StatusInternalServerError, map[string]any{"error": map[string]string{"message": err.Error()}}
	case out == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(out) // the client is gone: nobody left to tell
}

func (s *Server) readClock(*control) (any, error) {
	return map[string]string{"now": s.Now().Format(time.RFC3339)}, nil
}

func (s *Server) moveClock(c *control) (any, error) {
	var in struct {
		Now     *time.Time `json:"now"`
		Advance string     `json:"advance"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case in.Now != nil && in.Advance == "":
		s.SetClock(*in.Now)
	case in.Now == nil && in.Advance != "":
		d, err := time.ParseDuration(in.Advance)
		if err != nil {
			return nil, badControl("advance: %v", err)
		}
		s.Advance(d)
	default:
		return nil, badControl(`the clock takes {"now":"2026-11-24T08:00:00Z"} or {"advance":"1464h"}`)
	}
	return s.readClock(c)
}

// Now is the emulator's clock.
func (s *Server) Now() time.Time { return s.engine.Clock.Now() }

// SetClock sets the emulator's clock; it runs on from there.
func (s *Server) SetClock(t time.Time) { s.engine.Clock.Set(t) }

// Advance moves the emulator's clock.
func (s *Server) Advance(d time.Duration) { s.engine.Clock.Advance(d) }

// Stats is what GET /emulator/stats answers.
func (s *Server) Stats() Stats { return s.stats.report() }

// copies are the snapshots that the control plane was asked to keep. A snapshot is immutable, so that keeping one costs
// no more than what changes afterwards.
type copies struct {
	mu   sync.Mutex
	kept []*store.Snapshot // an id is the position, from 1
}

func (s *Server) takeSnapshot(c *control) (any, error) {
	if err := c.decode(&struct{}{}); err != nil {
		return nil, err
	}
	return map[string]string{"id": s.Snapshot()}, nil
}

// Snapshot keeps rows, audit, bin and metadata as they are now, for [Server.Restore].
func (s *Server) Snapshot() string {
	s.copies.mu.Lock()
	defer s.copies.mu.Unlock()
	s.copies.kept = append(s.copies.kept, s.engine.Store.View())
	return strconv.Itoa(len(s.copies.kept))
}

func (s *Server) restoreSnapshot(c *control) (any, error) {
	var in struct {
		ID string `json:"id"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := s.Restore(in.ID); err != nil {
		return nil, &controlError{http.StatusNotFound, err.Error()}
	}
	return nil, nil
}

// Restore puts everything but the clock back to what it was at a snapshot, the last one if id is empty: an environment
// restored from a backup.
func (s *Server) Restore(id string) error {
	s.copies.mu.Lock()
	n := len(s.copies.kept)
	if id != "" {
		given, err := strconv.Atoi(id)
		if err != nil || given > n {
			given = 0
		}
		n = given
	}
	if n < 1 {
		s.copies.mu.Unlock()
		return errors.New("there is no such snapshot")
	}
	old := s.copies.kept[n-1]
	s.copies.mu.Unlock()

	t := s.engine.Store.Begin()
	// Row versions and those of metadata go on: a client that still holds an ETag from before must not find it valid
	// for another content.
	version, metadata := t.Version, t.Schema.Version
	t.Snapshot = *old
	t.Version = max(version, old.Version) + 1
	t.Restored = t.Version
	if old.Schema.Version != metadata {
		again := *old.Schema
		again.Version = max(metadata, old.Schema.Version) + 1
		t.Schema = &again
	}
	t.Commit()
	return nil
}
