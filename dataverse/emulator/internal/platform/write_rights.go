package platform

import (
	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// users are those whose rights a write needs: the user it is done as, and the caller who impersonates that user.
func (w *Writer) users() []uuid.UUID {
	if w.behalf == uuid.Nil {
		return []uuid.UUID{w.User}
	}
	return []uuid.UUID{w.User, w.behalf}
}

// CheckRight refuses what the caller has no right to. Pages: security-roles, security-concepts.
func (w *Writer) CheckRight(right string, t *schema.Table, r *store.Row) error {
	for _, user := range w.users() {
		if err := access.CheckUserRight(w.Engine, &w.Snapshot, user, right, t, r); err != nil {
			return err
		}
	}
	return nil
}

// CheckPrivilege refuses a caller without a privilege that belongs to no row.
func (w *Writer) CheckPrivilege(name string) error {
	for _, user := range w.users() {
		g := access.GrantsOf(w.Engine, &w.Snapshot, user)
		access.ReportPrivilege(w.Engine, user, name)
		if id := schema.PrivilegeID(name); !g.Administrator && len(g.Held[id]) == 0 {
			return g.Missing(name, id, nil)
		}
	}
	return nil
}

// administers tells whether the caller has the system administrator's role.
func (w *Writer) administers() bool {
	return access.GrantsOf(w.Engine, &w.Snapshot, w.User).Administrator
}

// checkValueRights refuses values that the caller may not set: secured columns, the date of creation, the owner of a row
// that is there, and lookups, which need Append on the row and AppendTo on what they lead to. r is nil for a new row.
func (w *Writer) checkValueRights(t *schema.Table, r *store.Row, v store.Values) error {
	for _, user := range w.users() {
		if err := access.CheckSecured(w.Engine, &w.Snapshot, user, t, v, r == nil); err != nil {
			return err
		}
	}
	if r == nil && v.After(t, nil, "overriddencreatedon") != nil {
		if err := w.CheckPrivilege("prvOverrideCreatedOnCreatedBy"); err != nil {
			return err
		}
	}
	for _, c := range t.Columns {
		to, isLink := v[c.Index].(store.Ref)
		if !isLink || r != nil && r.Get(c.Index) == any(to) {
			continue
		}
		if c.Name == "ownerid" {
			if r != nil {
				if err := w.CheckRight("Assign", t, r); err != nil {
					return err
				}
			}
			continue
		}
		if err := w.checkLinkRights(t, r, to); err != nil {
			return err
		}
	}
	return nil
}

// checkLinkRights refuses to join two rows without Append on the one and AppendTo on the other.
func (w *Writer) checkLinkRights(t *schema.Table, r *store.Row, to store.Ref) error {
	if err := w.CheckRight("Append", t, r); err != nil {
		return err
	}
	other := w.Schema.Tables[to.Table]
	if other == nil {
		return nil
	}
	return w.CheckRight("AppendTo", other, w.Data[to.Table].Get(to.ID))
}
