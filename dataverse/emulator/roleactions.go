package emulator

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// What roles hold and what users may do. Pages: security-roles, AddPrivilegesRole Action, ReplacePrivilegesRole Action,
// RetrieveUserPrivileges Function, RetrieveRolePrivilegesRole Function.

// rolePrivilege is a RolePrivilege as answers have it.
func rolePrivilege(sn *snapshot, privilege, unit uuid.UUID, mask int64) map[string]any {
	t := sn.schema.tables["privilege"]
	name := t.text(sn.data[t.Name].get(privilege), "name")
	depth := "Basic"
	for _, d := range depthNames {
		if mask&depthMasks[d] != 0 {
			depth = d // the names go from narrow to wide
		}
	}
	return map[string]any{
		"Depth": depth, "PrivilegeId": privilege.String(), "BusinessUnitId": unit.String(), "PrivilegeName": name,
		"RecordFilterId": uuid.Nil.String(), "RecordFilterUniqueName": "",
	}
}

func privilegesAnswer(c *call, response string, list []map[string]any) *answer {
	sort.Slice(list, func(i, j int) bool { return list[i]["PrivilegeName"].(string) < list[j]["PrivilegeName"].(string) })
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#" + crmNamespace + response, "RolePrivileges": list})
}

// rolePrivileges answers RetrieveRolePrivilegesRole(RoleId=…).
func (s *messageService) rolePrivileges(c *call) (*answer, error) {
	args, err := c.arguments(c.path.segments[0])
	if err != nil {
		return nil, err
	}
	role, err := uuid.Parse(args["RoleId"])
	if err != nil {
		return nil, badQuery("The parameter 'RoleId' of RetrieveRolePrivilegesRole is not a Guid.")
	}
	sn := c.view()
	roles := sn.schema.tables["role"]
	found := sn.data[roles.Name].get(role)
	if found == nil {
		return nil, noRow("role", role.String())
	}
	unit := roles.ref(found, "businessunitid").ID
	list := []map[string]any{}
	t := sn.schema.tables["roleprivileges"]
	sn.data[t.Name].pointing(t.column("roleid").index, sn.rootRole(role), func(r *row) bool {
		if id, ok := t.get(r, "privilegeid").(uuid.UUID); ok {
			list = append(list, rolePrivilege(sn, id, unit, t.int(r, "privilegedepthmask")))
		}
		return true
	})
	return privilegesAnswer(c, "RetrieveRolePrivilegesRoleResponse", list), nil
}

// userPrivileges answers systemusers(…)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges(). What the user has through teams
// is told at the depth Basic, however deep the team's roles go. Page: RetrieveUserPrivileges Function, remarks.
func (s *messageService) userPrivileges(c *call) (*answer, error) {
	user, err := c.boundUser()
	if err != nil {
		return nil, err
	}
	return privilegesAnswer(c, "RetrieveUserPrivilegesResponse", s.heldBy(c, user, nil, true)), nil
}

// userPrivilege answers systemusers(…)/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='…').
func (s *messageService) userPrivilege(c *call) (*answer, error) {
	user, err := c.boundUser()
	if err != nil {
		return nil, err
	}
	args, err := c.arguments(c.path.segments[1])
	if err != nil {
		return nil, err
	}
	name, err := textArgument(args["PrivilegeName"])
	if err != nil {
		return nil, err
	}
	if c.view().data["privilege"].get(privilegeID(name)) == nil {
		return nil, badArgument("The privilege with name %s does not exist.", name)
	}
	return privilegesAnswer(c, "RetrieveUserPrivilegeByPrivilegeNameResponse", s.heldBy(c, user, map[uuid.UUID]bool{privilegeID(name): true}, false)), nil
}

// userPrivilegesByNames answers systemusers(…)/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p),
// those through teams included and at their own depth. Pages: verifying-access-code,
// RetrieveUserSetOfPrivilegesByNames Function.
func (s *messageService) userPrivilegesByNames(c *call) (*answer, error) {
	user, err := c.boundUser()
	if err != nil {
		return nil, err
	}
	args, err := c.arguments(c.path.segments[1])
	if err != nil {
		return nil, err
	}
	text, found := args["PrivilegeNames"]
	if !found {
		return nil, missingArgument("PrivilegeNames", "RetrieveUserSetOfPrivilegesByNames")
	}
	var names []string
	if !strings.Contains(text, `"`) {
		text = strings.ReplaceAll(text, "'", `"`)
	}
	if json.Unmarshal([]byte(text), &names) != nil {
		return nil, badQuery("Bad Request - Error in query syntax.")
	}
	only := map[uuid.UUID]bool{}
	for _, name := range names {
		if c.view().data["privilege"].get(privilegeID(name)) == nil {
			return nil, badArgument("The privilege with name %s does not exist.", name)
		}
		only[privilegeID(name)] = true
	}
	return privilegesAnswer(c, "RetrieveUserSetOfPrivilegesByNamesResponse", s.heldBy(c, user, only, false)), nil
}

func (c *call) boundUser() (uuid.UUID, error) {
	set := c.path.segments[0]
	id, valid := set.id()
	if set.name != "systemusers" || !valid {
		return uuid.Nil, noSegment(c.path.segments[1].name)
	}
	if c.view().data["systemuser"].get(id) == nil {
		return uuid.Nil, noRow("systemuser", id.String())
	}
	return id, nil
}

