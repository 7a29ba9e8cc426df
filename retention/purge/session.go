package purge

import (
	"context"
	"errors"
	"fmt"
	"github.com/gallra/gallra/retention/compile"
	"strings"
	"sync/atomic"
	"time"

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
	r.erasers, r.asked = make(map[eraserKey]*inventory.Eraser), make(map[environment.Ref][]string)
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
