package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// role makes the security role in the root business unit, from where the service copies it to the others, and gives it
// what it lacks. Rights beyond those listed are left: the service gives every role some of its own.
func (r *provisioner) role(ctx context.Context) error {
	name := r.p.Role.Name
	root, err := r.c.one(ctx, Query{Set: "businessunits", Select: []string{"businessunitid"}, Filter: "_parentbusinessunitid_value eq null"})
	if err != nil {
		return fmt.Errorf("read the root business unit: %w", err)
	}
	if root == nil {
		return errors.New("read the root business unit: there is none that the caller may read")
	}
	unit := root.ID("businessunitid")
	var role uuid.UUID
	there := func(ctx context.Context) (bool, error) {
		row, err := r.c.one(ctx, Query{Set: "roles", Select: []string{"roleid"}, Strong: true,
			Filter: "(name eq " + quote(name) + ") and (_businessunitid_value eq " + unit.String() + ")"})
		role = row.ID("roleid")
		return row != nil, err
	}
	if _, err = r.ensure(ctx, fmt.Sprintf("role %q", name), there, func(ctx context.Context) (err error) {
		role, err = r.c.Create(ctx, "roles", map[string]any{
			"name": name, "businessunitid@odata.bind": "/businessunits(" + unit.String() + ")",
		}, r.inSolution())
		return err
	}); err != nil {
		return err
	}
	return r.rolePrivileges(ctx, role, unit)
}

func (r *provisioner) rolePrivileges(ctx context.Context, role, unit uuid.UUID) error {
	ids, err := r.c.privilegeIDs(ctx, r.p.Role.Privileges)
	if err != nil {
		return err
	}
	has := map[uuid.UUID]Depth{}
	look := func(ctx context.Context) (err error) {
		if role != (uuid.UUID{}) {
			has, err = r.c.rolePrivileges(ctx, role)
		}
		return err
	}
	if err := look(ctx); err != nil {
		return fmt.Errorf("read the role's privileges: %w", err)
	}
	missing := func() (list []Privilege) {
		for _, p := range r.p.Role.Privileges {
			if depth, ok := has[ids[p.Name]]; !ok || depth < p.Depth {
				list = append(list, p)
			}
		}
		return list
	}
	lacking := missing()
	what := fmt.Sprintf("privileges of role %q (%d)", r.p.Role.Name, len(r.p.Role.Privileges))
	_, err = r.ensure(ctx, what, func(context.Context) (bool, error) { return len(lacking) == 0, nil }, func(ctx context.Context) error {
		var add []map[string]string
		for _, p := range lacking {
			add = append(add, map[string]string{"PrivilegeId": ids[p.Name].String(), "Depth": p.Depth.String(), "BusinessUnitId": unit.String()})
		}
		// Adding a right that is there is as good as not adding it.
		return r.c.Do(ctx, Operation{Method: http.MethodPost, Path: "roles(" + role.String() + ")/Microsoft.Dynamics.CRM.AddPrivilegesRole",
			Body: map[string]any{"Privileges": add}, Header: r.inSolution(), Repeatable: true}, nil)
	})
	return err
}

// privilegeIDs finds the rights by name; an id differs between environments where the table is a custom one.
func (c *Client) privilegeIDs(ctx context.Context, list []Privilege) (map[string]uuid.UUID, error) {
	// Names in the environment may differ in case from those built from a table's name.
	byName := map[string]uuid.UUID{}
	for chunk := range slices.Chunk(list, 40) {
		var terms []string
		for _, p := range chunk {
			terms = append(terms, "name eq "+quote(p.Name))
		}
		q := Query{Set: "privileges", Select: []string{"privilegeid", "name"}, Filter: strings.Join(terms, " or ")}
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

func (c *Client) rolePrivileges(ctx context.Context, role uuid.UUID) (map[uuid.UUID]Depth, error) {
	var body struct {
		RolePrivileges []struct {
			PrivilegeId uuid.UUID
			Depth       json.RawMessage
		}
	}
	op := Operation{Method: http.MethodGet, Path: "RetrieveRolePrivilegesRole(RoleId=" + role.String() + ")", Header: http.Header{"Consistency": {"Strong"}}}
	if err := c.Do(ctx, op, &body); err != nil {
		return nil, err
	}
	has := map[uuid.UUID]Depth{}
	for _, p := range body.RolePrivileges {
		if depth, ok := parseDepth(p.Depth); ok {
			has[p.PrivilegeId] = max(has[p.PrivilegeId], depth)
		}
	}
	return has, nil
}
