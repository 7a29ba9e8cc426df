package platform

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// Cascade is what one delete does: worked out as a whole before anything is touched, so that a refusal anywhere leaves
// everything as it was. Page: configure-entity-relationship-cascading-behavior.
type Cascade struct {
	Rows    []target // the root first, then what the delete cascades to
	has     map[store.Ref]bool
	unlinks []unlink
	pairs   []target // rows of intersect tables
}

type target struct {
	Table *schema.Table
	Row   *store.Row
}

// unlink is a lookup that the delete sets to null.
type unlink struct {
	table  *schema.Table
	id     uuid.UUID
	column *schema.Column
	was    store.Ref
}

// CascadeOf is a row and all that its delete cascades to; it goes through the rows without recursion, for chains may be
// long.
func (w *Writer) CascadeOf(t *schema.Table, r *store.Row) (*Cascade, error) {
	del := &Cascade{has: map[store.Ref]bool{}}
	w.collect(del, t, r)
	for i := 0; i < len(del.Rows); i++ {
		if err := w.collectPointing(del, del.Rows[i].Table, del.Rows[i].Row); err != nil {
			return nil, err
		}
		w.collectPairs(del, del.Rows[i].Table, del.Rows[i].Row.ID)
	}
	return del, nil
}

func (w *Writer) collect(del *Cascade, t *schema.Table, r *store.Row) {
	key := store.Ref{Table: t.Name, ID: r.ID}
	if del.has[key] {
		return
	}
	del.has[key] = true
	del.Rows = append(del.Rows, target{t, r})
	if t.Name == "connection" { // the mirror goes with it
		if twin := w.Data[t.Name].Get(store.Lookup(t, r, "relatedconnectionid").ID); twin != nil {
			w.collect(del, t, twin)
		}
	}
}

// collectPointing adds what the relationships of a deleted row say: rows that are deleted too, and lookups that become null.
func (w *Writer) collectPointing(del *Cascade, t *schema.Table, r *store.Row) error {
	for _, rel := range w.Schema.PointingAt(t) {
		if rel.Delete == "NoCascade" || w.Data[rel.Referencing].Len() == 0 {
			continue
		}
		child := w.Schema.Tables[rel.Referencing]
		c := child.Column(rel.Attribute)
		refused := false
		EachPointing(&w.Tx.Snapshot, child, c, store.Ref{Table: t.Name, ID: r.ID}, func(x *store.Row) bool {
			switch rel.Delete {
			case "Cascade":
				w.collect(del, child, x)
			case "Restrict":
				refused = true
				return false
			default:
				del.unlinks = append(del.unlinks, unlink{child, x.ID, c, store.Ref{Table: t.Name, ID: r.ID}})
			}
			return true
		})
		if refused {
			return wire.NewError(http.StatusMethodNotAllowed, "0x80040227", "The object you tried to delete is associated with another object and cannot be deleted.")
		}
	}
	return nil
}

// EachPointing calls fn for every row of t whose lookup holds that row.
func EachPointing(s *store.Snapshot, t *schema.Table, c *schema.Column, to store.Ref, fn func(*store.Row) bool) {
	match := func(r *store.Row) bool {
		held, ok := r.Get(c.Index).(store.Ref)
		if ok && held.ID == to.ID && (held.Table == to.Table || held.Table == "activitypointer") {
			return fn(r)
		}
		return true
	}
	if !s.Data[t.Name].Pointing(c.Index, to.ID, match) {
		s.Data[t.Name].Scan(uuid.Nil, match)
	}
}

// removeLink sets a lookup to null. The platform does so itself: a closed row changes too, and modifiedon stays.
func (w *Writer) removeLink(u unlink) {
	before := w.Data[u.table.Name].Get(u.id)
	if before == nil {
		return
	}
	v := store.Values{u.column.Index: nil}
	computeCustomer(u.table, before, v)
	after := w.NextRow(u.table, before, v)
	w.Put(u.table, after)
	w.AuditUpdate(u.table, before, after)
}

// collectPairs adds the many-to-many rows of a row that is deleted.
func (w *Writer) collectPairs(del *Cascade, t *schema.Table, id uuid.UUID) {
	for _, m := range w.Schema.ManyToMany {
		if m.Table1 == t.Name {
			w.collectPair(del, m, m.Attribute1, store.Ref{Table: t.Name, ID: id})
		}
		if m.Table2 == t.Name {
			w.collectPair(del, m, m.Attribute2, store.Ref{Table: t.Name, ID: id})
		}
	}
}

func (w *Writer) collectPair(del *Cascade, m *schema.ManyToMany, attribute string, end store.Ref) {
	t := w.Schema.Tables[m.Intersect]
	if w.Data[t.Name].Len() == 0 {
		return
	}
	c := t.Column(attribute)
	w.Data[t.Name].Pointing(c.Index, end.ID, func(r *store.Row) bool {
		held, lookup := r.Get(c.Index).(store.Ref)
		if key := (store.Ref{Table: t.Name, ID: r.ID}); (!lookup || held == end) && !del.has[key] {
			del.has[key] = true
			del.pairs = append(del.pairs, target{t, r})
		}
		return true
	})
}

// markPartiesDeleted marks the parties that a deleted row leaves behind: they keep its id, its name and the address used.
// Page: activityparty (ispartydeleted), contact (contact_activity_parties: NoCascade).
func (w *Writer) markPartiesDeleted(t *schema.Table, id uuid.UUID) { w.markParties(t, id, true) }

// markPartiesRestored removes that mark when the row is restored.
func (w *Writer) markPartiesRestored(t *schema.Table, id uuid.UUID) { w.markParties(t, id, false) }

func (w *Writer) markParties(t *schema.Table, id uuid.UUID, deleted bool) {
	party := w.Schema.Tables["activityparty"]
	if w.Data[party.Name].Len() == 0 {
		return
	}
	var left []*store.Row
	EachPointing(&w.Tx.Snapshot, party, party.Column("partyid"), store.Ref{Table: t.Name, ID: id}, func(r *store.Row) bool {
		left = append(left, r)
		return true
	})
	for _, r := range left {
		v := store.Values{}
		v.Set(party, "ispartydeleted", deleted)
		w.Put(party, w.NextRow(party, r, v))
	}
}
