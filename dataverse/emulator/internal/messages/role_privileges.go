package messages

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/access"
	"github.com/gallra/gallra/dataverse/emulator/internal/platform"
	"github.com/gallra/gallra/dataverse/emulator/internal/schema"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
	"github.com/gallra/gallra/dataverse/emulator/internal/wire"
)

// What roles hold and what users may do. Pages: security-roles, AddPrivilegesRole Action, ReplacePrivilegesRole Action,
// RetrieveUserPrivileges Function, RetrieveRolePrivilegesRole Function.

// rolePrivilege is a RolePrivilege as answers have it.
func rolePrivilege(sn *store.Snapshot, privilege, unit uuid.UUID, mask int64) map[string]any {
	t := sn.Schema.Tables["privilege"]
	name := store.Text(t, sn.Data[t.Name].Get(privilege), "name")
	depth := "Basic"
	for _, d := range schema.DepthNames {
		if mask&schema.DepthMasks[d] != 0 {
			depth = d // the names go from narrow to wide
		}
	}
	return map[string]any{
		"Depth": depth, "PrivilegeId": privilege.String(), "BusinessUnitId": unit.String(), "PrivilegeName": name,
		"RecordFilterId": uuid.Nil.String(), "RecordFilterUniqueName": "",
	}
}

func privilegesAnswer(c *wire.Call, response string, list []map[string]any) *wire.Answer {
	sort.Slice(list, func(i, j int) bool { return list[i]["PrivilegeName"].(string) < list[j]["PrivilegeName"].(string) })
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#" + wire.CRMNamespace + response, "RolePrivileges": list})
}

// rolePrivileges answers RetrieveRolePrivilegesRole(RoleId=…).
func (s *Service) rolePrivileges(c *wire.Call) (*wire.Answer, error) {
	args, err := c.Arguments(c.Path.Segments[0])
	if err != nil {
		return nil, err
	}
	role, err := uuid.Parse(args["RoleId"])
	if err != nil {
		return nil, wire.BadQuery("The parameter 'RoleId' of RetrieveRolePrivilegesRole is not a Guid.")
	}
	sn := c.View()
	roles := sn.Schema.Tables["role"]
	found := sn.Data[roles.Name].Get(role)
	if found == nil {
		return nil, wire.NoRow("role", role.String())
	}
	unit := store.Lookup(roles, found, "businessunitid").ID
	list := []map[string]any{}
	t := sn.Schema.Tables["roleprivileges"]
	sn.Data[t.Name].Pointing(t.Column("roleid").Index, access.RootRole(sn, role), func(r *store.Row) bool {
		if id, ok := store.Value(t, r, "privilegeid").(uuid.UUID); ok {
			list = append(list, rolePrivilege(sn, id, unit, store.Int(t, r, "privilegedepthmask")))
		}
		return true
	})
	return privilegesAnswer(c, "RetrieveRolePrivilegesRoleResponse", list), nil
}

// userPrivileges answers systemusers(…)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges(). What the user has through teams
// is told at the depth Basic, however deep the team's roles go. Page: RetrieveUserPrivileges Function, remarks.
func (s *Service) userPrivileges(c *wire.Call) (*wire.Answer, error) {
	user, err := boundUser(c)
	if err != nil {
		return nil, err
	}
	return privilegesAnswer(c, "RetrieveUserPrivilegesResponse", s.heldBy(c, user, nil, true)), nil
}

// userPrivilege answers systemusers(…)/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='…') and
// RetrieveUserPrivilegeByPrivilegeId(PrivilegeId=…), severalPrivileges RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p) and
// RetrieveUserSetOfPrivilegesByIds(PrivilegeIds=@p): those through teams included and at their own depth. Page: security-access-coding.
func (s *Service) userPrivilege(c *wire.Call) (*wire.Answer, error) {
	return s.somePrivileges(c, map[string]string{"RetrieveUserPrivilegeByPrivilegeName": "PrivilegeName", "RetrieveUserPrivilegeByPrivilegeId": "PrivilegeId"},
		func(text string) ([]string, error) {
			if _, err := uuid.Parse(text); err == nil {
				return []string{text}, nil
			}
			name, err := wire.TextArgument(text)
			return []string{name}, err
		})
}

func (s *Service) severalPrivileges(c *wire.Call) (*wire.Answer, error) {
	return s.somePrivileges(c, map[string]string{"RetrieveUserSetOfPrivilegesByNames": "PrivilegeNames", "RetrieveUserSetOfPrivilegesByIds": "PrivilegeIds"}, listed)
}

