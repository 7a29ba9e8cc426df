package retention

import "github.com/google/uuid"

// Action is what a run does about a person.
type Action string

// The actions, in the words of reports and of --json.
const (
	Keep     Action = "keep"     // a ground holds beyond the notice, and no purge date stands: nothing to write
	Schedule Action = "schedule" // no ground: the purge date is written and the notice begins
	Move     Action = "move"     // the purge date moves later: a ground outlasts it, or the notice has to begin again
	Clear    Action = "clear"    // a ground holds beyond the notice: the purge date goes, a rescue
	Wait     Action = "wait"     // the purge date stands, its day has not come
	Hold     Action = "hold"     // a legal hold: the dates stay, nothing is purged
	Purge    Action = "purge"    // the day has come and still nothing justifies the person
)

// Term is what the grounds give a person: the latest date, and the ground that gave it.
type Term struct {
	Until   Date  // zero: no ground matched at all; Open: without an end
	Trigger Date  // the date that the retention period was counted from; zero where there is none
	Ground  int32 // index into the subject's grounds; NoGround where Until is zero or that of a stage, ByHand for a manual extension
}

// Values of Retention.Ground that are no index.
const (
	NoGround int32 = -1
	OtherRow int32 = -3 // a ground of another subject table: another row of the same human being
	ByHand   int32 = -2 // a manual extension by the staff
)

// Later is the one of a and b that lasts longer. Of two that last equally long the ground that the policy names first
// wins, whatever order the rows came in.
func (a Term) Later(b Term) Term {
	switch {
	case a.Until != b.Until:
		if a.Until > b.Until {
			return a
		}
		return b
	case uint32(a.Ground) != uint32(b.Ground): // unsigned: the negative ones come last
		if uint32(a.Ground) < uint32(b.Ground) {
			return a
		}
		return b
	case a.Trigger >= b.Trigger:
		return a
	}
	return b
}

// Columns are the values of the columns that gallra owns, as they stand on a person's row.
type Columns struct {
	PurgeOn       Date
	NoticedOn     Date
	LegalHold     bool
	ExtendedUntil Date // manual extension by the staff
	ExtendReason  bool // whether it has a reason
}

// Held is what the ledger knows of a person and of a ground that goes on keeping them for a time after it was lost.
type Held struct {
	Now    bool // the last run found that the ground holds
	LostOn Date // the day of the first run that found that it holds no more; zero: none has
	Since  Date // the day of the first run that found it, where one before had not; zero: nobody knows since when it holds
	Till   Date // the day of the last run that found that it holds
}

// History is what the ledger remembers of changes that a ground counts from.
type History struct {
	On   func(table string, id uuid.UUID) Date // the latest change of a row, or that took the ground away from a person; zero: none is known
	Read Date                                  // up to which day the audit history was read; zero: never
}

// Trace is what the ledger proves about a person's purge date.
type Trace struct {
	PurgeOn   Date // zero: no purge date of this person stands in the ledger
	NoticedOn Date // the day from which the notice counts
	Held      bool // a legal hold was seen and its release was not
}

// Person is all that decides about one row of a subject table.
type Person struct {
	ID uuid.UUID
	Term
	Columns
	Trace Trace
	// HeldWith is set when a legal hold stands on another row of the same human being: nothing of them is purged.
	HeldWith bool
	// Unreadable is set when a date about the person cannot be read: nobody knows how long it keeps them.
	Unreadable bool
}

// Rules are the policy's date rules.
type Rules struct {
	Notice          Period // how long a purge date must have been visible
	Ahead           Period // how far ahead of its day it is written, if that is longer than the notice
	ManualExtension Period // how far ahead of today staff can extend by hand
}

// Decision is what is to happen about one person. The dates are those that are to stand on the row afterwards.
type Decision struct {
	Action    Action
	Term                // including a manual extension that counts
	PurgeOn   Date      // zero: none
	NoticedOn Date      // zero: none
	Extension Extension // what became of a manual extension
	PutOff    Extension // what became of a purge date that people have put off by hand
	// Announced is the day that the ledger is to hold where people have put the date off, since their word can be taken
	// back and the announced day cannot. Zero: it is PurgeOn.
	Announced Date
	// Unreadable tells that nothing is done about the person, since a date cannot be read.
	Unreadable bool
}

// Extension is what a manual extension counts for.
type Extension uint8

// The states of a manual extension.
const (
	NoExtension       Extension = iota
	ExtensionCounts             // it is a ground like any other
	ExtensionNoReason           // the date has no reason, so it does not count
	ExtensionTooFar             // it lies further ahead than the policy allows, so it does not count
)

// Decide applies the date rules to one person. It is a pure function: today comes in from outside.
//
// What stands on the row is what people see and what they can change; what stands in the ledger is what was proven to
// be there. A date counts from the later of the two, so that no edit by hand shortens the notice.
//
// A legal hold on another row of the same human being stops the purge of this one. Once it has, the row waits as held for
// as long as the hold stands; its notice begins anew when it is lifted, not with every run before.
func Decide(p Person, r Rules, today Date) Decision {
	d := decideAlone(p, r, today)
	if p.HeldWith && (d.Action == Purge || p.Trace.Held && (d.Action == Move || d.Action == Wait)) {
		d.Action, d.PurgeOn, d.NoticedOn = Hold, p.PurgeOn, p.NoticedOn
	}
	return d
}

