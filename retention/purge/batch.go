package purge

import (
	"context"
	"time"

	"github.com/gallra/gallra/dataverse"
)

// batch sends parts and tells what became of each. A cancelled run sends nothing new.
func (r *runner) batch(ctx context.Context, parts []dataverse.Part) []error {
	return r.batchBy(ctx, parts, time.Time{})
}

// batchBy sends nothing after a time that is not zero.
func (r *runner) batchBy(ctx context.Context, parts []dataverse.Part, by time.Time) []error {
	errs := make([]error, len(parts))
	if err := ctx.Err(); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	writing := r.writing
	if !by.IsZero() {
		writing = dataverse.SendBy(writing, by)
	}
	results, err := r.Client.Batch(writing, parts)
	for i := range errs {
		switch {
		case err != nil: // nothing of the batch was carried out
			errs[i] = err
		case i >= len(results):
			errs[i] = &dataverse.Uncertain{Op: "batch", Err: dataverse.ErrAnswer}
		default:
			errs[i] = results[i].Err
		}
	}
	return errs
}
