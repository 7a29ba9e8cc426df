package ledger

import (
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/retention"
	"github.com/gallra/gallra/retention/policy"
)

// Kind says what an entry tells.
type Kind string

// The kinds of entries.
const (
	Start    Kind = "start"    // a run began
	End      Kind = "end"      // a run ended, in whatever state; a file without it is a run that was cut
	Repaired Kind = "repaired" // the unfinished last line that a cut run left in file File was taken off

	Ground Kind = "ground" // how many rows a ground matched in this run
	// Environment says what has changed in the environment since the entry of this kind before: of what the rules depend on.
	Environment Kind = "environment"

	// Compared says that everything was read in full beside what nights keep, with what stands for the plan of either in Facts. The
	// status is failed where they are not the same.
	Compared Kind = "compared"

	// Scheduled, Moved and Cleared stand before the write that they announce. They count only once a Written entry
	// covers them; Void takes one back whose write did not happen.
	Scheduled Kind = "scheduled"
	Moved     Kind = "moved"
	Cleared   Kind = "cleared"
	Written   Kind = "written" // the announcements from First to Last that are not void stand on their rows
	Void      Kind = "void"    // the announcement for this person was not written

	// Telling says that an owner (Actor) is about to be told of a person and their date; Told that the entries from First to
	// Last were told, or with the status failed that they were not.
	Telling Kind = "telling"
	Told    Kind = "told"

	Seen Kind = "seen" // a purge date without a trace was found; the notice begins with NoticedOn
	Held Kind = "held" // a legal hold was seen, or set
	// Released says that a legal hold is gone. Like Scheduled it announces the dates of the notice that begins again.
	Released Kind = "released"

	// Ahead says that related rows of a person are about to go in a change set of their own, because there are too many for
	// one; the person is whole, and follows.
	Ahead  Kind = "ahead"
	Gained Kind = "gained" // persons for whom a ground holds that goes on after it is lost
	// Changed says on which day (Today) rows have changed that the ground counts from, or lost their persons, by the audit history; and
	// without rows up to which day that was read. The column stands behind the ground's id.
	Changed  Kind = "changed"
	Lost     Kind = "lost"     // persons for whom such a ground holds no more
	Staging  Kind = "staging"  // a person is about to be archived or reduced
	Staged   Kind = "staged"   // what became of it
	Restored Kind = "restored" // a ground has returned for somebody who was archived
	// Asking says that the task by which a person is asked before their purge is about to be written, WasAsked what became of it, and
	// Unasked that it was taken back.
	Asking   Kind = "asking"
	WasAsked Kind = "asked"
	Unasked  Kind = "unasked"
	Intent   Kind = "intent"  // a person is about to be purged
	Outcome  Kind = "outcome" // what became of the intent
	Swept    Kind = "swept"   // audit history of a purged person's rows was deleted; Deleted says how many entries
	// Retained says that rows of a purged person in long-term retention are about to be deleted, and with a status what
	// became of it.
	Retained Kind = "retained"
	// Ending says that a row whose own period is over is about to be deleted or emptied by the rule Ground, and Ended what became
	// of it.
	Ending  Kind = "ending"
	Ended   Kind = "ended"
	Stopped Kind = "stopped" // a guard rail stopped the run
	Bypass  Kind = "bypass"  // a guard rail was bypassed, by a flag and a line of the policy

	// Approved says that Actor has approved Policy on the day Today. With Rows it approves as well that these persons go by the
	// purge date PurgeOn.
	Approved Kind = "approved"
	// Adopted says that Policy is in force from now on, by the approval of Actor. Guard is what the policy asks for, four-eyes
	// or list; then its successor has to be approved as well.
	Adopted Kind = "adopted"
)

// Status is how a run or a purge ended.
type Status string

// The statuses of End and Outcome.
const (
	Done        Status = "done"
	Failed      Status = "failed"
	Skipped     Status = "skipped" // of an outcome: left alone, judged afresh in the next run
	Halted      Status = "stopped" // of a run: by a guard rail
	Partial     Status = "partial" // of a run: done, but some persons failed
	Interrupted Status = "interrupted"
)

// NotBegun is the code of an outcome that says that a cut run wrote an intent and nothing else.
const NotBegun = "not-begun"

// WrittenSince is the code of an outcome that says that the person was anonymised, and that somebody has written to the row
// before it was deleted: it stays, and is judged as a new one.
const WrittenSince = "written-since"

