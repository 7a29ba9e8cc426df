package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// postSet creates a row. Page: create-entity-web-api.
func (s *platformService) postSet(c *call) (*answer, error) {
	var made ref
	rep, err := c.representation(true)
	if err != nil {
		return nil, err
	}
	err = s.change(c, func(w *writer) error {
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
	t, err := e.snap.schema.set(c.path.segments[0].name)
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
	x := &rowWrite{table: t, body: body}
	err := w.through(x, onCreate())
	return x.row, err
}

// createFrom is create with a body that is read already.
func (w *writer) createFrom(t *table, in *input) (*row, error) {
	x := &rowWrite{table: t, input: in, values: in.values}
	err := w.through(x, onCreateRead())
	return x.row, err
}

// insert stores a new row with everything that the platform adds. The values come checked.
func (w *writer) insert(t *table, v values) (*row, error) {
	x := &rowWrite{table: t, values: v}
	err := w.through(x, onInsert())
	return x.row, err
}

// complete adds to a new row's values what the platform sets itself: who and when, owner, state, defaults, and what is
// computed from other columns.
func (w *writer) complete(t *table, id uuid.UUID, v values) error {
	return w.through(&rowWrite{table: t, id: id, values: v}, onComplete())
}

// readInput takes the body apart.
func (w *writer) readInput(x *rowWrite, creating bool) error {
	in, err := w.readBody(x.table, x.body, creating)
	if err != nil {
		return err
	}
	x.input, x.values = in, in.values
	return nil
}

// takeKeyValues takes the key's values from the address of an upsert unless the body has them.
func (w *writer) takeKeyValues(x *rowWrite) error {
	if x.key.unfit != nil {
		return x.key.unfit
	}
	if x.key.id != uuid.Nil {
		x.values[x.table.idColumn().index] = x.key.id
	}
	for i, v := range x.key.values {
		if old := x.values[i]; old == nil {
			x.values[i] = v
		}
	}
	return nil
}

// createParents makes the rows in the body that the row points at.
func (w *writer) createParents(x *rowWrite) error {
	for _, p := range x.input.parents {
		to := w.schema.tables[p.relation.Referenced]
		parent, err := w.create(to, p.rows[0])
		if err != nil {
			return err
		}
		x.values.set(x.table, p.relation.Attribute, ref{to.Name, parent.id})
	}
	return nil
}

// freeID gives the row the id that its values have, else a new one.
func (w *writer) freeID(x *rowWrite) error {
	i := x.table.idColumn().index
	x.id, _ = x.values[i].(uuid.UUID)
	delete(x.values, i)
	if x.id == uuid.Nil {
		x.id = uuid.New()
	}
	if w.data[x.table.Name].get(x.id) != nil {
		return newFault(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	}
	return nil
}

// createNested makes the rows in the body that point at the row.
func (w *writer) createNested(x *rowWrite) error {
	for _, n := range x.input.children {
		if err := w.createChildren(x.table, x.row, n); err != nil {
			return err
		}
	}
	return nil
}

// adopt puts rows that are there into the row's collections.
func (w *writer) adopt(x *rowWrite) error {
	for _, a := range x.input.adopted {
		for _, child := range a.rows {
			if err := w.associate(x.table, x.row.id, a.relation, a.across, a.nav, child); err != nil {
				return err
			}
		}
	}
	return nil
}

// finishNew gives an activity the parties that the platform makes.
func (w *writer) finishNew(x *rowWrite) error {
	if x.table.Activity {
		if err := w.finishActivity(x.table, x.row.id); err != nil {
			return err
		}
	}
	x.row = w.data[x.table.Name].get(x.row.id)
	return nil
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
