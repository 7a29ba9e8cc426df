package emulator

// An audit row keeps the values before and after a change, by column name, behind its columns.
const (
	auditOld = 1<<16 - 2 // map[string]any
	auditNew = 1<<16 - 1 // map[string]any
)
