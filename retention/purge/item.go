package purge

import (
	"time"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention"
)

// item is a row that belongs to a person, and what is to become of it.
type item struct {
	ref
	def     *dataverse.Table
	rule    int                        // index of the rule that decided, noRule
	found   found                      // how it leads to its persons
	joined  map[retention.Field]string // the values by which rules lead to it, by where in the row they stand
	owners  []*person                  // whose row it is, in the order in which they are purged
	held    []attachment               // the rows that a delete would reach it from
	row     dataverse.Row
	parties []dataverse.Row

	fate    fate
	settled bool // the fate was decided before, or by the other half of a connection: rules are not asked
	bin     bin
}

// found is how a row leads to its persons. The last that holds counts.
type found int

const (
	foundUnder   found = iota // over a row that is to be deleted
	foundDirect               // by itself: by a lookup of its own, or by what was decided before
	foundByValue              // by a rule that joins a value
	foundByID                 // by a rule that leads over ids
)

// fate is what becomes of a row.
type fate int

const (
	fateOpen      fate = iota // not decided yet
	fateKeep                  // it stays; lookups by which a delete would reach it are cleared
	fateAnonymize             // it stays, and columns of it are blanked
	fateDelete                // it goes
	fateTakeOff               // it would go, but others on it are still justified: its persons are taken off it
)

// fateOf is the fate that a rule asks for.
func fateOf(do retention.Disposition) fate {
	switch do {
	case retention.Delete:
		return fateDelete
	case retention.Anonymize:
		return fateAnonymize
	case retention.Retain:
		return fateKeep
	}
	return fateOpen
}

// do is what the rules have decided, whoever else needs the row.
func (f fate) do() retention.Disposition {
	switch f {
	case fateDelete, fateTakeOff:
		return retention.Delete
	case fateAnonymize:
		return retention.Anonymize
	case fateKeep:
		return retention.Retain
	}
	return ""
}

// stays tells whether the row is left in place by a rule.
func (f fate) stays() bool { return f == fateKeep || f == fateAnonymize }

// bin is how a row that is deleted goes.
type bin int

const (
	binNone       bin = iota // for good
	binKeeps                 // into the recycle bin, so that it is emptied before
	binSealed                // into the recycle bin, and closed to writes: it cannot be emptied
	binWithPerson            // with the person's row, and emptied before
)

// binned tells whether the recycle bin keeps the row.
func (it *item) binned() bool { return it.bin == binKeeps || it.bin == binSealed }

// goes tells whether the row is deleted by itself.
func (it *item) goes() bool { return it.fate == fateDelete && it.bin != binWithPerson }

// keep lets the row stay after all.
func (it *item) keep() {
	it.fate = fateKeep
	if it.binned() {
		it.bin = binNone
	}
}

// lead notes how the row was found.
func (it *item) lead(how found) { it.found = max(it.found, how) }

// attachment is how a row hangs on another.
type attachment struct {
	parent ref
	over   reach
}

// person is one whose turn has come.
type person struct {
	ref
	row     dataverse.Row
	items   []*item
	binding []ref     // kept rows that cannot be freed
	err     error     // why the person is left alone
	looked  time.Time // when the look at them began; zero for whoever is anonymous already
	later   bool      // shares an activity with a person before them: to be taken in a later chunk
	many    bool      // more rows belong to them than one look can list
	before  *looks    // what earlier looks have dealt with; nil: nothing
	// stays are rows that this purge has left in place by a rule. Freeing them, or emptying the person, can take away what
	// the rule found them by: they stay all the same.
	stays map[ref]bool
	// decided is what was decided of other rows before anything of this purge was written.
	decided map[ref]decision
	absent  []ref // of these, those that no rule has found in this look
}

func (p *person) bound() bool {
	return len(p.binding) > 0 || p.before != nil && len(p.before.binding) > 0
}

// noRule is the item.rule of a row that no rule leads to.
const noRule = 1 << 30

// withPerson tables are part of the person's own row in all but storage: they are emptied before, and go with it.
var withPerson = map[string]bool{"customeraddress": true, "leadaddress": true}
