package purge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/purge/environment"
)

const (
	// witnessSlack is how far the two witnesses of the day may be apart.
	witnessSlack = 24 * time.Hour
	// witnessLasts is for how long one testimony counts, by the Date header itself: one that jumps ahead is asked about.
	witnessLasts = time.Hour
)

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

// ConfirmDay stops whoever would act on a day that cannot be relied on, by the two witnesses of a run.
func ConfirmDay(ctx context.Context, d Deps) error {
	if stop := clock(&d); stop != nil {
		return stop
	}
	return newWitness().confirm(ctx, &d)
}

// contradicted asks a second witness of the day: the stamp of gallra's own note, or this machine's clock where it may not be
// written.
func contradicted(ctx context.Context, d *Deps) (*StopError, error) {
	witness, whose := time.Time{}, "witness.row"
	stamp, err := writeNote(ctx, d, nil)
	switch {
	case noPlace(err):
		witness, whose = time.Now(), "witness.machine"
	case err != nil:
		return nil, fmt.Errorf("ask a second witness of the day: %w", err)
	default:
		witness = stamp
	}
	told := d.Client.Now()
	if apart := told.Sub(witness); apart <= witnessSlack && apart >= -witnessSlack && !told.IsZero() {
		return nil, nil
	}
	return &StopError{Rails: []plan.GuardRail{{Rail: Clock, Remedy: words.Say("rail.clock.do"),
		Sentence: words.Say("rail.clock", told.UTC().Format(time.DateTime), words.Say(whose), witness.UTC().Format(time.DateTime))}}}, nil
}

// noteTries is how often the note is tried while somebody else's customisation locks solutions.
const noteTries = 6

// writeNote writes gallra's own note into the environment, as change makes it of what stands there, and answers when the
// service says it did.
func writeNote(ctx context.Context, d *Deps, change func(*provision.Note)) (time.Time, error) {
	for try := 1; ; try++ {
		note, err := provision.ReadNote(ctx, d.Client)
		if err != nil {
			return time.Time{}, err
		}
		if change != nil {
			change(note)
		}
		at, err := note.Write(ctx, d.Client, d.Run.ID)
		if !errors.Is(err, dataverse.ErrCustomizing) || try == noteTries {
			return at, err
		}
		if !dataverse.Sleep(ctx, dataverse.Exponential(cmp.Or(d.Poll, time.Second), try)) {
			return at, ctx.Err()
		}
	}
}

// noPlace tells that the note can be neither read nor written here: the environment was provisioned by an older gallra, or not
// at all.
func noPlace(err error) bool {
	return errors.Is(err, dataverse.ErrForbidden) || errors.Is(err, provision.ErrNoSolution)
}
