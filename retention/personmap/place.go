package personmap

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gallra/gallra/dataverse"
	"github.com/gallra/gallra/retention/policy"
)

// Kind is how a place leads to the person.
type Kind string

// The kinds.
const (
	Lookup     Kind = "lookup"       // a lookup of the place's rows points at the person
	Party      Kind = "party"        // the person takes part in the activity
	ManyToMany Kind = "many-to-many" // rows of two tables are associated
	Value      Kind = "value"        // an address or a number of the person stands in a column
	Behind     Kind = "behind"       // a lookup of the person's own row points at it
	Mirror     Kind = "mirror"       // the service keeps it in step with the person's row
)

// Treatment is what a purge does with the rows of a place.
type Treatment string

// The treatments.
const (
	Deleted     Treatment = "deleted"
	Anonymized  Treatment = "anonymized"
	Kept        Treatment = "kept"      // by a rule, or as rows of business; what they say of the person is searched for
	Left        Treatment = "left"      // by decision: not looked at
	Judged      Treatment = "judged"    // persons in their own right
	WithRow     Treatment = "with-row"  // emptied, or gone, with the row that it belongs to
	TakenOff    Treatment = "taken-off" // the association goes, the other row stays
	Unlinked    Treatment = "unlinked"  // the service clears the link, and the text stays; searched for the person
	Searched    Treatment = "searched"  // rows that bear an address or a number are named
	Undecided   Treatment = "undecided" // no rule says what becomes of them
	Unreachable Treatment = "unreachable"
)

// Kinds and Treatments are all there are: what people read has words for each.
func Kinds() []Kind { return []Kind{Lookup, Party, ManyToMany, Value, Behind, Mirror} }

// Treatments are all that a purge does with rows of a place.
func Treatments() []Treatment {
	return []Treatment{Deleted, Anonymized, Kept, Left, Judged, WithRow, TakenOff, Unlinked, Searched, Undecided, Unreachable}
}

// NoRule is the Rule of a place that no rule of the policy decides.
const NoRule = -1

// Place is where a person of a subject table can stand.
type Place struct {
	Kind   Kind
	Table  string   // the table whose rows are meant
	Column string   // the lookup, or the column that holds the value; of a many-to-many relationship its name
	Nav    string   // of a lookup: the navigation property to what it points at
	Mail   bool     // of a value: an e-mail address, otherwise a number
	Via    string   // a table in between, whose rows go with the person; empty: the place leads to the person itself
	Link   string   // how a rule's link says it, where it can
	Links  []string // of rows that hang on others: all ways of saying it, one for each lookup by which those lead to the person
	Delete string   // what a delete of the row that it points at does to it: Cascade, Restrict, RemoveLink …

	// Elsewhere tells that the rows are kept outside the environment's own database.
	Elsewhere bool

	Do   Treatment
	Rule int    // index of the related rule that decides, NoRule
	Set  string // the set that the rule comes from; empty: the policy's own rule
	Line int    // of the rule in the policy's file
	Why  string // the rule's reason
	// Binds tells that a kept row keeps the person's own row as well, which is then anonymised in place.
	Binds bool
	// Rows is how many rows stand there in the environment; -1: not counted.
	Rows int
}

// Key names the place within its subject: vend_visit.vend_contactid, email.party.
func (p *Place) Key() string {
	return p.Table + "." + p.Column
}

// Decided tells whether the policy, or what gallra knows of the table, says what becomes of the rows.
func (p *Place) Decided() bool { return p.Do != Undecided }

// Elsewhere are the tables on the map that no run comes to, since their rows are not kept in the environment's own database.
func (m *Map) Elsewhere() []string {
	var out []string
	for i := range m.Places {
		if p := &m.Places[i]; p.Do == Unreachable && p.Elsewhere && !slices.Contains(out, p.Table) {
			out = append(out, p.Table)
		}
	}
	return out
}

// Reached tells whether a delete of the row that it points at takes the place's rows along or is refused because of them.
func (p *Place) Reached() bool { return p.Delete == "Cascade" || p.Delete == "Restrict" }

// Map is every place where a person of one subject table can stand, ordered by table and column.
type Map struct {
	Subject string
	Class   string // the class of persons whose map it is; empty where all are alike
	Places  []Place
}

// Name is the subject, and the class where it has any: contact/applicant.
func (m *Map) Name() string {
	if m.Class == "" {
		return m.Subject
	}
	return m.Subject + "/" + m.Class
}

// Undecided are the places that no rule speaks of.
func (m *Map) Undecided() []Place {
	var out []Place
	for _, p := range m.Places {
		if !p.Decided() {
			out = append(out, p)
		}
	}
	return out
}

// Aside are the places that no purge looks at: those that a rule leaves, and those that the service lets nobody read. Each stands
// once, whatever leads there, and not at all where the environment is known to hold no rows of it.
func (m *Map) Aside() []Place {
	var out []Place
	for _, p := range m.Places {
		if (p.Do == Left || p.Do == Unreachable) && p.Rows != 0 && !slices.ContainsFunc(out, func(q Place) bool { return q.Key() == p.Key() && q.Do == p.Do }) {
			out = append(out, p)
		}
	}
	return out
}

// Place is the place of that key, nil if there is none.
func (m *Map) Place(key string) *Place {
	for i := range m.Places {
		if m.Places[i].Key() == key {
			return &m.Places[i]
		}
	}
	return nil
}

func (m *Map) sort() {
	slices.SortStableFunc(m.Places, func(a, b Place) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Column, b.Column), strings.Compare(a.Via, b.Via))
	})
	m.Places = slices.CompactFunc(m.Places, func(a, b Place) bool {
		return a.Key() == b.Key() && a.Via == b.Via && a.Kind == b.Kind && (a.Do == Left) == (b.Do == Left) // of a table some rows can go, and what hangs on rows that are left is left with them
	})
}

// Freeable tells whether the row that holds a lookup can be kept while what it points at is deleted: whether the lookup can be
// emptied. The customer of a row of business is part of the business.
func Freeable(table string, a *dataverse.Attribute) bool {
	return a != nil && a.ForUpdate && a.Required != "SystemRequired" && a.Required != "ApplicationRequired" && !(a.Type == "Customer" && Is(table, Business))
}

// RuleFor is the index of the first rule that speaks of the table, else of the last rule `*` where that covers it, else NoRule.
func RuleFor(s *policy.Subject, table string) int {
	for i, r := range s.Related {
		if r.Table == table && r.Do != policy.Leave || r.Table == policy.AnyTable && !Is(table, Business) {
			return i
		}
	}
	return NoRule
}
