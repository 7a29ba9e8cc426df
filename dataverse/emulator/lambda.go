package emulator

import (
	"github.com/gallra/gallra/dataverse/odata"
	"github.com/google/uuid"
)

// lambda compiles any and all. A row of which the body is null is no match; all wants every row to match.
func (q *compiler) lambda(x *odata.Lambda, s *scope) (predicate, *access, error) {
	from, rest := s.start(x.Path.Segments)
	if len(rest) != 1 {
		return nil, nil, noProperty(rest[len(rest)-1], from.table.Name)
	}
	n := from.table.navigation(q.env.snap.schema, rest[0])
	if n == nil || !n.collection {
		return nil, nil, noProperty(rest[0], from.table.Name)
	}
	inner := &scope{name: x.Var, table: n.target, slot: q.env.slot(), outer: s}
	inner.at = atSlot(inner.slot)
	body := predicate(func(*env) truth { return yes })
	var where *access
	if x.Body != nil {
		home := q.home
		q.home = inner.slot
		var err error
		body, where, err = q.expr(x.Body, inner)
		q.home = home
		if err != nil {
			return nil, nil, err
		}
	}
	if x.All || from.slot != q.home {
		where = nil
	}
	related := q.related(n)
	slot, at := inner.slot, from.at
	// The function that visits a related row is made once, so that it costs nothing per row of the queried table.
	all, found := x.All, false
	visit := func(e *env, r *row) bool {
		e.rows[slot] = r
		if !e.step() || (body(e) == yes) != all {
			found = true
			return false
		}
		return true
	}
	return func(e *env) truth {
		r := at(e)
		if r == nil {
			return no
		}
		outer := found
		found = false
		related(e, r.id, visit)
		result := found
		found = outer
		return truthOf(result != all)
	}, q.owning(n, where), nil
}

// owning is where the rows are that have, behind a collection-valued navigation property, one of the rows of inner.
func (q *compiler) owning(n *navigation, inner *access) *access {
	if inner == nil {
		return nil
	}
	a := &access{}
	e := q.env
	e.source(n.target).walk(e, inner, uuid.Nil, func(r *row) bool {
		if n.many == nil {
			if id, ok := pointsAt(r.get(n.column)); ok {
				a.probes = append(a.probes, probe{-1, id})
			}
			return true
		}
		e.source(e.snap.schema.tables[n.many.Intersect]).pointing(e, n.there, r.id, func(m *row) bool {
			if id, ok := pointsAt(m.get(n.here)); ok {
				a.probes = append(a.probes, probe{-1, id})
			}
			return true
		})
		return true
	})
	return a
}

// related calls a function for the rows that a collection-valued navigation property leads to, in the order of ids,
// until it returns false.
func (q *compiler) related(n *navigation) func(e *env, id uuid.UUID, fn func(*env, *row) bool) {
	target := q.env.source(n.target)
	if n.many == nil {
		return func(e *env, id uuid.UUID, fn func(*env, *row) bool) {
			target.pointing(e, n.column, id, func(r *row) bool { return fn(e, r) })
		}
	}
	mid := q.env.source(q.env.snap.schema.tables[n.many.Intersect])
	return func(e *env, id uuid.UUID, fn func(*env, *row) bool) {
		mid.pointing(e, n.here, id, func(m *row) bool {
			to, ok := pointsAt(m.get(n.there))
			if !ok {
				return true
			}
			r := target.get(e, to)
			return r == nil || fn(e, r)
		})
	}
}
