package purge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// The guard rails for the ledger itself: dates that stand in it prove a notice only while it is the newest one.
const (
	LedgerBehind   policy.Rail = "ledger-behind"   // the environment knows of entries that the ledger does not hold
	LedgerUnproven policy.Rail = "ledger-unproven" // nothing in the environment says how far the ledger went
)

// Fresh holds the ledger against the checkpoint that runs leave in the environment, in gallra's own row: it travels with the
// environment, so that after a restore it is older than the ledger, which is fine. Behind is the guard rail of a ledger that
// lacks what the checkpoint names; unproven that of a ledger with runs of which the environment knows nothing. Both are nil
// for a ledger that no run has written to: it proves nothing, and gives everybody the whole notice.
func Fresh(ctx context.Context, client dataverse.Reader, l *ledger.Ledger, organization uuid.UUID, earlier int) (behind, unproven *plan.GuardRail, err error) {
	if earlier == 0 {
		return nil, nil, nil
	}
	row, err := client.Get(ctx, "annotation", ownRow, dataverse.Query{Select: []string{"annotationid", "notetext"}})
	switch {
	case errors.Is(err, dataverse.ErrForbidden):
		return nil, &plan.GuardRail{Rail: LedgerUnproven, Sentence: "the user may not read the note by which the environment says how far the ledger went: nobody is purged",
			Remedy: "give the role the right to create, read and write notes, as gallra provision does"}, nil
	case errors.Is(err, dataverse.ErrNotFound):
	case err != nil:
		return nil, nil, fmt.Errorf("read how far the ledger went: %w", err)
	}
	known, err := ledger.ReadCheckpoints(strings.NewReader(row.Text("notetext")))
	if err != nil || known[0].Organization != organization { // none; or, in a copy, that of where it was copied from
		return nil, &plan.GuardRail{Rail: LedgerUnproven, Sentence: "nothing in the environment says how far the ledger went: nobody is purged",
			Remedy: fmt.Sprintf("look whether this is the newest ledger (gallra ledger verify --checkpoint); this run writes into the note %s how far it went, and the next one goes on", ownRow)}, nil
	}
	at := known[0]
	holds, err := l.Holds(ctx, at)
	if err != nil || holds {
		return nil, nil, err
	}
	return &plan.GuardRail{Rail: LedgerBehind,
		Sentence: fmt.Sprintf("the environment knows of entry %d of the ledger, of %s, which this one does not hold: it is an old copy, was cut, or is another one: nobody is purged", at.Seq, at.At.Format("2 January 2006 15:04 UTC")),
		Remedy:   fmt.Sprintf("bring the newest ledger back (GALLRA_LEDGER). Where it is lost, begin a new one, which gives everybody the whole notice again; where another one was used by mistake, delete the note %s, and the run after the next goes on", ownRow)}, nil, nil
}

// fresh stops the run whose ledger is behind, before it writes anything to the environment, and then leaves there how far the
// ledger goes.
func (r *runner) fresh(ctx context.Context, earlier int) error {
	behind, unproven, err := Fresh(ctx, r.Client, r.Ledger, r.Policy.Organization, earlier)
	switch {
	case err != nil:
		return err
	case behind != nil:
		return r.stop(*behind)
	}
	r.unproven = unproven
	err = r.leaveCheckpoint(ctx)
	if errors.Is(err, dataverse.ErrForbidden) {
		r.unproven = &plan.GuardRail{Rail: LedgerUnproven, Sentence: "the user may not write the note by which the environment says how far the ledger went: nobody is purged",
			Remedy: "give the role the right to create, read and write notes, as gallra provision does"}
		return nil
	}
	return err
}

// leaveCheckpoint writes into the environment how far the ledger goes: never ahead of what is durable in it.
func (r *runner) leaveCheckpoint(ctx context.Context) error {
	at := r.Ledger.Checkpoint(r.Client.Now())
	at.Organization = r.Policy.Organization
	line, err := at.Line(nil)
	if err != nil {
		return err
	}
	notes, err := r.Client.Table(ctx, "annotation")
	if err != nil {
		return err
	}
	err = r.Client.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: environment.RowPath(notes.EntitySet, ownRow),
		Body: map[string]any{"subject": "gallra, run " + r.Run.ID, "notetext": strings.TrimSpace(string(line))}, Repeatable: true}, nil)
	if err != nil {
		return fmt.Errorf("leave in the environment how far the ledger goes: %w", err)
	}
	return nil
}

// proven stops a purge that rests on dates while nothing proves that the ledger is the newest one, and leaves in the
// environment how far it goes: the dates of this run are in it.
func (r *runner) proven(ctx context.Context) error {
	if len(r.due) == 0 || len(r.asked) > 0 {
		return nil
	}
	if r.unproven != nil {
		return r.stop(*r.unproven)
	}
	return r.leaveCheckpoint(ctx)
}
