package emulator

// deleteRow deletes a row. Page: update-delete-entities-using-web-api.
func (s *platformService) deleteRow(c *call) (*answer, error) {
	return noContent(), s.change(c, func(w *writer) error {
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
		return w.through(&rowWrite{table: t, before: r}, onDelete())
	})
}

// erase deletes a row with what its relationships say, as one.
func (w *writer) erase(t *table, r *row) error {
	return w.through(&rowWrite{table: t, before: r}, onErase())
}

// collectCascade works out what the delete does.
func (w *writer) collectCascade(x *rowWrite) error {
	c, err := w.cascadeOf(x.table, x.before)
	x.cascade = c
	return err
}

// removeLinks sets the lookups to null that lead to what goes, but for those of rows that go too.
func (w *writer) removeLinks(c *cascade) {
	for _, u := range c.unlinks {
		if !c.has[ref{u.table.Name, u.id}] {
			w.removeLink(u)
		}
	}
}

// removePairs removes the rows of intersect tables.
func (w *writer) removePairs(c *cascade) {
	for _, p := range c.pairs {
		w.remove(p.table, p.row.id)
	}
}

// removeRows removes the rows themselves, each with its shares and with the mark that its parties keep.
func (w *writer) removeRows(c *cascade) {
	for _, d := range c.rows {
		w.orphanParties(d.table, d.row.id)
		w.dropShares(d.row.id)
		now := w.data[d.table.Name].get(d.row.id)
		w.remove(d.table, d.row.id)
		w.auditDelete(d.table, now)
	}
}

// followDelete does what follows from the delete of each row.
func (w *writer) followDelete(c *cascade) error {
	for _, d := range c.rows {
		if err := w.afterDelete(d.table, d.row); err != nil {
			return err
		}
	}
	return nil
}

// deletable asks the table's own rule whether the row may go.
func (w *writer) deletable(x *rowWrite) error {
	if remove := w.rules[x.table.Name].remove; remove != nil {
		return remove(x.table, x.before)
	}
	return nil
}
