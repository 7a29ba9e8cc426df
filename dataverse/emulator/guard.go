package emulator

import "github.com/google/uuid"

// users are those whose rights a write needs: the caller's, and of an impersonated call also those of whoever makes it.
func (w *writer) users() []uuid.UUID {
	if w.behalf == uuid.Nil {
		return []uuid.UUID{w.user}
	}
	return []uuid.UUID{w.user, w.behalf}
}

// allow refuses what the caller has no right to. Pages: security-roles, security-concepts.
func (w *writer) allow(right string, t *table, r *row) error {
	for _, user := range w.users() {
		if err := w.engine.mayDo(&w.snapshot, user, right, t, r); err != nil {
			return err
		}
	}
	return nil
}

// holds refuses a caller without a privilege that belongs to no row.
func (w *writer) holds(name string) error {
	for _, user := range w.users() {
		g := w.engine.grantsOf(&w.snapshot, user)
		w.engine.askedFor(user, name)
		if id := privilegeID(name); !g.administrator && len(g.held[id]) == 0 {
			return g.missing(name, id, nil)
		}
	}
	return nil
}

// administers tells whether the caller has the system administrator's role.
func (w *writer) administers() bool { return w.engine.grantsOf(&w.snapshot, w.user).administrator }

// allowValues refuses values that the caller may not set: secured columns, the date of creation, the owner of a row
// that is there, and lookups, which need Append on the row and AppendTo on what they lead to. r is nil for a new row.
func (w *writer) allowValues(t *table, r *row, v values) error {
	for _, user := range w.users() {
		if err := w.engine.checkSecured(&w.snapshot, user, t, v, r == nil); err != nil {
			return err
		}
	}
	if r == nil && v.of(t, nil, "overriddencreatedon") != nil {
		if err := w.holds("prvOverrideCreatedOnCreatedBy"); err != nil {
			return err
		}
	}
	for _, c := range t.Columns {
		to, isLink := v[c.index].(ref)
		if !isLink || r != nil && r.get(c.index) == any(to) {
			continue
		}
		if c.Name == "ownerid" {
			if r != nil {
				if err := w.allow("Assign", t, r); err != nil {
					return err
				}
			}
			continue
		}
		if err := w.allowLink(t, r, to); err != nil {
			return err
		}
	}
	return nil
}

// allowLink refuses to join two rows without Append on the one and AppendTo on the other.
func (w *writer) allowLink(t *table, r *row, to ref) error {
	if err := w.allow("Append", t, r); err != nil {
		return err
	}
	other := w.schema.tables[to.Table]
	if other == nil {
		return nil
	}
	return w.allow("AppendTo", other, w.data[to.Table].get(to.ID))
}
