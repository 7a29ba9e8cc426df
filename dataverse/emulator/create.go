package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// postSet creates a row. Page: create-entity-web-api.
func (s *Server) postSet(c *call) (*answer, error) {
	var made ref
	rep, err := c.representation(true)
	if err != nil {
		return nil, err
	}
	err = c.change(func(w *writer) error {
		t, err := w.schema.set(c.path.segments[0].name)
		if err != nil {
			return err
		}
		body, err := c.decode()
		if err != nil {
			return err
		}
		r, err := w.create(t, body)
		if err == nil {
			made = ref{t.Name, r.id}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.written(made, http.StatusCreated, rep)
}

// representation reads the options of an answer that carries the row, nil where the caller does not ask for one. They
// are checked before anything is written. An update ignores $expand. Page: create-entity-web-api.
func (c *call) representation(creating bool) (*queryOptions, error) {
	if c.prefer("return") != "representation" {
		return nil, nil
	}
	o, err := readOptions(c, "$select", "$expand")
	if err != nil {
		return nil, err
	}
	if !creating {
		delete(o.values, "$expand")
	}
	e := newEnv(c)
	e.slot()
	t, err := c.server.setTable(c, e.snap)
	if err != nil {
		return nil, err
	}
	_, err = newCompiler(e).shape(o.values["$select"], o.values["$expand"], t)
	return o, err
}

// written answers a create or an update: 204 with the row's address, or the row where the caller asked for it.
func (c *call) written(r ref, status int, rep *queryOptions) (*answer, error) {
	sn := c.view()
	t := sn.schema.tables[r.Table]
	if rep == nil {
		address := c.base + "/" + t.Set + "(" + r.ID.String() + ")"
		a := noContent().set("OData-EntityId", address).set("Location", address)
		a.row = r
		return a, nil
	}
	row := sn.data[t.Name].get(r.ID)
	if row == nil {
		return nil, noRow(t.Name, r.ID.String()) // deleted by somebody else in the meantime
	}
	body, err := encodeRow(c, t, row, rep)
	if err != nil {
		return nil, err
	}
	a := &answer{status: status, body: body}
	return a.set("Preference-Applied", "return=representation").set("ETag", etagOf(row)), nil
}

// create makes a row from a body, with the rows nested in it. It is all or nothing only inside the transaction.
func (w *writer) create(t *table, body map[string]any) (*row, error) {
	if err := t.accepts("Create"); err != nil {
		return nil, err
	}
	if err := w.allow("Create", t, nil); err != nil {
		return nil, err
	}
	in, err := w.readBody(t, body, true)
	if err != nil {
		return nil, err
	}
	return w.createFrom(t, in)
}

func (w *writer) createFrom(t *table, in *input) (*row, error) {
	for _, p := range in.parents {
		to := w.schema.tables[p.relation.Referenced]
		parent, err := w.create(to, p.rows[0])
		if err != nil {
			return nil, err
		}
		in.values.set(t, p.relation.Attribute, ref{to.Name, parent.id})
	}
	if err := w.allowValues(t, nil, in.values); err != nil {
		return nil, err
	}
	r, err := w.insert(t, in.values)
	if err != nil {
		return nil, err
	}
	if err := w.allow("Create", t, r); err != nil {
		return nil, err
	}
	if err := w.refuseDuplicate(t, r); err != nil {
		return nil, err
	}
	for _, n := range in.children {
		if err := w.createChildren(t, r, n); err != nil {
			return nil, err
		}
	}
	for _, a := range in.adopted {
		for _, child := range a.rows {
			if err := w.associate(t, r.id, a.relation, a.across, a.nav, child); err != nil {
				return nil, err
			}
		}
	}
	if t.Activity {
		if err := w.finishActivity(t, r.id); err != nil {
			return nil, err
		}
	}
	return w.data[t.Name].get(r.id), nil
}

// createChildren makes the rows of a collection in a body, each pointing at r.
func (w *writer) createChildren(t *table, r *row, n nested) error {
	if n.relation != nil && n.relation.Referencing == "activityparty" && n.relation.Attribute == "activityid" {
		return w.addParties(t, r.id, n.rows)
	}
	for _, body := range n.rows {
		if n.across != nil {
			other := w.schema.tables[n.across.Table2]
			if other == t {
				other = w.schema.tables[n.across.Table1]
			}
			child, err := w.create(other, body)
			if err != nil {
				return err
			}
			if err := w.associate(t, r.id, nil, n.across, n.nav, ref{other.Name, child.id}); err != nil {
				return err
			}
			continue
		}
		child := w.schema.tables[n.relation.Referencing]
		if err := child.accepts("Create"); err != nil {
			return err
		}
		in, err := w.readBody(child, body, true)
		if err != nil {
			return err
		}
		in.values.set(child, n.relation.Attribute, ref{t.Name, r.id})
		if _, err := w.createFrom(child, in); err != nil {
			return err
		}
	}
	return nil
}

// insert stores a new row with everything that the platform adds. The values come checked.
func (w *writer) insert(t *table, v values) (*row, error) {
	id, _ := v[t.idColumn().index].(uuid.UUID)
	delete(v, t.idColumn().index)
	if id == uuid.Nil {
		id = uuid.New()
	}
	if w.data[t.Name].get(id) != nil {
		return nil, newFault(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	}
	w.completePlatform(t, id, v)
	if err := w.checkFiles(t, id, true, v); err != nil {
		return nil, err
	}
	if err := w.complete(t, id, v); err != nil {
		return nil, err
	}
	r := w.fresh(t, id, v)
	if err := w.checkKeys(t, r); err != nil {
		return nil, err
	}
	w.put(t, r)
	w.auditCreate(t, r)
	if err := w.afterInsert(t, r); err != nil {
		return nil, err
	}
	return r, nil
}
