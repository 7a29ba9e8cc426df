package purge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/internal/words"
	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/evaluate"
	"github.com/gallra/gallra/retention/ledger"
	"github.com/gallra/gallra/retention/plan"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Why a legal hold is not set or released.
var (
	ErrAnonymized = errors.New("the row is anonymised: there is no person in it to hold")
	ErrNotHeld    = errors.New("no legal hold stands on the row")
)

// maxTries is how often a hold is tried on a row that changes between the look and the write.
const maxTries = 5

// HoldResult is what became of a hold or a release.
type HoldResult struct {
	// Before tells that a hold stood on the row already.
	Before bool
	// Ledgered is false for a hold that was set while a run was writing to the ledger, who is in Holder: the next run sees
	// the hold and writes it down.
	Ledgered bool
	Holder   ledger.Holder
	// PurgeOn is the purge date after a release, zero if the person has none.
	PurgeOn retention.Date

	announced bool
	seq       uint64 // of the announcement
}

// Hold sets the legal hold of a person and writes the reason onto the row. It does not wait for a run that is under way:
// what cannot wait is the flag on the row, which every purge asks for and which its version guards.
//
// The row is written before the ledger: a ledger that says held of somebody who is not would be false evidence, and a
// hold that the ledger does not know yet is one that the next run finds, as it finds those that are set by hand.
func Hold(ctx context.Context, d Deps, who evaluate.PersonRef, reason string) (*HoldResult, error) {
	subject, err := holdable(d, who)
	if err != nil {
		return nil, err
	}
	res := &HoldResult{}
	for try := 1; ; try++ {
		row, err := heldRow(ctx, d, subject, who)
		if err != nil {
			return nil, err
		}
		if err := foreignOn(ctx, d, subject, who.ID, "purgeReason"); err != nil {
			return nil, err
		}
		res.Before = row.Bool(subject.Own.LegalHold)
		body := map[string]any{subject.Own.LegalHold: true, subject.Own.PurgeReason: rowReason(plan.Reasons(d.Policy.Policy).T("hold"), reason, "")}
		err = d.Client.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: environment.RowPath(subject.EntitySet, who.ID), Body: body, IfMatch: row.ETag()}, nil)
		if err == nil {
			break
		}
		if !again(err) || try == maxTries {
			return nil, fmt.Errorf("set the legal hold: %w", err)
		}
	}
	err = ConfirmDay(ctx, d) // a ledger that holds a wrong day would stop the runs
	if err != nil {
		return res, fmt.Errorf("the legal hold stands on the row, and the ledger does not say so yet: %w", err)
	}
	err = record(ctx, d, false, func() (ledger.Status, error) {
		return done(d.Ledger.Append(ledger.Entry{Kind: ledger.Held, Table: who.Table, ID: who.ID}))
	})
	var locked *ledger.LockedError
	switch {
	case errors.As(err, &locked):
		res.Holder = locked.Holder
	case err != nil:
		return res, fmt.Errorf("the legal hold stands on the row, and the ledger does not say so yet: %w", err)
	default:
		res.Ledgered = true
	}
	return res, nil
}

