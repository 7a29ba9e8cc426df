package access

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// HeldPrivilege is a privilege that a user has through one role: how deep, and from which business unit down.
type HeldPrivilege struct {
	Mask int64
	Unit uuid.UUID
	Team bool // through a team
}

// Grants are what a user may do, gathered from his own roles and those of his teams. The least restrictive counts. Page:
// security-roles.
type Grants struct {
	Administrator bool
	user, unit    uuid.UUID
	principals    map[uuid.UUID]bool // the user and his teams
	Held          map[uuid.UUID][]HeldPrivilege
	below         map[uuid.UUID]map[uuid.UUID]bool // a business unit and those under it, for Deep
	profiles      map[uuid.UUID]bool               // field security profiles
	roles         int
	accessMode    int64
}

// grantTables are the tables that grants are gathered from.
var grantTables = []string{"systemuser", "businessunit", "role", "roleprivileges", "systemuserroles", "teamroles", "teammembership", "team",
	"fieldsecurityprofile", "fieldpermission", "systemuserprofiles", "teamprofiles"}

// GrantsOf gathers what a user may do.
func GrantsOf(e *store.Engine, sn *store.Snapshot, user uuid.UUID) *Grants {
	return e.Derive(sn, grantTables, user, func() any { return gatherGrants(sn, user) }).(*Grants)
}

// SystemUser is the user SYSTEM, as whom plug-ins may run. Nobody can sign in as it.
var SystemUser = schema.StableID("system")

func gatherGrants(sn *store.Snapshot, user uuid.UUID) *Grants {
	tables := sn.Schema.Tables
	users, roles := tables["systemuser"], tables["role"]
	self := sn.Data["systemuser"].Get(user)
	g := &Grants{user: user, principals: map[uuid.UUID]bool{user: true}, Held: map[uuid.UUID][]HeldPrivilege{}, below: map[uuid.UUID]map[uuid.UUID]bool{}, profiles: map[uuid.UUID]bool{}}
	g.unit = store.Lookup(users, self, "businessunitid").ID
	g.accessMode = store.Int(users, self, "accessmode")
	g.Administrator = user == SystemUser

	take := func(role, unit uuid.UUID, team bool) {
		r := sn.Data["role"].Get(role)
		if r == nil {
			return
		}
		g.roles++
		if store.Lookup(roles, r, "roletemplateid").ID == schema.TemplateAdministrator {
			g.Administrator = true
		}
		t := tables["roleprivileges"]
		sn.Data[t.Name].Pointing(t.Column("roleid").Index, RootRole(sn, role), func(r *store.Row) bool {
			id, _ := store.Value(t, r, "privilegeid").(uuid.UUID)
			g.Held[id] = append(g.Held[id], HeldPrivilege{store.Int(t, r, "privilegedepthmask"), unit, team})
			return true
		})
	}
	ends := func(intersect, by string, id uuid.UUID, other string, fn func(uuid.UUID)) {
		t := tables[intersect]
		if t == nil {
			return
		}
		sn.Data[intersect].Pointing(t.Column(by).Index, id, func(r *store.Row) bool {
			if x, ok := store.Value(t, r, other).(uuid.UUID); ok {
				fn(x)
			}
			return true
		})
	}
	ends("systemuserroles", "systemuserid", user, "roleid", func(role uuid.UUID) { take(role, g.unit, false) })
	ends("systemuserprofiles", "systemuserid", user, "fieldsecurityprofileid", func(p uuid.UUID) { g.profiles[p] = true })
	ends("teammembership", "systemuserid", user, "teamid", func(team uuid.UUID) {
		g.principals[team] = true
		unit := store.Lookup(tables["team"], sn.Data["team"].Get(team), "businessunitid").ID
		ends("teamroles", "teamid", team, "roleid", func(role uuid.UUID) { take(role, unit, true) })
		ends("teamprofiles", "teamid", team, "fieldsecurityprofileid", func(p uuid.UUID) { g.profiles[p] = true })
	})
	for _, list := range g.Held {
		for _, h := range list {
			if h.Mask&schema.DepthMasks["Deep"] != 0 && g.below[h.Unit] == nil {
				g.below[h.Unit] = UnitsBelow(sn, h.Unit)
			}
		}
	}
	return g
}

// UnitsBelow are a business unit and all under it.
func UnitsBelow(sn *store.Snapshot, top uuid.UUID) map[uuid.UUID]bool {
	t := sn.Schema.Tables["businessunit"]
	out := map[uuid.UUID]bool{top: true}
	for grown := true; grown; {
		grown = false
		sn.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool {
			if !out[r.ID] && out[store.Lookup(t, r, "parentbusinessunitid").ID] {
				out[r.ID], grown = true, true
			}
			return true
		})
	}
	return out
}