// listed reads an argument that is a list of texts in either quotes, or of ids with or without.
func listed(text string) ([]string, error) {
	inner, opened := strings.CutPrefix(strings.TrimSpace(text), "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened || !closed {
		return nil, wire.BadQuery("Bad Request - Error in query syntax.")
	}
	var out []string
	for part := range strings.SplitSeq(inner, ",") {
		if part = strings.Trim(strings.TrimSpace(part), `'"`); part != "" {
			out = append(out, part)
		}
	}
	return out, nil
}

func (s *Service) somePrivileges(c *wire.Call, of map[string]string, read func(string) ([]string, error)) (*wire.Answer, error) {
	user, err := boundUser(c)
	if err != nil {
		return nil, err
	}
	args, err := c.Arguments(c.Path.Segments[1])
	if err != nil {
		return nil, err
	}
	function := strings.TrimPrefix(c.Path.Segments[1].Name, wire.CRMNamespace)
	text, found := args[of[function]]
	if !found {
		return nil, wire.MissingArgument(of[function], function)
	}
	names, err := read(text)
	if err != nil {
		return nil, err
	}
	only := map[uuid.UUID]bool{}
	for _, name := range names {
		id, says := schema.PrivilegeID(name), "name"
		if strings.HasSuffix(strings.TrimSuffix(of[function], "s"), "Id") {
			if id, err = uuid.Parse(name); err != nil {
				return nil, wire.BadQuery("Bad Request - Error in query syntax.")
			}
			says = "id"
		}
		if c.View().Data["privilege"].Get(id) == nil {
			return nil, wire.BadArgument("The privilege with %s %s does not exist.", says, name)
		}
		only[id] = true
	}
	return privilegesAnswer(c, function+"Response", s.heldBy(c, user, only, false)), nil
}

func boundUser(c *wire.Call) (uuid.UUID, error) {
	set := c.Path.Segments[0]
	id, valid := set.ID()
	if set.Name != "systemusers" || !valid {
		return uuid.Nil, wire.NoSegment(c.Path.Segments[1].Name)
	}
	if c.View().Data["systemuser"].Get(id) == nil {
		return uuid.Nil, wire.NoRow("systemuser", id.String())
	}
	return id, nil
}

// heldBy are a user's privileges, one entry for each business unit that they count from, or some of them only; those
// through teams, if that is asked, at the depth Basic.
func (s *Service) heldBy(c *wire.Call, user uuid.UUID, only map[uuid.UUID]bool, basic bool) []map[string]any {
	sn := c.View()
	list := []map[string]any{}
	for id, hs := range access.GrantsOf(s.Engine, sn, user).Held {
		if only != nil && !only[id] {
			continue
		}
		widest := map[uuid.UUID]int64{}
		for _, h := range hs {
			mask := h.Mask
			if h.Team && basic {
				mask = schema.DepthMasks["Basic"]
			}
			widest[h.Unit] = max(widest[h.Unit], mask)
		}
		for unit, mask := range widest {
			list = append(list, rolePrivilege(sn, id, unit, mask))
		}
	}
	return list
}

// addPrivileges answers roles(…)/Microsoft.Dynamics.CRM.AddPrivilegesRole.
func (s *Service) addPrivileges(c *wire.Call) (*wire.Answer, error) {
	return s.setPrivileges(c, false)
}

// replacePrivileges answers roles(…)/Microsoft.Dynamics.CRM.ReplacePrivilegesRole.
func (s *Service) replacePrivileges(c *wire.Call) (*wire.Answer, error) {
	return s.setPrivileges(c, true)
}

func (s *Service) setPrivileges(c *wire.Call, replace bool) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	list, valid := body["Privileges"].([]any)
	if !valid {
		return nil, wire.BadArgument("The parameter 'Privileges' is missing.")
	}
	return wire.NoContent(), c.Write(func(t *store.Tx) error {
		role, err := boundRole(c, t)
		if err != nil {
			return err
		}
		if replace {
			revoke(t, role, uuid.Nil)
		}
		for _, e := range list {
			p, valid := e.(map[string]any)
			if !valid {
				return wire.BadArgument("A privilege is an object.")
			}
			id, err := uuid.Parse(fmt.Sprint(p["PrivilegeId"]))
			if err != nil {
				return wire.BadArgument("PrivilegeId is not a Guid.")
			}
			privileges := t.Schema.Tables["privilege"]
			row := t.Data[privileges.Name].Get(id)
			if row == nil {
				return wire.NoRow("privilege", id.String())
			}
			depth, valid := depthText(p["Depth"])
			if !valid {
				return wire.BadArgument("Depth is not a PrivilegeDepth.")
			}
			if may, _ := store.Value(privileges, row, "canbe"+strings.ToLower(depth)).(bool); !may {
				return wire.BadArgument("The privilege %s cannot be granted at depth %s.", store.Text(privileges, row, "name"), depth)
			}
			revoke(t, role, id)
			t.Grant(role, id, schema.DepthMasks[depth])
		}
		return nil
	})
}

