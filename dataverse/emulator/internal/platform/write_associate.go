package platform

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/hooks"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// referenceIn is the row that a body {"@odata.id":…} names.
func (w *Writer) referenceIn(c *wire.Call) (store.Ref, error) {
	body, err := c.Decode()
	if err != nil {
		return store.Ref{}, err
	}
	text, _ := body["@odata.id"].(string)
	if text == "" {
		return store.Ref{}, wire.BadPayload("", "The entity reference link does not contain the required 'odata.id' property.")
	}
	return w.reference(text)
}

// postRef adds a row to a collection. Page: associate-disassociate-entities-using-web-api.
func (s *Service) postRef(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *Writer) error {
		t, r, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		nav := c.Path.Segments[1].Name
		relation, across := w.collection(t, nav)
		if relation == nil && across == nil {
			if w.Schema.SingleValued(t, nav) != nil {
				return wire.NewError(http.StatusMethodNotAllowed, "0x80060888", "The navigation property '%s' is single-valued: use PUT.", nav)
			}
			return wire.NoSegment(nav)
		}
		to, err := w.referenceIn(c)
		if err != nil {
			return err
		}
		if err := w.raiseLink(hooks.Associate, hooks.PreValidation, t, r.ID, relation, across, to); err != nil {
			return err
		}
		if err := w.raiseLink(hooks.Associate, hooks.PreOperation, t, r.ID, relation, across, to); err != nil {
			return err
		}
		if err := w.associate(t, r.ID, relation, across, nav, to); err != nil {
			return err
		}
		return w.raiseLink(hooks.Associate, hooks.PostOperation, t, r.ID, relation, across, to)
	})
}

// putRef sets a lookup.
func (s *Service) putRef(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *Writer) error {
		t, r, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		nav := c.Path.Segments[1].Name
		if w.Schema.SingleValued(t, nav) == nil {
			if relation, across := w.collection(t, nav); relation != nil || across != nil {
				return wire.NewError(http.StatusMethodNotAllowed, "0x80060888", "The navigation property '%s' is collection-valued: use POST.", nav)
			}
			return wire.NoSegment(nav)
		}
		body, err := c.Decode()
		if err != nil {
			return err
		}
		text, _ := body["@odata.id"].(string)
		if text == "" {
			return wire.BadPayload(t.Name, "The entity reference link does not contain the required 'odata.id' property.")
		}
		_, err = w.Patch(t, r, map[string]any{nav + bindSuffix: text}, wire.RowKey{})
		return err
	})
}

// deleteRef clears a lookup, or takes a row out of a collection: nav(id)/$ref or nav/$ref?$id=URL.
func (s *Service) deleteRef(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *Writer) error {
		t, r, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		seg := c.Path.Segments[1]
		if w.Schema.SingleValued(t, seg.Name) != nil && !seg.HasKey {
			_, err := w.Patch(t, r, map[string]any{seg.Name + bindSuffix: nil}, wire.RowKey{})
			return err
		}
		relation, across := w.collection(t, seg.Name)
		if relation == nil && across == nil {
			return wire.NoSegment(seg.Name)
		}
		other, err := w.otherEnd(c, t, seg, relation, across)
		if err != nil {
			return err
		}
		if err := w.raiseLink(hooks.Disassociate, hooks.PreValidation, t, r.ID, relation, across, other); err != nil {
			return err
		}
		if err := w.raiseLink(hooks.Disassociate, hooks.PreOperation, t, r.ID, relation, across, other); err != nil {
			return err
		}
		if err := w.disassociate(t, r.ID, relation, across, seg.Name, other); err != nil {
			return err
		}
		return w.raiseLink(hooks.Disassociate, hooks.PostOperation, t, r.ID, relation, across, other)
	})
}

// otherEnd is the row that a $ref of a collection names.
func (w *Writer) otherEnd(c *wire.Call, t *schema.Table, seg wire.Segment, relation *schema.Relationship, across *schema.ManyToMany) (store.Ref, error) {
	if !seg.HasKey {
		text := c.Query.Get("$id")
		if text == "" {
			return store.Ref{}, wire.BadQuery("The reference to remove from the collection '%s' is missing.", seg.Name)
		}
		return w.reference(text)
	}
	name := ""
	if relation != nil {
		name = relation.Referencing
	} else {
		name = across.Other(t.Name, seg.Name)
	}
	there := w.Schema.Tables[name]
	k, err := wire.ReadKey(&w.Tx.Snapshot, there, seg)
	if err != nil {
		return store.Ref{}, err
	}
	if k.Values != nil && k.ID == uuid.Nil {
		return store.Ref{}, k.NoRow(there)
	}
	return store.Ref{Table: name, ID: k.ID}, nil
}

// JoinTeam lets a user join a team, or leave it.
func (w *Writer) JoinTeam(team *store.Row, user uuid.UUID, join bool) error {
	const nav = "teammembership_association"
	t := w.Schema.Tables["team"]
	other := store.Ref{Table: "systemuser", ID: user}
	if join {
		return w.associate(t, team.ID, nil, t.Across[nav], nav, other)
	}
	return w.disassociate(t, team.ID, nil, t.Across[nav], nav, other)
}

