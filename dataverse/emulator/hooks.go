package emulator

import (
	"bytes"
	"net/http"

	"github.com/gallra/gallra/dataverse/emulator/internal/hooks"
)

// A hook is what a plug-in, a workflow or a webhook of a company does when rows are written.
type (
	// Hook is one registered step: which writes it meets, at which stage, and what it does.
	Hook = hooks.Hook
	// Refusal is the error of a [Hook] that refuses.
	Refusal = hooks.Refusal
	// NewRow is a row that a [Hook] makes.
	NewRow = hooks.NewRow
	// Webhook is the endpoint that a [Hook] calls.
	Webhook = hooks.Webhook
	// ListedHook is a hook with how often it ran.
	ListedHook = hooks.Listed
	// HookError says which [Hook] makes no sense, and why.
	HookError = hooks.HookError
)

// AddHooks registers hooks: all or none. Their tables and columns have to be there. An error is a [*HookError].
func (s *Server) AddHooks(all ...Hook) error { return s.hooks.Add(all...) }

// Hooks are the registered hooks in the order in which they run, with how often they did.
func (s *Server) Hooks() []ListedHook { return s.hooks.List() }

// ClearHooks takes all hooks away, and what asynchronous ones have still to do.
func (s *Server) ClearHooks() { s.hooks.Clear() }

func (s *Server) addHooks(c *control) (any, error) {
	var in []Hook
	if err := c.decodeList(&in, func() any { return new(Hook) }, func(one any) { in = []Hook{*one.(*Hook)} }); err != nil {
		return nil, err
	}
	if err := s.AddHooks(in...); err != nil {
		return nil, badControl("%v", err)
	}
	return s.Hooks(), nil
}

func (s *Server) deleteHooks(c *control) (any, error) {
	if c.of == "" {
		s.ClearHooks()
		return nil, nil
	}
	if !s.hooks.Remove(c.of) {
		return nil, &controlError{http.StatusNotFound, "there is no hook " + c.of}
	}
	return nil, nil
}

// decodeList reads a list of something, or a single one.
func (c *control) decodeList(list any, one func() any, take func(any)) error {
	text := bytes.TrimSpace(c.body)
	if len(text) > 0 && (text[0] == '[' || text[0] == '-' && bytes.HasPrefix(text, []byte("- "))) {
		return c.decode(list)
	}
	x := one()
	if err := c.decode(x); err != nil {
		return err
	}
	take(x)
	return nil
}
