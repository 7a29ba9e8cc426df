package purge

// Why the inventory leaves a person alone.
const (
	errNoRule reason = "row-no-rule" // a delete would take a row along that no rule names
	errClosed reason = "row-closed"  // a closed quote, order or invoice would be written to, which only an administrator may
)
