package search

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/ledger"
)

// Finding is something that is left of a purged person: where, never what.
type Finding struct {
	Person ledger.Key
	Where  string // row, column, association, bin, deleted-name, party-line, retained; and of mentions bin-until (Count: days), audit, party, feed, same-address, same-number, kept-name, kept-address, kept-number, kept-unread (Count: rows), job, retained
	Table  string
	ID     uuid.UUID
	Count  int // of findings that are only counted
	More   int // how many others like this one there are of the person that are not listed
}

// Place is where copies of personal data may be that gallra cannot reach, and what an administrator can do.
type Place struct {
	Name   string
	Remedy string
}
