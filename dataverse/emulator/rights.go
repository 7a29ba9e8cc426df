package emulator

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"
)

// held is a privilege as a user has it through one role: how deep, counted from which business unit.
type held struct {
	mask int64
	unit uuid.UUID
	team bool // through a team
}

// grants are what a user may do, gathered from his own roles and those of his teams. The least restrictive counts. Page:
// security-roles.
type grants struct {
	administrator bool
	user, unit    uuid.UUID
	principals    map[uuid.UUID]bool // the user and his teams
	held          map[uuid.UUID][]held
	below         map[uuid.UUID]map[uuid.UUID]bool // a business unit and those under it, for Deep
	profiles      map[uuid.UUID]bool               // field security profiles
	roles         int
	accessMode    int64
}

// grantTables are the tables that grants are gathered from.
var grantTables = []string{"systemuser", "businessunit", "role", "roleprivileges", "systemuserroles", "teamroles", "teammembership", "team",
	"fieldsecurityprofile", "fieldpermission", "systemuserprofiles", "teamprofiles"}

// grantsOf gathers what a user may do.
func (e *engine) grantsOf(sn *snapshot, user uuid.UUID) *grants {
	return e.derive(sn, grantTables, user, func() any { return gather(sn, user) }).(*grants)
}

func gather(sn *snapshot, user uuid.UUID) *grants {
	tables := sn.schema.tables
	users, roles := tables["systemuser"], tables["role"]
	self := sn.data["systemuser"].get(user)
	g := &grants{user: user, principals: map[uuid.UUID]bool{user: true}, held: map[uuid.UUID][]held{}, below: map[uuid.UUID]map[uuid.UUID]bool{}, profiles: map[uuid.UUID]bool{}}
	g.unit = users.ref(self, "businessunitid").ID
	g.accessMode = users.int(self, "accessmode")

	take := func(role, unit uuid.UUID, team bool) {
		r := sn.data["role"].get(role)
		if r == nil {
			return
		}
		g.roles++
		if roles.ref(r, "roletemplateid").ID == templateAdministrator {
			g.administrator = true
		}
		t := tables["roleprivileges"]
		sn.data[t.Name].pointing(t.column("roleid").index, sn.rootRole(role), func(r *row) bool {
			id, _ := t.get(r, "privilegeid").(uuid.UUID)
			g.held[id] = append(g.held[id], held{t.int(r, "privilegedepthmask"), unit, team})
			return true
		})
	}
	ends := func(intersect, by string, id uuid.UUID, other string, fn func(uuid.UUID)) {
		t := tables[intersect]
		if t == nil {
			return
		}
		sn.data[intersect].pointing(t.column(by).index, id, func(r *row) bool {
			if x, ok := t.get(r, other).(uuid.UUID); ok {
				fn(x)
			}
			return true
		})
	}
	ends("systemuserroles", "systemuserid", user, "roleid", func(role uuid.UUID) { take(role, g.unit, false) })
	ends("systemuserprofiles", "systemuserid", user, "fieldsecurityprofileid", func(p uuid.UUID) { g.profiles[p] = true })
	ends("teammembership", "systemuserid", user, "teamid", func(team uuid.UUID) {
		g.principals[team] = true
		unit := tables["team"].ref(sn.data["team"].get(team), "businessunitid").ID
		ends("teamroles", "teamid", team, "roleid", func(role uuid.UUID) { take(role, unit, true) })
		ends("teamprofiles", "teamid", team, "fieldsecurityprofileid", func(p uuid.UUID) { g.profiles[p] = true })
	})
	for _, list := range g.held {
		for _, h := range list {
			if h.mask&depthMasks["Deep"] != 0 && g.below[h.unit] == nil {
				g.below[h.unit] = unitsBelow(sn, h.unit)
			}
		}
	}
	return g
}

