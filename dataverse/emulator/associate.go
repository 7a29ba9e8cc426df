package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// referenceIn is the row that a body {"@odata.id":…} names.
func (w *writer) referenceIn(c *call) (ref, error) {
	body, err := c.decode()
	if err != nil {
		return ref{}, err
	}
	text, _ := body["@odata.id"].(string)
	if text == "" {
		return ref{}, payloadFault("", "The entity reference link does not contain the required 'odata.id' property.")
	}
	return w.reference(text)
}

// postRef adds a row to a collection. Page: associate-disassociate-entities-using-web-api.
func (s *platformService) postRef(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		t, r, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		nav := c.path.segments[1].name
		relation, across := w.collection(t, nav)
		if relation == nil && across == nil {
			if w.schema.singles(t, nav) != nil {
				return newFault(http.StatusMethodNotAllowed, "0x80060888", "The navigation property '%s' is single-valued: use PUT.", nav)
			}
			return noSegment(nav)
		}
		to, err := w.referenceIn(c)
		if err != nil {
			return err
		}
		return w.associate(t, r.id, relation, across, nav, to)
	})
}

// putRef sets a lookup.
func (s *platformService) putRef(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		t, r, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		nav := c.path.segments[1].name
		if w.schema.singles(t, nav) == nil {
			if relation, across := w.collection(t, nav); relation != nil || across != nil {
				return newFault(http.StatusMethodNotAllowed, "0x80060888", "The navigation property '%s' is collection-valued: use POST.", nav)
			}
			return noSegment(nav)
		}
		body, err := c.decode()
		if err != nil {
			return err
		}
		text, _ := body["@odata.id"].(string)
		if text == "" {
			return payloadFault(t.Name, "The entity reference link does not contain the required 'odata.id' property.")
		}
		_, err = w.patch(t, r, map[string]any{nav + bindSuffix: text}, rowKey{})
		return err
	})
}

// deleteRef clears a lookup, or takes a row out of a collection: nav(id)/$ref or nav/$ref?$id=URL.
func (s *platformService) deleteRef(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		t, r, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		seg := c.path.segments[1]
		if w.schema.singles(t, seg.name) != nil && !seg.hasKey {
			_, err := w.patch(t, r, map[string]any{seg.name + bindSuffix: nil}, rowKey{})
			return err
		}
		relation, across := w.collection(t, seg.name)
		if relation == nil && across == nil {
			return noSegment(seg.name)
		}
		other, err := w.otherEnd(c, t, seg, relation, across)
		if err != nil {
			return err
		}
		return w.disassociate(t, r.id, relation, across, seg.name, other)
	})
}

// otherEnd is the row that a $ref of a collection names.
func (w *writer) otherEnd(c *call, t *table, seg segment, relation *relationship, across *manyToMany) (ref, error) {
	if !seg.hasKey {
		text := c.query.Get("$id")
		if text == "" {
			return ref{}, badQuery("The reference to remove from the collection '%s' is missing.", seg.name)
		}
		return w.reference(text)
	}
	name := ""
	if relation != nil {
		name = relation.Referencing
	} else {
		name = across.other(t.Name, seg.name)
	}
	there := w.schema.tables[name]
	k, err := w.key(there, seg)
	if err != nil {
		return ref{}, err
	}
	if k.values != nil && k.id == uuid.Nil {
		return ref{}, k.noRow(there)
	}
	return ref{name, k.id}, nil
}

// associate joins two rows: by the lookup of the one that has it, or by a row of the intersect table.
func (w *writer) associate(t *table, id uuid.UUID, relation *relationship, across *manyToMany, nav string, other ref) error {
	if relation != nil {
		if relation.Referencing != other.Table {
			return badQuery("The navigation property '%s' of type '%s' cannot refer to a record of type '%s'.", nav, t.Name, other.Table)
		}
		child := w.schema.tables[other.Table]
		if err := child.accepts("Update"); err != nil {
			return err
		}
		r := w.data[child.Name].get(other.ID)
		if r == nil {
			return noRow(other.Table, other.ID.String())
		}
		if err := w.allowLink(child, r, ref{t.Name, id}); err != nil {
			return err
		}
		c := child.column(relation.Attribute)
		_, err := w.update(child, r, values{c.index: ref{t.Name, id}})
		return err
	}
	if across.other(t.Name, nav) != other.Table {
		return badQuery("The navigation property '%s' of type '%s' cannot refer to a record of type '%s'.", nav, t.Name, other.Table)
	}
	if w.data[other.Table].get(other.ID) == nil {
		return noRow(other.Table, other.ID.String())
	}
	if err := w.allowLink(t, w.data[t.Name].get(id), other); err != nil {
		return err
	}
	x := w.schema.tables[across.Intersect]
	if w.pair(x, across, t.Name, nav, id, other.ID) != nil {
		return newFault(http.StatusPreconditionFailed, "0x80040237", "Cannot insert duplicate key.")
	}
	own, far := across.ends(t.Name, nav)
	v := values{}
	setEnd(x, v, own, ref{t.Name, id})
	setEnd(x, v, far, other)
	if x.Name == "listmember" {
		if _, err := w.insert(x, v); err != nil {
			return err
		}
	} else {
		w.completeLink(x, v)
		r := w.fresh(x, uuid.New(), v)
		if err := w.checkPlatform(x, nil, r); err != nil {
			return err
		}
		w.put(x, r)
	}
	w.auditAssociation(actionAssociate, across.Name, t, id, other)
	return nil
}

// setEnd sets an end of an intersect row: an id, or a lookup where the table has one.
func setEnd(x *table, v values, name string, to ref) {
	if c := x.column(name); c.kind == kindLookup {
		v[c.index] = to
	} else {
		v[c.index] = to.ID
	}
}

// pair is the intersect row that joins two rows, nil if none does.
func (w *writer) pair(x *table, m *manyToMany, table, nav string, id, other uuid.UUID) *row {
	own, far := m.ends(table, nav)
	var found *row
	w.data[x.Name].pointing(x.column(own).index, id, func(r *row) bool {
		if held, _ := pointsAt(r.get(x.column(far).index)); held == other {
			found = r
			return false
		}
		return true
	})
	return found
}

// disassociate parts two rows; parting two that are not joined is an error where the lookup says otherwise.
func (w *writer) disassociate(t *table, id uuid.UUID, relation *relationship, across *manyToMany, nav string, other ref) error {
	if relation != nil {
		child := w.schema.tables[relation.Referencing]
		r := w.data[child.Name].get(other.ID)
		if r == nil || other.Table != child.Name {
			return noRow(relation.Referencing, other.ID.String())
		}
		if err := child.accepts("Update"); err != nil {
			return err
		}
		if err := w.allowLink(child, r, ref{t.Name, id}); err != nil {
			return err
		}
		c := child.column(relation.Attribute)
		if child.ref(r, relation.Attribute) != (ref{t.Name, id}) {
			return noRow(relation.Referencing, other.ID.String())
		}
		if c.Required == "SystemRequired" {
			return newFault(http.StatusBadRequest, "0x80040200", "The property '%s' on type '%s' is required and cannot be set to null.", c.Name, child.Name)
		}
		_, err := w.update(child, r, values{c.index: nil})
		return err
	}
	if err := w.allowLink(t, w.data[t.Name].get(id), other); err != nil {
		return err
	}
	x := w.schema.tables[across.Intersect]
	r := w.pair(x, across, t.Name, nav, id, other.ID)
	if r == nil {
		return noRow(other.Table, other.ID.String())
	}
	w.remove(x, r.id)
	w.auditAssociation(actionDisassociate, across.Name, t, id, other)
	return nil
}
