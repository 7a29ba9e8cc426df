package ledger

import (
	"context"
	"fmt"
)

// exported goes through all entries for an auditor: each with the run that it is of and its own hash. The chain is checked
// on the way.
func (l *Ledger) exported(ctx context.Context, each func(r Record, run, hash string) error) (entries int, err error) {
	run := ""
	var waiting *Record // its hash is what the next one names
	flush := func(hash string) error {
		if waiting == nil {
			return nil
		}
		entries++
		if err := each(*waiting, run, hash); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	}
	last := l.Head()
	for r, err := range l.Records(ctx) {
		if err != nil {
			return entries, err
		}
		if err := flush(r.Prev); err != nil {
			return entries, err
		}
		if r.Kind == Start {
			run = r.Run
		}
		waiting = &r
	}
	if waiting != nil && waiting.Seq != l.Seq() {
		return entries, fmt.Errorf("ledger: a run has written to it meanwhile")
	}
	return entries, flush(last)
}
