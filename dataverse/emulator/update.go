package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// patchRow updates a row, and creates it where it is missing unless If-Match forbids. Pages:
// update-delete-entities-using-web-api, use-upsert-insert-update-record.
func (s *platformService) patchRow(c *call) (*answer, error) {
	var written ref
	var keyed string
	status := http.StatusOK
	rep, err := c.representation(false)
	if err != nil {
		return nil, err
	}
	err = s.change(c, func(w *writer) error {
		seg := c.path.segments[0]
		t, err := w.schema.set(seg.name)
		if err != nil {
			return err
		}
		body, err := c.decode()
		if err != nil {
			return err
		}
		k, err := w.key(t, seg)
		if err != nil {
			return err
		}
		r := w.data[t.Name].get(k.id)
		if err := c.precondition().check(r, k.noRow(t)); err != nil {
			return err
		}
		if k.values != nil {
			keyed = seg.key
		}
		if r == nil {
			status = http.StatusCreated
			r, err = w.upsertNew(t, k, body)
		} else {
			r, err = w.patch(t, r, body, k)
		}
		if err == nil {
			written = ref{t.Name, r.id}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	a, err := c.written(written, status, rep)
	if err == nil && keyed != "" && a.status == http.StatusNoContent {
		address := c.base + "/" + c.path.segments[0].name + "(" + keyed + ")"
		a.set("OData-EntityId", address).set("Location", address)
	}
	return a, err
}

// upsertNew creates the row that an upsert did not find.
func (w *writer) upsertNew(t *table, k rowKey, body map[string]any) (*row, error) {
	x := &rowWrite{table: t, body: body, key: k}
	err := w.through(x, onUpsert())
	return x.row, err
}

// patch changes a row by a body.
func (w *writer) patch(t *table, r *row, body map[string]any, k rowKey) (*row, error) {
	x := &rowWrite{table: t, body: body, key: k, before: r}
	err := w.through(x, onUpdate())
	return x.row, err
}

// update changes a row as its caller asked, with all that follows from it.
func (w *writer) update(t *table, before *row, v values) (*row, error) {
	x := &rowWrite{table: t, before: before, values: v}
	err := w.through(x, onChange())
	return x.row, err
}

// save writes changed values with what follows from them, without asking whether they may change.
func (w *writer) save(t *table, before *row, v values) (*row, error) {
	x := &rowWrite{table: t, before: before, values: v}
	err := w.through(x, onSave())
	return x.row, err
}

// keepID refuses another id than the row's own.
func (x *rowWrite) keepID() error {
	i := x.table.idColumn().index
	if id, ok := x.values[i].(uuid.UUID); ok && id != x.before.id {
		return badArgument("The primary key of the record cannot be changed.")
	}
	delete(x.values, i)
	return nil
}

// dropKeyValues drops the values of columns in the address's key: a key cannot change through itself.
func (x *rowWrite) dropKeyValues() {
	for i := range x.key.values {
		delete(x.values, i)
	}
}

// stampChanged sets who changed a row and when.
func (w *writer) stampChanged(t *table, v values) {
	v.set(t, "modifiedon", w.now)
	v.set(t, "modifiedby", ref{"systemuser", w.user})
	v.set(t, "modifiedonbehalfby", nil)
	if w.behalf != uuid.Nil {
		v.set(t, "modifiedonbehalfby", ref{"systemuser", w.behalf})
	}
}

// followChange does what follows from a change, which may change the row once more.
func (w *writer) followChange(x *rowWrite) error {
	if err := w.afterUpdate(x.table, x.before, x.row); err != nil {
		return err
	}
	x.row = w.data[x.table.Name].get(x.row.id)
	return nil
}

// replaceNested replaces the parties of an activity by those in the body.
func (w *writer) replaceNested(x *rowWrite) error {
	for _, n := range x.input.children {
		if err := w.replaceParties(x.table, x.row.id, n.rows, false); err != nil {
			return err
		}
	}
	if len(x.input.children) > 0 {
		if err := w.finishActivity(x.table, x.row.id); err != nil {
			return err
		}
	}
	x.row = w.data[x.table.Name].get(x.row.id)
	return nil
}

// existing is the row that a path's first segment names.
func (w *writer) existing(s segment) (*table, *row, error) {
	t, err := w.schema.set(s.name)
	if err != nil {
		return nil, nil, err
	}
	k, err := w.key(t, s)
	if err != nil {
		return nil, nil, err
	}
	r := w.data[t.Name].get(k.id)
	if r == nil {
		return nil, nil, k.noRow(t)
	}
	return t, r, nil
}
