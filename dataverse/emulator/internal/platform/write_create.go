package platform

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// postSet creates a row. Page: create-entity-web-api.
func (s *Service) postSet(c *wire.Call) (*wire.Answer, error) {
	var made store.Ref
	rep, err := representation(c, true)
	if err != nil {
		return nil, err
	}
	err = s.Change(c, func(w *Writer) error {
		t, err := wire.TableBySet(w.Schema, c.Path.Segments[0].Name)
		if err != nil {
			return err
		}
		body, err := c.Decode()
		if err != nil {
			return err
		}
		r, err := w.Create(t, body)
		if err == nil {
			made = store.Ref{Table: t.Name, ID: r.ID}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return writtenAnswer(c, made, http.StatusCreated, rep)
}

// representation reads the options of an answer that carries the row, nil where the caller does not ask for one. They
// are checked before anything is written. An update ignores $expand. Page: create-entity-web-api.
func representation(c *wire.Call, creating bool) (*wire.QueryOptions, error) {
	if c.Preference("return") != "representation" {
		return nil, nil
	}
	o, err := wire.ReadOptions(c, "$select", "$expand")
	if err != nil {
		return nil, err
	}
	if !creating {
		delete(o.Values, "$expand")
	}
	e := query.NewEnv(c)
	e.Slot()
	t, err := wire.TableBySet(e.Snap.Schema, c.Path.Segments[0].Name)
	if err != nil {
		return nil, err
	}
	_, err = query.NewCompiler(e).Shape(o.Values["$select"], o.Values["$expand"], t)
	return o, err
}

// writtenAnswer answers a create or an update: 204 with the row's address, or the row where the caller asked for it.
func writtenAnswer(c *wire.Call, r store.Ref, status int, rep *wire.QueryOptions) (*wire.Answer, error) {
	sn := c.View()
	t := sn.Schema.Tables[r.Table]
	if rep == nil {
		address := c.Base + "/" + t.Set + "(" + r.ID.String() + ")"
		a := wire.NoContent().SetHeader("OData-EntityId", address).SetHeader("Location", address)
		a.Row = r
		return a, nil
	}
	row := sn.Data[t.Name].Get(r.ID)
	if row == nil {
		return nil, wire.NoRow(t.Name, r.ID.String()) // deleted by somebody else in the meantime
	}
	body, err := query.EncodeRow(c, t, row, rep)
	if err != nil {
		return nil, err
	}
	a := &wire.Answer{Status: status, Body: body}
	return a.SetHeader("Preference-Applied", "return=representation").SetHeader("ETag", store.ETag(row)), nil
}

// Create makes a row from a body, with the rows nested in it. It is all or nothing only inside the transaction.
func (w *Writer) Create(t *schema.Table, body map[string]any) (*store.Row, error) {
	x := &rowWrite{table: t, body: body}
	err := w.runStages(x, onCreate())
	return x.row, err
}

// CreateFrom is create with a body that is read already.
func (w *Writer) CreateFrom(t *schema.Table, in *Input) (*store.Row, error) {
	x := &rowWrite{table: t, input: in, values: in.Values}
	err := w.runStages(x, onCreateRead())
	return x.row, err
}

// Insert stores a new row with everything that the platform adds. The values come checked.
func (w *Writer) Insert(t *schema.Table, v store.Values) (*store.Row, error) {
	x := &rowWrite{table: t, values: v}
	err := w.runStages(x, append(onInsert(), stage{"postOperation", (*Writer).afterCreate}))
	return x.row, err
}

// CompleteNew adds to a new row's values what the platform sets itself: who and when, owner, state, defaults, and what is
// computed from other columns.
func (w *Writer) CompleteNew(t *schema.Table, id uuid.UUID, v store.Values) error {
	return w.runStages(&rowWrite{table: t, id: id, values: v}, onComplete())
}

// readInput takes the body apart.
func (w *Writer) readInput(x *rowWrite, creating bool) error {
	in, err := w.ReadBody(x.table, x.body, creating)
	if err != nil {
		return err
	}
	x.input, x.values = in, in.Values
	return nil
}

// takeKeyValues takes the key's values from the address of an upsert unless the body has them.
func (w *Writer) takeKeyValues(x *rowWrite) error {
	if x.key.Invalid != nil {
		return x.key.Invalid
	}
	if x.key.ID != uuid.Nil {
		x.values[x.table.IDColumn().Index] = x.key.ID
	}
	for i, v := range x.key.Values {
		if old := x.values[i]; old == nil {
			x.values[i] = v
		}
	}
	return nil
}

// createParents makes the rows in the body that the row points at.
func (w *Writer) createParents(x *rowWrite) error {
	for _, p := range x.input.parents {
		to := w.Schema.Tables[p.relation.Referenced]
		parent, err := w.Create(to, p.rows[0])
		if err != nil {
			return err
		}
		x.values.Set(x.table, p.relation.Attribute, store.Ref{Table: to.Name, ID: parent.ID})
	}
	return nil
}

// freeID gives the row the id that its values have, else a new one.
func (w *Writer) freeID(x *rowWrite) error {
	i := x.table.IDColumn().Index
	x.id, _ = x.values[i].(uuid.UUID)
	delete(x.values, i)
	if x.id == uuid.Nil {
		x.id = uuid.New()
	}
	if w.Data[x.table.Name].Get(x.id) != nil {
		return wire.NewError(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	}
	return nil
}

// createNested makes the rows in the body that point at the row.
func (w *Writer) createNested(x *rowWrite) error {
	for _, n := range x.input.Children {
		if err := w.createChildren(x.table, x.row, n); err != nil {
			return err
		}
	}
	return nil
}

// adopt puts rows that are there into the row's collections.
func (w *Writer) adopt(x *rowWrite) error {
	for _, a := range x.input.adopted {
		for _, child := range a.rows {
			if err := w.associate(x.table, x.row.ID, a.relation, a.across, a.nav, child); err != nil {
				return err
			}
		}
	}
	return nil
}

// finishNew gives an activity the parties that the platform makes.
func (w *Writer) finishNew(x *rowWrite) error {
	if x.table.Activity {
		if err := w.FinishActivity(x.table, x.row.ID); err != nil {
			return err
		}
	}
	x.row = w.Data[x.table.Name].Get(x.row.ID)
	return nil
}

// createChildren makes the rows of a collection in a body, each pointing at r.
func (w *Writer) createChildren(t *schema.Table, r *store.Row, n Nested) error {
	if n.relation != nil && n.relation.Referencing == "activityparty" && n.relation.Attribute == "activityid" {
		return w.addParties(t, r.ID, n.rows)
	}
	for _, body := range n.rows {
		if n.across != nil {
			other := w.Schema.Tables[n.across.Table2]
			if other == t {
				other = w.Schema.Tables[n.across.Table1]
			}
			child, err := w.Create(other, body)
			if err != nil {
				return err
			}
			if err := w.associate(t, r.ID, nil, n.across, n.nav, store.Ref{Table: other.Name, ID: child.ID}); err != nil {
				return err
			}
			continue
		}
		child := w.Schema.Tables[n.relation.Referencing]
		if err := CheckMessage(child, "Create"); err != nil {
			return err
		}
		in, err := w.ReadBody(child, body, true)
		if err != nil {
			return err
		}
		in.Values.Set(child, n.relation.Attribute, store.Ref{Table: t.Name, ID: r.ID})
		if _, err := w.CreateFrom(child, in); err != nil {
			return err
		}
	}
	return nil
}
