package platform

import (
	"slices"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// reached tells whether a cascade takes a row below one whose owner is, or was, that principal. Page:
// configure-entity-relationship-cascading-behavior, the values of CascadeType.
func reached(how string, child *schema.Table, r *store.Row, owner store.Ref) bool {
	switch how {
	case "Cascade":
		return true
	case "Active":
		return store.Int(child, r, "statecode") == 0
	case "UserOwned":
		return store.Lookup(child, r, "ownerid") == owner
	}
	return false
}

// assignBelow hands what belongs to a row to its new owner, as the relationships say. A row that is closed changes too.
func (w *Writer) assignBelow(t *schema.Table, before, after *store.Row) error {
	from, to := store.Lookup(t, before, "ownerid"), store.Lookup(t, after, "ownerid")
	if from == to || to.ID == uuid.Nil {
		return nil
	}
	seen := map[store.Ref]bool{{Table: t.Name, ID: after.ID}: true}
	below := []target{{t, after}}
	for i := 0; i < len(below); i++ {
		for _, rel := range w.Schema.PointingAt(below[i].Table) {
			child, how := w.Schema.Tables[rel.Referencing], rel.Cascades("Assign")
			if how == "NoCascade" || child.Ownership != "UserOwned" || w.Data[child.Name].Len() == 0 {
				continue
			}
			EachPointing(&w.Tx.Snapshot, child, child.Column(rel.Attribute), store.Ref{Table: below[i].Table.Name, ID: below[i].Row.ID}, func(r *store.Row) bool {
				if key := (store.Ref{Table: child.Name, ID: r.ID}); !seen[key] && reached(how, child, r, from) {
					seen[key] = true
					below = append(below, target{child, r})
				}
				return true
			})
		}
	}
	for _, d := range below[1:] {
		if err := w.hand(d.Table, d.Row, to); err != nil {
			return err
		}
	}
	return nil
}

// hand gives a row an owner, as a cascade does.
func (w *Writer) hand(t *schema.Table, r *store.Row, to store.Ref) error {
	if store.Lookup(t, r, "ownerid") == to {
		return nil
	}
	v := store.Values{}
	v.Set(t, "ownerid", to)
	w.ComputeOwner(t, r, v)
	w.stampChanged(t, v)
	after := w.NextRow(t, r, v)
	w.Put(t, after)
	w.AuditUpdate(t, r, after)
	if t.Activity {
		return w.FinishActivity(t, r.ID)
	}
	return nil
}

// reparent gives who owns the row above a row the right to read it, and takes it from who owned the one above before. Page:
// configure-entity-relationship-cascading-behavior, "About the reparent action": "inherited read access rights".
func (w *Writer) reparent(t *schema.Table, before, after *store.Row) {
	if t.Ownership != "UserOwned" {
		return
	}
	moved := false
	for _, rel := range t.Outgoing {
		if rel.Cascades("Reparent") != "NoCascade" && w.above(t, before, rel) != w.above(t, after, rel) {
			moved = true
		}
	}
	if !moved && (before == nil || store.Lookup(t, before, "ownerid") == store.Lookup(t, after, "ownerid")) {
		return
	}
	had, has := w.readersAbove(t, before), w.readersAbove(t, after)
	for _, p := range had {
		if !slices.Contains(has, p) {
			w.inheritRead(t, after, p, false)
		}
	}
	for _, p := range has {
		w.inheritRead(t, after, p, true)
	}
}

// above is the row that a relationship leads to from a row, none where that is not there.
func (w *Writer) above(t *schema.Table, r *store.Row, rel *schema.Relationship) store.Ref {
	if r == nil {
		return store.Ref{}
	}
	to := store.Lookup(t, r, rel.Attribute)
	if to.Table != rel.Referenced {
		return store.Ref{}
	}
	return to
}

// readersAbove are the owners of the rows above a row, but for its own.
func (w *Writer) readersAbove(t *schema.Table, r *store.Row) []store.Ref {
	var all []store.Ref
	for _, rel := range t.Outgoing {
		parent := w.Schema.Tables[rel.Referenced]
		to := w.above(t, r, rel)
		if to.ID == uuid.Nil || parent == nil || parent.Ownership != "UserOwned" {
			continue
		}
		x := w.Data[parent.Name].Get(to.ID)
		if x == nil {
			continue
		}
		owner, own := store.Lookup(parent, x, "ownerid"), store.Lookup(t, r, "ownerid")
		if owner.ID != uuid.Nil && owner != own && reached(rel.Cascades("Reparent"), t, r, owner) && !slices.Contains(all, owner) {
			all = append(all, owner)
		}
	}
	return all
}

// inheritRead gives or takes the inherited right to read a row.
func (w *Writer) inheritRead(t *schema.Table, r *store.Row, p store.Ref, give bool) {
	poa := w.Schema.Tables["principalobjectaccess"]
	mask := int64(0)
	if old := access.FindShare(&w.Tx.Snapshot, r.ID, p); old != nil {
		mask = store.Int(poa, old, "inheritedaccessrightsmask")
	}
	next := mask &^ schema.RightMasks["Read"]
	if give {
		next = mask | schema.RightMasks["Read"]
	}
	if next != mask {
		w.putShare(store.Ref{Table: t.Name, ID: r.ID}, p, "inheritedaccessrightsmask", next)
	}
}
