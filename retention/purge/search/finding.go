package search

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/retention/ledger"
)

// Finding is something that is left of a purged person: where, never what.
type Finding struct {
	Person ledger.Key
	Where  string // row, column, association, bin, deleted-name, party-line, retained; and of mentions bin-until (Count: days), audit, party, feed, same-address, same-number, kept-name, kept-address, kept-number, kept-unread (Count: rows), job, retained, made, written-since, refilled
	Table  string
	ID     uuid.UUID
	Count  int // of findings that are only counted
	More   int // how many others like this one there are of the person that are not listed
}

// Place is where copies of personal data may be that gallra cannot reach, and what an administrator can do.
type Place struct {
	Key    PlaceKey
	Name   string
	Remedy string
	Detail string // what the remedy names of this environment: tables, columns, a number of days
}

// PlaceKey is what the words for a place are found by in other languages, whatever its English says.
type PlaceKey string

const (
	Backups            PlaceKey = "backups"
	Copies             PlaceKey = "copies"
	Mailboxes          PlaceKey = "mailboxes"
	Documents          PlaceKey = "documents"
	DataLakes          PlaceKey = "data-lakes"
	PurviewAudit       PlaceKey = "purview-audit"
	PowerAutomate      PlaceKey = "power-automate"
	ImportFiles        PlaceKey = "import-files"
	ProcessLogs        PlaceKey = "process-logs"
	Insights           PlaceKey = "insights"
	SearchAndDevices   PlaceKey = "search-and-devices"
	TextOfOthers       PlaceKey = "text-of-others"
	RecycleBin         PlaceKey = "recycle-bin"
	Posts              PlaceKey = "posts"
	SystemJobs         PlaceKey = "system-jobs"
	BulkDeleteJobs     PlaceKey = "bulk-delete-jobs"
	LongTermUnread     PlaceKey = "long-term-unread"
	LongTermUnfinished PlaceKey = "long-term-unfinished"
	SharedValues       PlaceKey = "shared-values"
	AnonymisedRows     PlaceKey = "anonymised-rows"
	UnreadColumns      PlaceKey = "unread-columns"
	KeptElsewhere      PlaceKey = "kept-elsewhere"
)

// PlaceKeys are the keys of all places.
func PlaceKeys() []PlaceKey {
	return []PlaceKey{Backups, Copies, Mailboxes, Documents, DataLakes, PurviewAudit, PowerAutomate, ImportFiles, ProcessLogs, Insights,
		SearchAndDevices, TextOfOthers, RecycleBin, Posts, SystemJobs, BulkDeleteJobs, LongTermUnread, LongTermUnfinished, SharedValues,
		AnonymisedRows, UnreadColumns, KeptElsewhere}
}
