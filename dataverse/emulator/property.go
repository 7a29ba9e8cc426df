package emulator

import (
	"net/http"
)

// putProperty sets one column by {"value":…}, or replaces an activity's parties. Page:
// update-delete-entities-using-web-api.
func (s *platformService) putProperty(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		t, r, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		name := c.path.segments[1].name
		if relation, across := w.collection(t, name); relation != nil || across != nil {
			return s.putCollection(c, w, t, r, name)
		}
		column := t.column(name)
		if column == nil || column.kind == kindLookup {
			return noSegment(name)
		}
		if err := c.precondition().check(r, nil); err != nil {
			return err
		}
		if column.kind == kindFile {
			return newFault(http.StatusMethodNotAllowed, "0x80060888", "The file of the column '%s' is uploaded by PATCH.", name)
		}
		body, err := c.decode()
		if err != nil {
			return err
		}
		value, given := body["value"]
		if !given {
			return payloadFault(t.Name, "A top-level property with name 'value' was not found in the payload.")
		}
		_, err = w.patch(t, r, map[string]any{name: value}, rowKey{})
		return err
	})
}

// deleteProperty clears one column. A lookup is not cleared so, but by its $ref. Pages:
// update-delete-entities-using-web-api, image-column-data, file-column-data.
func (s *platformService) deleteProperty(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		t, r, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		name := c.path.segments[1].name
		column := t.column(name)
		relation, across := w.collection(t, name)
		switch {
		case w.schema.singles(t, name) != nil, relation != nil, across != nil:
			return newFault(http.StatusMethodNotAllowed, "0x80060888", "The navigation property '%s' cannot be deleted: use $ref.", name)
		case column == nil || column.kind == kindLookup:
			return noSegment(name)
		}
		if err := c.precondition().check(r, nil); err != nil {
			return err
		}
		if column.kind == kindFile {
			return w.clearFile(t, r, column)
		}
		_, err = w.patch(t, r, map[string]any{name: nil}, rowKey{})
		return err
	})
}

// postProperty creates a row in a collection: POST accounts(id)/contact_customer_accounts.
func (s *platformService) postProperty(c *call) (*answer, error) {
	var made ref
	err := s.change(c, func(w *writer) error {
		t, r, err := w.existing(c.path.segments[0])
		if err != nil {
			return err
		}
		nav := c.path.segments[1].name
		relation := t.toMany[nav]
		if relation == nil {
			return noSegment(nav)
		}
		child := w.schema.tables[relation.Referencing]
		if err := child.accepts("Create"); err != nil {
			return err
		}
		body, err := c.decode()
		if err != nil {
			return err
		}
		in, err := w.readBody(child, body, true)
		if err != nil {
			return err
		}
		in.values.set(child, relation.Attribute, ref{t.Name, r.id})
		x, err := w.createFrom(child, in)
		if err == nil {
			made = ref{child.Name, x.id}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.written(made, http.StatusCreated, nil)
}
