package emulator

import "github.com/google/uuid"

// stableID is an id that is the same in every run.
func stableID(name string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://emulator.invalid/"+name))
}

// activityPointer is the table that is made of all activity tables: it has no rows of its own.
const activityPointer = "activitypointer"