// decideAlone decides about a row without regard to the other rows of the same human being.
func decideAlone(p Person, r Rules, today Date) Decision {
	d := Decision{Term: p.Term, PurgeOn: p.PurgeOn, NoticedOn: p.NoticedOn}
	if d.Until.IsZero() {
		d.Term = Term{Ground: NoGround}
	}
	d.Extension = p.Columns.ExtensionOn(today, r)
	if d.Extension == ExtensionCounts {
		d.Term = d.Term.Later(Term{Until: p.ExtendedUntil, Ground: ByHand})
	}
	noticeEnds := today.Add(r.Notice)
	// A ground that has ended moves nothing any more: a date is never moved to a day that is past. (This is also what
	// allows an evaluation to leave ended rows out.)
	lasts := d.Until
	if lasts <= today {
		lasts = 0
	}

	switch {
	case p.LegalHold:
		d.Action = Hold
		return d

	case p.Unreadable:
		d.Action, d.Unreadable = Keep, true
		d.Term = Term{Until: Open, Ground: NoGround}
		return d

	case d.Until > max(noticeEnds, today.Add(r.Ahead)): // Open is later than every date
		d.Action = Keep
		// A date that somebody has emptied by hand, too: its trace would otherwise prove a notice to a later date.
		if !p.PurgeOn.IsZero() || !p.NoticedOn.IsZero() || !p.Trace.PurgeOn.IsZero() {
			d.Action = Clear
		}
		d.PurgeOn, d.NoticedOn = 0, 0
		return d

	case p.PurgeOn.IsZero():
		d.Action = Schedule
		d.PurgeOn, d.NoticedOn = max(lasts, noticeEnds, p.Trace.PurgeOn), today
		return d

	case p.Trace.PurgeOn.IsZero() || p.Trace.NoticedOn.IsZero() || p.Trace.Held:
		// Nothing proves since when the date was visible, or a hold has just ended: the notice begins again.
		d.NoticedOn = today

	default:
		d.NoticedOn = max(p.Trace.NoticedOn, min(p.NoticedOn, today))
	}
	// The date on the row tells the truth: neither earlier than one that was announced before, nor within the notice.
	d.PurgeOn = max(p.Trace.PurgeOn, lasts, d.NoticedOn.Add(r.Notice))
	if p.PurgeOn > d.PurgeOn {
		d.putOff(p, r, today)
	}

	switch {
	case d.PurgeOn <= today: // then no ground lasts and the whole notice has passed
		d.Action = Purge
	case d.PurgeOn != p.PurgeOn:
		d.Action = Move
	default:
		d.Action = Wait
	}
	return d
}

// putOff judges a date on the row that is later than what was announced, what a ground gives and what the notice needs: it
// is people's, and counts as their extension does. One that does not count goes back to the announced day. If that has come
// while the row showed another, nobody was shown it, and the notice begins again. Where the ledger knows of no day, it may
// be lost, and a date within reach is taken for one that was announced.
func (d *Decision) putOff(p Person, r Rules, today Date) {
	lost := p.Trace.PurgeOn.IsZero()
	d.PutOff = Columns{ExtendedUntil: p.PurgeOn, ExtendReason: p.ExtendReason || lost}.ExtensionOn(today, r)
	switch {
	case d.PutOff == ExtensionCounts && lost:
		d.PutOff, d.PurgeOn = NoExtension, p.PurgeOn
	case d.PutOff == ExtensionCounts:
		d.Announced, d.PurgeOn = d.PurgeOn, p.PurgeOn
	case d.PurgeOn <= today:
		d.PurgeOn, d.NoticedOn = today.Add(r.Notice), today
	}
}

// Changes tells whether the columns on the row have to be written for d.
func (d Decision) Changes(c Columns) bool {
	return d.Action != Hold && (d.PurgeOn != c.PurgeOn || d.NoticedOn != c.NoticedOn)
}

// Proves is the trace that the ledger is to hold once d is done.
func (d Decision) Proves(t Trace) Trace {
	if d.Unreadable {
		return t
	}
	if d.Action == Hold {
		t.Held = true
		return t
	}
	return Trace{PurgeOn: d.AnnouncedOn(), NoticedOn: d.NoticedOn}
}

// AnnouncedOn is the day that the ledger holds: the purge date without what people have added to it.
func (d Decision) AnnouncedOn() Date {
	if d.Announced.IsZero() {
		return d.PurgeOn
	}
	return d.Announced
}

// Unproven tells whether the ledger has to learn of d, which may be so although nothing on the row changes: when it was
// lost, when a hold is seen for the first time, when a date was emptied by hand.
func (d Decision) Unproven(t Trace) bool { return d.Proves(t) != t }

// ExtensionOn is what the manual extension counts for on that day.
func (c Columns) ExtensionOn(today Date, r Rules) Extension {
	switch {
	case c.ExtendedUntil.IsZero():
		return NoExtension
	case !c.ExtendReason:
		return ExtensionNoReason
	case c.ExtendedUntil > today.Add(r.ManualExtension):
		return ExtensionTooFar
	}
	return ExtensionCounts
}

// ManualExtension stands where a ground's id would, for persons whom the staff keep by hand.
const ManualExtension = "manual-extension"
