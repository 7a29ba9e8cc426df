package emulator

import (
	"net/http"

	"github.com/gallra/gallra/dataverse/fetchxml"
)

// fromRetained turns the query to the rows in long-term retention: one table, no joins, no aggregation, and only for
// those who may read all rows of the table. Page: data-retention-view.
func (q *fetchQuery) fromRetained(t *table) error {
	joins := false
	q.f.Entity.Walk(func(*fetchxml.Filter) {}, func(*fetchxml.Link) { joins = true })
	if joins || q.f.Aggregate {
		return badArgument("Joins and aggregation are not supported for retained data.")
	}
	if q.call != nil {
		if see, err := q.call.visible(t); err != nil || see != nil {
			p, of, _ := q.env.snap.schema.right(t, "Read")
			return q.call.engine.grantsOf(q.env.snap, q.call.user).missing(p.Name, privilegeID(p.Name), of)
		}
		if !q.call.engine.retainedQueries.take(q.env.now, q.call.engine.options.RetainedQueries) {
			return newFault(http.StatusBadRequest, "0x80040216", "The number of queries of retained data that an environment may run a day has been reached.")
		}
	}
	q.env.retained = true
	clear(q.env.sources)
	return nil
}
