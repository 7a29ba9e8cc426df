package emulator

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// targets are the rows of a bulk message: all of the table of the path. Page: bulk-operations.
func (w *writer) targets(c *call) (*table, []map[string]any, error) {
	t, err := w.schema.set(c.path.segments[0].name)
	if err != nil {
		return nil, nil, err
	}
	body, err := c.decode()
	if err != nil {
		return nil, nil, err
	}
	if body["Targets"] == nil {
		return nil, nil, missingArgument("Targets", strings.TrimPrefix(c.path.segments[1].name, crmNamespace))
	}
	rows, err := objects(t, "Targets", body["Targets"])
	if err != nil {
		return nil, nil, err
	}
	if len(rows) == 0 {
		return nil, nil, badArgument("The Targets of a bulk operation cannot be empty.")
	}
	for _, r := range rows {
		name, _ := r["@odata.type"].(string)
		switch strings.TrimPrefix(strings.TrimPrefix(name, "#"), crmNamespace) {
		case t.Name:
		case "":
			return nil, nil, payloadFault(t.Name, "A type named '' could not be resolved by the model: every target needs '@odata.type'.")
		default:
			return nil, nil, badArgument("All targets of a bulk operation must be of the table '%s'.", t.Name)
		}
	}
	return t, rows, nil
}

// createMultiple creates rows, all or none.
func (s *messageService) createMultiple(c *call) (*answer, error) {
	ids := []uuid.UUID{}
	err := s.change(c, func(w *writer) error {
		t, rows, err := w.targets(c)
		if err != nil {
			return err
		}
		for _, body := range rows {
			r, err := w.create(t, body)
			if err != nil {
				return err
			}
			ids = append(ids, r.id)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#" + crmNamespace + "CreateMultipleResponse", "Ids": ids}), nil
}

// updateMultiple updates rows, all or none.
func (s *messageService) updateMultiple(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		t, rows, err := w.targets(c)
		if err != nil {
			return err
		}
		for _, body := range rows {
			k, err := w.targetKey(t, body)
			if err != nil {
				return err
			}
			r := w.data[t.Name].get(k.id)
			if r == nil && k.values != nil {
				return k.noRow(t)
			}
			if r == nil {
				return newFault(http.StatusNotFound, "0x80040217", "%s With Ids = %s Do Not Exist", t.SchemaName, k.id)
			}
			if _, err := w.patch(t, r, body, k); err != nil {
				return err
			}
		}
		return nil
	})
}

// upsertMultiple updates rows and creates those that are missing. It does not tell which.
func (s *messageService) upsertMultiple(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
		t, rows, err := w.targets(c)
		if err != nil {
			return err
		}
		for _, body := range rows {
			k, err := w.targetKey(t, body)
			if err != nil {
				return err
			}
			if r := w.data[t.Name].get(k.id); r != nil {
				_, err = w.patch(t, r, body, k)
			} else {
				_, err = w.upsertNew(t, k, body)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// deleteMultiple exists for elastic tables alone.
func (s *messageService) deleteMultiple(c *call) (*answer, error) {
	if _, err := c.view().schema.set(c.path.segments[0].name); err != nil {
		return nil, err
	}
	return nil, newFault(http.StatusNotImplemented, "0x80040216", "DeleteMultiple has not yet been implemented.")
}

// targetKey is which row a target is: by its @odata.id, or by its primary key.
func (w *writer) targetKey(t *table, body map[string]any) (rowKey, error) {
	if text, ok := body["@odata.id"].(string); ok {
		p, err := parsePath(strings.TrimPrefix(text, w.base))
		if err != nil || len(p.segments) != 1 || p.segments[0].name != t.Set {
			return rowKey{}, payloadFault(t.Name, fmt.Sprintf("The URI '%s' is not a valid reference to a record.", text))
		}
		return w.key(t, p.segments[0])
	}
	text, _ := body[t.ID].(string)
	id, ok := (segment{key: text}).id()
	if !ok {
		return rowKey{}, badArgument("EdmEntityObject passed should have the key property value set.")
	}
	return rowKey{id: id}, nil
}
