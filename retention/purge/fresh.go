package purge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/dataverse/provision"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
)

// The guard rails for the ledger itself: dates that stand in it prove a notice only while it is the newest one.
const (
	LedgerBehind   policy.Rail = "ledger-behind"   // the environment knows of entries that the ledger does not hold
	LedgerUnproven policy.Rail = "ledger-unproven" // nothing in the environment says how far the ledger went
)

// Fresh holds the ledger against the checkpoint that runs leave in the environment, in gallra's own note: it travels with the
// environment, so that after a restore it is older than the ledger, which is fine. Behind is the guard rail of a ledger that
// lacks what the checkpoint names; unproven that of a ledger with runs of which the environment knows nothing. Both are nil
// for a ledger that no run has written to: it proves nothing, and gives everybody the whole notice.
func Fresh(ctx context.Context, client dataverse.Reader, l *ledger.Ledger, organization uuid.UUID, earlier int) (behind, unproven *plan.GuardRail, err error) {
	_, behind, unproven, err = held(ctx, client, l, organization, earlier)
	return behind, unproven, err
}

// held is Fresh, with the checkpoint that stands in the environment; nil for none.
func held(ctx context.Context, client dataverse.Reader, l *ledger.Ledger, organization uuid.UUID, earlier int) (at *ledger.Checkpoint, behind, unproven *plan.GuardRail, err error) {
	if earlier == 0 {
		return nil, nil, nil, nil
	}
	at, err = left(ctx, client, organization)
	switch {
	case noPlace(err):
		return nil, nil, new(plan.NewRail(LedgerUnproven, "ledger-unread")), nil
	case err != nil:
		return nil, nil, nil, err
	case at == nil: // none; or, in a copy, that of where it was copied from
		return nil, nil, new(plan.NewRail(LedgerUnproven, "ledger-unproven")), nil
	}
	holds, err := l.Holds(ctx, *at)
	if err != nil || holds {
		return at, nil, nil, err
	}
	return at, new(plan.NewRail(LedgerBehind, "ledger-behind", int(at.Seq), at.At.Format("2006-01-02 15:04 UTC"))), nil, nil
}

// left is the checkpoint that stands in the environment, nil where there is none of this organisation. A gallra before this
// one left it in a row of annotation.
func left(ctx context.Context, client dataverse.Reader, organization uuid.UUID) (*ledger.Checkpoint, error) {
	note, err := provision.ReadNote(ctx, client)
	if err != nil {
		return nil, err
	}
	line := note.Ledger
	if line == "" {
		if line, err = formerLine(ctx, client); err != nil {
			return nil, err
		}
	}
	known, err := ledger.ReadCheckpoints(strings.NewReader(line))
	if err != nil || known[0].Organization != organization {
		return nil, nil
	}
	return &known[0], nil
}

// formerLine is what a gallra before this one left in a row of annotation.
func formerLine(ctx context.Context, client dataverse.Reader) (string, error) {
	row, err := client.Get(ctx, "annotation", provision.FormerNote, dataverse.Query{Select: []string{"annotationid", "notetext"}})
	switch {
	case errors.Is(err, dataverse.ErrNotFound), errors.Is(err, dataverse.ErrForbidden), errors.Is(err, dataverse.ErrNoTable):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read how far the ledger went: %w", err)
	}
	return row.Text("notetext"), nil
}

// fresh stops the run whose ledger is behind, before it writes anything to the environment, and then leaves there how far the
// ledger goes.
func (r *runner) fresh(ctx context.Context, earlier int) error {
	at, behind, unproven, err := held(ctx, r.Client, r.Ledger, r.Policy.Organization, earlier)
	switch {
	case err != nil:
		return err
	case behind != nil:
		return r.stop(*behind)
	}
	r.unproven = unproven
	if at != nil {
		r.found = at.Seq
	}
	r.left = r.Ledger.Seq()
	err = leaveCheckpoint(ctx, &r.Deps)
	if noPlace(err) {
		r.unproven = new(plan.NewRail(LedgerUnproven, "ledger-unwritten"))
		r.left = 0
		return nil
	}
	return err
}

// Left is how far the ledger goes by what stands in the environment; zero where nothing does.
func Left(ctx context.Context, client dataverse.Reader, organization uuid.UUID) (uint64, error) {
	at, err := left(ctx, client, organization)
	if noPlace(err) || err == nil && at == nil {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return at.Seq, nil
}

// leaveCheckpoint writes into the environment how far the ledger goes: never ahead of what is durable in it. What a gallra
// before this one left goes as soon as its successor stands.
func leaveCheckpoint(ctx context.Context, d *Deps) error {
	at := d.Ledger.Checkpoint(d.Client.Now())
	at.Organization = d.Policy.Organization
	line, err := at.Line(nil)
	if err != nil {
		return err
	}
	first := false
	_, err = writeNote(ctx, d, func(n *provision.Note) {
		first = first || n.Ledger == ""
		n.Ledger = strings.TrimSpace(string(line))
	})
	if err != nil {
		return fmt.Errorf("leave in the environment how far the ledger goes: %w", err)
	}
	if !first {
		return nil
	}
	if line, err := formerLine(ctx, d.Client); line == "" || err != nil {
		return err
	}
	err = d.Client.Do(ctx, dataverse.Operation{Method: http.MethodDelete, Path: "annotations(" + provision.FormerNote.String() + ")", Repeatable: true}, nil)
	if errors.Is(err, dataverse.ErrForbidden) || errors.Is(err, dataverse.ErrNotFound) { // provision takes it away
		return nil
	}
	return err
}

// refreshable tells whether a verb beside the runs may leave a checkpoint: where the one that stands is of this ledger, or where
// nothing stands and the ledger has just begun. Whatever proves too little for a run is left for the run to find.
func refreshable(ctx context.Context, d *Deps, earlier int) (bool, error) {
	at, err := left(ctx, d.Client, d.Policy.Organization)
	switch {
	case noPlace(err):
		return false, nil
	case err != nil:
		return false, err
	case at == nil:
		return earlier == 0, nil
	}
	return d.Ledger.Holds(ctx, *at)
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
	return leaveCheckpoint(ctx, &r.Deps)
}
