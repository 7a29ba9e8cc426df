package platform

import (
	"net/http"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// putProperty sets one column by {"value":…}, or replaces an activity's parties. Page:
// update-delete-entities-using-web-api.
func (s *Service) putProperty(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *Writer) error {
		t, r, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		name := c.Path.Segments[1].Name
		if relation, across := w.collection(t, name); relation != nil || across != nil {
			return s.putCollection(c, w, t, r, name)
		}
		column := t.Column(name)
		if column == nil || column.Kind == schema.KindLookup {
			return wire.NoSegment(name)
		}
		if err := c.Precondition().Check(t, r, nil); err != nil {
			return err
		}
		if column.Kind == schema.KindFile {
			return wire.NewError(http.StatusMethodNotAllowed, "0x80060888", "The file of the column '%s' is uploaded by PATCH.", name)
		}
		body, err := c.Decode()
		if err != nil {
			return err
		}
		value, given := body["value"]
		if !given {
			return wire.BadPayload(t.Name, "A top-level property with name 'value' was not found in the payload.")
		}
		_, err = w.Patch(t, r, map[string]any{name: value}, wire.RowKey{})
		return err
	})
}

// deleteProperty clears one column. A lookup is not cleared so, but by its $ref. Pages:
// update-delete-entities-using-web-api, image-column-data, file-column-data.
func (s *Service) deleteProperty(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *Writer) error {
		t, r, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		name := c.Path.Segments[1].Name
		column := t.Column(name)
		relation, across := w.collection(t, name)
		switch {
		case w.Schema.SingleValued(t, name) != nil, relation != nil, across != nil:
			return wire.NewError(http.StatusMethodNotAllowed, "0x80060888", "The navigation property '%s' cannot be deleted: use $ref.", name)
		case column == nil || column.Kind == schema.KindLookup:
			return wire.NoSegment(name)
		}
		if err := c.Precondition().Check(t, r, nil); err != nil {
			return err
		}
		if column.Kind == schema.KindFile {
			return w.ClearFile(t, r, column)
		}
		_, err = w.Patch(t, r, map[string]any{name: nil}, wire.RowKey{})
		return err
	})
}

// postProperty creates a row in a collection: POST accounts(id)/contact_customer_accounts.
func (s *Service) postProperty(c *wire.Call) (*wire.Answer, error) {
	var made store.Ref
	err := s.Change(c, func(w *Writer) error {
		t, r, err := w.FindRow(c.Path.Segments[0])
		if err != nil {
			return err
		}
		nav := c.Path.Segments[1].Name
		relation := t.ToMany[nav]
		if relation == nil {
			return wire.NoSegment(nav)
		}
		child := w.Schema.Tables[relation.Referencing]
		if err := CheckMessage(child, "Create"); err != nil {
			return err
		}
		body, err := c.Decode()
		if err != nil {
			return err
		}
		in, err := w.ReadBody(child, body, true)
		if err != nil {
			return err
		}
		in.Values.Set(child, relation.Attribute, store.Ref{Table: t.Name, ID: r.ID})
		x, err := w.CreateFrom(child, in)
		if err == nil {
			made = store.Ref{Table: child.Name, ID: x.ID}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return writtenAnswer(c, made, http.StatusCreated, nil)
}
