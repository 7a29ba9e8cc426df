package dataverse

import (
	"encoding/json"
	"net/http"
	"sync"
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

// spent counts operations: each request is one, and a batch as many as it holds. Service protection counts a batch once; what
// an organisation is entitled to by day counts each operation.
type spent struct {
	mu    sync.Mutex
	n     int64
	limit int64
	do    func() // when the limit is reached; nil: there is none, or it was
}

func (s *spent) add(n int64) {
	s.mu.Lock()
	s.n += n
	var do func()
	if s.do != nil && s.n >= s.limit {
		do, s.do = s.do, nil
	}
	s.mu.Unlock()
	if do != nil {
		do()
	}
}

// Operations is how many operations the client has sent, those that nobody answered included, and without those that the
// service put off.
func (c *Client) Operations() int64 {
	s := &c.transport.spent
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// AfterOperations calls do once when so many more operations have been sent, instead of what it was to call before.
func (c *Client) AfterOperations(n int64, do func()) {
	s := &c.transport.spent
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit, s.do = s.n+n, do
}
