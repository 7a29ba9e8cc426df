package purge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge/environment"
)

// ownRow is the one row that gallra has of its own in an environment: a note that belongs to nothing. Its stamp witnesses the
// day, independently of the answers' Date header.
var ownRow = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/gallra/gallra/checkpoint"))

const (
	// witnessSlack is how far the two witnesses of the day may be apart.
	witnessSlack = 24 * time.Hour
	// witnessLasts is for how long one testimony counts, by the Date header itself: one that jumps ahead is asked about.
	witnessLasts = time.Hour
)

const clockRemedy = "see what stands between here and the service: the day is taken from the Date header of its answers"

// witness is when the day was confirmed last, by the Date header.
type witness struct {
	turn environment.Turn
	at   time.Time
}

func newWitness() *witness { return &witness{turn: environment.NewTurn()} }

// confirm stops the run where the stamp of a row that the service has just written is of another day than the Date header of
// its answers. A recent confirmation counts.
func (w *witness) confirm(ctx context.Context, d *Deps) error {
	end, err := w.turn.Take(ctx)
	if err != nil {
		return err
	}
	defer end()
	if age := d.Client.Now().Sub(w.at); !w.at.IsZero() && age < witnessLasts && age > -witnessLasts {
		return nil
	}
	stop, err := contradicted(ctx, d)
	switch {
	case err != nil:
		return err
	case stop != nil:
		return stop
	}
	w.at = d.Client.Now()
	return nil
}

// contradicted asks a second witness of the day: the stamp of the own row, or this machine's clock for a user who may not
// write one.
func contradicted(ctx context.Context, d *Deps) (*StopError, error) {
	witness, whose := time.Time{}, "a row that it has just written"
	stamp, err := stampOwnRow(ctx, d)
	switch {
	case errors.Is(err, dataverse.ErrForbidden):
		witness, whose = time.Now(), "this machine's clock, as the user may not write notes"
	case err != nil:
		return nil, fmt.Errorf("ask a second witness of the day: %w", err)
	default:
		witness = stamp
	}
	told := d.Client.Now()
	if apart := told.Sub(witness); apart <= witnessSlack && apart >= -witnessSlack && !told.IsZero() {
		return nil, nil
	}
	return &StopError{Rails: []plan.GuardRail{{Rail: Clock, Remedy: clockRemedy,
		Sentence: fmt.Sprintf("the Date header of the service's answers says %s, and %s says %s: nobody is purged",
			told.UTC().Format(time.DateTime), whose, witness.UTC().Format(time.DateTime))}}}, nil
}

// stampOwnRow has the service write the own row, and answers when it says it did.
func stampOwnRow(ctx context.Context, d *Deps) (time.Time, error) {
	notes, err := d.Client.Table(ctx, "annotation")
	if err != nil {
		return time.Time{}, err
	}
	var row dataverse.Row
	err = d.Client.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: environment.RowPath(notes.EntitySet, ownRow) + "?$select=modifiedon",
		Body:   map[string]any{"subject": "gallra, run " + d.Run.ID},
		Header: http.Header{"Prefer": {"return=representation"}}, Repeatable: true}, &row)
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, row.Text("modifiedon"))
	if err != nil {
		return time.Time{}, dataverse.ErrAnswer
	}
	return at, nil
}
