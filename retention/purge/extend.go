package purge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Why an extension by hand is not written.
var (
	ErrExtensionPast   = errors.New("the extension has to last beyond today")
	ErrExtensionTooFar = errors.New("the extension lies further ahead than the policy allows")
	ErrNoReason        = errors.New("the extension has no reason: without one it would not count")
)

// Extend writes an extension by hand onto a person's row, as the staff do it in the CRM: a date and a reason. The reason
// never gets into the ledger. Nothing else changes: what the extension does to the purge date is the next run's to say.
func Extend(ctx context.Context, d Deps, who evaluate.PersonRef, until retention.Date, reason string) error {
	reason = strings.Join(strings.Fields(reason), " ")
	switch {
	case reason == "":
		return ErrNoReason
	case until <= d.Today:
		return ErrExtensionPast
	case until > d.Today.Add(d.Policy.Policy.ManualExtension):
		return ErrExtensionTooFar
	}
	subject, err := holdable(d, who)
	if err != nil {
		return err
	}
	if r := []rune(reason); len(r) > policy.MaxReason {
		reason = string(r[:policy.MaxReason-1]) + "…"
	}
	if err := ConfirmDay(ctx, d); err != nil { // how far an extension may reach is counted from it
		return err
	}
	body := map[string]any{subject.Own.RetainUntil: until.String(), subject.Own.RetainReason: reason}
	for try := 1; ; try++ {
		row, err := heldRow(ctx, d, subject, who)
		if err != nil {
			return err
		}
		if err := halfExtension(subject, row); err != nil {
			return err
		}
		err = d.Client.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: environment.RowPath(subject.EntitySet, who.ID), Body: body, IfMatch: row.ETag()}, nil)
		if err == nil {
			return nil
		}
		if !again(err) || try == maxTries {
			return fmt.Errorf("write the extension: %w", err)
		}
	}
}
