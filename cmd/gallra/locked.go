package main

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/gallra/gallra/retention/ledger"
)

// skipIfLocked lets a run end as done that found another one under way, if the settings say so. A job's platform can let
// two ticks overlap, and takes every exit code but 0 for a failure that it repeats.
func (a *app) skipIfLocked(err error) error {
	var locked *ledger.LockedError
	if !errors.As(err, &locked) || !a.settings.SkipIfLocked {
		return err
	}
	h := locked.Holder
	if h.Run == "" {
		a.log.Warn("skipped: another run is under way; the lock does not say which")
	} else {
		a.log.Warn("skipped: another run is under way", "run", h.Run, "actor", h.Actor, "since", h.Since.UTC().Format(time.RFC3339))
	}
	if a.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"kind": "skipped", "reason": "locked", "run": h.Run, "actor": h.Actor, "since": h.Since.UTC().Format(time.RFC3339)})
	}
	return nil
}
