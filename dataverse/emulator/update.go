package emulator

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// precondition is what If-Match and If-None-Match ask of a row. Page: perform-conditional-operations-using-web-api. The
// literal null, which Microsoft's own samples send, is no condition.
type precondition struct{ match, noneMatch string }

func (c *call) precondition() precondition {
	p := precondition{strings.TrimSpace(c.header.Get("If-Match")), strings.TrimSpace(c.header.Get("If-None-Match"))}
	if p.match == "null" {
		p.match = ""
	}
	if p.noneMatch == "null" {
		p.noneMatch = ""
	}
	return p
}

// check holds the condition against the row that is there, nil if there is none: then missing says so.
func (p precondition) check(r *row, missing error) error {
	if r == nil {
		if p.match != "" {
			return missing
		}
		return nil
	}
	if p.match != "" && p.match != "*" && p.match != etagOf(r) {
		return changed()
	}
	if p.noneMatch == "*" {
		return newFault(http.StatusPreconditionFailed, "0x80040237", "A record with matching key values already exists.")
	}
	return nil
}

// patchRow updates a row, and creates it where it is missing unless If-Match forbids. Pages:
// update-delete-entities-using-web-api, use-upsert-insert-update-record.
func (s *Server) patchRow(c *call) (*answer, error) {
	var written ref
	var keyed string
	status := http.StatusOK
	rep, err := c.representation(false)
	if err != nil {
		return nil, err
	}
	err = c.change(func(w *writer) error {
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

// upsertNew creates the row that an upsert did not find: the key's values come from the URL unless the body has them.
func (w *writer) upsertNew(t *table, k rowKey, body map[string]any) (*row, error) {
	if err := t.accepts("Create"); err != nil {
		return nil, err
	}
	in, err := w.readBody(t, body, true)
	if err == nil {
		err = k.unfit
	}
	if err != nil {
		return nil, err
	}
	if k.id != uuid.Nil {
		in.values[t.idColumn().index] = k.id
	}
	for i, v := range k.values {
		if old := in.values[i]; old == nil {
			in.values[i] = v
		}
	}
	return w.createFrom(t, in)
}

// patch changes a row by a body. Values of columns in the URL's key are dropped: a key cannot change through itself.
func (w *writer) patch(t *table, r *row, body map[string]any, k rowKey) (*row, error) {
	if err := t.accepts("Update"); err != nil {
		return nil, err
	}
	if err := w.allow("Write", t, r); err != nil {
		return nil, err
	}
	in, err := w.readBody(t, body, false)
	if err != nil {
		return nil, err
	}
	if id, ok := in.values[t.idColumn().index].(uuid.UUID); ok && id != r.id {
		return nil, badArgument("The primary key of the record cannot be changed.")
	}
	delete(in.values, t.idColumn().index)
	for i := range k.values {
		delete(in.values, i)
	}
	if err := w.allowValues(t, r, in.values); err != nil {
		return nil, err
	}
	if len(in.children) > 0 {
		if err := w.unlocked(t, r, in.values); err != nil {
			return nil, err
		}
	}
	r, err = w.update(t, r, in.values)
	if err == nil {
		err = w.refuseDuplicate(t, r)
	}
	if err != nil {
		return nil, err
	}
	for _, n := range in.children {
		if err := w.replaceParties(t, r.id, n.rows, false); err != nil {
			return nil, err
		}
	}
	if len(in.children) > 0 {
		if err := w.finishActivity(t, r.id); err != nil {
			return nil, err
		}
	}
	return w.data[t.Name].get(r.id), nil
}

// update changes a row as its caller asked, with all that follows from it.
func (w *writer) update(t *table, before *row, v values) (*row, error) {
	if err := w.unlocked(t, before, v); err != nil {
		return nil, err
	}
	if err := w.moveState(t, before, v); err != nil {
		return nil, err
	}
	return w.save(t, before, v)
}

// save writes changed values with what follows from them, without asking whether they may change.
func (w *writer) save(t *table, before *row, v values) (*row, error) {
	if err := w.checkFiles(t, before.id, false, v); err != nil {
		return nil, err
	}
	w.compute(t, before, v)
	v.set(t, "modifiedon", w.now)
	v.set(t, "modifiedby", ref{"systemuser", w.user})
	v.set(t, "modifiedonbehalfby", nil)
	if w.behalf != uuid.Nil {
		v.set(t, "modifiedonbehalfby", ref{"systemuser", w.behalf})
	}
	after := w.next(t, before, v)
	if err := w.checkKeys(t, after); err != nil {
		return nil, err
	}
	w.put(t, after)
	w.auditUpdate(t, before, after)
	if err := w.afterUpdate(t, before, after); err != nil {
		return nil, err
	}
	return w.data[t.Name].get(after.id), nil
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

// deleteRow deletes a row. Page: update-delete-entities-using-web-api.
func (s *Server) deleteRow(c *call) (*answer, error) {
	return noContent(), c.change(func(w *writer) error {
		t, err := w.schema.set(c.path.segments[0].name)
		if err != nil {
			return err
		}
		if err := t.accepts("Delete"); err != nil {
			return err
		}
		t, r, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		if err := c.precondition().check(r, nil); err != nil {
			return err
		}
		if err := w.allow("Delete", t, r); err != nil {
			return err
		}
		return w.erase(t, r)
	})
}
