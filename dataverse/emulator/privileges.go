package emulator

import (
	"slices"
	"sort"

	"github.com/google/uuid"
)

// rightNames are the rights that a table can have, in the order in which metadata lists them.
var rightNames = []string{"Create", "Read", "Write", "Delete", "Assign", "Share", "Append", "AppendTo"}

// rightMasks are the rights as privilege.accessright and RetrievePrincipalAccess have them. Reference: AccessRights.
var rightMasks = map[string]int64{"Read": 1, "Write": 2, "Append": 4, "AppendTo": 16, "Create": 32, "Delete": 65536, "Share": 262144, "Assign": 524288}

// depthMasks are the depths as roleprivileges.privilegedepthmask stores them. Page: security-roles.
var depthMasks = map[string]int64{"Basic": 1, "Local": 2, "Deep": 4, "Global": 8}

var depthNames = []string{"Basic", "Local", "Deep", "Global"}

// privilegeNouns are the tables whose privileges are not named after them.
var privilegeNouns = map[string]string{"salesorder": "Order", "systemuser": "User", "annotation": "Note", "savedquery": "Query"}

// otherPrivileges are those that belong to no table's rows. They are all or nothing.
var otherPrivileges = []string{
	"prvActOnBehalfOfAnotherUser", "prvBulkDelete", "prvBypassCustomBusinessLogic", "prvBypassCustomPlugins", "prvMerge",
	"prvCreateAttribute", "prvReadAttribute", "prvWriteAttribute", "prvDeleteAttribute",
	"prvCreateEntity", "prvReadEntity", "prvWriteEntity", "prvDeleteEntity",
	"prvCreateRelationship", "prvReadRelationship", "prvWriteRelationship", "prvDeleteRelationship",
	"prvCreateOptionSet", "prvReadOptionSet", "prvWriteOptionSet", "prvDeleteOptionSet",
	"prvDeleteRecordChangeHistory", "prvReadAuditSummary", "prvReadRecordAuditHistory",
	"prvPublishCustomization", "prvSendAppNotification", "prvOverrideCreatedOnCreatedBy", "prvQualifyLead", "prvDisqualifyLead",
	"prvCloseOpportunity", "prvReadPrivilege",
}

// fixedPrivileges are ids that are the same in every organisation and that the documentation tells.
// Page: bypass-custom-business-logic.
var fixedPrivileges = map[string]uuid.UUID{"prvBypassCustomPlugins": uuid.MustParse("148a9eaf-d0c4-4196-9852-c3a38e35f6a1")}

func privilegeID(name string) uuid.UUID {
	if id, found := fixedPrivileges[name]; found {
		return id
	}
	return stableID("privilege/" + name)
}

// completePrivileges gives the tables that the schema says nothing about the privileges that the platform makes for
// every table: prv + right + schema name. Organization-owned ones can only be granted globally; what belongs to another
// row, such as a line of a quote, has none of its own. Activities share those of activitypointer.
func (s *schema) completePrivileges(tables []*table) {
	if s.privileges == nil {
		s.privileges = map[string]map[string]privilege{}
	}
	for _, t := range tables {
		if s.privileges[t.Name] == nil {
			s.privileges[t.Name] = s.madePrivileges(t)
		}
	}
}

func (s *schema) madePrivileges(t *table) map[string]privilege {
	if t.Activity && s.privileges["activitypointer"] != nil {
		return s.privileges["activitypointer"]
	}
	noun := privilegeNouns[t.Name]
	if noun == "" {
		noun = t.SchemaName
	}
	made := map[string]privilege{}
	switch t.Ownership {
	case "UserOwned", "BusinessOwned":
		for _, right := range rightNames {
			made[right] = privilege{Name: "prv" + right + noun, Depths: depthNames}
		}
	case "OrganizationOwned":
		for _, right := range rightNames {
			if right != "Assign" && right != "Share" {
				made[right] = privilege{Name: "prv" + right + noun, Depths: []string{"Global"}}
			}
		}
	}
	return made
}

// allPrivileges are the names of all privileges, sorted, with the rights and depths of those that belong to a table.
func (s *schema) allPrivileges() []namedPrivilege {
	seen := map[string]bool{}
	var out []namedPrivilege
	for _, rights := range s.privileges {
		for right, p := range rights {
			if !seen[p.Name] {
				seen[p.Name] = true
				out = append(out, namedPrivilege{p, right})
			}
		}
	}
	for _, name := range otherPrivileges {
		if !seen[name] {
			seen[name] = true
			out = append(out, namedPrivilege{privilege{Name: name, Depths: []string{"Global"}}, ""})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

type namedPrivilege struct {
	privilege
	right string // "" if it is no right on rows
}

// metaPrivileges are the SecurityPrivilegeMetadata of a table.
func (s *schema) metaPrivileges(t *table) []any {
	out := []any{}
	for _, right := range rightNames {
		p, found := s.privileges[t.Name][right]
		if !found {
			continue
		}
		out = append(out, map[string]any{
			"CanBeBasic": slices.Contains(p.Depths, "Basic"), "CanBeLocal": slices.Contains(p.Depths, "Local"),
			"CanBeDeep": slices.Contains(p.Depths, "Deep"), "CanBeGlobal": slices.Contains(p.Depths, "Global"),
			"CanBeEntityReference": false, "CanBeParentEntityReference": false,
			"Name": p.Name, "PrivilegeId": privilegeID(p.Name).String(), "PrivilegeType": right,
		})
	}
	return out
}

// Role templates, the same in every environment. Page: security-roles; ids in metadata-provisioning of the facts.
var (
	templateAdministrator = uuid.MustParse("627090ff-40a3-4053-8790-584edc5be201")
	templateCustomizer    = uuid.MustParse("119f245c-3cc8-4b62-b31c-d1a046ced15d")
	templateBasicUser     = uuid.MustParse("236750cd-45ae-4939-ab12-b24b920ced93")
	templateDelegate      = uuid.MustParse("d892cc0b-28c7-4e88-bd92-72f2c366baed")
)
