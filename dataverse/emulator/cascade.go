package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// cascade is what one delete does: worked out as a whole before anything is touched, so that a refusal anywhere leaves
// everything as it was. Page: configure-entity-relationship-cascading-behavior.
type cascade struct {
	rows    []target // the root first, then what the delete cascades to
	has     map[ref]bool
	unlinks []unlink
	pairs   []target // rows of intersect tables
}

type target struct {
	table *table
	row   *row
}

// unlink is a lookup that the delete sets to null.
type unlink struct {
	table  *table
	id     uuid.UUID
	column *column
	was    ref
}

// cascadeOf is a row and all that its delete cascades to; it goes through the rows without recursion, for chains may be
// long.
func (w *writer) cascadeOf(t *table, r *row) (*cascade, error) {
	e := &cascade{has: map[ref]bool{}}
	w.collect(e, t, r)
	for i := 0; i < len(e.rows); i++ {
		if err := w.collectPointing(e, e.rows[i].table, e.rows[i].row); err != nil {
			return nil, err
		}
		w.collectPairs(e, e.rows[i].table, e.rows[i].row.id)
	}
	return e, nil
}

func (w *writer) collect(e *cascade, t *table, r *row) {
	key := ref{t.Name, r.id}
	if e.has[key] {
		return
	}
	e.has[key] = true
	e.rows = append(e.rows, target{t, r})
	if t.Name == "connection" { // the mirror goes with it
		if twin := w.data[t.Name].get(t.ref(r, "relatedconnectionid").ID); twin != nil {
			w.collect(e, t, twin)
		}
	}
}

// collectPointing looks at everything that points at a row that goes.
func (w *writer) collectPointing(e *cascade, t *table, r *row) error {
	for _, rel := range w.schema.pointingAt(t) {
		child := w.schema.tables[rel.Referencing]
		c := child.column(rel.Attribute)
		if rel.Delete == "NoCascade" || w.data[child.Name].len() == 0 {
			continue
		}
		refused := false
		w.pointers(child, c, ref{t.Name, r.id}, func(x *row) bool {
			switch rel.Delete {
			case "Cascade":
				w.collect(e, child, x)
			case "Restrict":
				refused = true
				return false
			default:
				e.unlinks = append(e.unlinks, unlink{child, x.id, c, ref{t.Name, r.id}})
			}
			return true
		})
		if refused {
			return newFault(http.StatusMethodNotAllowed, "0x80040227", "The object you tried to delete is associated with another object and cannot be deleted.")
		}
	}
	return nil
}

// pointers calls fn for every row of t whose lookup holds that row.
func (s *snapshot) pointers(t *table, c *column, to ref, fn func(*row) bool) {
	match := func(r *row) bool {
		held, ok := r.get(c.index).(ref)
		if ok && held.ID == to.ID && (held.Table == to.Table || held.Table == "activitypointer") {
			return fn(r)
		}
		return true
	}
	if !s.data[t.Name].pointing(c.index, to.ID, match) {
		s.data[t.Name].scan(uuid.Nil, match)
	}
}

// removeLink sets a lookup to null. It is the platform's doing: a closed row is changed as well, and its date of
// change stays.
func (w *writer) removeLink(u unlink) {
	before := w.data[u.table.Name].get(u.id)
	if before == nil {
		return
	}
	v := values{u.column.index: nil}
	computeCustomer(u.table, before, v)
	after := w.next(u.table, before, v)
	w.put(u.table, after)
	w.auditUpdate(u.table, before, after)
}

// collectPairs adds the rows of many-to-many relationships that a row that goes stands in.
func (w *writer) collectPairs(e *cascade, t *table, id uuid.UUID) {
	for _, m := range w.schema.many {
		if m.Table1 == t.Name {
			w.collectPair(e, m, m.Attribute1, ref{t.Name, id})
		}
		if m.Table2 == t.Name {
			w.collectPair(e, m, m.Attribute2, ref{t.Name, id})
		}
	}
}

func (w *writer) collectPair(e *cascade, m *manyToMany, attribute string, end ref) {
	t := w.schema.tables[m.Intersect]
	if w.data[t.Name].len() == 0 {
		return
	}
	c := t.column(attribute)
	w.data[t.Name].pointing(c.index, end.ID, func(r *row) bool {
		held, lookup := r.get(c.index).(ref)
		if key := (ref{t.Name, r.id}); (!lookup || held == end) && !e.has[key] {
			e.has[key] = true
			e.pairs = append(e.pairs, target{t, r})
		}
		return true
	})
}

// orphanParties marks the parties that a deleted row leaves behind: they keep its id, its name and the address used.
// Page: activityparty (ispartydeleted), contact (contact_activity_parties: NoCascade).
func (w *writer) orphanParties(t *table, id uuid.UUID) { w.markParties(t, id, true) }

// reviveParties takes the mark off when the row comes back.
func (w *writer) reviveParties(t *table, id uuid.UUID) { w.markParties(t, id, false) }

func (w *writer) markParties(t *table, id uuid.UUID, deleted bool) {
	party := w.schema.tables["activityparty"]
	if w.data[party.Name].len() == 0 {
		return
	}
	var left []*row
	w.pointers(party, party.column("partyid"), ref{t.Name, id}, func(r *row) bool {
		left = append(left, r)
		return true
	})
	for _, r := range left {
		v := values{}
		v.set(party, "ispartydeleted", deleted)
		w.put(party, w.next(party, r, v))
	}
}
