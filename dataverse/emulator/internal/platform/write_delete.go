package platform

import (
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// deleteRow deletes a row. Page: update-delete-entities-using-web-api.
func (s *Service) deleteRow(c *wire.Call) (*wire.Answer, error) {
	return wire.NoContent(), s.Change(c, func(w *Writer) error {
		t, err := wire.TableBySet(w.Schema, c.Path.Segments[0].Name)
		if err != nil {
			return err
		}
		found, r, missing := w.FindRow(c.Path.Segments[0])
		if missing == nil && t.Name == "systemuser" {
			if disabled, _ := store.Value(t, r, "isdisabled").(bool); disabled {
				return wire.NotEmulated(w.Engine, "the delete of a disabled user, softly first and then for good") // user-team-entities
			}
		}
		if err := CheckMessage(t, "Delete"); err != nil {
			return err
		}
		if missing != nil {
			return missing
		}
		t = found
		if err := c.Precondition().Check(t, r, nil); err != nil {
			return err
		}
		return w.runStages(&rowWrite{table: t, before: r}, stages.remove)
	})
}

// DeleteRow deletes a row and does what its relationships say, all or nothing.
func (w *Writer) DeleteRow(t *schema.Table, r *store.Row) error {
	return w.runStages(&rowWrite{table: t, before: r}, stages.removeRow)
}

// collectCascade works out what the delete does.
func (w *Writer) collectCascade(x *rowWrite) error {
	c, err := w.CascadeOf(x.table, x.before)
	x.cascade = c
	return err
}

// removeLinks sets lookups of deleted rows to null, except in rows that are deleted too.
func (w *Writer) removeLinks(c *Cascade) {
	for _, u := range c.unlinks {
		if !c.has[store.Ref{Table: u.table.Name, ID: u.id}] {
			w.removeLink(u)
		}
	}
}

// removePairs removes the rows of intersect tables.
func (w *Writer) removePairs(c *Cascade) {
	for _, p := range c.pairs {
		w.Remove(p.Table, p.Row.ID)
	}
}

// removeRows removes the rows themselves, each with its shares and with the mark that its parties keep.
func (w *Writer) removeRows(c *Cascade) {
	for _, d := range c.Rows {
		w.markPartiesDeleted(d.Table, d.Row.ID)
		w.dropShares(d.Row.ID)
		w.DropLabels(d.Row.ID)
		now := w.Data[d.Table.Name].Get(d.Row.ID)
		w.Remove(d.Table, d.Row.ID)
		w.auditDelete(d.Table, now)
	}
}

// followDelete does what follows from the delete of each row.
func (w *Writer) followDelete(c *Cascade) error {
	for _, d := range c.Rows {
		if err := w.afterDelete(d.Table, d.Row); err != nil {
			return err
		}
	}
	return nil
}

// deletable asks the table's own rule whether the row may be deleted.
func (w *Writer) deletable(x *rowWrite) error {
	if err := w.mayGo(x.table, x.before); err != nil {
		return err
	}
	if err := w.componentDeletable(x); err != nil {
		return err
	}
	if err := w.emptyQueue(x.table, x.before); err != nil {
		return err
	}
	if remove := w.Rules[x.table.Name].Remove; remove != nil {
		return remove(x.table, x.before)
	}
	return nil
}
