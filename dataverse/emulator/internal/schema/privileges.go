package schema

import (
	"slices"
	"sort"

	"github.com/google/uuid"
)

// RightNames are the rights that a table can have, in the order in which metadata lists them.
var RightNames = []string{"Create", "Read", "Write", "Delete", "Assign", "Share", "Append", "AppendTo"}

// RightMasks are the rights as privilege.accessright and RetrievePrincipalAccess have them. Reference: AccessRights.
var RightMasks = map[string]int64{"Read": 1, "Write": 2, "Append": 4, "AppendTo": 16, "Create": 32, "Delete": 65536, "Share": 262144, "Assign": 524288}

// DepthMasks are the depths as roleprivileges.privilegedepthmask stores them. Page: security-roles.
var DepthMasks = map[string]int64{"Basic": 1, "Local": 2, "Deep": 4, "Global": 8}

// DepthNames are the depths of a privilege, the narrowest first.
var DepthNames = []string{"Basic", "Local", "Deep", "Global"}

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
	"prvCreateSharePointData", "prvReadSharePointData", "prvWriteSharePointData", "prvReadSharePointDocument",
	"prvActivateBusinessProcessFlow", "prvActivateBusinessRule", "prvActivateSynchronousWorkflow", "prvAllowQuickCampaign", "prvAssignManager",
	"prvAssignTerritory", "prvBrowseAvailability", "prvBulkEdit", "prvConfigureSharePoint", "prvCreateOwnCalendar", "prvDeleteOwnCalendar",
	"prvDocumentGeneration", "prvExportCustomization", "prvExportToExcel", "prvFlow", "prvGoMobile", "prvGoOffline", "prvImportCustomization",
	"prvISVExtensions", "prvLanguageSettings", "prvLearningPath", "prvMailMerge", "prvOverridePriceEngineInvoice", "prvOverridePriceEngineOpportunity",
	"prvOverridePriceEngineOrder", "prvOverridePriceEngineQuote", "prvPrint", "prvPromoteToAdmin", "prvPublishArticle", "prvPublishDuplicateRule",
	"prvPublishRSReport", "prvReadLicense", "prvReadOwnCalendar", "prvReparentBusinessUnit", "prvReparentTeam", "prvReparentUser",
	"prvSearchAvailability", "prvSendAsUser", "prvSyncToOutlook", "prvUseOfficeApps", "prvWebMailMerge", "prvWorkflowExecution",
	"prvWriteHolidayScheduleTemplate", "prvWriteOwnCalendar",
	"prvReadSdkMessage", "prvReadSdkMessageProcessingStep", "prvReadSdkMessageProcessingStepImage", "prvReadPluginAssembly", "prvReadPluginType",
}

// NewRolePrivileges are those that every new role has. Page: webapi/web-api-functions-actions-sample ("Number of privileges in new
// role: 9"); the depth is that of the organisation, since none of them is of rows that somebody owns (no page says).
var NewRolePrivileges = []string{"prvReadSharePointData", "prvReadSdkMessage", "prvWriteSharePointData", "prvReadSdkMessageProcessingStepImage",
	"prvReadSdkMessageProcessingStep", "prvReadPluginAssembly", "prvCreateSharePointData", "prvReadPluginType", "prvReadSharePointDocument"}

// fixedPrivileges are ids that are the same in every organisation and that the documentation tells.
// Page: bypass-custom-business-logic.
var fixedPrivileges = map[string]uuid.UUID{"prvBypassCustomPlugins": uuid.MustParse("148a9eaf-d0c4-4196-9852-c3a38e35f6a1")}

// PrivilegeID is the id of a privilege, the same in every run.
func PrivilegeID(name string) uuid.UUID {
	if id, found := fixedPrivileges[name]; found {
		return id
	}
	return StableID("privilege/" + name)
}

// completePrivileges gives the tables that the schema says nothing about the privileges that the platform makes for
// every table: prv + right + schema name. Organization-owned ones can only be granted globally; what belongs to another
// row, such as a line of a quote, has none of its own. Activities share those of activitypointer.
func (s *Schema) completePrivileges(tables []*Table) {
	if s.Privileges == nil {
		s.Privileges = map[string]map[string]Privilege{}
	}
	for _, t := range tables {
		if s.Privileges[t.Name] == nil {
			s.Privileges[t.Name] = s.GeneratedPrivileges(t)
		}
	}
}

// GeneratedPrivileges are the privileges that the platform makes for a table, by right.
func (s *Schema) GeneratedPrivileges(t *Table) map[string]Privilege {
	if t.Activity && s.Privileges["activitypointer"] != nil {
		return s.Privileges["activitypointer"]
	}
	noun := privilegeNouns[t.Name]
	if noun == "" {
		noun = t.SchemaName
	}
	made := map[string]Privilege{}
	switch t.Ownership {
	case "UserOwned", "BusinessOwned":
		for _, right := range RightNames {
			made[right] = Privilege{Name: "prv" + right + noun, Depths: DepthNames}
		}
	case "OrganizationOwned":
		for _, right := range RightNames {
			if right != "Assign" && right != "Share" {
				made[right] = Privilege{Name: "prv" + right + noun, Depths: []string{"Global"}}
			}
		}
	}
	return made
}

// AllPrivileges are the names of all privileges, sorted, with the rights and depths of those that belong to a table.
func (s *Schema) AllPrivileges() []NamedPrivilege {
	seen := map[string]bool{}
	var out []NamedPrivilege
	for _, rights := range s.Privileges {
		for right, p := range rights {
			if !seen[p.Name] {
				seen[p.Name] = true
				out = append(out, NamedPrivilege{p, right})
			}
		}
	}
	for _, name := range otherPrivileges {
		if !seen[name] {
			seen[name] = true
			out = append(out, NamedPrivilege{Privilege{Name: name, Depths: []string{"Global"}}, ""})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// NamedPrivilege is a privilege and the right on rows that it gives.
type NamedPrivilege struct {
	Privilege
	Right string // "" if it is no right on rows
}

// PrivilegeMetadata are the SecurityPrivilegeMetadata of a table.
func (s *Schema) PrivilegeMetadata(t *Table) []any {
	out := []any{}
	for _, right := range RightNames {
		p, found := s.Privileges[t.Name][right]
		if !found {
			continue
		}
		out = append(out, map[string]any{
			"CanBeBasic": slices.Contains(p.Depths, "Basic"), "CanBeLocal": slices.Contains(p.Depths, "Local"),
			"CanBeDeep": slices.Contains(p.Depths, "Deep"), "CanBeGlobal": slices.Contains(p.Depths, "Global"),
			"CanBeEntityReference": false, "CanBeParentEntityReference": false,
			"Name": p.Name, "PrivilegeId": PrivilegeID(p.Name).String(), "PrivilegeType": right,
		})
	}
	return out
}

// Role templates, the same in every environment. Page: security-roles; ids in metadata-provisioning of the facts.
var (
	TemplateAdministrator = uuid.MustParse("627090ff-40a3-4053-8790-584edc5be201")
	TemplateCustomizer    = uuid.MustParse("119f245c-3cc8-4b62-b31c-d1a046ced15d")
	TemplateBasicUser     = uuid.MustParse("236750cd-45ae-4939-ab12-b24b920ced93")
	TemplateDelegate      = uuid.MustParse("d892cc0b-28c7-4e88-bd92-72f2c366baed")
)
