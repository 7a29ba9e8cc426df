package store

import (
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
	DuplicateStatus       int
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

// NullNegation says which negative conditions are true of a column without a value. The page
// fetchxml/reference/operators does not say; observers of the service say that ne is.
type NullNegation uint8

const (
	// NullMatchesNotEqual is the default: ne is true of null, not-in, not-like and the like are neither true nor false.
	NullMatchesNotEqual NullNegation = iota
	// NullMatchesNegation makes every negative condition true of null.
	NullMatchesNegation
	// NullMatchesNothing makes ne, too, neither true nor false of null, as in SQL.
	NullMatchesNothing
)
