package store

import (
	"sync"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
)

// schemaRows remembers the rows of tables that follow from the schema alone, each for the schema that they were last made of.
type schemaRows struct {
	mu      sync.Mutex
	byTable map[string]madeRows
}

type madeRows struct {
	of   *schema.Schema
	rows *Rows
}

// RowsOf is what fill makes of a schema as the rows of one of its tables. They are made when they are first asked for: an
// environment of which nobody asks them costs nothing.
func (e *Engine) RowsOf(s *schema.Schema, table string, fill func(*Tx)) *Rows {
	e.schemaRows.mu.Lock()
	defer e.schemaRows.mu.Unlock()
	if known := e.schemaRows.byTable[table]; known.of == s {
		return known.rows
	}
	var own Store
	own.Now.Store(&Snapshot{Schema: s, Data: map[string]*Rows{}, Bin: map[string]*Rows{}, Retained: map[string]*Rows{}})
	t := own.Begin()
	fill(t)
	t.Commit()
	if e.schemaRows.byTable == nil {
		e.schemaRows.byTable = map[string]madeRows{}
	}
	rows := own.View().Rows(table)
	e.schemaRows.byTable[table] = madeRows{s, rows}
	return rows
}