// removePrivilege answers roles(…)/Microsoft.Dynamics.CRM.RemovePrivilegeRole: one privilege, given as an entity.
func (s *Service) removePrivilege(c *wire.Call) (*wire.Answer, error) {
	body, err := c.Decode()
	if err != nil {
		return nil, err
	}
	p, _ := body["Privilege"].(map[string]any)
	id, err := uuid.Parse(fmt.Sprint(p["privilegeid"]))
	if err != nil {
		return nil, wire.BadArgument("The parameter 'Privilege' is missing or is not a privilege.")
	}
	return wire.NoContent(), c.Write(func(t *store.Tx) error {
		role, err := boundRole(c, t)
		if err != nil {
			return err
		}
		if t.Data["privilege"].Get(id) == nil {
			return wire.NoRow("privilege", id.String())
		}
		revoke(t, role, id)
		return nil
	})
}

// depthText reads a PrivilegeDepth: its name, or its number as a text or a number.
func depthText(v any) (string, bool) {
	text := ""
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < len(schema.DepthNames) {
		return schema.DepthNames[n], true
	}
	_, known := schema.DepthMasks[text]
	return text, known
}

func boundRole(c *wire.Call, t *store.Tx) (uuid.UUID, error) {
	if err := access.CheckRight(c, "Write", t.Schema.Tables["role"], nil); err != nil {
		return uuid.Nil, err
	}
	set := c.Path.Segments[0]
	id, valid := set.ID()
	if set.Name != "roles" || !valid {
		return uuid.Nil, wire.NoSegment(c.Path.Segments[1].Name)
	}
	if t.Data["role"].Get(id) == nil {
		return uuid.Nil, wire.NoRow("role", id.String())
	}
	if access.RootRole(&t.Snapshot, id) != id {
		return uuid.Nil, wire.BadArgument("The role %s is inherited from a business unit above and cannot be changed.", id)
	}
	return id, nil
}

// revoke takes a privilege from a role, all of them where none is named.
func revoke(t *store.Tx, role, privilege uuid.UUID) {
	tab := t.Schema.Tables["roleprivileges"]
	var gone []uuid.UUID
	t.Data[tab.Name].Pointing(tab.Column("roleid").Index, role, func(r *store.Row) bool {
		if id, _ := store.Value(tab, r, "privilegeid").(uuid.UUID); privilege == uuid.Nil || id == privilege {
			gone = append(gone, r.ID)
		}
		return true
	})
	for _, id := range gone {
		t.Remove(tab, id)
	}
}

// retrievePrincipalAccess answers systemusers(…)/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t): what the user
// may do with one row.
func (s *Service) retrievePrincipalAccess(c *wire.Call) (*wire.Answer, error) {
	user, err := boundUser(c)
	if err != nil {
		return nil, err
	}
	args, err := c.Arguments(c.Path.Segments[1])
	if err != nil {
		return nil, err
	}
	if args["Target"] == "" {
		return nil, wire.MissingArgument("Target", "RetrievePrincipalAccess")
	}
	target, err := wire.ObjectArgument(args["Target"])
	if err != nil {
		return nil, err
	}
	sn := c.View()
	to, _, err := wire.EntityArgument(sn, target)
	if err != nil {
		return nil, err
	}
	t := sn.Schema.Tables[to.Table]
	r := sn.Data[to.Table].Get(to.ID)
	if r == nil {
		return nil, wire.NoRow(to.Table, to.ID.String())
	}
	mask := int64(0)
	for _, right := range platform.ShareRights {
		if _, _, exists := access.PrivilegeFor(sn.Schema, t, right); exists && access.CheckUserRight(s.Engine, sn, user, right, t, r) == nil {
			mask |= schema.RightMasks[right]
		}
	}
	return wire.OK(map[string]any{"@odata.context": c.Base + "/$metadata#Microsoft.Dynamics.CRM.RetrievePrincipalAccessResponse", "AccessRights": platform.RightsText(mask)}), nil
}