// Release takes a legal hold off a person. The whole notice begins on that day: the dates on the row and in the ledger say
// so, and are announced in the ledger before they are written, as a run does it. While a run is under way it is refused
// with a [*ledger.LockedError].
func Release(ctx context.Context, d Deps, who evaluate.PersonRef, reason string) (*HoldResult, error) {
	subject, err := holdable(d, who)
	if err != nil {
		return nil, err
	}
	res := &HoldResult{Before: true, Ledgered: true}
	if row, err := heldRow(ctx, d, subject, who); err != nil {
		return nil, err
	} else if !row.Bool(subject.Own.LegalHold) {
		return nil, ErrNotHeld
	}
	if err := foreignOn(ctx, d, subject, who.ID, "purgeReason", "purgeScheduledOn", "purgeNoticedOn"); err != nil {
		return nil, err
	}
	if err := ConfirmDay(ctx, d); err != nil {
		return nil, err
	}
	err = Record(ctx, d, func() (ledger.Status, error) {
		for try := 1; ; try++ {
			released, err := release(ctx, d, subject, who, reason, res)
			if released || err != nil {
				return done(err)
			}
			if try == maxTries {
				return done(fmt.Errorf("release the legal hold: %w", dataverse.ErrChanged))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// release tries once; it is not done when the row changed meanwhile, or when nobody knows.
func release(ctx context.Context, d Deps, subject *compile.Subject, who evaluate.PersonRef, reason string, res *HoldResult) (released bool, err error) {
	x, err := plan.Explain(ctx, d.Client, d.Policy, who.Table, who.ID, evaluate.EvaluateOptions{Today: d.Today, Traces: d.Ledger.Trace, Held: d.Ledger.Held, Changes: d.Ledger.Changes, Stages: d.Ledger.Stage})
	if err != nil {
		return false, err
	}
	if !x.Person.LegalHold { // by somebody else, or by the try before, whose answer was lost: the ledger still has to learn of it
		if x.Person.PurgeOn != res.PurgeOn || !res.announced {
			return false, ErrNotHeld
		}
		return true, d.Ledger.Append(ledger.Entry{Kind: ledger.Written, First: res.seq, Last: res.seq})
	}
	person := x.Person.Person
	person.LegalHold, person.Trace.Held = false, true // whether or not the ledger has seen the hold
	person.Unreadable = false                         // which the next run tells; the notice begins again all the same
	planned := x.Decision
	planned.Decision = retention.Decide(person, d.Policy.RulesFor(who.Table, x.Person.Class), d.Today)
	why := ""
	if !planned.PurgeOn.IsZero() {
		why = planned.Reason()
	}
	own := subject.Own
	body := map[string]any{own.LegalHold: false, own.PurgeReason: rowReason(plan.Reasons(d.Policy.Policy).T("hold.released"), reason, why),
		own.PurgeScheduledOn: dateValue(planned.PurgeOn), own.PurgeNoticedOn: dateValue(planned.NoticedOn)}
	entry := ledger.Entry{Kind: ledger.Released, Table: who.Table, ID: who.ID, PurgeOn: planned.AnnouncedOn(), NoticedOn: planned.NoticedOn, Ground: planned.GroundID()}
	if err := d.Ledger.Append(entry); err != nil {
		return false, err
	}
	res.PurgeOn, res.seq, res.announced = planned.PurgeOn, d.Ledger.Seq(), true
	err = d.Client.Do(ctx, dataverse.Operation{Method: http.MethodPatch, Path: environment.RowPath(subject.EntitySet, who.ID), Body: body, IfMatch: x.Person.ETag}, nil)
	switch {
	case err == nil:
		return true, d.Ledger.Append(ledger.Entry{Kind: ledger.Written, First: res.seq, Last: res.seq})
	case again(err):
		return false, nil // the next announcement takes the place of this one
	}
	return false, errors.Join(fmt.Errorf("release the legal hold: %w", err), d.Ledger.Append(ledger.Entry{Kind: ledger.Void, Table: who.Table, ID: who.ID}))
}

// again tells whether a write is worth another try after another look: the row changed, or nobody knows what happened.
func again(err error) bool {
	var unsure *dataverse.Uncertain
	return errors.Is(err, dataverse.ErrChanged) || errors.As(err, &unsure)
}

// holdable is the subject table of a person, if it has the columns of a hold.
func holdable(d Deps, who evaluate.PersonRef) (*compile.Subject, error) {
	s := d.Policy.Subject(who.Table)
	if s == nil {
		return nil, fmt.Errorf("the policy has no subject %s", who.Table)
	}
	if len(s.Unprovisioned) > 0 {
		return nil, fmt.Errorf("%w: %s lacks %s", ErrUnprovisioned, s.Table, strings.Join(s.Unprovisioned, ", "))
	}
	return s, nil
}

// heldRow reads what a hold needs to know of a person's row. A person who is not there is an error that wraps
// [dataverse.ErrNotFound].
func heldRow(ctx context.Context, d Deps, s *compile.Subject, who evaluate.PersonRef) (dataverse.Row, error) {
	row, err := d.Client.Get(ctx, s.Table, who.ID, dataverse.Query{Select: append([]string{s.PrimaryID, s.Own.LegalHold, s.Own.AnonymizedOn, s.Own.RetainUntil, s.Own.RetainReason}, s.Bearing...)})
	if err != nil {
		return nil, fmt.Errorf("read the person: %w", err)
	}
	if !row.Null(s.Own.AnonymizedOn) && !s.Bears(row) {
		return nil, ErrAnonymized
	}
	return row, nil
}

// heldInAny tells whether that is what a hold writes onto a row, in whatever language the policy then had.
func heldInAny(text string) bool {
	return slices.ContainsFunc(words.All(), func(lang string) bool { return strings.HasPrefix(text, words.In("reason", lang).T("hold")+": ") })
}

// rowReason is what the column with the purge's reason says about a hold.
func rowReason(what, reason, more string) string {
	text := what + ": " + strings.Join(strings.Fields(reason), " ")
	if more != "" {
		text += ". " + more
	}
	if r := []rune(text); len(r) > policy.MaxReason {
		text = string(r[:policy.MaxReason-1]) + "…"
	}
	return text
}

// Record writes to the ledger as a run of its own that does one thing, and refreshes the checkpoint in the environment. A ledger
// that lacks what the environment knows of is not written to.
func Record(ctx context.Context, d Deps, do func() (ledger.Status, error)) error {
	return record(ctx, d, true, do)
}

// record is Record. What protects a person insists on no newest ledger: a run finds it on the row, as it finds what was set by
// hand.
func record(ctx context.Context, d Deps, newest bool, do func() (ledger.Status, error)) error {
	earlier := len(d.Ledger.Runs())
	if err := d.Ledger.Begin(ctx, d.about()); err != nil {
		return err
	}
	earlier = max(earlier, len(d.Ledger.Runs())-1)
	refresh, err := refreshable(ctx, &d, earlier)
	status := ledger.Failed
	if newest && err == nil {
		var behind *plan.GuardRail
		if behind, _, err = Fresh(ctx, d.Client, d.Ledger, d.Policy.Organization, earlier); behind != nil {
			status, err = ledger.Halted, &StopError{Rails: []plan.GuardRail{*behind}}
		}
	}
	if err == nil || !newest {
		status, err = do()
	}
	if err := errors.Join(err, d.Ledger.End(status, nil)); err != nil || !refresh {
		return err
	}
	if err := leaveCheckpoint(ctx, &d); err != nil && d.Log != nil { // that of before holds as well
		d.Log.Warn("how far the ledger goes was not left in the environment", "code", environment.Code(err))
	}
	return nil
}

// done is the status of a thing that was done or failed.
func done(err error) (ledger.Status, error) {
	if err != nil {
		return ledger.Failed, err
	}
	return ledger.Done, nil
}

// Why an extension by hand is not written.
var (
	ErrExtensionPast   = errors.New("the extension has to last beyond today")
	ErrExtensionTooFar = errors.New("the extension lies further ahead than the policy allows")
	ErrNoReason        = errors.New("the extension has no reason: without one it would not count")
	ErrNotExtended     = errors.New("no extension by hand stands on the row")
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
	return extension(ctx, d, subject, who, until.String(), reason)
}

// TakeBack takes an extension by hand off a person's row, its date and its reason, as the staff do it in the CRM. What that does to
// the purge date is the next run's to say: nobody goes without the notice.
func TakeBack(ctx context.Context, d Deps, who evaluate.PersonRef) error {
	subject, err := holdable(d, who)
	if err != nil {
		return err
	}
	return extension(ctx, d, subject, who, nil, nil)
}

// extension writes an extension by hand, or none.
func extension(ctx context.Context, d Deps, subject *compile.Subject, who evaluate.PersonRef, until, reason any) error {
	body := map[string]any{subject.Own.RetainUntil: until, subject.Own.RetainReason: reason}
	for try := 1; ; try++ {
		row, err := heldRow(ctx, d, subject, who)
		if err != nil {
			return err
		}
		if err := halfExtension(subject, row); err != nil {
			return err
		}
		if until == nil && row.Null(subject.Own.RetainUntil) && row.Null(subject.Own.RetainReason) {
			return ErrNotExtended
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
