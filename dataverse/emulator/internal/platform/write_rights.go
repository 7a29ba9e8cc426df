package platform

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
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
	if r == nil && t.Ownership == "UserOwned" && v.After(t, nil, "ownerid") == nil {
		// "unless you also have read access for accounts, you cannot create an account record and be the owner": security-access-rights
		if err := w.mayOwn(t, store.Ref{Table: "systemuser", ID: w.User}); err != nil {
			return err
		}
	}
	for _, c := range t.Columns {
		to, isLink := v[c.Index].(store.Ref)
		if !isLink || r != nil && r.Get(c.Index) == any(to) {
			continue
		}
		if c.Name == "ownerid" {
			if err := w.mayOwn(t, to); err != nil {
				return err
			}
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

// mayOwn refuses an owner who cannot own a row: a disabled user, an access team, and whoever has no right to read such rows.
// Pages: security-sharing-assigning, use-access-teams-owner-teams-collaborate-share-information.
func (w *Writer) mayOwn(t *schema.Table, to store.Ref) error {
	owner := w.Schema.Tables[to.Table]
	row := w.Data[to.Table].Get(to.ID)
	if row == nil {
		return nil // a lookup that leads nowhere is refused elsewhere
	}
	if to.Table == "team" {
		if store.Int(owner, row, "teamtype") == 1 {
			return wire.BadArgument("The team %s is an access team, which cannot own records.", to.ID)
		}
		return nil
	}
	if disabled, _ := store.Value(owner, row, "isdisabled").(bool); disabled {
		return wire.NewError(http.StatusBadRequest, "0x80040225", "The specified user(Id = %s) is disabled. Consider enabling this user.", to.ID)
	}
	if !w.Engine.Options.OwnersNeedRoles && access.GrantsOf(w.Engine, &w.Snapshot, to.ID).Roleless() {
		return nil
	}
	return access.CheckUserRight(w.Engine, &w.Snapshot, to.ID, "Read", t, nil)
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
