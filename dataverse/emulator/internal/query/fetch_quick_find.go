package query

import (
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/fetchxml"
)

// MaxQuickFind is the most rows that a quick find filter may match (quick-find).
const MaxQuickFind = 10_000

// quickFind refuses a quick find filter that matches too much. It is looked at by itself, before other filters and
// before the rights of the caller. Page: quick-find.
func (q *FetchQuery) quickFind(f *fetchxml.Filter, p predicate) error {
	like := func(c fetchxml.Condition) bool { return c.Operator == fetchxml.Like }
	if !f.QuickFind || !f.Or || len(f.Conditions) < 2 || len(f.Filters)+len(f.Links) > 0 ||
		slices.ContainsFunc(f.Conditions, func(c fetchxml.Condition) bool { return !like(c) }) || !q.quickFindLimited(f) {
		return nil
	}
	n := 0
	q.Env.allRows(q.From.Table).Scan(q.Env, uuid.Nil, func(r *store.Row) bool {
		q.Env.Rows[0] = r
		if p(q.Env) == yes {
			n++
		}
		return n <= MaxQuickFind
	})
	q.Env.Rows[0] = nil
	if n > MaxQuickFind {
		return wire.NewError(http.StatusBadRequest, "0x8004e024", "The number of records for this search exceeds the Quick Search record limit. Please refine your query and try again.")
	}
	return nil
}

// quickFindLimited tells whether the limit is in force: by the organisation's setting, unless the filter says otherwise.
func (q *FetchQuery) quickFindLimited(f *fetchxml.Filter) bool {
	sn := q.Env.Snap
	org := sn.Schema.Tables["organization"]
	on, said := store.Value(org, sn.Rows("organization").Get(q.Env.Engine.OrganizationID), "quickfindrecordlimitenabled").(bool)
	if !said || on {
		return f.OverrideLimit != "disabled"
	}
	return f.OverrideLimit == "enabled"
}
