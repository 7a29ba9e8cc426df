package schema

import "github.com/google/uuid"

// StableID is an id that is the same in every run.
func StableID(name string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://emulator.invalid/"+name))
}

// ActivityPointer is the table that is made of all activity tables: it has no rows of its own.
const ActivityPointer = "activitypointer"