// associate joins two rows: it sets the lookup between them, or makes a row of the intersect table.
func (w *Writer) associate(t *schema.Table, id uuid.UUID, relation *schema.Relationship, across *schema.ManyToMany, nav string, other store.Ref) error {
	if relation != nil {
		if relation.Referencing != other.Table {
			return wire.BadQuery("The navigation property '%s' of type '%s' cannot refer to a record of type '%s'.", nav, t.Name, other.Table)
		}
		child := w.Schema.Tables[other.Table]
		if err := CheckMessage(child, "Update"); err != nil {
			return err
		}
		r := w.Data[child.Name].Get(other.ID)
		if r == nil {
			return wire.NoRow(other.Table, other.ID.String())
		}
		if err := w.checkLinkRights(child, r, store.Ref{Table: t.Name, ID: id}); err != nil {
			return err
		}
		c := child.Column(relation.Attribute)
		_, err := w.Update(child, r, store.Values{c.Index: store.Ref{Table: t.Name, ID: id}})
		return err
	}
	if across.Other(t.Name, nav) != other.Table {
		return wire.BadQuery("The navigation property '%s' of type '%s' cannot refer to a record of type '%s'.", nav, t.Name, other.Table)
	}
	if w.Data[other.Table].Get(other.ID) == nil {
		return wire.NoRow(other.Table, other.ID.String())
	}
	if err := w.checkLinkRights(t, w.Data[t.Name].Get(id), other); err != nil {
		return err
	}
	x := w.Schema.Tables[across.Intersect]
	if w.pair(x, across, t.Name, nav, id, other.ID) != nil {
		return wire.NewError(http.StatusPreconditionFailed, "0x80040237", "Cannot insert duplicate key.")
	}
	own, far := across.Ends(t.Name, nav)
	v := store.Values{}
	setEnd(x, v, own, store.Ref{Table: t.Name, ID: id})
	setEnd(x, v, far, other)
	if x.Name == "listmember" {
		if _, err := w.Insert(x, v); err != nil {
			return err
		}
	} else {
		w.completeLink(x, v)
		r := w.newRow(x, uuid.New(), v)
		if err := w.checkPlatform(x, nil, r); err != nil {
			return err
		}
		w.Put(x, r)
	}
	w.auditAssociation(ActionAssociate, across.Name, t, id, other)
	return nil
}

// setEnd sets an end of an intersect row: an id, or a lookup where the table has one.
func setEnd(x *schema.Table, v store.Values, name string, to store.Ref) {
	if c := x.Column(name); c.Kind == schema.KindLookup {
		v[c.Index] = to
	} else {
		v[c.Index] = to.ID
	}
}

// pair is the intersect row that joins two rows, nil if none does.
func (w *Writer) pair(x *schema.Table, m *schema.ManyToMany, table, nav string, id, other uuid.UUID) *store.Row {
	own, far := m.Ends(table, nav)
	var found *store.Row
	w.Data[x.Name].Pointing(x.Column(own).Index, id, func(r *store.Row) bool {
		if held, _ := store.TargetID(r.Get(x.Column(far).Index)); held == other {
			found = r
			return false
		}
		return true
	})
	return found
}

// disassociate undoes [Writer.associate]; it refuses two rows that are not joined.
func (w *Writer) disassociate(t *schema.Table, id uuid.UUID, relation *schema.Relationship, across *schema.ManyToMany, nav string, other store.Ref) error {
	if relation != nil {
		child := w.Schema.Tables[relation.Referencing]
		r := w.Data[child.Name].Get(other.ID)
		if r == nil || other.Table != child.Name {
			return wire.NoRow(relation.Referencing, other.ID.String())
		}
		if err := CheckMessage(child, "Update"); err != nil {
			return err
		}
		if err := w.checkLinkRights(child, r, store.Ref{Table: t.Name, ID: id}); err != nil {
			return err
		}
		c := child.Column(relation.Attribute)
		if store.Lookup(child, r, relation.Attribute) != (store.Ref{Table: t.Name, ID: id}) {
			return wire.NoRow(relation.Referencing, other.ID.String())
		}
		if c.Required == "SystemRequired" {
			return wire.NewError(http.StatusBadRequest, "0x80040200", "The property '%s' on type '%s' is required and cannot be set to null.", c.Name, child.Name)
		}
		_, err := w.Update(child, r, store.Values{c.Index: nil})
		return err
	}
	if err := w.checkLinkRights(t, w.Data[t.Name].Get(id), other); err != nil {
		return err
	}
	x := w.Schema.Tables[across.Intersect]
	r := w.pair(x, across, t.Name, nav, id, other.ID)
	if r == nil {
		return wire.NoRow(other.Table, other.ID.String())
	}
	w.Remove(x, r.ID)
	w.auditAssociation(ActionDisassociate, across.Name, t, id, other)
	return nil
}