// Entry is what one line of the ledger tells. Which fields a kind has stands at the fields; the others are empty.
type Entry struct {
	Kind Kind `json:"kind"`

	// Start; Policy, Actor and Today also of Approved and Adopted, Today of Gained, Lost, Changed and Asking.
	Run          string         `json:"run,omitempty"`
	Verb         string         `json:"verb,omitempty"`
	Policy       string         `json:"policy,omitempty"`
	Organization uuid.UUID      `json:"organization,omitzero"`
	Actor        uuid.UUID      `json:"actor,omitzero"` // of Telling: the user who is told
	Today        retention.Date `json:"today,omitzero"`
	Version      string         `json:"version,omitempty"`

	// Everything about one person: table and id. Ground: the subject table. Ending, Ended: the row.
	Table string    `json:"table,omitempty"`
	ID    uuid.UUID `json:"id,omitzero"`

	// Scheduled, Moved, Cleared, Seen, Released; PurgeOn also Telling, Asking and Approved. Staging: Ground is the stage, PurgeOn the day that stages
	// count from, Rows the row's owner before. Ground also of Ending and Ended: the rule.
	PurgeOn   retention.Date `json:"purgeOn,omitzero"`
	NoticedOn retention.Date `json:"noticedOn,omitzero"`
	Ground    string         `json:"ground,omitempty"`

	// Intent: what is done with the person's row, and every row that is touched, by table. Ahead, Retained: the rows. Asking,
	// WasAsked, Unasked: the task. Approved, Gained, Lost: the persons.
	Do policy.Disposition `json:"do,omitempty"`
	// Intent, Ahead: the class by whose rules the person goes. Their row tells it no more once it is anonymous.
	Class string                 `json:"class,omitempty"`
	Rows  map[string][]uuid.UUID `json:"rows,omitempty"`
	// Intent, Ahead: rows that belong to the person and stay by a rule, by table. What is written to them can take away the
	// very thing by which the rule found them, and they are listed again afterwards. Staging: rows that stay and that, once it is
	// done, lead to the person no more.
	Stays map[string][]uuid.UUID `json:"stays,omitempty"`
	// Intent, Ahead: what the rules have decided of rows that are still to be handled, by what is done and table ("delete
	// email", "anonymize quote 4" with the rule's place). It holds for as long as the policy is the same: once the person is
	// anonymous, a rule that reads their columns cannot be asked again.
	Decided map[string][]uuid.UUID `json:"decided,omitempty"`
	// Ground (rows), Intent and Ahead (by what is done: "delete email"), Stopped, End.
	Counts map[string]int `json:"counts,omitempty"`

	// Outcome, Retained, End, Told, Compared.
	Status Status `json:"status,omitempty"`
	Code   string `json:"code,omitempty"` // Dataverse's code, or a word of ours

	// Environment: by name; an empty value says that there is no such thing any more. Compared: "plan kept" and "plan full".
	Facts map[string]string `json:"facts,omitempty"`

	Deleted int    `json:"deleted,omitempty"` // Swept
	Guard   string `json:"guard,omitempty"`   // Stopped, Bypass, Adopted

	First uint64 `json:"first,omitempty"` // Written, Told
	Last  uint64 `json:"last,omitempty"`

	File  int   `json:"file,omitempty"`  // Repaired
	Bytes int64 `json:"bytes,omitempty"` // Repaired
}

// Record is an entry where it stands.
type Record struct {
	Seq  uint64    `json:"seq"`
	Prev string    `json:"prev"`
	At   time.Time `json:"at"`
	Entry
}

// What the text fields may hold. None of it has room for a sentence, and none takes an at sign or a blank in a name, so
// that a name or an address cannot come in by mistake.
var (
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,127}$`)           // logical names
	wordForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)         // verbs, guards, runs
	groundForm = regexp.MustCompile(`^[\p{L}0-9][\p{L}0-9._-]{0,99}$`)   // ids of grounds
	codeForm   = regexp.MustCompile(`^(0x[0-9a-f]{8}|[a-z0-9-]{1,64})$`) // Dataverse's codes and words of ours
	hashForm   = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	verForm    = regexp.MustCompile(`^[0-9A-Za-z.+()-]{1,64}$`)
	factForm   = regexp.MustCompile(`^[a-z]+ [a-z0-9_]+(\.[a-z0-9_-]+){0,2}$`) // "delete contact.annotation.objectid", "option quote.statecode.2"
	valueForm  = regexp.MustCompile(`^[A-Za-z0-9-]{0,64}$`)
	decideForm = regexp.MustCompile(`^(delete|anonymize|keep) [a-z][a-z0-9_]*( [0-9]{1,4})?$`)
	countForm  = regexp.MustCompile(`^[a-z][a-z0-9_]*( [a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?)?$`) // "rows", "delete email.party"
)

func (e *Entry) check() error {
	for i := range fields {
		if err := fields[i].check(e); err != nil {
			return err
		}
	}
	need, known := required[e.Kind]
	if !known {
		return fmt.Errorf("ledger: there is no entry of this kind")
	}
	if need.person && (e.Table == "" || e.ID == uuid.Nil) {
		return fmt.Errorf("ledger: %s entry: table and id are missing", e.Kind)
	}
	if need.status && e.Status == "" {
		return fmt.Errorf("ledger: %s entry: the status is missing", e.Kind)
	}
	return nil
}

// required lists every kind, and what it cannot do without.
var required = map[Kind]struct{ person, status bool }{
	Staging: {person: true}, Staged: {person: true, status: true}, Restored: {person: true},
	Approved: {}, Adopted: {}, Gained: {}, Lost: {}, Changed: {},
	Start: {}, End: {status: true}, Repaired: {}, Ground: {}, Environment: {}, Written: {}, Stopped: {}, Bypass: {},
	Scheduled: {person: true}, Moved: {person: true}, Cleared: {person: true}, Void: {person: true}, Seen: {person: true},
	Ahead: {person: true}, Held: {person: true}, Released: {person: true}, Telling: {person: true}, Told: {status: true}, Intent: {person: true}, Outcome: {person: true, status: true}, Swept: {person: true}, Retained: {person: true},
	Asking: {person: true}, WasAsked: {person: true, status: true}, Unasked: {person: true},
	Ending: {person: true}, Ended: {person: true, status: true}, Compared: {status: true},
}