// heldBy are a user's privileges, one entry for each business unit that they count from, or some of them only; those
// through teams, if that is asked, at the depth Basic.
func (s *messageService) heldBy(c *call, user uuid.UUID, only map[uuid.UUID]bool, basic bool) []map[string]any {
	sn := c.view()
	list := []map[string]any{}
	for id, hs := range s.grantsOf(sn, user).held {
		if only != nil && !only[id] {
			continue
		}
		widest := map[uuid.UUID]int64{}
		for _, h := range hs {
			mask := h.mask
			if h.team && basic {
				mask = depthMasks["Basic"]
			}
			widest[h.unit] = max(widest[h.unit], mask)
		}
		for unit, mask := range widest {
			list = append(list, rolePrivilege(sn, id, unit, mask))
		}
	}
	return list
}

// addPrivileges answers roles(…)/Microsoft.Dynamics.CRM.AddPrivilegesRole.
func (s *messageService) addPrivileges(c *call) (*answer, error) { return s.setPrivileges(c, false) }

// replacePrivileges answers roles(…)/Microsoft.Dynamics.CRM.ReplacePrivilegesRole.
func (s *messageService) replacePrivileges(c *call) (*answer, error) { return s.setPrivileges(c, true) }

func (s *messageService) setPrivileges(c *call, replace bool) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	list, valid := body["Privileges"].([]any)
	if !valid {
		return nil, badArgument("The parameter 'Privileges' is missing.")
	}
	return noContent(), c.write(func(t *tx) error {
		role, err := c.boundRole(t)
		if err != nil {
			return err
		}
		if replace {
			t.revoke(role, uuid.Nil)
		}
		for _, e := range list {
			p, valid := e.(map[string]any)
			if !valid {
				return badArgument("A privilege is an object.")
			}
			id, err := uuid.Parse(fmt.Sprint(p["PrivilegeId"]))
			if err != nil {
				return badArgument("PrivilegeId is not a Guid.")
			}
			privileges := t.schema.tables["privilege"]
			row := t.data[privileges.Name].get(id)
			if row == nil {
				return noRow("privilege", id.String())
			}
			depth, valid := depthOf(p["Depth"])
			if !valid {
				return badArgument("Depth is not a PrivilegeDepth.")
			}
			if may, _ := privileges.get(row, "canbe"+strings.ToLower(depth)).(bool); !may {
				return badArgument("The privilege %s cannot be granted at depth %s.", privileges.text(row, "name"), depth)
			}
			t.revoke(role, id)
			t.grant(role, id, depthMasks[depth])
		}
		return nil
	})
}

// removePrivilege answers roles(…)/Microsoft.Dynamics.CRM.RemovePrivilegeRole: one privilege, given as an entity.
func (s *messageService) removePrivilege(c *call) (*answer, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	p, _ := body["Privilege"].(map[string]any)
	id, err := uuid.Parse(fmt.Sprint(p["privilegeid"]))
	if err != nil {
		return nil, badArgument("The parameter 'Privilege' is missing or is not a privilege.")
	}
	return noContent(), c.write(func(t *tx) error {
		role, err := c.boundRole(t)
		if err != nil {
			return err
		}
		if t.data["privilege"].get(id) == nil {
			return noRow("privilege", id.String())
		}
		t.revoke(role, id)
		return nil
	})
}

// depthOf reads a PrivilegeDepth: its name, or its number as a text or a number.
func depthOf(v any) (string, bool) {
	text := ""
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < len(depthNames) {
		return depthNames[n], true
	}
	_, known := depthMasks[text]
	return text, known
}

func (c *call) boundRole(t *tx) (uuid.UUID, error) {
	if err := c.allowed("Write", t.schema.tables["role"], nil); err != nil {
		return uuid.Nil, err
	}
	set := c.path.segments[0]
	id, valid := set.id()
	if set.name != "roles" || !valid {
		return uuid.Nil, noSegment(c.path.segments[1].name)
	}
	if t.data["role"].get(id) == nil {
		return uuid.Nil, noRow("role", id.String())
	}
	if t.rootRole(id) != id {
		return uuid.Nil, badArgument("The role %s is inherited from a business unit above and cannot be changed.", id)
	}
	return id, nil
}

// revoke takes a privilege from a role, all of them where none is named.
func (t *tx) revoke(role, privilege uuid.UUID) {
	tab := t.schema.tables["roleprivileges"]
	var gone []uuid.UUID
	t.data[tab.Name].pointing(tab.column("roleid").index, role, func(r *row) bool {
		if id, _ := tab.get(r, "privilegeid").(uuid.UUID); privilege == uuid.Nil || id == privilege {
			gone = append(gone, r.id)
		}
		return true
	})
	for _, id := range gone {
		t.remove(tab, id)
	}
}

// retrievePrincipalAccess answers systemusers(…)/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t): what the user
// may do with one row.
func (s *messageService) retrievePrincipalAccess(c *call) (*answer, error) {
	user, err := c.boundUser()
	if err != nil {
		return nil, err
	}
	args, err := c.arguments(c.path.segments[1])
	if err != nil {
		return nil, err
	}
	if args["Target"] == "" {
		return nil, missingArgument("Target", "RetrievePrincipalAccess")
	}
	target, err := objectArgument(args["Target"])
	if err != nil {
		return nil, err
	}
	sn := c.view()
	to, _, err := sn.entityArgument(target)
	if err != nil {
		return nil, err
	}
	t := sn.schema.tables[to.Table]
	r := sn.data[to.Table].get(to.ID)
	if r == nil {
		return nil, noRow(to.Table, to.ID.String())
	}
	mask := int64(0)
	for _, right := range accessRights {
		if _, _, exists := sn.schema.right(t, right); exists && s.mayDo(sn, user, right, t, r) == nil {
			mask |= rightMasks[right]
		}
	}
	return ok(map[string]any{"@odata.context": c.base + "/$metadata#Microsoft.Dynamics.CRM.RetrievePrincipalAccessResponse", "AccessRights": maskText(mask)}), nil
}
