package store

import (
	"slices"
	"sync"

	"github.com/google/uuid"
)

// derived remembers what was worked out of some tables for an id, for as long as these tables have not changed. An id has one
// value: what is worked out must be of one kind.
type derived struct {
	mu   sync.Mutex
	byID map[uuid.UUID]derivation
}

type derivation struct {
	from  []*Rows
	value any
}

// Derive is what work makes of the tables of a snapshot for an id. A transaction that has written to one of the tables works
// anew each time.
func (e *Engine) Derive(sn *Snapshot, tables []string, id uuid.UUID, work func() any) any {
	from := sn.tablesNamed(tables)
	e.derived.mu.Lock()
	known, found := e.derived.byID[id]
	e.derived.mu.Unlock()
	if found && slices.Equal(known.from, from) {
		return known.value
	}
	v := work()
	if !slices.Equal(e.Store.View().tablesNamed(tables), from) { // a transaction's own work, which it may still change in place
		return v
	}
	e.derived.mu.Lock()
	defer e.derived.mu.Unlock()
	if e.derived.byID == nil {
		e.derived.byID = map[uuid.UUID]derivation{}
	}
	e.derived.byID[id] = derivation{from, v}
	return v
}

func (sn *Snapshot) tablesNamed(names []string) []*Rows {
	out := make([]*Rows, len(names))
	for i, name := range names {
		out[i] = sn.Data[name]
	}
	return out
}
