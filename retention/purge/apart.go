package purge

import (
	"context"
	"errors"
	"maps"
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/purge/environment"
)

// What the service refuses to answer about one person fails that person and nobody else. Persons are read for together, so
// those of a refused read are read for in halves until it is known who it was.

// lookError is a refused read before anything was written. It may be about one of the persons.
type lookError struct{ err error }

func (e *lookError) Error() string { return e.err.Error() }
func (e *lookError) Unwrap() error { return e.err }

// ofPersons marks what may be about one person: what the service refused of a request. That it does not answer, has had too many
// requests, has ended the sign-in, or misses a right is about everybody, and so is what the ledger or a guard rail says.
func ofPersons(err error) error {
	if refused(err) {
		return &lookError{err}
	}
	return err
}

func refused(err error) bool {
	var e *dataverse.Error
	if !errors.As(err, &e) || errors.Is(err, dataverse.ErrUnauthorized) || errors.Is(err, dataverse.ErrForbidden) || errors.Is(err, dataverse.ErrThrottled) || errors.Is(err, dataverse.ErrUnavailable) {
		return errors.Is(err, dataverse.ErrNoTable)
	}
	return e.Status >= http.StatusBadRequest && e.Status < http.StatusInternalServerError && e.Status != http.StatusRequestTimeout
}

// apart takes the persons of a refused read in halves. What is refused of each of several persons alike is nobody's own, and
// ends the run.
func (r *runner) apart(ctx context.Context, chunk []due, of *lookError) (later []due, err error) {
	before := len(r.summary.Failures)
	if len(chunk) == 1 {
		r.leave(chunk[0].Ref, of.err)
		r.taken[chunk[0].Ref] = true
		return nil, nil
	}
	for _, some := range [][]due{chunk[:len(chunk)/2], chunk[len(chunk)/2:]} {
		more, err := r.chunk(ctx, some)
		if err != nil {
			return nil, err
		}
		later = append(later, more...)
	}
	failed := r.summary.Failures[before:]
	if len(failed) < len(chunk) {
		return later, nil
	}
	for _, o := range failed {
		if o.Code != environment.Code(of.err) {
			return later, nil
		}
	}
	return nil, of.err
}

// leftoversApart lists what belongs to persons one by one, after a read for several of them was refused.
func (r *runner) leftoversApart(ctx context.Context, subject *compile.Subject, works []*work, plain bool, tried map[environment.Ref]bool) (leftover, error) {
	all := leftover{make(map[*work]*work), make(map[*work]bool), make(map[uuid.UUID]dataverse.Row)}
	for _, w := range works {
		one, err := r.leftovers(ctx, subject, []*work{w}, plain, tried)
		switch {
		case err == nil:
			maps.Copy(all.fresh, one.fresh)
			maps.Copy(all.waits, one.waits)
			maps.Copy(all.rows, one.rows)
		case refused(err):
			w.Err = err
		default:
			return leftover{}, err
		}
	}
	return all, nil
}
