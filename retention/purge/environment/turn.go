package environment

import "context"

// Turn is a lock for what asks the service while it is held: chunks that run side by side wait for one answer instead of
// each asking for it. Unlike a mutex it is not waited for any more when the run is cancelled.
type Turn chan struct{}

func NewTurn() Turn { return make(Turn, 1) }

// Take waits for the turn. The function that it gives back ends it.
func (t Turn) Take(ctx context.Context) (end func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
