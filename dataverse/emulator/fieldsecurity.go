package emulator

import (
	"net/http"

	"github.com/google/uuid"
)

// The profile that lets administrators see every secured column; the same id everywhere. Page: column-level-security.
var administratorProfile = uuid.MustParse("572329c1-a042-4e22-be47-367c6374ea45")

// fieldRights are the columns of fieldpermission that let: 4 is allowed.
const fieldAllowed = 4

// permitted tells whether a user may do something with a secured column: "canread", "cancreate", "canupdate".
func (s *engine) permitted(sn *snapshot, user uuid.UUID, t *table, c *column, what string) bool {
	g := s.grantsOf(sn, user)
	if !c.secured || g.administrator || g.profiles[administratorProfile] {
		return true
	}
	p := sn.schema.tables["fieldpermission"]
	found := false
	for profile := range g.profiles {
		sn.data[p.Name].pointing(p.column("fieldsecurityprofileid").index, profile, func(r *row) bool {
			found = p.text(r, "entityname") == t.Name && p.text(r, "attributelogicalname") == c.Name && p.int(r, what) == fieldAllowed
			return !found
		})
		if found {
			return true
		}
	}
	return false
}

// hidden are the columns of a table, by index, that the caller may not read: they come back null, as if they held nothing.
func (c *call) hidden(t *table) map[int]bool {
	var out map[int]bool
	for _, col := range t.Columns {
		if !col.secured {
			continue
		}
		for _, user := range []uuid.UUID{c.user, c.caller} {
			if user != uuid.Nil && !c.engine.permitted(c.view(), user, t, col, "canread") {
				if out == nil {
					out = map[int]bool{}
				}
				out[col.index] = true
			}
		}
	}
	return out
}

// checkSecured refuses values for secured columns that the user may not write.
func (s *engine) checkSecured(sn *snapshot, user uuid.UUID, t *table, v values, create bool) error {
	what := "canupdate"
	if create {
		what = "cancreate"
	}
	for _, c := range t.Columns {
		if _, sent := v[c.index]; !sent || s.permitted(sn, user, t, c, what) {
			continue
		}
		if create {
			return newFault(http.StatusForbidden, "0x8004f502", "The user does not have create permissions to a secured field. The requested operation could not be completed.")
		}
		return newFault(http.StatusForbidden, "0x8004f507", "The user doesn't have AttributePrivilegeUpdate and not granted shared access for a secured attribute during update operation. The requested operation could not be completed.")
	}
	return nil
}
