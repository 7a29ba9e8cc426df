package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse"
)

// role makes the security role in the root business unit, from where the service copies it to the others, and gives it
// the rights that are listed and no others, and gives it to the application's user.
func (r *provisioner) role(ctx context.Context) error {
	name := r.p.Role.Name
	root, err := one(ctx, r.c, dataverse.Query{Set: "businessunits", Select: []string{"businessunitid"}, Filter: "_parentbusinessunitid_value eq null"})
	if err != nil {
		return fmt.Errorf("read the root business unit: %w", err)
	}
	if root == nil {
		return errors.New("read the root business unit: there is none that the caller may read")
	}
	unit := root.ID("businessunitid")
	var role uuid.UUID
	there := func(ctx context.Context) (bool, error) {
		row, err := one(ctx, r.c, dataverse.Query{Set: "roles", Select: []string{"roleid"}, Strong: true,
			Filter: "(name eq " + quote(name) + ") and (_businessunitid_value eq " + unit.String() + ")"})
		if row == nil || err != nil {
			return false, err
		}
		if role = row.ID("roleid"); role != r.p.Role.ID && !r.own[role] {
			return false, errors.New("exists, and somebody else made it: rename it, or add it to the solution if it is meant to be gallra's")
		}
		return true, nil
	}
	if _, err = r.ensure(ctx, fmt.Sprintf("role %q", name), there, func(ctx context.Context) (err error) {
		role, err = r.c.Create(ctx, "roles", map[string]any{
			"roleid": r.p.Role.ID.String(), "name": name, "businessunitid@odata.bind": "/businessunits(" + unit.String() + ")",
		}, r.inSolution())
		return err
	}); err != nil {
		return err
	}
	if err := r.rolePrivileges(ctx, role, unit); err != nil {
		return err
	}
	if r.p.Role.Application == (uuid.UUID{}) {
		return nil
	}
	return r.applicationUser(ctx, role, unit)
}

// rolePrivileges gives the role what it lacks and takes from it what it should not have. The service gives every new role
// some rights and does not take all of them back: what is still there after a replacement is remembered as given.
func (r *provisioner) rolePrivileges(ctx context.Context, role, unit uuid.UUID) error {
	ids, err := privilegeIDs(ctx, r.c, r.p.Role.Privileges)
	if err != nil {
		return err
	}
	wanted := map[uuid.UUID]dataverse.Depth{}
	for _, p := range r.p.Role.Privileges {
		wanted[ids[p.Name]] = p.Depth
	}
	has := map[uuid.UUID]dataverse.Privilege{}
	fits := func(context.Context) (bool, error) {
		for id, depth := range wanted {
			if p, ok := has[id]; !ok || p.Depth != depth {
				return false, nil
			}
		}
		for id, p := range has {
			if _, ok := wanted[id]; !ok && !slices.Contains(r.marks.Given, p.Name) {
				return false, nil
			}
		}
		return true, nil
	}
	look := func(ctx context.Context) (err error) {
		if role != (uuid.UUID{}) {
			has, err = rolePrivileges(ctx, r.c, role)
		}
		if err != nil {
			return fmt.Errorf("read the role's privileges: %w", err)
		}
		return nil
	}
	if err := look(ctx); err != nil {
		return err
	}
	what := fmt.Sprintf("privileges of role %q (%d)", r.p.Role.Name, len(r.p.Role.Privileges))
	_, err = r.ensure(ctx, what, fits, func(ctx context.Context) error {
		var all []map[string]string
		for _, p := range r.p.Role.Privileges {
			all = append(all, map[string]string{"PrivilegeId": ids[p.Name].String(), "Depth": p.Depth.String(), "BusinessUnitId": unit.String()})
		}
		err := r.c.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: "roles(" + role.String() + ")/Microsoft.Dynamics.CRM.ReplacePrivilegesRole",
			Body: map[string]any{"Privileges": all}, Header: r.inSolution(), Repeatable: true}, nil)
		if err != nil {
			return err
		}
		if err := look(ctx); err != nil {
			return err
		}
		var given []string
		for id, p := range has {
			if _, ok := wanted[id]; !ok {
				given = append(given, p.Name)
			}
		}
		slices.Sort(given)
		if slices.Equal(given, r.marks.Given) {
			return nil
		}
		r.marks.Given = given
		return r.mark(ctx)
	})
	return err
}

