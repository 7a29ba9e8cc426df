package emulator

import (
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// Rows are the rows of a table as they are now, in the order of their ids, for a test to assert on: every column that is
// not null, in the types that [Server.Load] takes (text, int, float64, bool, [time.Time], [uuid.UUID], [Reference]).
// What asynchronous hooks and jobs have to do by now is done first. A table that is not there has no rows.
func (s *Server) Rows(table string) []Record {
	s.settle()
	sn := s.engine.Store.View()
	t := sn.Schema.Tables[table]
	if t == nil {
		return nil
	}
	var out []Record
	sn.Rows(table).Scan(uuid.Nil, func(r *store.Row) bool {
		out = append(out, record(t, r))
		return true
	})
	return out
}

// Row is the row of a table with that id, nil where there is none.
func (s *Server) Row(table string, id uuid.UUID) *Record {
	s.settle()
	sn := s.engine.Store.View()
	r := sn.Rows(table).Get(id)
	if r == nil {
		return nil
	}
	out := record(sn.Schema.Tables[table], r)
	return &out
}

func record(t *schema.Table, r *store.Row) Record {
	out := Record{Table: t.Name, ID: r.ID, Values: map[string]any{}}
	for i, v := range r.All() {
		if i >= len(t.Columns) { // what the emulator itself keeps with a row
			continue
		}
		c := t.Columns[i]
		switch v := v.(type) {
		case store.Ref:
			out.Values[c.Name] = Ref(v.Table, v.ID)
		case store.Instant:
			out.Values[c.Name] = v.Time()
		case store.Day:
			out.Values[c.Name] = v.Time()
		case int64:
			out.Values[c.Name] = int(v)
		case string, float64, bool, uuid.UUID, time.Time:
			out.Values[c.Name] = v
		}
	}
	return out
}
