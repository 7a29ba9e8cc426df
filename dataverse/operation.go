package dataverse

import (
	"encoding/json"
	"net/http"
)

// Operation is one request, alone or within a batch.
type Operation struct {
	Method string
	Path   string // relative to the service root: "contacts(3f2c…)"; not yet escaped where it holds no query
	Body   any    // marshalled as JSON; nil sends none, json.RawMessage goes as it is
	// IfMatch is an ETag, or "*" for a row that must exist. A PATCH without it creates the row that it does not find.
	IfMatch string
	Header  http.Header
	// Repeatable vouches that doing it twice is as good as doing it once, so that it may be sent again when nobody
	// knows whether the first attempt arrived. Reads always are, and a DELETE on its own, for which a row that is
	// gone at the second attempt counts as done.
	Repeatable bool
}

// ChangeSet is a transaction: all of its operations happen or none. It may hold no reads.
type ChangeSet []Operation

// Part is one entry of a batch: either a change set or a single operation.
type Part struct {
	Set ChangeSet
	Op  *Operation
}

// Result is what became of one [Part].
type Result struct {
	// Err is nil when the part was carried out; an [*Error] with the service's refusal; an [*Uncertain] when nobody
	// knows.
	Err error
	// Skipped is set when the service never came to this part; Err then says so as well.
	Skipped bool
	// Statuses and Bodies hold one entry for each operation that the service answered for. A refused change set is
	// answered by a single one.
	Statuses []int
	Bodies   []json.RawMessage
	// Headers are those of the answers; OData-EntityId holds the address of a created row.
	Headers []http.Header
}
