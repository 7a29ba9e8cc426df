package query

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
	"github.com/gallra/gallra/dataverse/odata"
)

// lambda compiles any and all. A row of which the body is null is no match; all wants every row to match.
func (q *Compiler) lambda(x *odata.Lambda, s *scope) (predicate, *accessPath, error) {
	from, rest := s.start(x.Path.Segments)
	if len(rest) != 1 {
		return nil, nil, wire.NoProperty(rest[len(rest)-1], from.table.Name)
	}
	n := from.table.Navigation(q.env.Snap.Schema, rest[0])
	if n == nil || !n.Collection {
		return nil, nil, wire.NoProperty(rest[0], from.table.Name)
	}
	inner := &scope{name: x.Var, table: n.Target, slot: q.env.Slot(), outer: s}
	inner.at = atSlot(inner.slot)
	body := predicate(func(*Env) truth { return yes })
	var where *accessPath
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
	visit := func(e *Env, r *store.Row) bool {
		e.Rows[slot] = r
		if !e.step(wire.ByIndex) || (body(e) == yes) != all {
			found = true
			return false
		}
		return true
	}
	return func(e *Env) truth {
		r := at(e)
		if r == nil {
			return no
		}
		outer := found
		found = false
		related(e, r.ID, visit)
		result := found
		found = outer
		return truthOf(result != all)
	}, q.owning(n, where), nil
}

// owning is where to look for the rows whose collection-valued navigation property leads to a row of inner.
func (q *Compiler) owning(n *schema.Navigation, inner *accessPath) *accessPath {
	if inner == nil {
		return nil
	}
	a := &accessPath{}
	e := q.env
	e.Source(n.Target).walk(e, inner, uuid.Nil, func(r *store.Row) bool {
		if n.Many == nil {
			if id, ok := store.TargetID(r.Get(n.Column)); ok {
				a.add(nil, -1, id)
			}
			return true
		}
		e.Source(e.Snap.Schema.Tables[n.Many.Intersect]).pointing(e, n.There, r.ID, func(m *store.Row) bool {
			if id, ok := store.TargetID(m.Get(n.Here)); ok {
				a.add(nil, -1, id)
			}
			return true
		})
		return true
	})
	return a
}

// related calls a function for the rows that a collection-valued navigation property leads to, in the order of ids,
// until it returns false.
func (q *Compiler) related(n *schema.Navigation) func(e *Env, id uuid.UUID, fn func(*Env, *store.Row) bool) {
	target := q.env.Source(n.Target)
	if n.Many == nil {
		return func(e *Env, id uuid.UUID, fn func(*Env, *store.Row) bool) {
			target.pointing(e, n.Column, id, func(r *store.Row) bool { return fn(e, r) })
		}
	}
	mid := q.env.Source(q.env.Snap.Schema.Tables[n.Many.Intersect])
	return func(e *Env, id uuid.UUID, fn func(*Env, *store.Row) bool) {
		mid.pointing(e, n.Here, id, func(m *store.Row) bool {
			to, ok := store.TargetID(m.Get(n.There))
			if !ok {
				return true
			}
			r := target.Get(e, to)
			return r == nil || fn(e, r)
		})
	}
}
