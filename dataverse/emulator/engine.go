package emulator

import (
	"time"

	"github.com/google/uuid"
)

// engine is an environment: its rows and definitions, its clock, and how it behaves. It knows nothing of HTTP.
type engine struct {
	options behavior
	store   *store
	clock   *clock
	meter   meter
	derived derived

	organizationID uuid.UUID
	rootBusiness   uuid.UUID
	administrator  uuid.UUID // the application user that the environment begins with

	retainedQueries dailyQuota
	maxSteps        int // of one query, in rows looked at; 0 is the ordinary limit
}

// meter hears what is done: rows read and written, and what is asked for that the emulator does not cover.
type meter interface {
	read(rows int)
	wrote(rows int)
	unsupported(what string)
}

// zone is the time zone of every user.
func (e *engine) zone() *time.Location {
	if e.options.TimeZone == nil {
		return time.UTC
	}
	return e.options.TimeZone
}
