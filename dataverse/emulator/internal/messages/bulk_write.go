package messages

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// readTargets are the rows of a bulk message: all of the table of the path. Page: bulk-operations.
func readTargets(w *platform.Writer, c *wire.Call) (*schema.Table, []map[string]any, error) {
	t, err := wire.TableBySet(w.Schema, c.Path.Segments[0].Name)
	if err != nil {
		return nil, nil, err
	}
	body, err := c.Decode()
	if err != nil {
		return nil, nil, err
	}
	if body["Targets"] == nil {
		return nil, nil, wire.MissingArgument("Targets", strings.TrimPrefix(c.Path.Segments[1].Name, wire.CRMNamespace))
	}
	rows, err := platform.ReadObjects(t, "Targets", body["Targets"])
	if err != nil {
		return nil, nil, err
	}
	if len(rows) == 0 {
		return nil, nil, wire.BadArgument("The Targets of a bulk operation cannot be empty.")
	}
	for _, r := range rows {
		name, _ := r["@odata.type"].(string)
		switch strings.TrimPrefix(strings.TrimPrefix(name, "#"), wire.CRMNamespace) {
		case t.Name:
		case "":
			return nil, nil, wire.BadPayload(t.Name, "A type named '' could not be resolved by the model: every target needs '@odata.type'.")
		default:
			return nil, nil, wire.BadArgument("All targets of a bulk operation must be of the table '%s'.", t.Name)
		}
	}
	return t, rows, nil
}

// createMultiple creates rows, all or none.
func (s *Service) createMultiple(c *wire.Call) (*wire.Answer, error) {
	ids := []uuid.UUID{}
	err := s.Change(c, func(w *platform.Writer) error {
		t, rows, err := readTargets(w, c)
		if err != nil {
			return err
		}
		for _, body := range rows {
			r, err := w.Create(t, body)
			if err != nil {
				return err
			}
			ids = append(ids, r.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + "CreateMultipleResponse", "Ids": ids}), nil
}

// updateMultiple updates rows, all or none.
func (s *Service) updateMultiple(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		t, rows, err := readTargets(w, c)
		if err != nil {
			return err
		}
		for _, body := range rows {
			k, err := targetKey(w, t, body)
			if err != nil {
				return err
			}
			r := w.Data[t.Name].Get(k.ID)
			if r == nil && k.Values != nil {
				return k.NoRow(t)
			}
			if r == nil {
				return wire.NewError(http.StatusNotFound, "0x80040217", "%s With Ids = %s Do Not Exist", t.SchemaName, k.ID)
			}
			if _, err := w.Patch(t, r, body, k); err != nil {
				return err
			}
		}
		return nil
	})
}

// upsertMultiple updates rows and creates those that are missing. It does not tell which.
func (s *Service) upsertMultiple(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *platform.Writer) error {
		t, rows, err := readTargets(w, c)
		if err != nil {
			return err
		}
		for _, body := range rows {
			k, err := targetKey(w, t, body)
			if err != nil {
				return err
			}
			if r := w.Data[t.Name].Get(k.ID); r != nil {
				_, err = w.Patch(t, r, body, k)
			} else {
				_, err = w.UpsertNew(t, k, body)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// deleteMultiple exists for elastic tables alone.
func (s *Service) deleteMultiple(c *wire.Call) (*wire.Answer, error) {
	if _, err := wire.TableBySet(c.View().Schema, c.Path.Segments[0].Name); err != nil {
		return nil, err
	}
	return nil, wire.NewError(http.StatusNotImplemented, "0x80040216", "DeleteMultiple has not yet been implemented.")
}

// targetKey is which row a target is: by its @odata.id, or by its primary key.
func targetKey(w *platform.Writer, t *schema.Table, body map[string]any) (wire.RowKey, error) {
	if text, ok := body["@odata.id"].(string); ok {
		p, err := wire.ParsePath(strings.TrimPrefix(text, w.Base))
		if err != nil || len(p.Segments) != 1 || p.Segments[0].Name != t.Set {
			return wire.RowKey{}, wire.BadPayload(t.Name, fmt.Sprintf("The URI '%s' is not a valid reference to a record.", text))
		}
		return wire.ReadKey(&w.Tx.Snapshot, t, p.Segments[0])
	}
	text, _ := body[t.ID].(string)
	id, ok := (wire.Segment{Key: text}).ID()
	if !ok {
		return wire.RowKey{}, wire.BadArgument("EdmEntityObject passed should have the key property value set.")
	}
	return wire.RowKey{ID: id}, nil
}
