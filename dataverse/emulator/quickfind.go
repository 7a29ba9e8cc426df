package emulator

import (
	"net/http"
	"slices"

	"github.com/gallra/gallra/dataverse/fetchxml"
	"github.com/google/uuid"
)

// maxQuickFind is the most rows that a quick find filter may match (quick-find).
const maxQuickFind = 10_000

// quickFind refuses a quick find filter that matches too much. It is looked at by itself, before other filters and
// before the rights of the caller. Page: quick-find.
func (q *fetchQuery) quickFind(f *fetchxml.Filter, p predicate) error {
	like := func(c fetchxml.Condition) bool { return c.Operator == fetchxml.Like }
	if !f.QuickFind || !f.Or || len(f.Conditions) < 2 || len(f.Filters)+len(f.Links) > 0 ||
		slices.ContainsFunc(f.Conditions, func(c fetchxml.Condition) bool { return !like(c) }) || !q.quickFindLimited(f) {
		return nil
	}
	n := 0
	q.env.everything(q.from.table).scan(uuid.Nil, func(r *row) bool {
		q.env.rows[0] = r
		if p(q.env) == yes {
			n++
		}
		return n <= maxQuickFind && q.env.step()
	})
	q.env.rows[0] = nil
	if n > maxQuickFind {
		return newFault(http.StatusBadRequest, "0x8004e024", "The number of records for this search exceeds the Quick Search record limit. Please refine your query and try again.")
	}
	return nil
}

// quickFindLimited tells whether the limit is in force: by the organisation's setting, unless the filter says otherwise.
func (q *fetchQuery) quickFindLimited(f *fetchxml.Filter) bool {
	sn := q.env.snap
	org := sn.schema.tables["organization"]
	on, said := org.get(sn.table("organization").get(q.env.engine.organizationID), "quickfindrecordlimitenabled").(bool)
	if !said || on {
		return f.OverrideLimit != "disabled"
	}
	return f.OverrideLimit == "enabled"
}
