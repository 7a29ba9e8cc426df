package inventory

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/compile"
	"github.com/gallra/gallra/retention/policy"
	"github.com/gallra/gallra/retention/purge/environment"
)

// Item is a row that belongs to a person, and what becomes of it.
type Item struct {
	environment.Ref
	Def     *dataverse.Table
	Rule    int                      // index of the rule that decided, NoRule
	Found   Found                    // how it leads to its persons
	joined  map[compile.Field]string // the values by which rules lead to it, by where in the row they stand
	Owners  []*Person                // whose row it is, in the order in which they are purged
	Held    []attachment             // the rows that a delete would reach it from
	Row     dataverse.Row
	Parties []dataverse.Row

	column  string // by which it was found: a lookup, "party", the column of a value
	needed  bool   // somebody else on it is still justified, or held
	behind  bool   // a lookup of the person's own row leads to it
	Fate    Fate
	settled bool // the fate was decided before, or by the other half of a connection: rules are not asked
	Bin     Bin
	// SharedFile tells that the row goes, and the file that it shows stays for another e-mail: it is not emptied.
	SharedFile bool
}

// Place is the place of the person map where the row stands: its table, and by what it was found.
func (it *Item) Place() string {
	if it.column == "" {
		return it.Table
	}
	return it.Table + "." + it.column
}

// at notes by what the row was found. The first that finds it counts.
func (it *Item) at(column string) {
	if it.column == "" {
		it.column = column
	}
}

// Behind tells that a lookup of the person's own row leads to the row: it goes once that lookup was emptied.
func (it *Item) Behind() bool { return it.behind }

// HangsOn tells whether the row hangs on one of some.
func (it *Item) HangsOn(some func(parent environment.Ref) bool) bool {
	return slices.ContainsFunc(it.Held, func(h attachment) bool { return some(h.Parent) })
}

// part tells whether a delete of what the row hangs on takes it along, or is refused because of it.
func (it *Item) part() bool {
	return slices.ContainsFunc(it.Held, func(h attachment) bool { return h.over.Reached() })
}

// Found is how a row leads to its persons. The last that holds counts.
type Found int

const (
	FoundUnder   Found = iota // over a row that is to be deleted
	foundDirect               // by itself: by a lookup of its own, or by what was decided before
	foundByValue              // by a rule that joins a value
	foundByID                 // by a rule that leads over ids
)

// Fate is what becomes of a row.
type Fate int

const (
	Undecided Fate = iota // not decided yet
	Keep                  // it stays; lookups by which a delete would reach it are cleared
	Anonymize             // it stays, and columns of it are blanked
	Delete                // it goes
	TakeOff               // it would go, but others on it are still justified: its persons are taken off it
)

// fateOf is the fate that a rule asks for.
func fateOf(do policy.Disposition) Fate {
	switch do {
	case policy.Delete:
		return Delete
	case policy.Anonymize:
		return Anonymize
	case policy.Retain:
		return Keep
	}
	return Undecided
}

// Do is what the rules have decided, whoever else needs the row.
func (f Fate) Do() policy.Disposition {
	switch f {
	case Delete, TakeOff:
		return policy.Delete
	case Anonymize:
		return policy.Anonymize
	case Keep:
		return policy.Retain
	}
	return ""
}

// Stays tells whether the row is left in place by a rule.
func (f Fate) Stays() bool { return f == Keep || f == Anonymize }

// Bin is how a row that is deleted goes.
type Bin int

const (
	binNone       Bin = iota // for good
	binKeeps                 // into the recycle bin, so that it is emptied before
	binSealed                // into the recycle bin, and closed to writes: it cannot be emptied
	BinWithPerson            // with the person's row, and emptied before
)

// Binned tells whether the recycle bin keeps the row.
func (it *Item) Binned() bool { return it.Bin == binKeeps || it.Bin == binSealed }

// Goes tells whether the row is deleted by itself.
func (it *Item) Goes() bool { return it.Fate == Delete && it.Bin != BinWithPerson }

// keep lets the row stay after all.
func (it *Item) keep() {
	it.Fate = Keep
	if it.Binned() {
		it.Bin = binNone
	}
}

// lead notes how the row was found.
func (it *Item) lead(how Found) { it.Found = max(it.Found, how) }

// attachment is how a row hangs on another.
type attachment struct {
	Parent environment.Ref
	over   environment.Reach
}

// Reached tells whether a delete of the parent takes the row along, or is refused because of it.
func (h attachment) Reached() bool { return h.over.Reached() }

// Association is a row that a person is associated with, the name of the relationship on the person's side, and its place on the person
// map.
type Association struct {
	Nav, Place string
	environment.Ref
}

// Person is one whose turn has come.
type Person struct {
	environment.Ref
	Class   string // by whose rules they go; empty where all persons are alike
	Row     dataverse.Row
	Items   []*Item
	Binding []environment.Ref // kept rows that cannot be freed
	Err     error             // why the person is left alone
	Looked  time.Time         // when the look at them began; zero for whoever is anonymous already
	Later   bool              // shares an activity with a person before them: to be taken in a later chunk
	Rows    int               // how many belong to them, without what hangs on these
	Many    bool              // more rows belong to them than one look can list
	// Associated are the rows that the person is associated with over many-to-many relationships.
	Associated []Association
	Before     *Looks // what earlier looks have dealt with; nil: nothing
	// Stays are rows that this purge has left in place by a rule. Freeing them, or emptying the person, can take away what
	// the rule found them by: they stay all the same.
	Stays map[environment.Ref]bool
	// Loose are rows that stages have left in place, and that led to the person.
	Loose map[string][]uuid.UUID
	// Decided is what was decided of other rows before anything of this purge was written.
	Decided map[environment.Ref]Decision
	// Made are rows that gallra has made for the person, to which nothing in the CRM leads: they go.
	Made   []environment.Ref
	absent []environment.Ref // of these, those that no rule has found in this look
	// Holds are the legal holds that what becomes of the rows rests on.
	Holds *environment.Holds
}

func (p *Person) Bound() bool {
	return len(p.Binding) > 0 || p.Before != nil && len(p.Before.Binding) > 0
}

// NoRule is the item.rule of a row that no rule leads to.
const NoRule = 1 << 30