// inheritedFrom are the tables without privileges of their own, whose rows belong to a row of another table.
var inheritedFrom = map[string][2]string{
	"quotedetail": {"quote", "quoteid"}, "salesorderdetail": {"salesorder", "salesorderid"}, "invoicedetail": {"invoice", "invoiceid"},
	"opportunityproduct": {"opportunity", "opportunityid"}, "activityparty": {"activitypointer", "activityid"},
	"activitymimeattachment": {"activitypointer", "objectid"}, "leadaddress": {"lead", "parentid"},
	"duplicaterulecondition": {"duplicaterule", "regardingobjectid"},
}

// PrivilegeFor is the privilege that a right on a table's rows needs, false where nothing is asked.
func PrivilegeFor(s *schema.Schema, t *schema.Table, right string) (schema.Privilege, *schema.Table, bool) {
	if line, found := inheritedFrom[t.Name]; found {
		if right != "Read" {
			right = "Write"
		}
		t = s.Tables[line[0]]
	}
	p, found := s.Privileges[t.Name][right]
	return p, t, found
}

// readers are the privileges that it takes to read tables which have none of their own. Page: auditing/retrieve-audit-data.
var readers = map[string]string{"audit": "prvReadAuditSummary", "privilege": "prvReadPrivilege"}

// CheckUserRight is the one place where rights are checked: it refuses a user without the right on a table and, where r
// is not nil, on that row. Pages: security-concepts, security-roles.
func CheckUserRight(s *store.Engine, sn *store.Snapshot, user uuid.UUID, right string, t *schema.Table, r *store.Row) error {
	g := GrantsOf(s, sn, user)
	if g.Administrator {
		return nil
	}
	p, of, found := PrivilegeFor(sn.Schema, t, right)
	if name := readers[t.Name]; right == "Read" && name != "" {
		ReportPrivilege(s, user, name)
		if id := schema.PrivilegeID(name); len(g.Held[id]) == 0 {
			return g.Missing(name, id, t)
		}
	}
	if !found {
		return nil
	}
	ReportPrivilege(s, user, p.Name)
	list := g.Held[schema.PrivilegeID(p.Name)]
	if len(list) == 0 {
		return g.Missing(p.Name, schema.PrivilegeID(p.Name), of)
	}
	if r == nil || g.covers(sn, list, t, r, schema.RightMasks[right]) {
		return nil
	}
	return wire.NewError(http.StatusForbidden, "0x80048306", "SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: %s, OwnerId: %s,  OwnerIdType: 8 and CallingUser: %s. ObjectTypeCode: %d, objectBusinessUnitId: %s, AccessRights: %sAccess",
		r.ID, store.Lookup(t, r, "ownerid").ID, user, t.TypeCode, store.Lookup(t, r, "owningbusinessunit").ID, right)
}

// ReportPrivilege calls Options.OnPrivilege with a privilege that is checked, and the user.
func ReportPrivilege(s *store.Engine, user uuid.UUID, privilege string) {
	if s.Options.OnPrivilege != nil {
		s.Options.OnPrivilege(user, privilege)
	}
}

// Roleless tells whether the user has no role at all, directly or by a team.
func (g *Grants) Roleless() bool { return g.roles == 0 }

// Missing names the privilege that a user lacks.
func (g *Grants) Missing(name string, id uuid.UUID, t *schema.Table) *wire.Error {
	text := ""
	if t != nil {
		text = " on OTC=" + strconv.Itoa(t.TypeCode) + " for entity '" + t.Name + "'"
	}
	return wire.NewError(http.StatusForbidden, "0x80040220", "Principal user (Id=%s, type=8, roleCount=%d, privilegeCount=%d, accessMode=%d), is missing %s privilege (Id=%s)%s. context.Caller=%s",
		g.user, g.roles, len(g.Held), g.accessMode, name, id, text, g.user)
}

