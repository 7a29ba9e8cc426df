package query

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// maxHierarchy is the recursion limit of a hierarchy condition (query-hierarchical-data).
const maxHierarchy = 100

// below is every row under id.
func (e *Env) below(t *schema.Table, parent int, id uuid.UUID) []uuid.UUID {
	seen := map[uuid.UUID]bool{id: true}
	var out []uuid.UUID
	level := []uuid.UUID{id}
	for depth := 0; depth < maxHierarchy && len(level) > 0; depth++ {
		var under []uuid.UUID
		for _, x := range level {
			e.liveRows(t).pointing(e, parent, x, func(r *store.Row) bool {
				if !seen[r.ID] {
					seen[r.ID] = true
					under = append(under, r.ID)
				}
				return true
			})
		}
		out = append(out, under...)
		level = under
	}
	return out
}

// above is every row over id, the nearest first.
func (e *Env) above(t *schema.Table, parent int, id uuid.UUID) []uuid.UUID {
	var out []uuid.UUID
	seen := map[uuid.UUID]bool{id: true}
	for range maxHierarchy {
		r := e.liveRows(t).Get(e, id)
		if r == nil {
			break
		}
		up, ok := r.Get(parent).(store.Ref)
		if !ok || up.Table != t.Name || seen[up.ID] {
			break
		}
		id = up.ID
		seen[id] = true
		out = append(out, id)
	}
	return out
}

// hierarchyCondition compiles the operators on a hierarchy; false if the operator is none of them. The column is the
// table's key, or a lookup at a table that has a hierarchy.
func (q *Compiler) hierarchyCondition(x operand, operator string, values []string) (predicate, bool, error) {
	switch operator {
	case "above", "eq-or-above", "under", "eq-or-under", "not-under":
	default:
		return nil, false, nil
	}
	t := q.hierarchy(x)
	if t == nil {
		return nil, true, wrongOperator(x, operator)
	}
	if len(values) != 1 {
		return nil, true, wire.BadArgument("The condition operator '%s' requires one value.", operator)
	}
	c, ok := x.constant(values[0])
	if !ok {
		return nil, true, wrongValue(x, operator)
	}
	parent := t.Above().Index
	var ids []uuid.UUID
	switch operator {
	case "above", "eq-or-above":
		ids = q.env.above(t, parent, c.guid)
	default:
		ids = q.env.below(t, parent, c.guid)
	}
	if operator == "eq-or-above" || operator == "eq-or-under" {
		ids = append(ids, c.guid)
	}
	list := make([]constant, len(ids))
	for i, id := range ids {
		list[i].guid = id
	}
	p := x.oneOf(list)
	if operator == "not-under" {
		p = negated(q.nulls, p)
	}
	return p, true, nil
}

// hierarchy is the table whose hierarchy a column belongs to, nil if there is none.
func (q *Compiler) hierarchy(x operand) *schema.Table {
	if x.class != classGUID || x.col == nil {
		return nil
	}
	name := ""
	switch {
	case x.col.Name == x.table.ID:
		name = x.table.Name
	case len(x.col.Targets) == 1:
		name = x.col.Targets[0]
	case x.table.Above() == x.col:
		name = x.table.Name
	}
	t := q.env.Snap.Schema.Tables[name]
	if t == nil || t.Above() == nil {
		return nil
	}
	return t
}
