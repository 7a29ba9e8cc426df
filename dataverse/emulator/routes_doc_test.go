package emulator

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update-docs", false, "rewrite the table of requests in docs/emulator.md")

// pages are the pages of Microsoft's documentation that say what a request does, by the shapes of the route table.
var pages = map[string]string{
	"GET WhoAmI": "use-web-api-functions", "GET RetrieveVersion": "use-web-api-functions",
	"GET RetrieveCurrentOrganization": "RetrieveCurrentOrganization Function", "GET /": "web-api-service-documents",
	"GET $metadata": "web-api-service-documents", "GET set": "query/overview", "GET set/$count": "query/count-rows",
	"GET set(key)": "retrieve-entity-using-web-api", "GET set(key)/property": "retrieve-entity-using-web-api",
	"GET set(key)/property/$value": "retrieve-entity-using-web-api", "GET set(key)/property/$count": "query/count-rows",
	"GET set(key)/property/$ref": "retrieve-entity-using-web-api", "GET EntityDefinitions": "query-metadata-web-api",
	"GET RelationshipDefinitions": "query-metadata-web-api", "GET GlobalOptionSetDefinitions": "query-metadata-web-api",
	"POST ConvertQuoteToSalesOrder": "ConvertQuoteToSalesOrder Action", "POST ConvertSalesOrderToInvoice": "ConvertSalesOrderToInvoice Action",
	"POST PublishDuplicateRule": "duplicaterule-entities", "POST UnpublishDuplicateRule": "duplicaterule-entities", "GET RetrieveDuplicates": "run-duplicate-detection",
	"GET RetrieveMetadataChanges": "query-schema-definitions", "POST $batch": "execute-batch-operations-using-web-api",
	"POST EntityDefinitions":   "create-update-entity-definitions-using-web-api, create-update-column-definitions-using-web-api",
	"PUT EntityDefinitions":    "create-update-entity-definitions-using-web-api, create-update-column-definitions-using-web-api",
	"DELETE EntityDefinitions": "create-update-entity-definitions-using-web-api", "PATCH EntityDefinitions": "refused: create-update-entity-definitions-using-web-api",
	"POST RelationshipDefinitions": "create-update-entity-relationships-using-web-api", "PUT RelationshipDefinitions": "create-update-entity-relationships-using-web-api",
	"DELETE RelationshipDefinitions": "create-update-entity-relationships-using-web-api", "POST CreateCustomerRelationships": "CreateCustomerRelationships Action",
	"POST CreatePolymorphicLookupAttribute": "multitable-lookup, CreatePolymorphicLookupAttribute Action",
	"POST GlobalOptionSetDefinitions":       "create-update-optionsets", "PUT GlobalOptionSetDefinitions": "create-update-optionsets",
	"DELETE GlobalOptionSetDefinitions": "create-update-optionsets", "POST InsertOptionValue": "create-update-optionsets",
	"POST InsertStatusValue": "create-update-optionsets", "POST UpdateOptionValue": "create-update-optionsets",
	"POST ReactivateEntityKey": "define-alternate-keys-entity",
	"POST DeleteOptionValue":   "create-update-optionsets", "POST OrderOption": "create-update-optionsets", "POST UpdateStateValue": "create-update-optionsets",
	"GET RetrieveProvisionedLanguages": "RetrieveProvisionedLanguages Function", "GET RetrieveTotalRecordCount": "query/count-rows", "GET RetrieveTimestamp": "cache-schema-data", "GET GetTimeZoneCodeByLocalizedName": "use-web-api-functions",
	"GET GetValidManyToMany": "entity-relationship-eligibility", "GET GetValidReferencedEntities": "entity-relationship-eligibility", "GET GetValidReferencingEntities": "entity-relationship-eligibility",
	"POST CanBeReferenced": "entity-relationship-eligibility", "POST CanBeReferencing": "entity-relationship-eligibility", "POST CanManyToMany": "entity-relationship-eligibility",
	"GET InitializeFrom": "create-entity-web-api", "GET FormatAddress": "webapi/samples/functions-actions", "GET RetrieveAvailableLanguages": "RetrieveAvailableLanguages Function",
	"GET RetrieveInstalledLanguagePacks": "RetrieveInstalledLanguagePacks Function", "GET RetrieveDeprovisionedLanguages": "RetrieveDeprovisionedLanguages Function",
	"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUnpublished": "RetrieveUnpublished Function", "GET set/Microsoft.Dynamics.CRM.RetrieveUnpublishedMultiple": "RetrieveUnpublishedMultiple Function",
	"GET RetrieveDependenciesForDelete": "RetrieveDependenciesForDelete Function",
	"GET RetrieveRolePrivilegesRole":    "RetrieveRolePrivilegesRole Function", "GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges": "RetrieveUserPrivileges Function",
	"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName": "RetrieveUserPrivilegeByPrivilegeName Function",
	"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames":   "RetrieveUserSetOfPrivilegesByNames Function",
	"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeId":   "security-access-coding",
	"GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByIds":     "security-access-coding",
	"POST set(key)/Microsoft.Dynamics.CRM.AddPrivilegesRole":                   "AddPrivilegesRole Action", "POST set(key)/Microsoft.Dynamics.CRM.ReplacePrivilegesRole": "ReplacePrivilegesRole Action",
	"POST set(key)/Microsoft.Dynamics.CRM.AddMembersTeam": "use-web-api-actions", "POST set(key)/Microsoft.Dynamics.CRM.RemoveMembersTeam": "use-web-api-actions",
	"POST set(key)/Microsoft.Dynamics.CRM.RemovePrivilegeRole": "RemovePrivilegeRole Action", "GET set(key)/Microsoft.Dynamics.CRM.RetrievePrincipalAccess": "RetrievePrincipalAccess Function",
	"GET RetrieveLocLabels": "RetrieveLocLabels Function; create-custom-api-with-code", "POST SetLocLabels": "SetLocLabels Action",
	"POST AddSolutionComponent": "AddSolutionComponent Action", "POST PublishXml": "publish-customizations", "POST PublishAllXml": "publish-customizations",
	"POST set": "create-entity-web-api", "PATCH set(key)": "update-delete-entities-using-web-api", "DELETE set(key)": "update-delete-entities-using-web-api",
	"GET RetrieveRecordChangeHistory": "auditing/retrieve-audit-data", "GET RetrieveAttributeChangeHistory": "auditing/retrieve-audit-data",
	"GET set(key)/Microsoft.Dynamics.CRM.RetrieveAuditDetails": "auditing/retrieve-audit-data", "POST DeleteRecordChangeHistory": "auditing/delete-audit-data",
	"POST DeleteAuditData": "auditing/delete-audit-data", "POST Restore": "restore-deleted-records",
	"POST set/Microsoft.Dynamics.CRM.CreateMultiple": "bulk-operations", "POST set/Microsoft.Dynamics.CRM.UpdateMultiple": "bulk-operations",
	"POST set/Microsoft.Dynamics.CRM.UpsertMultiple": "UpsertMultiple Action", "POST set/Microsoft.Dynamics.CRM.DeleteMultiple": "refused on standard tables: bulk-operations",
	"POST BulkDelete": "delete-data-bulk", "POST WinOpportunity": "use-web-api-actions", "POST LoseOpportunity": "LoseOpportunity Action",
	"POST WinQuote": "WinQuote Action", "POST CloseQuote": "CloseQuote Action", "POST Merge": "merge-entity-using-web-api",
	"POST set(key)/Microsoft.Dynamics.CRM.QualifyLead": "QualifyLead Action", "PUT set(key)/property": "update-delete-entities-using-web-api",
	"POST set(key)/Microsoft.Dynamics.CRM.AddMemberList": "AddMemberList Action", "POST set(key)/Microsoft.Dynamics.CRM.RemoveMemberList": "RemoveMemberList Action",
	"POST AddListMembersList": "AddListMembersList Action", "POST set(key)/Microsoft.Dynamics.CRM.AddToQueue": "AddToQueue Action",
	"POST set(key)/Microsoft.Dynamics.CRM.RemoveFromQueue": "RemoveFromQueue Action", "GET set(key)/Microsoft.Dynamics.CRM.RetrieveUserQueues": "RetrieveUserQueues Function", "POST set(key)/Microsoft.Dynamics.CRM.AddPrincipalToQueue": "AddPrincipalToQueue Action",
	"GET IsValidStateTransition": "IsValidStateTransition Function", "GET set(key)/Microsoft.Dynamics.CRM.CalculateTotalTimeIncident": "CalculateTotalTimeIncident Function", "POST RemoveSolutionComponent": "RemoveSolutionComponent Action", "POST CloseIncident": "CloseIncident Action", "POST ReviseQuote": "ReviseQuote Action",
	"POST GrantAccess": "security-sharing-assigning", "POST ModifyAccess": "security-sharing-assigning", "POST RevokeAccess": "security-sharing-assigning",
	"GET RetrieveSharedPrincipalsAndAccess": "RetrieveSharedPrincipalsAndAccess Function",
	"PATCH set(key)/property":               "file-column-data, image-column-data", "POST DeleteFile": "file-column-data",
	"POST InitializeFileBlocksUpload": "file-column-data", "POST UploadBlock": "file-column-data", "POST CommitFileBlocksUpload": "file-column-data",
	"POST InitializeFileBlocksDownload": "file-column-data", "POST DownloadBlock": "file-column-data",
	"POST InitializeAttachmentBlocksUpload": "attachment-annotation-files", "POST CommitAttachmentBlocksUpload": "attachment-annotation-files",
	"POST InitializeAttachmentBlocksDownload": "attachment-annotation-files", "POST InitializeAnnotationBlocksUpload": "attachment-annotation-files",
	"POST CommitAnnotationBlocksUpload": "attachment-annotation-files", "POST InitializeAnnotationBlocksDownload": "attachment-annotation-files",
	"DELETE set(key)/property": "update-delete-entities-using-web-api", "POST set(key)/property": "create-entity-web-api",
	"POST set(key)/property/$ref": "associate-disassociate-entities-using-web-api", "PUT set(key)/property/$ref": "associate-disassociate-entities-using-web-api",
	"DELETE set(key)/property/$ref": "associate-disassociate-entities-using-web-api", "DELETE set(key)/property(key)/$ref": "associate-disassociate-entities-using-web-api",
}

// TestDocsNameEveryRequest holds docs/emulator.md against what is registered: each request with the page that says what
// it does, and no other. Rewrite the table with -update-docs.
func TestDocsNameEveryRequest(t *testing.T) {
	const file, begin, end = "../../docs/emulator.md", "<!-- requests -->\n", "<!-- /requests -->"
	var table strings.Builder
	table.WriteString("| request | page |\n| --- | --- |\n")
	for _, shape := range slices.Sorted(maps.Keys(New(Options{}).routes)) {
		if pages[shape] == "" {
			t.Errorf("%s: no page says what it does", shape)
		}
		fmt.Fprintf(&table, "| `%s` | %s |\n", shape, pages[shape])
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(b), begin)
	old, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("docs/emulator.md has no table of requests")
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+table.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table.String() {
		t.Error("docs/emulator.md does not list what is registered: go test ./dataverse/emulator -run TestDocs -update-docs")
	}
}
