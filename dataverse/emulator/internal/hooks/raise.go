package hooks

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Hooks are the registered hooks of an environment, and what asynchronous ones have still to do.
type Hooks struct {
	Engine  *store.Engine
	Remote  bool                       // webhooks may leave the machine
	Timeout time.Duration              // of a webhook; 0 is 60 seconds, as use-webhooks says
	Failed  func(*Hook, *Event, error) // an asynchronous call that failed

	mu      sync.Mutex
	steps   []*step
	waiting []Pending // asynchronous, in the order of their commits
	calls   []call    // webhooks of asynchronous ones
	calling bool
}

// Add registers hooks: all or none. They come after those that are there.
func (h *Hooks) Add(hooks ...Hook) error {
	var added []*step
	for i, one := range hooks {
		s, err := check(one, h.Engine, h.Remote)
		if err != nil {
			return &HookError{Number: i + 1, Name: one.Name, Why: err.Error()}
		}
		added = append(added, s)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	next := slices.Clone(h.steps)
	for i, s := range added {
		if slices.ContainsFunc(next, func(o *step) bool { return o.ID == s.ID }) {
			return &HookError{Number: i + 1, Name: s.Name, Why: "id: there is a hook with this id"}
		}
		next = append(next, s)
	}
	slices.SortStableFunc(next, func(a, b *step) int { return a.Order - b.Order })
	h.steps = next
	return nil
}

// HookError is a hook that makes no sense.
type HookError struct {
	Number int    // in the list that was given, from 1
	Name   string // where it has one
	Why    string
}

// Error names the hook and what is wrong with it.
func (e *HookError) Error() string {
	at := "hook " + strconv.Itoa(e.Number)
	if e.Name != "" {
		at += " (" + e.Name + ")"
	}
	return at + ": " + e.Why
}

// Remove takes a hook away; false where there is none with that id. What it has still to do is forgotten.
func (h *Hooks) Remove(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.steps)
	h.steps = slices.DeleteFunc(slices.Clone(h.steps), func(s *step) bool { return s.ID == id })
	h.waiting = slices.DeleteFunc(h.waiting, func(p Pending) bool { return p.step.ID == id })
	return len(h.steps) < n
}

// Clear takes all hooks away.
func (h *Hooks) Clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.steps, h.waiting = nil, nil
}

// List are the hooks in the order in which they run.
func (h *Hooks) List() []Listed {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]Listed, 0, len(h.steps))
	for _, s := range h.steps {
		out = append(out, Listed{Hook: s.Hook, Hits: s.hits, Seen: s.seen})
	}
	return out
}

// Any tells whether a hook meets the message at all, so that nothing is made ready for none.
func (h *Hooks) Any(message string) bool {
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.steps, func(s *step) bool { return s.Message == message })
}

// maxDepth is how deep hooks may raise hooks. Page: register-plug-in ("Depth").
const maxDepth = 8

// Raise runs the hooks of an event. An error of a synchronous one ends the write.
func (h *Hooks) Raise(ev Event, w func(*Hook) Writer) error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	steps := h.steps
	h.mu.Unlock()
	ev.at = h.Engine.Clock.Now()
	for _, s := range steps {
		meets, err := h.meets(s, &ev, w)
		if err != nil {
			return err
		}
		if !meets {
			continue
		}
		if ev.Depth > maxDepth {
			return wire.NewError(http.StatusBadRequest, "0x80040265", "This workflow job was canceled because the workflow that started it included an infinite loop. Correct the workflow logic and try again.")
		}
		if s.Async {
			later := ev
			w(&s.Hook).Later(func() { h.wait(s, later) })
			continue
		}
		if err := h.run(s, &ev, w(&s.Hook)); err != nil {
			return err
		}
	}
	return nil
}