// unitsBelow are a business unit and all under it.
func unitsBelow(sn *snapshot, top uuid.UUID) map[uuid.UUID]bool {
	t := sn.schema.tables["businessunit"]
	out := map[uuid.UUID]bool{top: true}
	for grown := true; grown; {
		grown = false
		sn.data[t.Name].scan(uuid.Nil, func(r *row) bool {
			if !out[r.id] && out[t.ref(r, "parentbusinessunitid").ID] {
				out[r.id], grown = true, true
			}
			return true
		})
	}
	return out
}

// lines are the tables without privileges of their own, whose rows belong to a row of another table.
var lines = map[string][2]string{
	"quotedetail": {"quote", "quoteid"}, "salesorderdetail": {"salesorder", "salesorderid"}, "invoicedetail": {"invoice", "invoiceid"},
	"opportunityproduct": {"opportunity", "opportunityid"}, "activityparty": {"activitypointer", "activityid"},
	"activitymimeattachment": {"activitypointer", "objectid"}, "leadaddress": {"lead", "parentid"},
	"duplicaterulecondition": {"duplicaterule", "regardingobjectid"},
}

// right is the privilege that a right on a table's rows needs, false where nothing is asked.
func (s *schema) right(t *table, right string) (privilege, *table, bool) {
	if line, found := lines[t.Name]; found {
		if right != "Read" {
			right = "Write"
		}
		t = s.tables[line[0]]
	}
	p, found := s.privileges[t.Name][right]
	return p, t, found
}

// mayDo is the one place where rights are checked: whether a user has the right on a table and, where r is not nil, on
// that row. Pages: security-concepts, security-roles.
func (s *engine) mayDo(sn *snapshot, user uuid.UUID, right string, t *table, r *row) error {
	g := s.grantsOf(sn, user)
	if g.administrator {
		return nil
	}
	p, of, found := sn.schema.right(t, right)
	if !found {
		return nil
	}
	s.askedFor(user, p.Name)
	list := g.held[privilegeID(p.Name)]
	if len(list) == 0 {
		return g.missing(p.Name, privilegeID(p.Name), of)
	}
	if r == nil || g.covers(sn, list, t, r, rightMasks[right]) {
		return nil
	}
	return newFault(http.StatusForbidden, "0x80048306", "SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: %s, OwnerId: %s,  OwnerIdType: 8 and CallingUser: %s. ObjectTypeCode: %d, objectBusinessUnitId: %s, AccessRights: %sAccess",
		r.id, t.ref(r, "ownerid").ID, user, t.TypeCode, t.ref(r, "owningbusinessunit").ID, right)
}

func (s *engine) askedFor(user uuid.UUID, privilege string) {
	if s.options.OnPrivilege != nil {
		s.options.OnPrivilege(user, privilege)
	}
}

// missing names the privilege that a user lacks.
func (g *grants) missing(name string, id uuid.UUID, t *table) *fault {
	text := ""
	if t != nil {
		text = " on OTC=" + strconv.Itoa(t.TypeCode) + " for entity '" + t.Name + "'"
	}
	return newFault(http.StatusForbidden, "0x80040220", "Principal user (Id=%s, type=8, roleCount=%d, privilegeCount=%d, accessMode=%d), is missing %s privilege (Id=%s)%s. context.Caller=%s",
		g.user, g.roles, len(g.held), g.accessMode, name, id, text, g.user)
}

