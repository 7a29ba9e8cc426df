package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

// What a user may not see is not refused: rows beyond the depth of a right are left out of answers, and a column with
// column security is null. The functions of this file ask the service what a user sees.

// namesAtOnce is how many rights one request asks for: their names stand in its address.
const namesAtOnce = 100

// EffectiveDepths are the depths of a user's rights of these names, those through teams included. A right that the user
// lacks, or has over some rows by a filter only, is missing.
func EffectiveDepths(ctx context.Context, r Reader, user uuid.UUID, names []string) (map[string]Depth, error) {
	depths := map[string]Depth{}
	for some := range slices.Chunk(names, namesAtOnce) {
		var body struct{ RolePrivileges []rolePrivilege }
		list, err := json.Marshal(some)
		if err != nil {
			return nil, err
		}
		path := "systemusers(" + user.String() + ")/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p1)?@p1=" + url.QueryEscape(string(list))
		err = r.Read(ctx, path, &body)
		switch {
		case unknown(err): // one of the names, or the function: then one by one
			for _, name := range some {
				depth, ok, err := userPrivilege(ctx, r, user, name)
				if err != nil {
					return nil, fmt.Errorf("ask for the right %s: %w", name, err)
				}
				if ok {
					depths[name] = depth
				}
			}
			continue
		case err != nil:
			return nil, fmt.Errorf("ask for the user's rights: %w", err)
		}
		for _, p := range body.RolePrivileges {
			at := slices.IndexFunc(some, func(name string) bool { return strings.EqualFold(name, p.PrivilegeName) })
			depth, ok := p.depth()
			if at < 0 || !ok {
				continue
			}
			if before, seen := depths[some[at]]; !seen || depth > before {
				depths[some[at]] = depth
			}
		}
	}
	return depths, nil
}

// rolePrivilege is a right as the service tells it.
type rolePrivilege struct {
	PrivilegeName  string
	Depth          json.RawMessage
	RecordFilterId uuid.UUID
}

// depth is false for one that is not known, and for a right over the rows of a filter.
func (p rolePrivilege) depth() (Depth, bool) {
	if p.RecordFilterId != uuid.Nil {
		return 0, false
	}
	return ParseDepth(p.Depth)
}

// unknown tells whether the service says that it does not know what it was asked for.
func unknown(err error) bool {
	var refused *Error
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusNotImplemented:
		return true
	}
	return false
}

// tablesAtOnce is how many tables one request asks about.
const tablesAtOnce = 25

// SecuredColumns are the columns of the tables that have column security now, by table. The service is asked each time:
// unlike what [Client.Table] tells, it is not remembered.
func SecuredColumns(ctx context.Context, r Reader, tables []string) (map[string][]string, error) {
	secured := map[string][]string{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for some := range slices.Chunk(tables, tablesAtOnce) {
		group.Go(func() error {
			found, err := securedOf(ctx, r, some)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(secured, found)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return secured, nil
}

// securedOf is SecuredColumns for as many tables as one request asks about.
func securedOf(ctx context.Context, r Reader, some []string) (map[string][]string, error) {
	type column struct{ LogicalName string }
	secured := map[string][]string{}
	terms := make([]string, len(some))
	for i, t := range some {
		terms[i] = "LogicalName eq '" + t + "'"
	}
	var body struct {
		Value []struct {
			LogicalName string
			Attributes  []column
		}
	}
	path := "EntityDefinitions?$select=LogicalName&$filter=" + url.PathEscape(strings.Join(terms, " or ")) +
		"&$expand=" + url.PathEscape("Attributes($select=LogicalName;$filter=IsSecured eq true)")
	err := r.Read(ctx, path, &body)
	if err != nil && !unknown(err) {
		return nil, fmt.Errorf("ask which columns are secured: %w", err)
	}
	told := map[string]bool{}
	for _, t := range body.Value {
		if t.Attributes == nil {
			continue
		}
		told[t.LogicalName] = true
		for _, a := range t.Attributes {
			secured[t.LogicalName] = append(secured[t.LogicalName], a.LogicalName)
		}
	}
	for _, t := range some {
		if told[t] {
			continue
		}
		var body struct{ Value []column }
		path := "EntityDefinitions(LogicalName='" + t + "')/Attributes?$select=LogicalName&$filter=" + url.PathEscape("IsSecured eq true")
		if err := r.Read(ctx, path, &body); err != nil {
			return nil, fmt.Errorf("ask which columns of %s are secured: %w", t, err)
		}
		if body.Value == nil {
			return nil, fmt.Errorf("ask which columns of %s are secured: %w", t, ErrAnswer)
		}
		for _, a := range body.Value {
			secured[t] = append(secured[t], a.LogicalName)
		}
	}
	return secured, nil
}

// readAllowed is fieldpermission.canread where it lets.
const readAllowed = 4

// ReadableColumns are the secured columns, as table.column, that the column security profiles of a user and of their
// teams let them read of every row.
func ReadableColumns(ctx context.Context, r Reader, user uuid.UUID) (map[string]bool, error) {
	is := `<filter><condition attribute="systemuserid" operator="eq" value="` + user.String() + `"/></filter>`
	readable := map[string]bool{}
	for _, way := range []string{
		`<link-entity name="systemuserprofiles" from="fieldsecurityprofileid" to="fieldsecurityprofileid">` + is + `</link-entity>`,
		`<link-entity name="teamprofiles" from="fieldsecurityprofileid" to="fieldsecurityprofileid">` +
			`<link-entity name="teammembership" from="teamid" to="teamid">` + is + `</link-entity></link-entity>`,
	} {
		fetch := `<fetch distinct="true"><entity name="fieldpermission"><attribute name="entityname"/><attribute name="attributelogicalname"/><attribute name="canread"/>` + way + `</entity></fetch>`
		for row, err := range r.Rows(ctx, Query{Set: "fieldpermissions", Table: "fieldpermission", FetchXML: fetch}) {
			if err != nil {
				return nil, fmt.Errorf("read the user's column security profiles: %w", err)
			}
			if may, _ := row.Int("canread"); may == readAllowed {
				readable[row.Text("entityname")+"."+row.Text("attributelogicalname")] = true
			}
		}
	}
	return readable, nil
}

// administratorTemplate is what every environment's role System Administrator is made from.
const administratorTemplate = "627090ff-40a3-4053-8790-584edc5be201"

// Administrator tells whether a user has the role System Administrator, by themselves or through a team. Whoever may not
// read roles has it not.
func Administrator(ctx context.Context, r Reader, user uuid.UUID) (bool, error) {
	is := `<filter><condition attribute="systemuserid" operator="eq" value="` + user.String() + `"/></filter>`
	for _, way := range []string{
		`<link-entity name="systemuserroles" from="roleid" to="roleid">` + is + `</link-entity>`,
		`<link-entity name="teamroles" from="roleid" to="roleid"><link-entity name="teammembership" from="teamid" to="teamid">` + is + `</link-entity></link-entity>`,
	} {
		fetch := `<fetch><entity name="role"><attribute name="roleid"/><filter><condition attribute="roletemplateid" operator="eq" value="` + administratorTemplate + `"/></filter>` + way + `</entity></fetch>`
		for _, err := range r.Rows(ctx, Query{Set: "roles", Table: "role", FetchXML: fetch}) {
			switch {
			case errors.Is(err, ErrForbidden):
				return false, nil
			case err != nil:
				return false, fmt.Errorf("read the user's roles: %w", err)
			}
			return true, nil
		}
	}
	return false, nil
}