// covers tells whether one of the depths reaches the row, or the row is shared.
func (g *Grants) covers(sn *store.Snapshot, list []HeldPrivilege, t *schema.Table, r *store.Row, right int64) bool {
	if line, found := inheritedFrom[t.Name]; found { // the rights on a line are those on its row
		parent := store.Lookup(t, r, line[1])
		of := sn.Schema.Tables[parent.Table]
		if of == nil {
			return true
		}
		row := sn.Data[of.Name].Get(parent.ID)
		return row == nil || g.covers(sn, list, of, row, right)
	}
	owner, unit := store.Lookup(t, r, "ownerid"), store.Lookup(t, r, "owningbusinessunit").ID
	owned := t.Ownership == "UserOwned"
	if t.Ownership == "BusinessOwned" {
		unit = store.Lookup(t, r, "businessunitid").ID
		if t.Name == "businessunit" {
			unit = r.ID
		}
		owned = unit != uuid.Nil
		owner.ID = r.ID // a user is his own
	}
	for _, h := range list {
		switch {
		case h.Mask&schema.DepthMasks["Global"] != 0:
			return true
		case !owned:
		case g.principals[owner.ID]:
			return true
		case h.Mask&schema.DepthMasks["Deep"] != 0 && g.below[h.Unit][unit]:
			return true
		case h.Mask&schema.DepthMasks["Local"] != 0 && h.Unit == unit:
			return true
		}
	}
	return owned && g.shared(sn, r.ID, right)
}

// shared tells whether the row is shared with the user or one of his teams for that right.
func (g *Grants) shared(sn *store.Snapshot, id uuid.UUID, right int64) bool {
	t := sn.Schema.Tables["principalobjectaccess"]
	found := false
	EachShare(sn, id, func(r *store.Row) bool {
		principal, _ := store.Value(t, r, "principalid").(uuid.UUID)
		found = g.principals[principal] && (store.Int(t, r, "accessrightsmask")|store.Int(t, r, "inheritedaccessrightsmask"))&right != 0
		return !found
	})
	return found
}

// CheckRight refuses a caller without the right on a table and, where r is not nil, on that row. An impersonated call
// needs it of both users. Page: impersonate-another-user.
func CheckRight(c *wire.Call, right string, t *schema.Table, r *store.Row) error {
	if err := CheckUserRight(c.Engine, c.View(), c.User, right, t, r); err != nil || c.Caller == uuid.Nil {
		return err
	}
	return CheckUserRight(c.Engine, c.View(), c.Caller, right, t, r)
}

// RowFilter is the test that rows pass to be read, nil where all may be read: a reader without the right at all is
// refused, what lies beyond his depth is left out silently.
func RowFilter(c *wire.Call, t *schema.Table) (func(*store.Row) bool, error) {
	if err := CheckRight(c, "Read", t, nil); err != nil {
		return nil, err
	}
	var tests []func(*store.Row) bool
	for _, user := range []uuid.UUID{c.User, c.Caller} {
		if user == uuid.Nil {
			continue
		}
		sn := c.View()
		g := GrantsOf(c.Engine, sn, user)
		p, _, found := PrivilegeFor(sn.Schema, t, "Read")
		if g.Administrator || !found {
			continue
		}
		list := g.Held[schema.PrivilegeID(p.Name)]
		global := false
		for _, h := range list {
			global = global || h.Mask&schema.DepthMasks["Global"] != 0
		}
		if !global {
			tests = append(tests, func(r *store.Row) bool { return g.covers(sn, list, t, r, schema.RightMasks["Read"]) })
		}
	}
	switch len(tests) {
	case 0:
		return nil, nil
	case 1:
		return tests[0], nil
	default:
		return func(r *store.Row) bool { return tests[0](r) && tests[1](r) }, nil
	}
}

// CheckPrivilege refuses a caller without a privilege that belongs to no row, such as prvBulkDelete.
func CheckPrivilege(c *wire.Call, name string) error {
	for _, user := range []uuid.UUID{c.User, c.Caller} {
		if user == uuid.Nil {
			continue
		}
		g := GrantsOf(c.Engine, c.View(), user)
		ReportPrivilege(c.Engine, user, name)
		if id := schema.PrivilegeID(name); !g.Administrator && len(g.Held[id]) == 0 {
			return g.Missing(name, id, nil)
		}
	}
	return nil
}

// UserEnabled tells whether the user exists and is enabled.
func UserEnabled(e *store.Engine, user uuid.UUID) bool {
	sn := e.Store.View()
	t := sn.Schema.Tables["systemuser"]
	r := sn.Rows(t.Name).Get(user)
	disabled, _ := store.Value(t, r, "isdisabled").(bool)
	return r != nil && !disabled
}

// RootRole is the role whose privileges a copy in a business unit further down has.
func RootRole(sn *store.Snapshot, role uuid.UUID) uuid.UUID {
	t := sn.Schema.Tables["role"]
	if root := store.Lookup(t, sn.Data["role"].Get(role), "parentrootroleid"); root.ID != uuid.Nil && sn.Data["role"].Get(root.ID) != nil {
		return root.ID
	}
	return role
}