// covers tells whether one of the depths reaches the row, or the row is shared.
func (g *grants) covers(sn *snapshot, list []held, t *table, r *row, right int64) bool {
	if line, found := lines[t.Name]; found { // a line is seen as the row it belongs to
		parent := t.ref(r, line[1])
		of := sn.schema.tables[parent.Table]
		if of == nil {
			return true
		}
		row := sn.data[of.Name].get(parent.ID)
		return row == nil || g.covers(sn, list, of, row, right)
	}
	owner, unit := t.ref(r, "ownerid"), t.ref(r, "owningbusinessunit").ID
	owned := t.Ownership == "UserOwned"
	if t.Ownership == "BusinessOwned" {
		unit = t.ref(r, "businessunitid").ID
		if t.Name == "businessunit" {
			unit = r.id
		}
		owned = unit != uuid.Nil
		owner.ID = r.id // a user is his own
	}
	for _, h := range list {
		switch {
		case h.mask&depthMasks["Global"] != 0:
			return true
		case !owned:
		case g.principals[owner.ID]:
			return true
		case h.mask&depthMasks["Deep"] != 0 && g.below[h.unit][unit]:
			return true
		case h.mask&depthMasks["Local"] != 0 && h.unit == unit:
			return true
		}
	}
	return owned && g.shared(sn, r.id, right)
}

// shared tells whether the row is shared with the user or one of his teams for that right.
func (g *grants) shared(sn *snapshot, id uuid.UUID, right int64) bool {
	t := sn.schema.tables["principalobjectaccess"]
	found := false
	sn.shares(id, func(r *row) bool {
		principal, _ := t.get(r, "principalid").(uuid.UUID)
		found = g.principals[principal] && (t.int(r, "accessrightsmask")|t.int(r, "inheritedaccessrightsmask"))&right != 0
		return !found
	})
	return found
}

// allowed tells whether the caller has the right on a table, and on the row where r is not nil. An impersonated call
// needs it of both users. Page: impersonate-another-user.
func (c *call) allowed(right string, t *table, r *row) error {
	if err := c.engine.mayDo(c.view(), c.user, right, t, r); err != nil || c.caller == uuid.Nil {
		return err
	}
	return c.engine.mayDo(c.view(), c.caller, right, t, r)
}

// visible is the test that rows must pass to be read, nil where every row may be: a reader without the right at all is
// refused, what lies beyond his depth is left out silently.
func (c *call) visible(t *table) (func(*row) bool, error) {
	if err := c.allowed("Read", t, nil); err != nil {
		return nil, err
	}
	var tests []func(*row) bool
	for _, user := range []uuid.UUID{c.user, c.caller} {
		if user == uuid.Nil {
			continue
		}
		sn := c.view()
		g := c.engine.grantsOf(sn, user)
		p, _, found := sn.schema.right(t, "Read")
		if g.administrator || !found {
			continue
		}
		list := g.held[privilegeID(p.Name)]
		global := false
		for _, h := range list {
			global = global || h.mask&depthMasks["Global"] != 0
		}
		if !global {
			tests = append(tests, func(r *row) bool { return g.covers(sn, list, t, r, rightMasks["Read"]) })
		}
	}
	switch len(tests) {
	case 0:
		return nil, nil
	case 1:
		return tests[0], nil
	default:
		return func(r *row) bool { return tests[0](r) && tests[1](r) }, nil
	}
}

// holds tells whether the caller has a privilege that belongs to no row, such as prvBulkDelete.
func (c *call) holds(name string) error {
	for _, user := range []uuid.UUID{c.user, c.caller} {
		if user == uuid.Nil {
			continue
		}
		g := c.engine.grantsOf(c.view(), user)
		c.engine.askedFor(user, name)
		if id := privilegeID(name); !g.administrator && len(g.held[id]) == 0 {
			return g.missing(name, id, nil)
		}
	}
	return nil
}

func (e *engine) enabled(user uuid.UUID) bool {
	sn := e.store.view()
	t := sn.schema.tables["systemuser"]
	r := sn.table(t.Name).get(user)
	disabled, _ := t.get(r, "isdisabled").(bool)
	return r != nil && !disabled
}

// rootRole is the role whose privileges a copy in a business unit further down has.
func (sn *snapshot) rootRole(role uuid.UUID) uuid.UUID {
	t := sn.schema.tables["role"]
	if root := t.ref(sn.data["role"].get(role), "parentrootroleid"); root.ID != uuid.Nil && sn.data["role"].get(root.ID) != nil {
		return root.ID
	}
	return role
}
