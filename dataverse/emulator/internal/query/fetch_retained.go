package query

import (
	"net/http"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// fromRetained turns the query to the rows in long-term retention: one table, no joins, no aggregation, and only for
// those who may read all rows of the table. Page: data-retention-view.
func (q *FetchQuery) fromRetained(t *schema.Table) error {
	joins := false
	q.Fetch.Entity.Walk(func(*fetchxml.Filter) {}, func(*fetchxml.Link) { joins = true })
	if joins || q.Fetch.Aggregate {
		return wire.BadArgument("Joins and aggregation are not supported for retained data.")
	}
	if q.Call != nil {
		if see, err := access.RowFilter(q.Call, t); err != nil || see != nil {
			p, of, _ := access.PrivilegeFor(q.Env.Snap.Schema, t, "Read")
			return access.GrantsOf(q.Call.Engine, q.Env.Snap, q.Call.User).Missing(p.Name, schema.PrivilegeID(p.Name), of)
		}
		if !q.Call.Engine.RetainedQueries.Take(q.Env.Now, q.Call.Engine.Options.RetainedQueries) {
			return wire.NewError(http.StatusBadRequest, "0x80040216", "The number of queries of retained data that an environment may run a day has been reached.")
		}
	}
	q.Env.retained = true
	clear(q.Env.Sources)
	return nil
}
