package purge

import (
	"strings"

	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
	"github.com/gallra/gallra/retention/purge/search"
)

// StopError says that guard rails stopped the run before anybody was purged (or, for residue, before anybody else was).
// A run that it stops ends with exit code 3.
type StopError struct {
	Rails []plan.GuardRail
	Cause error // what the service answered, where that is what the guard rail stands for
}

// Unwrap is the answer of the service behind the stop, if one is.
func (e *StopError) Unwrap() error { return e.Cause }

// Residue is the guard rail of the canary: something was left of the first persons that were purged.
const Residue policy.Rail = "residue"

func (e *StopError) Error() string {
	var all []string
	for _, r := range e.Rails {
		all = append(all, r.Sentence.String())
	}
	return strings.Join(all, "; ")
}

// ExitCode is that of a guard rail.
func (e *StopError) ExitCode() int { return 3 }

// Remedy tells what it would take to go on, of all guard rails. It is no hint: a verb tells each guard rail with its own.
func (e *StopError) Remedy() string {
	var all []string
	for _, r := range e.Rails {
		all = append(all, r.Remedy.String())
	}
	return strings.Join(all, "; ")
}

func residueRail(found []search.Finding) plan.GuardRail {
	return plan.NewRail(Residue, "residue", len(found)).At(found[0].Table, "")
}

// unfinishedRail reports canary purges whose rows would not go: what refused them would refuse the others.
func unfinishedRail(found []Outcome, refused error) plan.GuardRail {
	why := found[0].Code
	if code := environment.Code(refused); refused != nil && code != why {
		why += ", " + code
	}
	return plan.NewRail(Residue, "unfinished", len(found), why).At(found[0].Table, "")
}

// Why a person is left alone. The words stand in the ledger and in the report.
const (
	errJustified  environment.Reason = "justified"         // the last look found a ground, an extension, or that the notice is not over
	errUnreadable environment.Reason = "date-unreadable"   // a date about the person cannot be read: nobody knows how long it keeps them
	errHeld       environment.Reason = "legal-hold"        // the last look found a legal hold
	errChanged    environment.Reason = "changed"           // somebody changed the row after the last look
	errUnapproved environment.Reason = "not-approved"      // nobody has approved that the person goes by this date
	errGone       environment.Reason = "gone"              // the row is not there any more
	errNotBegun   environment.Reason = ledger.NotBegun     // a cut run wrote the intent and nothing else
	errBound      environment.Reason = "bound"             // a kept row cannot be freed, and the policy says whenBound: fail
	errTooMany    environment.Reason = "too-many-rows"     // what belongs to the person does not fit one transaction
	errMaster     environment.Reason = "merged-first"      // a row that was merged into this one is not purged yet
	errSubject    environment.Reason = "other-subject"     // a row of another subject table would be deleted with it
	errAppeared   environment.Reason = "rows-appeared"     // rows that belong to the person came after the last look: the delete waits
	errRemains    environment.Reason = "columns-remain"    // columns could not be emptied
	errWritten    environment.Reason = ledger.WrittenSince // anonymised, and somebody has written to the row before it was deleted: it is judged as a new one
	errNoAnswer   environment.Reason = "no-answer"         // what became of a write could not be found out
	errJobOpen    environment.Reason = "job-open"          // anonymised, but a bulk delete job has not come to its end: the next run waits for it
	errLate       environment.Reason = "late"              // the service had the write wait again and again, until the look before it was too old
	errStalled    environment.Reason = "jobs-stalled"      // not begun: the service does not come to the end of the bulk delete jobs that this run began before
	errJobStopped environment.Reason = "job-stopped"       // anonymised, but a bulk delete job was canceled or failed: the next run begins another
	errNotDeleted environment.Reason = "not-deleted"       // anonymised, but the delete of the row was refused: the next run tries again
)