// meets tells whether the hook is to run, and counts.
func (h *Hooks) meets(s *step, ev *Event, w func(*Hook) Writer) (bool, error) {
	switch {
	case s.Message != ev.Message, s.Stage != ev.Stage, s.Table != "" && s.Table != ev.Table.Name,
		s.row != uuid.Nil && s.row != ev.ID, slices.Contains(ev.Within, s.ID),
		s.Async && ev.Bypass.Async, !s.Async && ev.Bypass.Sync, slices.Contains(ev.Bypass.Steps, s.ID):
		return false, nil
	}
	if len(s.Columns) > 0 && !slices.ContainsFunc(s.Columns, func(name string) bool { return ev.Target.Has(ev.Table, name) }) {
		return false, nil
	}
	if s.Where != "" {
		match, err := query.Condition(h.Engine, w(&s.Hook).View(), ev.Table, s.Where)
		if err != nil {
			return false, wire.NewError(http.StatusInternalServerError, "0x80040224", "An unexpected error occurred from ISV code. The condition of the hook %s: %v", s.ID, err)
		}
		if !match(ev.row()) {
			return false, nil
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.seen++
	if s.seen <= s.After || s.Count > 0 && s.hits >= s.Count {
		return false, nil
	}
	s.hits++
	return true, nil
}

// run does what a synchronous hook does. It is not cut short when the caller goes away: the service goes on as well.
func (h *Hooks) run(s *step, ev *Event, w Writer) error {
	if s.delay > 0 {
		time.Sleep(s.delay)
	}
	if s.Webhook != nil {
		if err := h.post(s, ev, w.View()); err != nil {
			return err
		}
	}
	return s.effects(ev, w)
}

// effects are what a hook does to the write and to rows.
func (s *step) effects(ev *Event, w Writer) error {
	if r := s.Refuse; r != nil {
		e := wire.NewError(http.StatusBadRequest, "0x80040265", "%s", "ISV code aborted the operation.")
		if r.Status != 0 {
			e.Status = r.Status
		}
		if r.Code != "" {
			e.Code = r.Code
		}
		if r.Message != "" {
			e.Message = ev.text(r.Message)
		}
		return e
	}
	if s.Set != nil {
		change := w.Change
		if s.Stage == PostOperation || s.Message == Delete || actions[s.Message] != nil {
			change = w.Update
		}
		if err := change(ev.filled(s.Set)); err != nil {
			return err
		}
	}
	for _, n := range s.Create {
		if err := w.Create(n.Table, ev.filled(n.Values)); err != nil {
			return err
		}
	}
	return nil
}

// Pending is an asynchronous hook that has still to run.
type Pending struct {
	step  *step
	Event Event
	due   time.Time
}

// Step is the hook.
func (p *Pending) Step() *Hook { return &p.step.Hook }

func (h *Hooks) wait(s *step, ev Event) {
	h.mu.Lock()
	h.waiting = append(h.waiting, Pending{step: s, Event: ev, due: ev.at.Add(s.delay)})
	h.mu.Unlock()
	if s.delay == 0 && s.Webhook != nil { // who waits for a call does not ask for anything meanwhile
		h.callNow()
	}
}

// Due takes what is due by the clock. What only calls a webhook is on its way already.
func (h *Hooks) Due(now time.Time) []Pending {
	h.mu.Lock()
	defer h.mu.Unlock()
	var due []Pending
	h.waiting = slices.DeleteFunc(h.waiting, func(p Pending) bool {
		if p.due.After(now) {
			return false
		}
		due = append(due, p)
		return true
	})
	return due
}

// callNow begins the calls of hooks that do nothing but call.
func (h *Hooks) callNow() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = slices.DeleteFunc(h.waiting, func(p Pending) bool {
		if p.step.Webhook == nil || p.step.delay > 0 || p.step.Set != nil || len(p.step.Create) > 0 || p.step.Refuse != nil {
			return false
		}
		h.enqueue(call{p.step, p.Event, h.Engine.Store.View()})
		return true
	})
}

// Run does what an asynchronous hook does; its call goes out beside it.
func (p *Pending) Run(h *Hooks, w Writer) error {
	if p.step.Webhook != nil {
		h.mu.Lock()
		h.enqueue(call{p.step, p.Event, w.View()})
		h.mu.Unlock()
	}
	return p.step.effects(&p.Event, w)
}

// Failure is the code and the message of an error, as a system job tells them.
func Failure(err error) (code, message string) {
	var e *wire.Error
	if errors.As(err, &e) {
		return e.Code, e.Message
	}
	return "0x80040224", err.Error()
}
