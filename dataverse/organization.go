package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// organizationTypes are the service's names by number, which it may print as either.
var organizationTypes = []string{"Customer", "Monitoring", "Support", "BackEnd", "Secondary", "CustomerTest", "CustomerFreeTest",
	"CustomerPreview", "Placeholder", "TestDrive", "MsftInvestigation", "EmailTrial", "Default", "Developer", "Trial", "Teams", "Platform"}

// playgrounds are the types that are surely not what people work in. Whatever is not among them counts as
// production, an unknown type as well.
var playgrounds = map[string]bool{"CustomerTest": true, "CustomerFreeTest": true, "CustomerPreview": true, "TestDrive": true,
	"EmailTrial": true, "Developer": true, "Trial": true}

// organizationLasts is for how long an answer about the environment is good enough: a verb asks when it connects, and when it
// holds the policy against the environment.
const organizationLasts = time.Minute

// Organization tells what environment the client is connected to, as of a minute ago at most.
func (c *Client) Organization(ctx context.Context) (Organization, error) {
	c.Schema.mu.Lock()
	known, asked := c.Schema.organization, c.Schema.organizationAsked
	c.Schema.mu.Unlock()
	if !asked.IsZero() && time.Since(asked) < organizationLasts {
		return known, nil
	}
	asked = time.Now()
	org, err := c.askOrganization(ctx)
	if err != nil {
		return org, err
	}
	c.Schema.mu.Lock()
	defer c.Schema.mu.Unlock()
	c.Schema.organization, c.Schema.organizationAsked = org, asked
	return org, nil
}

func (c *Client) askOrganization(ctx context.Context) (Organization, error) {
	var body struct {
		Detail *struct {
			OrganizationId                                         uuid.UUID
			FriendlyName, UniqueName, EnvironmentId, TenantId, Geo string
			OrganizationVersion                                    string
			OrganizationType                                       json.RawMessage
		}
	}
	path := "RetrieveCurrentOrganization(AccessType=@p)?@p=Microsoft.Dynamics.CRM.EndpointAccessType'Default'"
	if err := c.Read(ctx, path, &body); err != nil {
		return Organization{}, fmt.Errorf("read the organisation: %w", err)
	}
	d := body.Detail
	if d == nil || d.OrganizationId == (uuid.UUID{}) {
		return Organization{}, fmt.Errorf("read the organisation: %w: no details", ErrAnswer)
	}
	kind := organizationType(d.OrganizationType)
	return Organization{
		ID: d.OrganizationId, Name: d.FriendlyName, UniqueName: d.UniqueName, EnvironmentID: d.EnvironmentId,
		TenantID: d.TenantId, Version: d.OrganizationVersion, Geo: d.Geo, Type: kind, Production: !playgrounds[kind],
	}, nil
}

func organizationType(raw json.RawMessage) string {
	text := strings.Trim(string(raw), `"`)
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < len(organizationTypes) {
		return organizationTypes[n]
	}
	return text
}

// binOfAll is the row whose presence means that the recycle bin is on.
const binOfAll = "organization"

// Settings reads those of the organisation that bear on erasure.
func (c *Client) Settings(ctx context.Context) (Settings, error) {
	var s Settings
	for row, err := range c.Rows(ctx, Query{Set: "organizations", Select: []string{"isauditenabled", "auditretentionperiodv2", "systemuserid"}}) {
		if err != nil {
			return s, fmt.Errorf("read the organisation's settings: %w", err)
		}
		s.Audited = row.Bool("isauditenabled")
		days, _ := row.Int("auditretentionperiodv2")
		s.AuditDays = int(days)
		s.System = row.ID("systemuserid")
	}
	byID := map[uuid.UUID]string{}
	tables, err := c.Tables(ctx)
	if err != nil {
		return s, err
	}
	known := map[string]bool{}
	for _, t := range tables {
		byID[t.ID] = t.LogicalName
		known[t.LogicalName] = true
	}
	if !known["recyclebinconfig"] {
		return s, nil // an environment from before the feature
	}
	q := Query{Table: "recyclebinconfig", Select: []string{"name", "cleanupintervalindays", "isreadyforrecyclebin", "_extensionofrecordid_value"}, Filter: "statecode eq 0"}
	for row, err := range c.Rows(ctx, q) {
		if errors.Is(err, ErrNotFound) {
			return s, nil
		}
		if err != nil {
			return s, fmt.Errorf("read the recycle bin's settings: %w", err)
		}
		days, _ := row.Int("cleanupintervalindays")
		table := byID[row.ID("extensionofrecordid")]
		if name := strings.ToLower(row.Text("name")); table == "" && known[name] {
			table = name // earlier editions name the table instead
		}
		if strings.EqualFold(row.Text("name"), binOfAll) {
			s.RecycleBin, s.RecycleBinDays = true, int(days)
			continue
		}
		if table != "" && row.Bool("isreadyforrecyclebin") {
			s.RecycleBin = true // whatever became of the organisation's own row
			s.RecycleBinByTable = append(s.RecycleBinByTable, BinnedTable{Table: table, Days: int(days)})
		}
	}
	return s, nil
}

// UserPrivileges are the rights that a user has, each at its widest depth. Those through teams are among them at the depth
// Basic, whatever the team's roles say; [EffectiveDepths] tells of some rights how deep they really go.
func (c *Client) UserPrivileges(ctx context.Context, user uuid.UUID) ([]Privilege, error) {
	var body struct {
		RolePrivileges []struct {
			PrivilegeName string
			Depth         json.RawMessage
		}
	}
	if err := c.Read(ctx, "systemusers("+user.String()+")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()", &body); err != nil {
		return nil, fmt.Errorf("read the user's privileges: %w", err)
	}
	widest := map[string]int{}
	var list []Privilege
	for _, p := range body.RolePrivileges {
		depth, ok := ParseDepth(p.Depth)
		if p.PrivilegeName == "" || !ok {
			continue
		}
		at, seen := widest[p.PrivilegeName]
		if !seen {
			widest[p.PrivilegeName] = len(list)
			list = append(list, Privilege{Name: p.PrivilegeName, Depth: depth})
			continue
		}
		list[at].Depth = max(list[at].Depth, depth)
	}
	return list, nil
}

// userPrivilege is the depth of one right of a user, through the roles of teams as well; false if the user lacks it.
func userPrivilege(ctx context.Context, r Reader, user uuid.UUID, name string) (Depth, bool, error) {
	var body struct{ RolePrivileges []rolePrivilege }
	path := "systemusers(" + user.String() + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='" + strings.ReplaceAll(name, "'", "''") + "')"
	err := r.Read(ctx, path, &body)
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return 0, false, nil // the environment has no such privilege
	}
	if err != nil {
		return 0, false, err
	}
	widest, found := Basic, false
	for _, p := range body.RolePrivileges {
		if depth, ok := p.depth(); ok {
			widest, found = max(widest, depth), true
		}
	}
	return widest, found, nil
}

var depthNames = []string{"Basic", "Local", "Deep", "Global"}

// String is the service's name of the depth.
func (d Depth) String() string {
	if d < Basic || d > Global {
		return "Depth(" + strconv.Itoa(int(d)) + ")"
	}
	return depthNames[d]
}

// ParseDepth reads a name or a number, which may be printed as text.
func ParseDepth(raw json.RawMessage) (Depth, bool) {
	text := strings.Trim(string(raw), `"`)
	for i, name := range depthNames {
		if text == name || text == strconv.Itoa(i) {
			return Depth(i), true
		}
	}
	return 0, false
}
