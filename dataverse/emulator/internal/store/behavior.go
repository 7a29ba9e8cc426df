package store

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Behavior is what Options say of the environment, as far as it is not a matter of HTTP. The fields have the names that they
// have there.
type Behavior struct {
	AuditDelay            time.Duration
	AuditChangesOnly      bool
	MetadataLag           time.Duration
	CustomizationLock     time.Duration
	OrganizationType      string
	Organization          string
	UniqueName            string
	ReadOnlyQuotes        Lock
	ClosedActivities      Lock
	TimeZone              *time.Location
	NullNegation          NullNegation
	TopBeforePageSize     bool
	MaxExpand             int
	MaxBatchURL           int
	LinkAllByName         bool
	MatchFirstOuter       bool
	ApplyAllProperties    bool
	ReferenceEmptiesBin   bool
	JobStep               time.Duration
	RetainedQueries       int
	NoAddressRows         bool
	DefinitionsNeedRights bool
	OwnersNeedRoles       bool
	DuplicateStatus       int
	NewerSegmentCode      bool
	NamesNeedPublisher    bool
	DatesNeedZone         bool
	OnPrivilege           func(user uuid.UUID, privilege string)
}

// Lock says who is refused the update of a closed row.
type Lock int

const (
	// LockDocumented is what the documentation says, stricter where it is silent: the default.
	LockDocumented Lock = iota
	// LockAll refuses administrators too.
	LockAll
	// LockNone refuses nobody.
	LockNone
)

var lockWords = []string{"documented", "all", "none"}

// Choices are the words of the values, the default first.
func (Lock) Choices() []string { return lockWords }

// MarshalText writes the word.
func (l Lock) MarshalText() ([]byte, error) { return word(lockWords, int(l)) }

// UnmarshalText reads the word.
func (l *Lock) UnmarshalText(text []byte) error {
	n, err := worded(lockWords, text)
	*l = Lock(n)
	return err
}

// word is the n-th word.
func word(words []string, n int) ([]byte, error) {
	if n < 0 || n >= len(words) {
		return nil, fmt.Errorf("there is no choice %d", n)
	}
	return []byte(words[n]), nil
}

// worded is which of the words a text is.
func worded(words []string, text []byte) (int, error) {
	for n, w := range words {
		if w == string(text) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q is none of %s", text, strings.Join(words, ", "))
}

// NullNegation says which negative conditions are true of a column without a value. The page
// fetchxml/reference/operators does not say; a public SQL front of the service adds not-null to each of them, because the
// service takes it for true.
type NullNegation uint8

const (
	// NullMatchesNegation is the default: every negative condition is true of null.
	NullMatchesNegation NullNegation = iota
	// NullMatchesNotEqual makes ne true of null; not-in, not-like and the like are neither true nor false.
	NullMatchesNotEqual
	// NullMatchesNothing makes ne, too, neither true nor false of null, as in SQL.
	NullMatchesNothing
)

var nullWords = []string{"negation", "not-equal", "nothing"}

// Choices are the words of the values, the default first.
func (NullNegation) Choices() []string { return nullWords }

// MarshalText writes the word.
func (n NullNegation) MarshalText() ([]byte, error) { return word(nullWords, int(n)) }

// UnmarshalText reads the word.
func (n *NullNegation) UnmarshalText(text []byte) error {
	at, err := worded(nullWords, text)
	*n = NullNegation(at)
	return err
}
