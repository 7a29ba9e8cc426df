package store

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Engine is an environment: its rows and definitions, its clock, and how it behaves. It knows nothing of HTTP.
type Engine struct {
	Options Behavior
	Store   *Store
	Clock   *Clock
	Meter   Meter
	derived derived

	schemaRows schemaRows
	numbers    numbers

	OrganizationID uuid.UUID
	RootBusiness   uuid.UUID
	Administrator  uuid.UUID // the application user that the environment begins with

	// Definitions is added to the version of the schema that clients are told, so that no two environments of the same
	// organisation and address ever tell the same: counters of a real one run on with everything that is written.
	Definitions int64

	RetainedQueries DailyQuota
	Loading         atomic.Bool // definitions are being loaded, which no lock of a customiser keeps out
	MaxSteps        int         // of one query, in rows looked at; 0 is the ordinary limit
}

// Meter counts rows read and written, and requests for what the emulator does not cover.
type Meter interface {
	Read(rows int)
	Wrote(rows int)
	Unsupported(what string)
}

// Zone is the time zone of every user.
func (e *Engine) Zone() *time.Location {
	if e.Options.TimeZone == nil {
		return time.UTC
	}
	return e.Options.TimeZone
}
