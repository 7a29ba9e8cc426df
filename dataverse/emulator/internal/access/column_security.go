package access

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// AdministratorProfile lets administrators read and write every secured column; it has the same id everywhere. Page:
// column-level-security.
var AdministratorProfile = uuid.MustParse("572329c1-a042-4e22-be47-367c6374ea45")

// fieldAllowed is the value of canread, cancreate and canupdate of a fieldpermission that allows.
const fieldAllowed = 4

// mayUseColumn tells whether a user may do something with a secured column: "canread", "cancreate", "canupdate".
func mayUseColumn(s *store.Engine, sn *store.Snapshot, user uuid.UUID, t *schema.Table, c *schema.Column, what string) bool {
	g := GrantsOf(s, sn, user)
	if !c.Secured || g.Administrator || g.profiles[AdministratorProfile] {
		return true
	}
	p := sn.Schema.Tables["fieldpermission"]
	found := false
	for profile := range g.profiles {
		sn.Data[p.Name].Pointing(p.Column("fieldsecurityprofileid").Index, profile, func(r *store.Row) bool {
			found = store.Text(p, r, "entityname") == t.Name && store.Text(p, r, "attributelogicalname") == c.Name && store.Int(p, r, what) == fieldAllowed
			return !found
		})
		if found {
			return true
		}
	}
	return false
}

// HiddenColumns are the columns of a table, by index, that the caller may not read: they come back null, as if they held
// nothing.
func HiddenColumns(c *wire.Call, t *schema.Table) map[int]bool {
	var out map[int]bool
	for _, col := range t.Columns {
		if !col.Secured {
			continue
		}
		for _, user := range []uuid.UUID{c.User, c.Caller} {
			if user != uuid.Nil && !mayUseColumn(c.Engine, c.View(), user, t, col, "canread") {
				if out == nil {
					out = map[int]bool{}
				}
				out[col.Index] = true
			}
		}
	}
	return out
}

// CheckSecured refuses values for secured columns that the user may not write.
func CheckSecured(s *store.Engine, sn *store.Snapshot, user uuid.UUID, t *schema.Table, v store.Values, create bool) error {
	what := "canupdate"
	if create {
		what = "cancreate"
	}
	for _, c := range t.Columns {
		if _, sent := v[c.Index]; !sent || mayUseColumn(s, sn, user, t, c, what) {
			continue
		}
		if create {
			return wire.NewError(http.StatusForbidden, "0x8004f502", "The user does not have create permissions to a secured field. The requested operation could not be completed.")
		}
		return wire.NewError(http.StatusForbidden, "0x8004f507", "The user doesn't have AttributePrivilegeUpdate and not granted shared access for a secured attribute during update operation. The requested operation could not be completed.")
	}
	return nil
}
