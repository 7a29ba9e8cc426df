package inventory

import "github.com/gallra/gallra/retention/purge/environment"

// Why the inventory leaves a person alone.
const (
	ErrNoRule environment.Reason = "row-no-rule" // a delete would take a row along that no rule names
	ErrClosed environment.Reason = "row-closed"  // a closed quote, order or invoice would be written to, which only an administrator may
)
