package platform

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// patchRow updates a row, and creates it where it is missing unless If-Match forbids. Pages:
// update-delete-entities-using-web-api, use-upsert-insert-update-record.
func (s *Service) patchRow(c *wire.Call) (*wire.Answer, error) {
	var row store.Ref
	var keyed string
	status := http.StatusOK
	rep, err := representation(c, false)
	if err != nil {
		return nil, err
	}
	err = s.Change(c, func(w *Writer) error {
		seg := c.Path.Segments[0]
		t, err := wire.TableBySet(w.Schema, seg.Name)
		if err != nil {
			return err
		}
		body, err := c.Decode()
		if err != nil {
			return err
		}
		k, err := wire.ReadKey(&w.Tx.Snapshot, t, seg)
		if err != nil {
			return err
		}
		r := w.Data[t.Name].Get(k.ID)
		if err := c.Precondition().Check(t, r, k.NoRow(t)); err != nil {
			return err
		}
		if k.Values != nil {
			keyed = seg.Key
		}
		if r == nil {
			status = http.StatusCreated
			r, err = w.UpsertNew(t, k, body)
		} else {
			r, err = w.Patch(t, r, body, k)
		}
		if err == nil {
			row = store.Ref{Table: t.Name, ID: r.ID}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	a, err := writtenAnswer(c, row, status, rep)
	if err == nil && keyed != "" && a.Status == http.StatusNoContent {
		address := c.Base + "/" + c.Path.Segments[0].Name + "(" + keyed + ")"
		a.SetHeader("OData-EntityId", address).SetHeader("Location", address)
	}
	return a, err
}

// UpsertNew creates the row that an upsert did not find.
func (w *Writer) UpsertNew(t *schema.Table, k wire.RowKey, body map[string]any) (*store.Row, error) {
	x := &rowWrite{table: t, body: body, key: k}
	err := w.runStages(x, onUpsert())
	return x.row, err
}

// Patch changes a row by a body.
func (w *Writer) Patch(t *schema.Table, r *store.Row, body map[string]any, k wire.RowKey) (*store.Row, error) {
	x := &rowWrite{table: t, body: body, key: k, before: r}
	err := w.runStages(x, stages.update)
	return x.row, err
}

// Update changes a row as its caller asked, with all that follows from it.
func (w *Writer) Update(t *schema.Table, before *store.Row, v store.Values) (*store.Row, error) {
	x := &rowWrite{table: t, before: before, values: v}
	err := w.runStages(x, stages.change)
	return x.row, err
}

// Save writes changed values with what follows from them, without asking whether they may change.
func (w *Writer) Save(t *schema.Table, before *store.Row, v store.Values) (*store.Row, error) {
	x := &rowWrite{table: t, before: before, values: v}
	err := w.runStages(x, stages.save)
	return x.row, err
}

// keepID refuses another id than the row's own.
func (x *rowWrite) keepID() error {
	i := x.table.IDColumn().Index
	if id, ok := x.values[i].(uuid.UUID); ok && id != x.before.ID {
		return wire.BadArgument("The primary key of the record cannot be changed.")
	}
	delete(x.values, i)
	return nil
}

// noteSent notes which columns the body has, before others follow from them.
func (x *rowWrite) noteSent() {
	x.sent = make(map[int]bool, len(x.values))
	for i := range x.values {
		x.sent[i] = true
	}
}

// dropKeyValues drops the values of columns in the address's key: a key cannot change through itself.
func (x *rowWrite) dropKeyValues() {
	for i := range x.key.Values {
		delete(x.values, i)
	}
}

// stampChanged sets who changed a row and when.
func (w *Writer) stampChanged(t *schema.Table, v store.Values) {
	v.Set(t, "modifiedon", w.Now)
	v.Set(t, "modifiedby", store.Ref{Table: "systemuser", ID: w.User})
	v.Set(t, "modifiedonbehalfby", nil)
	if w.behalf != uuid.Nil {
		v.Set(t, "modifiedonbehalfby", store.Ref{Table: "systemuser", ID: w.behalf})
	}
}

// followChange does what follows from a change, which may change the row once more.
func (w *Writer) followChange(x *rowWrite) error {
	if err := w.afterUpdate(x.table, x.before, x.row); err != nil {
		return err
	}
	x.row = w.Data[x.table.Name].Get(x.row.ID)
	return nil
}

// replaceNested replaces the parties of an activity by those in the body.
func (w *Writer) replaceNested(x *rowWrite) error {
	for _, n := range x.input.Children {
		if err := w.replaceParties(x.table, x.row.ID, n.rows, false); err != nil {
			return err
		}
	}
	if len(x.input.Children) > 0 {
		if err := w.FinishActivity(x.table, x.row.ID); err != nil {
			return err
		}
	}
	x.row = w.Data[x.table.Name].Get(x.row.ID)
	return nil
}

// FindRow is the row that a path's first segment names.
func (w *Writer) FindRow(s wire.Segment) (*schema.Table, *store.Row, error) {
	t, err := wire.TableBySet(w.Schema, s.Name)
	if err != nil {
		return nil, nil, err
	}
	k, err := wire.ReadKey(&w.Tx.Snapshot, t, s)
	if err != nil {
		return nil, nil, err
	}
	r := w.Data[t.Name].Get(k.ID)
	if r == nil {
		return nil, nil, k.NoRow(t)
	}
	return t, r, nil
}
