package purge

import (
	"context"
	"errors"
	"fmt"
	"github.com/gallra/gallra/retention/compile"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gallra/gallra/retention/purge/ask"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/inventory"
	"github.com/gallra/gallra/retention/purge/search"
)

// ErrUnprovisioned says that the environment lacks columns that a run writes.
var ErrUnprovisioned = errors.New("the environment is not provisioned")

// session is what every step of a run works with. It stays the same once the run is ready; chunks that are under way at once
// share it.
type session struct {
	Deps
	tables *environment.Tables
	// writing outlives a cancelled run by the grace: what has been sent is seen to its end.
	writing  context.Context
	sight    *sight
	witness  *witness
	erasers  map[eraserKey]*inventory.Eraser // of the subjects
	searched *search.Memory                  // what searches have asked for once
	stalled  *atomic.Bool                    // a bulk delete job of this run was waited for in vain: nobody new is begun
	listed   *Listed                         // who may go, where the policy asks for an approved list
	unasked  map[environment.Ref]bool        // who may not go yet, since nobody asked them in time
	// asked are the persons whom somebody asked for, each with the grounds that do not stand in the way. Everybody else is
	// judged by the dates.
	asked map[environment.Ref][]string
}

// open reads what every purge needs to know of the environment.
func (r *session) open(ctx context.Context) error {
	var err error
	if r.tables, err = environment.ReadTables(ctx, r.Client, r.Policy); err != nil {
		return err
	}
	if r.listed, err = ReadListed(ctx, r.Client, r.Ledger, r.Policy.Policy, r.Run.Actor, r.Today); err != nil {
		return err
	}
	r.erasers, r.asked, r.unasked = make(map[eraserKey]*inventory.Eraser), make(map[environment.Ref][]string), make(map[environment.Ref]bool)
	for i := range r.Policy.Subjects {
		s := &r.Policy.Subjects[i]
		if len(s.Unprovisioned) > 0 {
			return fmt.Errorf("%w: %s lacks %s", ErrUnprovisioned, s.Table, strings.Join(s.Unprovisioned, ", "))
		}
		t, err := r.tables.Table(ctx, s.Table)
		if err != nil {
			return err
		}
		r.erasers[eraserKey{s.Table, ""}] = inventory.ErasePerson(t, s, r.tables.Persons)
		for _, class := range s.Judged() {
			r.erasers[eraserKey{s.Table, class.ClassID}] = inventory.ErasePerson(t, class, r.tables.Persons)
		}
	}
	return nil
}

// eraserKey names a subject table and a class of its persons; without a class it is what goes of everybody.
type eraserKey struct{ table, class string }

// asker puts words to persons before their purge.
func (r *session) asker() *ask.Asker {
	return &ask.Asker{Client: r.Client, Ledger: r.Ledger, Policy: r.Policy, Today: r.Today, Send: r.batch}
}

func (r *session) eraser(s *compile.Subject) *inventory.Eraser {
	return r.erasers[eraserKey{s.Table, s.ClassID}]
}

// subject is the rules for somebody whose turn has come.
func (r *session) subject(d due) *compile.Subject { return r.Policy.Subject(d.Table).For(d.class) }

func (r *session) grace(ctx context.Context) (context.Context, context.CancelFunc) {
	writing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(r.Grace, cancel) })
	return writing, func() { stop(); cancel() }
}

func (r *session) progress(p Progress) {
	if r.Progress != nil {
		r.Progress(p)
	}
}

// SpentError ends a run that has used the operations that it was given. What it has done is consistent, as that of a run that
// was cut by its time, and the next run goes on.
type SpentError struct{ Operations int }

func (e *SpentError) Error() string {
	return fmt.Sprintf("stopped after %d operations, as asked", e.Operations)
}

// ExitCode is that of a run that has left something to the next.
func (e *SpentError) ExitCode() int { return 4 }

// counting is a client that counts what it asks of the service.
type counting interface {
	Operations() int64
	AfterOperations(n int64, do func())
}

// limited ends the context once the run has used its operations, and begins to count them.
func (r *runner) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	c, ok := r.Client.(counting)
	if !ok {
		return ctx, func() {}
	}
	r.before = c.Operations()
	if r.Operations <= 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.AfterOperations(int64(r.Operations), func() { cancel(&SpentError{r.Operations}) })
	return ctx, func() {
		c.AfterOperations(0, nil)
		cancel(nil)
	}
}

// spent is the error of a run whose context ended: that it has used its operations, if that is why.
func spent(ctx context.Context, err error) error {
	var used *SpentError
	if err != nil && errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &used) {
		return used
	}
	return err
}

// sent is how many operations the run has asked of the service.
func (r *runner) sent() int {
	if c, ok := r.Client.(counting); ok {
		return int(c.Operations() - r.before)
	}
	return 0
}