// applicationUser finds the user of the application, makes it in the root business unit if there is none, and gives it the
// role, in the copy that belongs to the user's business unit.
func (r *provisioner) applicationUser(ctx context.Context, role, root uuid.UUID) error {
	app := r.p.Role.Application
	var user, unit uuid.UUID
	there := func(ctx context.Context) (bool, error) {
		row, err := one(ctx, r.c, dataverse.Query{Set: "systemusers", Select: []string{"systemuserid", "isdisabled", "_businessunitid_value"}, Strong: true,
			Filter: "applicationid eq " + app.String()})
		if row == nil || err != nil {
			return false, err
		}
		if row.Bool("isdisabled") {
			return false, errors.New("exists and is disabled: enable it in the Power Platform admin center, under Application users")
		}
		user, unit = row.ID("systemuserid"), row.ID("businessunitid")
		return true, nil
	}
	if _, err := r.ensure(ctx, "application user "+app.String(), there, func(ctx context.Context) (err error) {
		unit = root
		user, err = r.c.Create(ctx, "systemusers", map[string]any{"applicationid": app.String(), "businessunitid@odata.bind": "/businessunits(" + root.String() + ")"}, nil)
		return err
	}); err != nil {
		return err
	}
	what := fmt.Sprintf("role %q of application user %s", r.p.Role.Name, app)
	if user == (uuid.UUID{}) || role == (uuid.UUID{}) { // a dry run before either is there
		_, err := r.ensure(ctx, what, func(context.Context) (bool, error) { return false, nil }, func(context.Context) error { return nil })
		return err
	}
	copied := role
	if unit != root {
		row, err := one(ctx, r.c, dataverse.Query{Set: "roles", Select: []string{"roleid"}, Strong: true,
			Filter: "_parentrootroleid_value eq " + role.String() + " and _businessunitid_value eq " + unit.String()})
		if err != nil {
			return fmt.Errorf("read the role of the user's business unit: %w", err)
		}
		if row == nil {
			return errors.New("the service has not copied the role to the user's business unit yet: run again in a minute")
		}
		copied = row.ID("roleid")
	}
	bound := func(ctx context.Context) (bool, error) {
		row, err := one(ctx, r.c, dataverse.Query{Set: "systemusers(" + user.String() + ")/systemuserroles_association", Select: []string{"roleid"}, Strong: true,
			Filter: "roleid eq " + copied.String()})
		return row != nil, err
	}
	_, err := r.ensure(ctx, what, bound, func(ctx context.Context) error {
		return r.c.Do(ctx, dataverse.Operation{Method: http.MethodPost, Path: "systemusers(" + user.String() + ")/systemuserroles_association/$ref",
			Body: map[string]string{"@odata.id": r.c.Root + "roles(" + copied.String() + ")"}}, nil)
	})
	return err
}

// privilegeIDs finds the rights by name; an id differs between environments where the table is a custom one.
func privilegeIDs(ctx context.Context, c *dataverse.Client, list []dataverse.Privilege) (map[string]uuid.UUID, error) {
	// Names in the environment may differ in case from those built from a table's name.
	byName := map[string]uuid.UUID{}
	for chunk := range slices.Chunk(list, 40) {
		var terms []string
		for _, p := range chunk {
			terms = append(terms, "name eq "+quote(p.Name))
		}
		q := dataverse.Query{Set: "privileges", Select: []string{"privilegeid", "name"}, Filter: strings.Join(terms, " or ")}
		for row, err := range c.Rows(ctx, q) {
			if err != nil {
				return nil, fmt.Errorf("read privileges: %w", err)
			}
			byName[strings.ToLower(row.Text("name"))] = row.ID("privilegeid")
		}
	}
	ids := map[string]uuid.UUID{}
	var unknown []string
	for _, p := range list {
		id, ok := byName[strings.ToLower(p.Name)]
		if !ok {
			unknown = append(unknown, p.Name)
		}
		ids[p.Name] = id
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("the environment has no privilege named %s", strings.Join(unknown, ", "))
	}
	return ids, nil
}

func rolePrivileges(ctx context.Context, c *dataverse.Client, role uuid.UUID) (map[uuid.UUID]dataverse.Privilege, error) {
	var body struct {
		RolePrivileges []struct {
			PrivilegeId   uuid.UUID
			PrivilegeName string
			Depth         json.RawMessage
		}
	}
	op := dataverse.Operation{Method: http.MethodGet, Path: "RetrieveRolePrivilegesRole(RoleId=" + role.String() + ")", Header: http.Header{"Consistency": {"Strong"}}}
	if err := c.Do(ctx, op, &body); err != nil {
		return nil, err
	}
	has := map[uuid.UUID]dataverse.Privilege{}
	for _, p := range body.RolePrivileges {
		if depth, ok := dataverse.ParseDepth(p.Depth); ok {
			name := p.PrivilegeName
			if name == "" {
				name = p.PrivilegeId.String()
			}
			has[p.PrivilegeId] = dataverse.Privilege{Name: name, Depth: max(has[p.PrivilegeId].Depth, depth)}
		}
	}
	return has, nil
}
